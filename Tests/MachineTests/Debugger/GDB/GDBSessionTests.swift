import Testing

@testable import Machine

/// Expected answers are those of the GDB manual's appendix "GDB Remote Serial Protocol".
@Suite("A session of GDB's remote protocol")
struct GDBSessionTests {
    @Test("Each packet is acknowledged by +, a damaged one by -, and - has the answer sent again")
    func acknowledgments() {
        let client = GDBTestClient(noAcknowledgments: false)
        func exchange(_ text: String) -> String {
            client.session.receive(Array(text.utf8))
            return String(decoding: client.output(), as: UTF8.self)
        }
        #expect(exchange("$qC#b4") == "+$QC1#c5")
        #expect(exchange("+") == "")
        #expect(exchange("$qC#b5") == "-")
        #expect(exchange("-") == "$QC1#c5")
        // The answer to QStartNoAckMode is the last that is acknowledged.
        #expect(exchange("$QStartNoAckMode#b0") == "+$OK#9a")
        #expect(exchange("+$qC#b4") == "$QC1#c5")
        #expect(exchange("-") == "")
    }

    @Test(
        "What there is no packet for has the empty answer",
        arguments: ["vMustReplyEmpty", "Qfoo", "yy", "", "qTStatus"])
    func unknown(packet: String) {
        #expect(GDBTestClient().ask(packet) == "")
    }

    @Test("What is malformed has an error for an answer, and the session goes on")
    func malformed() {
        let client = GDBTestClient()
        let packets = [
            "m", "m80000000", "m80000000,", "mxyz,4", "m11112222333344445,1", "M80000000,4:0", "M80000000,4:00112",
            "P1", "P1=",
            "P1=00", "p", "pffffffffffffffff", "p99", "Hg", "Hgx", "T", "T9", "Z0", "Z0,1", "Z2,80000000,0", "vCont",
            "vCont;",
            "vCont;q", "vCont;r5,4", "vCont;s:9", "cxyz", "s,", "C", "G00", "g;x", "qXfer:features:read::",
            "qSearch:memory:",
            "qSearch:memory:80000000;10;", "qCRC:", "qRcmd,0", "qThreadExtraInfo,",
            "qXfer:features:read:target.xml:ffffff,1",
            "QNonStop:1", "Qqemu.PhyMemMode:2", "vRun;", "vAttach;5",
        ]
        for packet in packets {
            let answer = client.ask(packet)
            #expect(answer?.first == "E", "\(packet) is answered by \(answer ?? "nothing")")
        }
        #expect(client.ask("qC") == "QC1")
        #expect(!client.session.isRunning)
    }

    @Test("An error is text where GDB shows it, and where both agree on error-message it always is")
    func errors() {
        let client = GDBTestClient()
        #expect(client.ask("Z3,80000000,4") == "E.reads cannot be watched. Watch writes.")
        #expect(client.ask("m0,4") == "E0e")
        _ = client.ask("qSupported:error-message+")
        #expect(client.ask("m0,4") == "E.no memory is there that can be accessed")
        _ = client.ask("QEnableErrorStrings")
        #expect(client.ask("m0,4")?.hasPrefix("E0e;6e6f") == true, "lldb's form")
    }

    @Test("qSupported agrees on what both know; reversal is offered where the machine can")
    func supported() throws {
        let client = GDBTestClient()
        let plain = try #require(client.ask("qSupported:swbreak+")).split(separator: ";")
        for feature in ["PacketSize=10000", "QStartNoAckMode+", "vContSupported+", "qXfer:features:read+"] {
            #expect(plain.contains(Substring(feature)), "\(feature)")
        }
        #expect(!plain.contains("multiprocess+") && !plain.contains("ReverseStep+"))
        client.target.canReverse = true
        let more = try #require(client.ask("qSupported:multiprocess+;xmlRegisters=i386")).split(separator: ";")
        for feature in ["multiprocess+", "ReverseStep+", "ReverseContinue+"] {
            #expect(more.contains(Substring(feature)), "\(feature)")
        }
    }

    // MARK: Registers

    @Test("g has the general and floating-point registers in order, and G writes as many as it has")
    func allRegisters() {
        let client = GDBTestClient()
        #expect(client.ask("g") == "0002030405060708" + "0000008000000000" + "1f000000")
        #expect(client.ask("G1122334455667788xxxxxxxxxxxxxxxx") == "OK")
        #expect(client.target.values[0][0] == [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88])
        #expect(client.target.values[0][1] == [0, 0, 0, 0x80, 0, 0, 0, 0], "x leaves a register as it is")
        #expect(client.ask("G" + String(repeating: "0", count: 42)) == "E16")
    }

    @Test("p and P reach every register by number; what cannot be read is x")
    func oneRegister() {
        let client = GDBTestClient()
        #expect(client.ask("p3") == "aa00000000000000")
        #expect(client.ask("p4") == "xxxxxxxxxxxxxxxx")
        #expect(client.ask("P3=bb00000000000000") == "OK")
        #expect(client.target.values[0][3][0] == 0xbb)
        #expect(client.ask("P4=bb00000000000000") == "E.cycle cannot be written, or not with that value")
    }

    @Test("Hg chooses whose registers they are")
    func selection() {
        let client = GDBTestClient()
        #expect(client.ask("Hg2") == "OK")
        #expect(client.ask("p0") == "0102030405060708")
        #expect(client.ask("Hgp1.1") == "OK")
        #expect(client.ask("p0") == "0002030405060708")
        #expect(client.ask("Hg3") == "E.there is no such thread")
        // lldb says it with each packet.
        #expect(client.ask("QThreadSuffixSupported") == "OK")
        #expect(client.ask("p0;thread:0002;") == "0102030405060708")
        #expect(client.ask("P0=ff02030405060708;thread:0002;") == "OK")
        #expect(client.target.values[1][0][0] == 0xff)
    }

    // MARK: Memory

    @Test("m reads as much as there is, M and X write all or nothing")
    func memory() {
        let client = GDBTestClient()
        #expect(client.ask("m80000010,4") == "10111213")
        #expect(client.ask("m80000ffe,10") == "feff")
        #expect(client.ask("m80001000,1") == "E0e")
        #expect(client.ask("M80000010,2:a0b0") == "OK")
        #expect(client.ask("m80000010,4") == "a0b01213")
        #expect(client.ask("M80000fff,2:a0b0") == "E0e")
        #expect(client.ask("m80000fff,1") == "ff")
        #expect(client.ask("X80000000,0:") == "OK", "GDB asks so whether there is X")
        #expect(client.ask(Array("X80000020,3:".utf8) + [0x7d, 0x03, 0x00, 0x7d, 0x5d]) == "OK")
        #expect(client.target.memory[0x20..<0x23] == [0x23, 0x00, 0x7d])
        #expect(client.ask(Array("X80000020,3:".utf8) + [0x41]) == "E16")
    }

    @Test("x answers with b and the bytes themselves, escaped")
    func binaryMemory() {
        let client = GDBTestClient()
        client.session.receive(GDBTestClient.frame("x80000023,2"))
        #expect(client.output() == GDBTestClient.frame(Array("b}\u{3}}\u{4}".utf8)))
    }

    @Test("Memory is the physical one where QEMU's PhyMemMode is 1")
    func physicalMemory() {
        let client = GDBTestClient()
        #expect(client.ask("qqemu.PhyMemMode") == "0")
        #expect(client.ask("Qqemu.PhyMemMode:1") == "OK")
        #expect(client.ask("qqemu.PhyMemMode") == "1")
        #expect(client.ask("m80000010,2") == "5555")
    }

    @Test("qSearch:memory finds a pattern, also across the pieces that memory is read in")
    func search() {
        let target = FakeDebugTarget()
        target.memory = [UInt8](repeating: 0, count: 4096)
        target.memory.replaceSubrange(0x3fe..<0x402, with: [1, 2, 1, 3])
        let client = GDBTestClient(target)
        #expect(client.ask(Array("qSearch:memory:80000000;1000;".utf8) + [1, 3]) == "1,80000400")
        #expect(client.ask(Array("qSearch:memory:80000000;1000;".utf8) + [2, 2]) == "0")
        #expect(client.ask(Array("qSearch:memory:80000000;401;".utf8) + [1, 3]) == "0")
        #expect(client.ask(Array("qSearch:memory:80000000;2000;".utf8) + [9]) == "E0e")
    }

    @Test("qCRC is the checksum of compare-sections")
    func crc() {
        let target = FakeDebugTarget()
        // The catalogue of parametrised CRC algorithms has this one as CRC-32/MPEG-2, with this check value.
        target.memory.replaceSubrange(0..<9, with: Array("123456789".utf8))
        #expect(GDBTestClient(target).ask("qCRC:80000000,9") == "C376e6e7")
    }

    // MARK: Threads

    @Test("CPUs are threads from 1, of process 1 where processes are named")
    func threads() {
        let client = GDBTestClient()
        #expect(client.ask("qfThreadInfo") == "m1,2")
        #expect(client.ask("qsThreadInfo") == "l")
        #expect(client.ask("T2") == "OK")
        #expect(client.ask("T3") == "E01")
        #expect(client.ask("qAttached") == "1")
        _ = client.ask("qSupported:multiprocess+")
        #expect(client.ask("qfThreadInfo") == "mp1.1,p1.2")
        #expect(client.ask("qC") == "QCp1.1")
        #expect(client.ask("Tp1.2") == "OK")
        #expect(client.ask("Tp2.1") == "E01")
        #expect(client.ask("?") == "T05thread:p1.1;core:0;")
    }

    @Test("qThreadExtraInfo says in hexadecimal digits what a CPU does, and qXfer:threads says it in XML")
    func threadInformation() {
        let client = GDBTestClient()
        let text = "hart 1: VS vmid 2, waits (wfi)"
        #expect(client.ask("qThreadExtraInfo,2") == text.utf8.map { String($0, radix: 16) }.joined())
        let xml = client.ask("qXfer:threads:read::0,1000") ?? ""
        #expect(xml.hasPrefix("l<?xml"))
        #expect(xml.contains("<thread id=\"2\" core=\"1\" name=\"hart 1\">VS vmid 2, waits (wfi)</thread>"))
    }

    // MARK: Running

    @Test("c and s run the CPU that Hc has chosen, from an address where they give one")
    func continueAndStep() {
        let client = GDBTestClient()
        client.target.stops = [nil, DebugStop(.stepped, processor: 0)]
        #expect(client.ask("s") == nil && client.session.isRunning)
        #expect(client.run() == "T05thread:1;core:0;")
        #expect(client.target.resumptions == [Resumption(.step(processor: 0))])
        _ = client.ask("Hc2")
        client.target.stops = [DebugStop(.stepped, processor: 1)]
        _ = client.ask("s80000400")
        #expect(client.run() == "T05thread:2;core:1;")
        #expect(client.target.resumptions.last == Resumption(.step(processor: 1)))
        #expect(client.target.values[1][1] == [0, 4, 0, 0x80, 0, 0, 0, 0])
        client.target.stops = [DebugStop(.breakpoint, processor: 0)]
        _ = client.ask("C05")
        #expect(client.run() == "T05thread:1;core:0;")
        #expect(client.target.resumptions.last == Resumption(.run))
    }

    @Test("Of vCont the leftmost action that names a thread is its own, and one that names none is all others'")
    func vCont() {
        let cases: [(String, Resumption)] = [
            ("vCont;c", Resumption(.run)), ("vCont;s", Resumption(.step(processor: 0))),
            ("vCont;s:2;c", Resumption(.step(processor: 1))), ("vCont;c:1;s:2", Resumption(.step(processor: 1))),
            ("vCont;c:p1.-1", Resumption(.run)), ("vCont;C05:1;c", Resumption(.run)),
            ("vCont;c:2;s:2", Resumption(.run)),
            ("vCont;r80000000,80000010:1;c", Resumption(.stepOutOf(processor: 0, range: 0x8000_0000..<0x8000_0010))),
            // A range of nothing is a step.
            ("vCont;r80000000,80000000:1", Resumption(.step(processor: 0))),
        ]
        for (packet, resumption) in cases {
            let client = GDBTestClient()
            #expect(client.ask("vCont?") == "vCont;c;C;s;S;r")
            #expect(client.ask(packet) == nil)
            #expect(client.target.resumptions == [resumption], "\(packet)")
        }
    }

    @Test("0x03 stops the machine with SIGINT, wherever it comes between packets; one that stands it does not")
    func interrupt() {
        let client = GDBTestClient()
        client.session.receive([0x03])
        #expect(client.output() == [])
        client.session.receive(GDBTestClient.frame("vCont;c") + [0x03])
        #expect(client.run() == "T02thread:2;core:1;")
        #expect(!client.session.isRunning)
    }

    @Test("Packets that come while the machine runs are answered when it stands")
    func early() {
        let client = GDBTestClient()
        client.target.stops = [nil, DebugStop(.stepped, processor: 0)]
        _ = client.ask("s")
        #expect(client.ask("qC") == nil)
        #expect(client.run() == "T05thread:1;core:0;|QC1")
    }

    @Test("bc and bs run backwards where the machine can, to the start of its history")
    func reverse() {
        let client = GDBTestClient()
        #expect(client.ask("bc") == "")
        client.target.canReverse = true
        client.target.stops = [DebugStop(.startOfHistory, processor: 0)]
        #expect(client.ask("bc") == nil)
        #expect(client.run() == "T05replaylog:begin;thread:1;core:0;")
        #expect(client.target.resumptions == [Resumption(.run, isReverse: true)])
        client.target.stops = [DebugStop(.endOfHistory, processor: 0)]
        _ = client.ask("bs")
        #expect(client.run() == "T05replaylog:end;thread:1;core:0;")
        #expect(client.target.resumptions.last == Resumption(.step(processor: 0), isReverse: true))
    }

    @Test(
        "Breakpoints are inserted once and removed once however often that is asked for; their stop says which it was")
    func breakpoints() {
        let client = GDBTestClient()
        _ = client.ask("qSupported:swbreak+;hwbreak+")
        #expect(client.ask("Z0,80000000,4") == "OK" && client.ask("Z0,80000000,4") == "OK")
        let point = StopPoint(.execution, at: DebugAddress(0x8000_0000))
        #expect(client.target.points == [point])
        client.target.stops = [DebugStop(.breakpoint, processor: 0)]
        _ = client.ask("c")
        #expect(client.run() == "T05swbreak:;thread:1;core:0;")
        #expect(client.ask("z0,80000000,4") == "OK" && client.ask("z0,80000000,4") == "OK")
        #expect(client.target.points == [])
        _ = client.ask("Z1,80000000,4")
        client.target.stops = [DebugStop(.breakpoint, processor: 0)]
        _ = client.ask("c")
        #expect(client.run() == "T05hwbreak:;thread:1;core:0;")
        #expect(client.ask("Z5,80000000,4") == "")
        #expect(client.ask("Z0,80000000,4;X1,00")?.hasPrefix("E.") == true)
    }

    @Test("Z2 and Z4 watch writes and accesses, and their stops have the address")
    func watchpoints() {
        let client = GDBTestClient()
        let cases: [(String, StopPoint.Kind, String)] = [
            ("Z2", .write(count: 8), "watch"), ("Z4", .access(count: 8), "awatch"),
        ]
        for (packet, kind, name) in cases {
            client.target.points = []
            #expect(client.ask("\(packet),80000010,8") == "OK")
            #expect(client.target.points == [StopPoint(kind, at: DebugAddress(0x8000_0010))])
            client.target.stops = [DebugStop(.watchpoint(kind, address: 0x8000_0012), processor: 1)]
            _ = client.ask("c")
            #expect(client.run() == "T05\(name):80000012;thread:2;core:1;")
        }
        client.target.stops = [DebugStop(.watchpoint(.read(count: 1), address: 0x10), processor: 0)]
        _ = client.ask("c")
        #expect(client.run() == "T05rwatch:10;thread:1;core:0;")
    }

    @Test("A stop of the monitor's is printed, and is SIGTRAP alone: what GDB has not set, it goes on from")
    func monitorStops() {
        let client = GDBTestClient()
        client.target.stops = [
            DebugStop(.watchpoint(.write(count: 8), address: 0x10), processor: 0, text: "stop 1\n"),
            DebugStop(.breakpoint, processor: 1, text: "guest 1 leaves\n"),
        ]
        _ = client.ask("c")
        #expect(client.run() == "O" + "73746f7020310a" + "|T05thread:1;core:0;")
        _ = client.ask("c")
        #expect(client.run() == "O" + "67756573742031206c65617665730a" + "|T05thread:2;core:1;")
        // GDB's own watchpoint of the same place is told of as such.
        _ = client.ask("Z2,10,8")
        client.target.stops = [
            DebugStop(.watchpoint(.write(count: 8), address: 0x10), processor: 0, text: "stop 1\n")
        ]
        _ = client.ask("c")
        #expect(client.run() == "O" + "73746f7020310a" + "|T05watch:10;thread:1;core:0;")
    }

    // MARK: Ends

    @Test("A guest that ends is a process that exits, and is started again in extended mode alone")
    func exit() {
        let client = GDBTestClient()
        _ = client.ask("qSupported:multiprocess+")
        client.target.stops = [DebugStop(.exited(status: 7), processor: 0)]
        _ = client.ask("c")
        #expect(client.run() == "W07;process:1")
        #expect(client.ask("?") == "W07;process:1")
        #expect(client.ask("c")?.first == "E")
        #expect(client.ask("vRun;")?.first == "E")
        #expect(client.ask("!") == "OK")
        #expect(client.ask("vRun;") == "T05thread:p1.1;core:0;")
        #expect(client.target.restarts == 1)
        #expect(client.ask("R00") == nil)
        #expect(client.target.restarts == 2)
    }

    @Test("A run that ends in another way has its reason printed, and the machine stands")
    func ended() {
        let client = GDBTestClient()
        client.target.stops = [DebugStop(.ended("it hangs"), processor: 0)]
        _ = client.ask("c")
        // O packets are text in hexadecimal digits.
        let text = "orrery: it hangs\n".utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(client.run() == "O\(text)|T05thread:1;core:0;")
    }

    @Test("D leaves the machine to run without breakpoints, k ends it without a word, and vKill with one")
    func endings() {
        let detached = GDBTestClient()
        _ = detached.ask("Z0,80000000,4")
        #expect(detached.ask("D;1") == "OK")
        #expect(detached.session.ending == .detached && detached.target.points == [])
        let killed = GDBTestClient()
        #expect(killed.ask("k") == nil && killed.session.ending == .killed)
        let named = GDBTestClient()
        #expect(named.ask("vKill;1") == "OK" && named.session.ending == .killed)
        let extended = GDBTestClient()
        _ = extended.ask("!")
        #expect(extended.ask("vKill;1") == "OK" && extended.session.ending == nil)
        #expect(extended.ask("qfThreadInfo") == "l")
    }

    @Test("A debugger that hangs up leaves no breakpoint, and a machine that stands")
    func close() {
        let client = GDBTestClient()
        _ = client.ask("Z0,80000000,4")
        _ = client.ask("c")
        client.session.close()
        #expect(client.target.points == [] && !client.session.isRunning && !client.target.isInterrupted)
    }

    // MARK: Documents and commands

    @Test("qRcmd has the monitor carry a command out, and its text printed")
    func monitor() {
        let client = GDBTestClient()
        // "harts"
        #expect(client.ask("qRcmd,6861727473") == "796f7520736169642068617274730a")
        #expect(client.target.commands == ["harts"])
    }

    @Test("A packet that comes before a command's answer is answered, and the command is not: GDB has given it up")
    func givenUp() {
        let client = GDBTestClient()
        client.target.isBusy = {
            #expect(client.session.wantsInput && !client.session.hasGivenUp)
            client.session.receive(GDBTestClient.frame("qC"))
            #expect(client.session.hasGivenUp)
        }
        #expect(client.ask("qRcmd,6861727473") == "QC1")
        client.target.isBusy = {
            client.session.receive([3])
            #expect(client.session.hasGivenUp)
        }
        #expect(client.ask("qRcmd,6861727473") == "796f7520736169642068617274730a")
        client.target.isBusy = { #expect(!client.session.hasGivenUp) }
        #expect(client.ask("qRcmd,6861727473") == "796f7520736169642068617274730a")
        // What was sent with the command was sent before.
        client.target.isBusy = { #expect(!client.session.wantsInput) }
        client.session.receive(GDBTestClient.frame("qRcmd,6861727473") + GDBTestClient.frame("qC"))
        #expect(String(decoding: client.output(), as: UTF8.self).hasSuffix("$QC1#c5"))
    }

    @Test("target.xml has every register under GDB's features, and comes in pieces")
    func description() {
        let client = GDBTestClient()
        var xml = ""
        while true {
            let part = client.ask("qXfer:features:read:target.xml:\(String(xml.utf8.count, radix: 16)),40") ?? "l"
            xml += part.dropFirst()
            if part.first == "l" { break }
            #expect(part.utf8.count == 0x41)
        }
        #expect(xml.contains("<architecture>riscv:rv64</architecture>"))
        #expect(xml.contains("<feature name=\"org.gnu.gdb.riscv.cpu\">\n<reg name=\"a0\" bitsize=\"64\" regnum=\"0\""))
        #expect(xml.contains("<reg name=\"pc\" bitsize=\"64\" regnum=\"1\" type=\"code_ptr\""))
        #expect(
            xml.contains("<feature name=\"org.gnu.gdb.riscv.csr\">\n<reg name=\"mstatus\" bitsize=\"64\" regnum=\"3\""))
        #expect(client.ask("qXfer:features:write:target.xml:0:00") == "")
        #expect(client.ask("qXfer:auxv:read::0,10") == "")
        #expect(client.ask("qXfer:exec-file:read::0,100") == "l/tmp/vmm.elf")
    }

    @Test("The memory map has ROM, and all else as RAM: its addresses may be virtual")
    func memoryMap() {
        let map = GDBTestClient().ask("qXfer:memory-map:read::0,1000") ?? ""
        for line in [
            "<memory type=\"ram\" start=\"0x0\" length=\"0x1000\"/>",
            "<memory type=\"rom\" start=\"0x1000\" length=\"0xf000\"/>",
            "<memory type=\"ram\" start=\"0x8000000000000000\" length=\"0x8000000000000000\"/>",
        ] {
            #expect(map.contains(line), "\(map)")
        }
    }

    @Test("lldb is told of host, process, registers and pages")
    func lldb() {
        let client = GDBTestClient()
        // riscv64, without a system: lldb would take the program's file for another target's.
        for packet in ["qHostInfo", "qProcessInfo"] {
            #expect(client.ask(packet)?.contains("triple:72697363763634;endian:little;ptrsize:8;") == true)
        }
        #expect(client.ask("qProcessInfo")?.hasPrefix("pid:1;") == true)
        #expect(
            client.ask("qRegisterInfo1")
                == "name:pc;bitsize:64;offset:8;encoding:uint;format:hex;set:General Purpose Registers;ehframe:1;dwarf:1;"
                + "generic:pc;")
        #expect(client.ask("qRegisterInfo5")?.first == "E")
        #expect(client.ask("qMemoryRegionInfo:80000010") == "start:80000000;size:1000;permissions:rwx;")
        #expect(client.ask("qMemoryRegionInfo:1234") == "start:1000;size:1000;")
        #expect(client.ask("qOffsets") == "", "gdb would move symbols back that its user has moved")
        #expect(client.ask("QListThreadsInStopReply") == "OK")
        #expect(client.ask("qOffsets") == "Text=0;Data=0;Bss=0")
        for packet in ["qVAttachOrWaitSupported", "qShlibInfoAddr", "_M10,rw", "jThreadsInfo"] {
            #expect(client.ask(packet) == "", "\(packet)")
        }
        #expect(client.ask("k") == "X09", "lldb waits for an answer")
    }

    @Test("lldb is told why each CPU stands, and of what is none of its own in a text")
    func lldbStops() {
        let client = GDBTestClient()
        #expect(client.ask("QListThreadsInStopReply") == "OK")
        func hexadecimal(_ text: String) -> String { text.utf8.map { String($0, radix: 16) }.joined() }
        let names = (0..<2).map { "hexname:\(hexadecimal(client.target.label(of: $0)));" }
        func stop(_ stop: DebugStop) -> String? {
            client.target.stops = [stop]
            _ = client.ask("c")
            return client.run()
        }
        let place = "thread:1;core:0;\(names[0])threads:1,2;thread-pcs:80000000,80000000;"
        #expect(client.ask("qThreadStopInfo2") == "T00thread:2;core:1;\(names[1])")
        #expect(stop(DebugStop(.breakpoint, processor: 0)) == "T05\(place)reason:breakpoint;")
        #expect(stop(DebugStop(.interrupted, processor: 0)) == "T02\(place)reason:signal;")
        #expect(client.ask("qThreadStopInfo1") == "T02\(place)reason:signal;")
        #expect(client.ask("qThreadStopInfo2") == "T00thread:2;core:1;\(names[1])")
        // A step that ends where it began would be taken again without end.
        #expect(
            stop(DebugStop(.endOfHistory, processor: 0))
                == "T05replaylog:end;\(place)reason:exception;description:\(hexadecimal("the run ends here"));")
    }
}
