import Testing

@testable import ISA
@testable import Machine

/// Breakpoints and watchpoints where they are hardest: at the ends of pages, in code that changes, under translated code, at
/// several addresses of the same memory, on several CPUs.
@Suite("Stops for debuggers")
struct DebugStopsTests {
    private static let base: UInt64 = 0x8000_0000
    private static let data = base + 0x8000

    /// What was asked and told; stops or not.
    private final class Observer: DebugObserver {
        var stops = true
        var breakpoints: [UInt64] = []
        var accesses: [DebugAccess] = []
        var programCounters: [UInt64] = []

        override func shouldStop(_ processor: any TranslatableProcessor, atBreakpoint address: UInt64) -> Bool {
            breakpoints.append(address)
            return stops
        }

        override func shouldStop(_ processor: (any TranslatableProcessor)?, at access: DebugAccess) -> Bool {
            accesses.append(access)
            programCounters.append(processor?.core.pointee.programCounter ?? 0)
            return stops
        }
    }

    private struct Machine {
        let board: RISCVVirt
        let observer = Observer()
        var stops: DebugStops { board.memory.stops }
        var hart: RISCV.Hart { board.harts[0] }
        var programCounter: UInt64 {
            get { hart.core.pointee.programCounter }
            nonmutating set { hart.core.pointee.programCounter = newValue }
        }
        func register(_ number: Int) -> UInt64 { hart.core.pointee.registers[number] }
        /// Instructions that were executed in translated code.
        var translated: UInt64 { board.translator?.statistics.executed ?? 0 }
    }

    /// Harts in machine mode at the start of memory, where the program is.
    private static func machine(
        _ engine: Engine, harts: Int = 1, at offset: UInt64 = 0, _ program: (inout RISCVAssembler) -> Void
    ) throws -> Machine {
        var configuration = RISCVVirt.Configuration(console: NoConsole())
        configuration.memorySize = 1 << 20
        configuration.cpus = harts
        configuration.engine = engine
        configuration.jitOptions.threshold = 1
        let machine = Machine(board: try RISCVVirt(configuration))
        var assembler = RISCVAssembler(base: base + offset)
        program(&assembler)
        assembler.finish()
        _ = machine.board.memory.write(base + offset, from: assembler.bytes, count: assembler.bytes.count)
        for hart in machine.board.harts {
            hart.state.pointee.halted = false
            hart.core.pointee.programCounter = base + offset
            for register in 1..<32 { hart.core.pointee.registers[register] = 0 }
            hart.core.pointee.registers[12] = data
        }
        machine.stops.observer = machine.observer
        return machine
    }

    /// a0 counts up to 1000 rounds: its addresses are 0, 4, 8.
    private static func loop(_ assembler: inout RISCVAssembler) {
        assembler.label("loop")
        assembler.emit("addi", rd: 10, rs1: 10, 1)
        assembler.emit("sd", rs1: 12, rs2: 10, 0)
        assembler.emit("jal", to: "loop")
    }

    // MARK: Breakpoints

    @Test(
        "Going on from a breakpoint executes the instruction, and stops when it is come to again",
        arguments: Engine.allCases)
    func goingOn(engine: Engine) throws {
        let machine = try Self.machine(engine, Self.loop)
        machine.hart.run(300)
        machine.stops.insertBreakpoint(at: Self.base + 4, .virtual)
        for round in 1...5 as ClosedRange<UInt64> {
            let executed = machine.hart.run(1000)
            #expect(machine.hart.isStoppedByDebugger)
            #expect(machine.programCounter == Self.base + 4)
            #expect(machine.register(10) == 100 + round, "it stops behind the instruction before")
            #expect(executed == (round == 1 ? 1 : 3))
        }
        machine.observer.stops = false
        #expect(machine.hart.run(30) == 30)
        #expect(!machine.hart.isStoppedByDebugger)
        #expect(machine.observer.breakpoints.count == 5 + 10 - 1, "each time it is come to, it is asked about once")
    }

    @Test("A machine that is put back to a breakpoint's instruction stops at it again", arguments: Engine.allCases)
    func puttingBack(engine: Engine) throws {
        let machine = try Self.machine(engine, Self.loop)
        machine.stops.insertBreakpoint(at: Self.base + 4, .virtual)
        #expect(machine.hart.run(100) == 1)
        machine.hart.run(1)
        // As a snapshot has it.
        machine.hart.core.pointee.turnEnd -= 2
        machine.programCounter = Self.base
        #expect(machine.hart.run(100) == 1)
        #expect(machine.hart.isStoppedByDebugger, "it has the same position and address as the stop before")
        machine.hart.core.pointee.turnEnd -= 1
        machine.programCounter = Self.base
        machine.hart.run(1)
        machine.hart.passBreakpoint()
        #expect(machine.hart.run(2) == 2, "who comes there by a step can have it passed")
    }

    @Test("What is inserted twice has to be removed twice", arguments: [DebugStops.AddressSpace.virtual, .physical])
    func counting(space: DebugStops.AddressSpace) throws {
        let machine = try Self.machine(.jit, Self.loop)
        machine.stops.insertBreakpoint(at: Self.base + 4, space)
        machine.stops.insertBreakpoint(at: Self.base + 4, space)
        #expect(machine.stops.removeBreakpoint(at: Self.base + 4, space))
        #expect(machine.hart.run(100) == 1)
        #expect(machine.stops.removeBreakpoint(at: Self.base + 4, space))
        #expect(machine.hart.run(100) == 100)
        #expect(!machine.stops.removeBreakpoint(at: Self.base + 4, space))
    }

    @Test("Code around a breakpoint stays translated, and its instruction is when that is removed")
    func translation() throws {
        let machine = try Self.machine(.jit, Self.loop)
        machine.hart.run(300)
        // Of another page, of an instruction that is not come to, of the loop.
        for (address, leastShare): (UInt64, UInt64) in [
            (Self.data, 99), (Self.base + 0x100, 99), (Self.base + 4, 30),
        ] {
            machine.observer.stops = false
            machine.stops.insertBreakpoint(at: address, .virtual)
            machine.hart.run(300)
            let before = machine.translated
            machine.hart.run(30_000)
            let share = (machine.translated - before) * 100 / 30_000
            #expect(share >= leastShare, "\(share) of 100 instructions were translated with a breakpoint at \(address)")
            machine.stops.removeBreakpoint(at: address, .virtual)
        }
        machine.hart.run(300)
        let before = machine.translated
        machine.hart.run(30_000)
        #expect(machine.translated - before >= 29_700, "what had a breakpoint is not translated again")
    }

    @Test(
        "An instruction that crosses pages, and those before and behind, have breakpoints like others",
        arguments: Engine.allCases, [0xffa, 0xffc, 0xffe, 0x1002] as [UInt64])
    func crossing(engine: Engine, offset: UInt64) throws {
        // c.nop at 0xffa and 0xffc, addi a0, a0, 1 at 0xffe, a jump back at 0x1002.
        let machine = try Self.machine(engine, at: 0xffa) {
            $0.label("loop")
            $0.word(0x0001_0001)
            $0.emit("addi", rd: 10, rs1: 10, 1)
            $0.emit("jal", to: "loop")
        }
        machine.hart.run(400)
        for space in [DebugStops.AddressSpace.virtual, .physical] {
            machine.stops.insertBreakpoint(at: Self.base + offset, space)
            for _ in 0..<3 {
                machine.hart.run(100)
                #expect(machine.hart.isStoppedByDebugger && machine.programCounter == Self.base + offset, "\(space)")
            }
            machine.stops.removeBreakpoint(at: Self.base + offset, space)
        }
        let rounds = machine.register(10)
        #expect(machine.hart.run(400) == 400)
        #expect(machine.register(10) == rounds + 100)
    }

    @Test(
        "Where protection divides a page, so that no page of code is made of it, breakpoints stop",
        arguments: Engine.allCases)
    func dividedPage(engine: Engine) throws {
        let machine = try Self.machine(engine, Self.loop)
        // A locked region of 8 bytes in the page (NA4 and NAPOT are volume II's, "Physical Memory Protection"): RWX.
        _ = try machine.hart.accessCSR(0x3b0, .write, (Self.base + 0x800) >> 2)
        _ = try machine.hart.accessCSR(0x3a0, .write, 0x9f)
        machine.stops.insertBreakpoint(at: Self.base + 4, .virtual)
        machine.stops.insertBreakpoint(at: Self.base + 8, .physical)
        for offset in [4, 8, 4, 8] as [UInt64] {
            machine.hart.run(100)
            #expect(machine.hart.isStoppedByDebugger && machine.programCounter == Self.base + offset)
        }
    }

    @Test(
        "Code that is written over under its breakpoint stops as before, and does what it says now",
        arguments: Engine.allCases)
    func changingCode(engine: Engine) throws {
        // Each round: a1 is what is stored over the addi at 8, whose immediate is one more each time.
        let machine = try Self.machine(engine) {
            $0.label("loop")
            $0.emit("sw", rs1: 13, rs2: 11, 0)
            $0.emit("fence.i")
            $0.emit("addi", rd: 10, rs1: 10, 0)
            $0.emit("add", rd: 11, rs1: 11, rs2: 14)
            $0.emit("jal", to: "loop")
        }
        let core = machine.hart.core
        core.pointee.registers[11] = 0x0015_0513  // addi a0, a0, 1
        core.pointee.registers[13] = Self.base + 8
        core.pointee.registers[14] = 1 << 20
        machine.stops.insertBreakpoint(at: Self.base + 8, .virtual)
        var sum: UInt64 = 0
        for round in 1...20 as ClosedRange<UInt64> {
            #expect(machine.hart.run(100) == (round == 1 ? 2 : 5))
            #expect(machine.programCounter == Self.base + 8)
            #expect(machine.register(10) == sum)
            sum += round
        }
        machine.stops.removeBreakpoint(at: Self.base + 8, .virtual)
        machine.hart.run(1)
        #expect(machine.register(10) == sum)
    }

    /// Sv39 with leaves of 1 GiB: memory is at its own addresses and 1 GiB above.
    private static func mapTwice(_ machine: Machine) throws {
        let table = base + 0x4000
        for index in [2, 3] as [UInt64] {
            // V, R, W, X, A and D.
            var entry: UInt64 = (base >> 12) << 10 | 0xcf
            _ = machine.board.memory.write(table + 8 * index, from: &entry, count: 8)
        }
        // One region of protection that is open: NAPOT of all, RWX.
        _ = try machine.hart.accessCSR(0x3b0, .write, ~0 >> 10)
        _ = try machine.hart.accessCSR(0x3a0, .write, 0x1f)
        let state = machine.hart.state
        state.pointee.satp = 8 << 60 | (table >> 12)
        state.pointee.privilege = .supervisor
        machine.hart.privilegeChanged()
    }

    @Test(
        "A virtual breakpoint is of one address, and a physical one of all that lead there", arguments: Engine.allCases)
    func twoAddresses(engine: Engine) throws {
        let other = Self.base + 1 << 30
        let machine = try Self.machine(engine, Self.loop)
        try Self.mapTwice(machine)
        machine.programCounter = other
        machine.hart.run(300)
        machine.stops.insertBreakpoint(at: Self.base + 4, .virtual)
        #expect(machine.hart.run(300) == 300, "the address of the breakpoint is another one")
        machine.programCounter = Self.base
        #expect(machine.hart.run(300) == 1)
        machine.programCounter = other
        #expect(machine.hart.run(300) == 300)
        machine.stops.insertBreakpoint(at: Self.base + 4, .physical)
        #expect(machine.hart.run(300) == 1 && machine.programCounter == other + 4)
    }

    @Test("Each of several harts in the same code stops for itself", arguments: Engine.allCases)
    func severalHarts(engine: Engine) throws {
        let machine = try Self.machine(engine, harts: 3, Self.loop)
        for hart in machine.board.harts { hart.run(300) }
        machine.stops.insertBreakpoint(at: Self.base + 4, .virtual)
        for _ in 0..<3 {
            for hart in machine.board.harts {
                hart.run(100)
                #expect(hart.isStoppedByDebugger && hart.core.pointee.programCounter == Self.base + 4)
            }
        }
        machine.stops.removeBreakpoint(at: Self.base + 4, .virtual)
        for hart in machine.board.harts { #expect(hart.run(3000) == 3000) }
    }

    // MARK: Watchpoints

    @Test("A store tells what was there and what comes there, and the turn ends behind it", arguments: Engine.allCases)
    func storing(engine: Engine) throws {
        let machine = try Self.machine(engine, Self.loop)
        machine.hart.run(300)
        machine.stops.insert(Watchpoint(at: Self.data + 7, count: 1, .virtual, .write))
        for round in 101...104 as ClosedRange<UInt64> {
            #expect(machine.hart.run(100) == (round == 101 ? 2 : 3))
            #expect(machine.hart.isStoppedByDebugger && machine.programCounter == Self.base + 8)
            let expected = DebugAccess(
                address: Self.data, physical: Self.data, size: 8, kinds: .write, old: round - 1, new: round)
            #expect(machine.observer.accesses.last == expected)
            #expect(machine.observer.programCounters.last == Self.base + 4)
        }
        machine.stops.remove(Watchpoint(at: Self.data + 7, count: 1, .virtual, .write))
        let before = machine.translated
        #expect(machine.hart.run(30_000) == 30_000)
        if engine == .jit { #expect(machine.translated - before > 29_900) }
    }

    @Test("What lies beside what is watched is no access to it, in whatever direction", arguments: Engine.allCases)
    func beside(engine: Engine) throws {
        let machine = try Self.machine(engine, Self.loop)
        machine.stops.insert(Watchpoint(at: Self.data + 8, count: 8, .virtual, [.read, .write]))
        machine.stops.insert(Watchpoint(at: Self.data - 1, count: 1, .physical, [.read, .write]))
        machine.stops.insert(Watchpoint(at: Self.data, count: 8, .virtual, .read))
        #expect(machine.hart.run(3000) == 3000)
        #expect(machine.observer.accesses.isEmpty)
    }

    @Test("A load in machine mode, which looks into no TLB, is told all the same", arguments: Engine.allCases)
    func directLoad(engine: Engine) throws {
        let machine = try Self.machine(engine) {
            $0.label("loop")
            $0.emit("ld", rd: 10, rs1: 12, 0)
            $0.emit("ld", rd: 11, rs1: 12, 8)
            $0.emit("jal", to: "loop")
        }
        machine.hart.run(300)
        machine.stops.insert(Watchpoint(at: Self.data + 8, count: 4, .physical, .read))
        for _ in 0..<3 {
            machine.hart.run(100)
            #expect(machine.hart.isStoppedByDebugger && machine.programCounter == Self.base + 8)
        }
        #expect(machine.observer.accesses.allSatisfy { $0.address == Self.data + 8 && $0.kinds == .read })
    }

    @Test("A conditional store that does not store, and an access that faults, are none", arguments: Engine.allCases)
    func noAccess(engine: Engine) throws {
        // Without a reservation; misaligned, which atomics may not be; and with one. x5 is what each SC says.
        let machine = try Self.machine(engine) {
            $0.emit("sc.d", rd: 5, rs1: 12, rs2: 10)
            $0.emit("lr.d", rd: 11, rs1: 12)
            $0.emit("sc.d", rd: 6, rs1: 12, rs2: 10)
            $0.emit("amoadd.d", rd: 7, rs1: 12, rs2: 10)
            $0.emit("amoadd.d", rd: 7, rs1: 13, rs2: 10)
        }
        machine.observer.stops = false
        machine.hart.core.pointee.registers[13] = Self.data + 4
        machine.hart.state.pointee.mtvec = Self.base + 0x100
        machine.stops.insert(Watchpoint(at: Self.data, count: 16, .virtual, [.read, .write]))
        machine.hart.run(5)
        #expect(machine.programCounter == Self.base + 0x100)
        #expect(machine.register(5) == 1 && machine.register(6) == 0)
        #expect(machine.observer.accesses.map(\.kinds) == [.read, .write, [.read, .write]])
        #expect(machine.observer.programCounters == [4, 8, 12].map { Self.base + $0 })
    }

    @Test("An access to a watched register of a device is told", arguments: Engine.allCases)
    func device(engine: Engine) throws {
        let machine = try Self.machine(engine) {
            $0.emit("lui", rd: 13, 0x1000_0000)
            $0.label("loop")
            $0.emit("sb", rs1: 13, rs2: 0, 7)
            $0.emit("lbu", rd: 10, rs1: 13, 7)
            $0.emit("jal", to: "loop")
        }
        machine.hart.run(400)
        machine.stops.insert(Watchpoint(at: 0x1000_0007, count: 1, .physical, [.read, .write]))
        for offset in [8, 12, 8, 12] as [UInt64] {
            machine.hart.run(100)
            #expect(machine.hart.isStoppedByDebugger && machine.programCounter == Self.base + offset)
        }
    }

    @Test("What a device writes to watched memory is told as no CPU's, and can be asked for", arguments: [true, false])
    func deviceWrites(stops: Bool) throws {
        let machine = try Self.machine(.jit, Self.loop)
        machine.observer.stops = stops
        machine.stops.insert(Watchpoint(at: Self.data + 100, count: 4, .physical, .write))
        machine.stops.insert(Watchpoint(at: Self.data + 200, count: 4, .virtual, .write))
        var bytes = [UInt8](repeating: 1, count: 100)
        #expect(machine.board.memory.write(Self.data, from: &bytes, count: 100))
        #expect(machine.board.memory.write(Self.data + 200, from: &bytes, count: 100))
        #expect(machine.observer.accesses.isEmpty && !machine.stops.takeDeviceStop())
        #expect(machine.board.memory.write(Self.data + 103, from: &bytes, count: 3))
        let expected = DebugAccess(address: Self.data + 103, physical: Self.data + 103, size: 3, kinds: .write)
        #expect(machine.observer.accesses == [expected] && machine.observer.programCounters == [0])
        #expect(machine.stops.takeDeviceStop() == stops)
        #expect(!machine.stops.takeDeviceStop())
    }

    @Test(
        "A physical watchpoint sees accesses by every address, and a virtual one those by its own",
        arguments: Engine.allCases)
    func twoAddressesOfData(engine: Engine) throws {
        let machine = try Self.machine(engine) {
            $0.label("loop")
            $0.emit("sd", rs1: 12, rs2: 10, 0)
            $0.emit("sd", rs1: 13, rs2: 10, 0)
            $0.emit("jal", to: "loop")
        }
        try Self.mapTwice(machine)
        machine.hart.core.pointee.registers[13] = Self.data + 1 << 30
        machine.observer.stops = false
        machine.hart.run(300)
        machine.stops.insert(Watchpoint(at: Self.data, count: 8, .virtual, .write))
        machine.hart.run(3)
        #expect(machine.observer.programCounters == [Self.base])
        machine.stops.remove(Watchpoint(at: Self.data, count: 8, .virtual, .write))
        machine.stops.insert(Watchpoint(at: Self.data, count: 8, .physical, .write))
        machine.hart.run(3)
        #expect(machine.observer.programCounters == [Self.base, Self.base, Self.base + 4])
    }

    @Test("An access that crosses pages is told where any part of it is watched", arguments: Engine.allCases)
    func accessAcrossPages(engine: Engine) throws {
        let machine = try Self.machine(engine, Self.loop)
        machine.hart.core.pointee.registers[12] = Self.data - 4
        machine.hart.run(300)
        for (address, space): (UInt64, DebugStops.AddressSpace) in [
            (Self.data - 4, .virtual), (Self.data + 3, .virtual), (Self.data - 1, .physical), (Self.data, .physical),
        ] {
            machine.stops.insert(Watchpoint(at: address, count: 1, space, .write))
            machine.hart.run(100)
            #expect(machine.hart.isStoppedByDebugger && machine.programCounter == Self.base + 8)
            machine.stops.remove(Watchpoint(at: address, count: 1, space, .write))
        }
        machine.stops.insert(Watchpoint(at: Self.data + 4, count: 1, .physical, .write))
        machine.stops.insert(Watchpoint(at: Self.data - 5, count: 1, .virtual, .write))
        #expect(machine.hart.run(100) == 100)
    }
}
