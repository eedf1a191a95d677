# Who unmapped a guest's page? Hyper's guest gives memory by its balloon, and asks for it again (debug.script).
#
# The first fault is the page's first use. The second one finds nothing where the page was: stop in the hypervisor.
monitor catch fault stage2 gpa 0x80b00000
continue
continue
# Both stages, as the guest's access went through them. Where the walk ends, somebody has written 0.
monitor translate 0x80b00000 for read as VS
python
import re
text = gdb.execute("monitor translate 0x80b00000 for read as VS", to_string=True)
entry = re.findall("(0x[0-9a-f]+) = 0x0+(?![0-9a-f])", text)[-1]
gdb.execute("watch *(unsigned long *) " + entry)
end
# Whoever it was: before that, the guest's address leads to its memory.
reverse-continue
backtrace 5
monitor translate 0x80b00000 for read as VS
# The hypervisor's frames and the guest's, and who wrote the page's descriptor before.
monitor symbols @hyper@
monitor symbols @basic@ guest 1
monitor backtrace
monitor last-write stage2@1:0x80b00000 8
monitor last-exit guest-page fault
monitor last-line are wanted
monitor info stops
