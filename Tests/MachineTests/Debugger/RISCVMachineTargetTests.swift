import ISA
import Testing

@testable import Machine

/// The registers and memory of a machine of ours, as debuggers have them. Meanings are volume II's.
@Suite("A debugger on a RISC-V machine")
struct RISCVMachineTargetTests {
    private static let base: UInt64 = 0x8000_0000

    private func load(
        _ words: [UInt32], engine: Engine = .jit, _ body: (MachineTarget, Session) throws -> Void
    ) throws {
        let configure: (inout MachineDescription) -> Void = {
            $0.engine = engine
            $0.maxInstructions = nil
        }
        try TinyGuest.load(words, configure) { session in
            let target = MachineTarget(session) { "\($0)" }
            try body(target, session)
        }
    }

    private func words(_ words: [UInt32]) -> [UInt8] { words.flatMap { UInt64($0).littleEndianBytes(4) } }

    @Test("Each register reads without effect, and writing what it reads as changes nothing")
    func readsAndWrites() throws {
        try load([0x0000_0013]) { target, session in
            target.run(to: Self.base)
            var hash = session.board.hashWithoutMemory
            let count = target.registers.count
            let values = (0..<count).map { target.readRegister($0, of: 0) }
            #expect(session.board.hashWithoutMemory == hash)
            for (number, value) in values.enumerated() {
                let register = target.registers[number]
                let bytes = try #require(value, "\(register.name) cannot be read")
                #expect(bytes.count == register.bits / 8)
                _ = target.writeRegister(number, of: 0, bytes)
                #expect(
                    session.board.hashWithoutMemory == hash,
                    "\(register.name) is \(bytes), and writing that has an effect")
                hash = session.board.hashWithoutMemory
            }
            #expect(Set(target.registers.map(\.name)).count == count)
            #expect(target.registers[32].name == "pc" && target.registers[33].name == "ft0")
        }
    }

    @Test("General, floating-point and control registers hold what is written; x0 and read-only ones do not")
    func writes() throws {
        try load([0x0000_0013]) { target, _ in
            for name in ["ra", "t6", "ft0", "fs11", "mscratch", "sscratch", "mepc", "stvec"] {
                #expect(target.write(name, 0x1234_5678_9abc_def0), "\(name)")
                #expect(target.read(name) == 0x1234_5678_9abc_def0, "\(name)")
            }
            #expect(target.write("pc", 0x8000_0003) && target.read("pc") == 0x8000_0002)
            #expect(target.write("zero", 5) && target.read("zero") == 0)
            #expect(!target.write("mhartid", 5) && !target.write("cycle", 5))
            // Each bit is legal or stays (WARL): MPP = 2 is no privilege.
            #expect(target.write("mstatus", 2 << 11) && target.read("mstatus").map { $0 >> 11 & 3 } == 0)
            #expect(target.write("fcsr", 0xff) && target.read("frm") == 7 && target.read("fflags") == 0x1f)
            #expect(!target.writeRegister(0, of: 0, [1]) && !target.writeRegister(9999, of: 0, [1]))
            #expect(!target.writeRegister(0, of: 1, [UInt8](repeating: 0, count: 8)), "there is no hart 1")
        }
    }

    @Test(
        "A floating-point register that is written counts as dirty where floating point is on, and stays off where it is not"
    )
    func floatDirty() throws {
        try load([0x0000_0013]) { target, _ in
            #expect(target.read("mstatus").map { $0 >> 13 & 3 } == 0)
            #expect(target.write("ft0", 1) && target.read("mstatus").map { $0 >> 13 & 3 } == 0)
            #expect(target.write("mstatus", 1 << 13) && target.write("ft0", 1))
            #expect(target.read("mstatus").map { $0 >> 13 & 3 } == 3 && target.read("mstatus").map { $0 >> 63 } == 1)
        }
    }

    @Test("Floating point that a debugger switches on and off is", arguments: [Engine.interpreter, .jit])
    func floatEnable(engine: Engine) throws {
        // fadd.d ft0, ft1, ft1, again and again
        try load([0x0210_f053, 0xffdf_f06f], engine: engine) { target, _ in
            target.run(to: Self.base)
            #expect(target.write("mstatus", 1 << 13) && target.write("ft1", 0x3ff0_0000_0000_0000))
            target.step()
            #expect(target.read("pc") == Self.base + 4 && target.read("ft0") == 0x4000_0000_0000_0000, "1.0 + 1.0")
            #expect(target.write("mtvec", 0x8000_0100) && target.write("mstatus", 0) && target.write("pc", Self.base))
            target.step()
            // Illegal instruction is exception 2.
            #expect(target.read("pc") == 0x8000_0100 && target.read("mcause") == 2)
        }
    }

    /// One gigapage at 0x40000000 leads to RAM, and its entry is in `root`.
    private func makeTable(_ target: MachineTarget, at root: UInt64, flags: UInt64) {
        let entry = (Self.base >> 12) << 10 | flags
        #expect(target.writeMemory(DebugAddress(root + 8, in: .physical), entry.littleEndianBytes(8), of: 0))
    }

    @Test(
        "priv, satp and PMP that a debugger writes are in force for what is executed next",
        arguments: [
            Engine.interpreter, .jit,
        ])
    func translation(engine: Engine) throws {
        try load([0x0010_0293, 0x0000_0013], engine: engine) { target, _ in
            target.run(to: Self.base)
            let root = Self.base + 0x10000
            // V, R, W, X, A, D
            makeTable(target, at: root, flags: 0xcf)
            #expect(target.write("pmpaddr0", ~0) && target.write("pmpcfg0", 0x1f))
            #expect(target.write("satp", 8 << 60 | root >> 12) && target.write("priv", 1))
            #expect(target.write("pc", 0x4000_0000))
            #expect(target.status(of: 0) == "HS")
            target.step()
            #expect(target.read("pc") == 0x4000_0004 && target.read("t0") == 1)
            #expect(!target.write("priv", 2) && target.read("priv") == 1, "2 is no privilege")
        }
    }

    @Test("Memory is the current mode's, the bus's, a mode's by name or a guest's, past permissions")
    func spaces() throws {
        try load([0x0010_0293, 0x0000_0013]) { target, _ in
            let root = Self.base + 0x10000
            // A user page, that supervisors may not even read: V, X, U, A
            makeTable(target, at: root, flags: 0x59)
            let code = words([0x0010_0293])
            func read(_ address: UInt64, _ space: DebugAddress.Space) -> [UInt8] {
                target.readMemory(DebugAddress(address, in: space), count: 4, of: 0)
            }
            #expect(target.write("satp", 8 << 60 | root >> 12))
            #expect(read(Self.base, .current) == code, "machine mode translates nothing")
            #expect(read(0x4000_0000, .current) == [])
            #expect(read(0x4000_0000, .virtual(level: "HS")) == code)
            #expect(read(0x4000_0000, .virtual(level: "U")) == code)
            #expect(read(Self.base, .virtual(level: "HS")) == [])
            #expect(read(Self.base, .virtual(level: "EL1")) == [])
            #expect(target.write("priv", 1))
            #expect(read(0x4000_0000, .current) == code && read(Self.base, .physical) == code)
            #expect(target.writeMemory(DebugAddress(0x4000_0000), [1, 2, 3, 4], of: 0))
            #expect(read(Self.base, .physical) == [1, 2, 3, 4])

            // The second stage has a root of four pages; VMID 5.
            #expect(target.write("hgatp", 8 << 60 | 5 << 44 | root >> 12))
            #expect(read(0x4000_0000, .guestPhysical(guest: nil)) == [1, 2, 3, 4])
            #expect(read(0x4000_0000, .guestPhysical(guest: 5)) == [1, 2, 3, 4])
            #expect(read(0x4000_0000, .guestPhysical(guest: 6)) == [], "no hart has that guest")
            #expect(read(Self.base, .guestPhysical(guest: 5)) == [])
        }
    }

    @Test("A read ends where memory does, a write is whole or not at all, and ROM is written too")
    func memoryBounds() throws {
        try load([0x0000_0013]) { target, session in
            let end = session.board.ramBase + session.board.memorySize
            #expect(target.readMemory(DebugAddress(end - 6), count: 100, of: 0).count == 6)
            #expect(!target.writeMemory(DebugAddress(end - 2), [1, 2, 3], of: 0))
            #expect(target.readMemory(DebugAddress(end - 2), count: 2, of: 0) == [0, 0])
            #expect(target.readMemory(DebugAddress(0x1000_0000), count: 1, of: 0) == [], "a serial port has no bytes")
            #expect(target.readMemory(DebugAddress(~0), count: 100, of: 0) == [])
            #expect(target.readMemory(DebugAddress(0), count: .max, of: 0) == [])
            let rom = try #require(target.memoryMap.first { $0.kind == .rom })
            #expect(target.writeMemory(DebugAddress(rom.start), [0xaa], of: 0))
            #expect(target.readMemory(DebugAddress(rom.start), count: 1, of: 0) == [0xaa])
            #expect(target.memoryMap.contains { $0.kind == .device && $0.start == 0x1000_0000 })
        }
    }

    @Test("Code that is written is what is executed, although the old was hot", arguments: [Engine.interpreter, .jit])
    func code(engine: Engine) throws {
        // addi t0, t0, 1; j -4
        try load([0x0012_8293, 0xffdf_f06f], engine: engine) { target, _ in
            target.resume(Resumption(.run))
            _ = target.advance()
            target.interrupt()
            #expect(target.finish()?.reason == .interrupted)
            #expect(target.write("t0", 0) && target.write("pc", Self.base))
            // addi t0, t0, 2
            #expect(target.writeMemory(DebugAddress(Self.base), words([0x0022_8293]), of: 0))
            for _ in 0..<4 { target.step() }
            #expect(target.read("t0") == 4)
        }
    }

    @Test("The machine stops at breakpoints, ends as its guest does, and begins anew")
    func running() throws {
        try load(TinyGuest.powerOff) { target, _ in
            let point = StopPoint(.execution, at: DebugAddress(Self.base + 8))
            try target.insert(point)
            target.resume(Resumption(.run))
            #expect(target.finish() == DebugStop(.breakpoint, processor: 0))
            #expect(target.read("pc") == Self.base + 8 && target.read("s2") == 0x5000)
            target.resume(Resumption(.stepOutOf(processor: 0, range: Self.base..<Self.base + 12)))
            #expect(target.finish() == DebugStop(.stepped, processor: 0))
            #expect(target.read("pc") == Self.base + 12)
            target.remove(point)
            target.resume(Resumption(.run))
            #expect(target.finish()?.reason == .exited(status: 0))
            try target.restart()
            target.run(to: Self.base)
            #expect(target.read("pc") == Self.base)
        }
    }
}

extension Board {
    /// Of CPUs and devices.
    var hashWithoutMemory: UInt64 {
        var hasher = StateHasher()
        for processor in processors { processor.describeState(&hasher, memory) }
        for device in devices { device.describeState(&hasher) }
        return hasher.value
    }
}

extension MachineTarget {
    func number(_ name: String) -> Int { registers.firstIndex { $0.name == name } ?? -1 }

    func read(_ name: String) -> UInt64? {
        readRegister(number(name), of: 0).map { UInt64(littleEndianBytes: $0) }
    }

    func write(_ name: String, _ value: UInt64) -> Bool {
        let number = number(name)
        return number >= 0 && writeRegister(number, of: 0, value.littleEndianBytes(registers[number].bits / 8))
    }

    /// Runs until the machine stops, or for so long that it never does.
    func finish() -> DebugStop? {
        for _ in 0..<1000 { if let stop = advance() { return stop } }
        return nil
    }

    func step() {
        resume(Resumption(.step(processor: 0)))
        _ = finish()
    }

    /// Steps to an address.
    func run(to address: UInt64) {
        for _ in 0..<100 where read("pc") != address { step() }
    }
}
