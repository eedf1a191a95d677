# Are the hypervisor's frames those that gdb finds by the same ELF file, instruction by instruction?
python
import re

def compare(place):
    frame, theirs = gdb.newest_frame(), []
    while frame is not None:
        if frame.type() != gdb.INLINE_FRAME:
            theirs.append(frame.pc())
        frame = frame.older()
    # A return address that is 0 is a frame for gdb.
    if theirs[-1] == 0:
        theirs.pop()
    lines = gdb.execute("monitor backtrace", to_string=True).split("guest ")[0].splitlines()
    ours = [int(re.search("0x[0-9a-f]+", line).group(), 16) for line in lines]
    if ours != theirs or any("guess" in line for line in lines):
        print("%s: other frames than gdb's:" % place)
        print("\n".join(lines))
        gdb.execute("backtrace")
        raise gdb.GdbError("stopped")
    return len(ours)

def go(command):
    gdb.execute(command, to_string=True)
end
# On AArch64 it is no ELF file that the machine is given.
monitor symbols @hyper@
break hyper_guest_exit
continue
# An exit's first instructions, and then every seventh: calls of several depths, with their prologues and epilogues.
python
counts = [compare("place %d" % i) for i in range(50) if go("stepi" if i < 20 else "stepi 7") is None]
print("%d places, at most %s frames" % (len(counts), "4 or more" if max(counts) >= 4 else max(counts)))
end
# Deep in another exit.
break @deep@
continue
python print("deep, %s frames" % ("6 or more" if compare("deep") >= 6 else "few"))
monitor backtrace
