# What gdb says at the same places.
break *hyper_guest_exit
continue
python
def show(*names):
    for name in names:
        bits = int(gdb.parse_and_eval("(unsigned long) $" + name)) & (2**64 - 1)
        print("%s = 0x%016x" % (name, bits))
show("pc", "sp", *"@general@".split())
show(*"@system@".split())
end
printf "words 0x%016lx 0x%016lx\n", *(unsigned long *) $pc, *(unsigned long *) ($pc + 8)
stepi
python show("pc")
stepi
python show("pc")
stepi
python show("pc")
watch -location *(long *) ($sp - 8)
continue
python show("pc")
