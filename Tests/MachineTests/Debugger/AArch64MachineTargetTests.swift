import AArch64ISA
import ISA
import Testing

@testable import Machine

/// The registers and memory of a machine of ours, as debuggers have them. Meanings are DDI 0487's.
@Suite("A debugger on an AArch64 machine")
struct AArch64MachineTargetTests {
    private static let base: UInt64 = 0x4008_0000

    private func load(
        _ words: [UInt32], engine: Engine = .jit, machine: String = "aarch64-virt",
        _ body: (MachineTarget, Session) throws -> Void
    ) throws {
        let configure: (inout MachineDescription) -> Void = {
            $0.machine = machine
            $0.firmware = nil
            $0.memory = ByteCount(4 << 20)
            $0.engine = engine
        }
        try TinyGuest.load(words, configure) { session in
            try body(MachineTarget(session) { "\($0)" }, session)
        }
    }

    /// Those for which writing what was read is no way to leave them as they are: a count that is subtracted, and bits that
    /// are set by writing 1 and read as 1 whether they are set or not.
    private static let notKept = ["TVAL_", "DBGCLAIMSET", "PMCR_EL0"]

    @Test(
        "Each register reads without effect, and writing what it reads as changes nothing",
        arguments: [
            "aarch64-virt", "aarch64-virt,gic-version=2", "aarch64-virt,secure=on",
        ])
    func readsAndWrites(machine: String) throws {
        try load([0xd503_201f], machine: machine) { target, session in
            target.step()
            // A write of any of the monitors' notes how much has been executed.
            #expect(target.write("PMSELR_EL0", 0))
            var hash = session.board.hashWithoutMemory
            let values = target.registers.indices.map { target.readRegister($0, of: 0) }
            #expect(session.board.hashWithoutMemory == hash)
            for (number, value) in values.enumerated() {
                let register = target.registers[number]
                guard let bytes = value, !Self.notKept.contains(where: { register.name.contains($0) }) else { continue }
                #expect(bytes.count == register.bits / 8)
                _ = target.writeRegister(number, of: 0, bytes)
                #expect(
                    session.board.hashWithoutMemory == hash,
                    "\(register.name) is \(bytes), and writing that has an effect")
                hash = session.board.hashWithoutMemory
            }
            let names = target.registers.map(\.name)
            #expect(Set(names).count == names.count)
            for name in ["SCTLR_EL1", "MIDR_EL1", "DBGBVR1_EL1", "ID_AA64PFR0_EL1", "TTBR0_EL1"] {
                #expect(target.read(name) != nil, "\(name)")
            }
        }
    }

    @Test("General, vector and system registers hold what is written; read-only ones do not")
    func writes() throws {
        try load([0xd503_201f]) { target, _ in
            for name in ["x0", "x30", "sp", "VBAR_EL2", "TPIDR_EL0", "ELR_EL1", "FAR_EL2", "SP_EL1"] {
                #expect(target.write(name, 0x1234_5678_9abc_d800), "\(name)")
                #expect(target.read(name) == 0x1234_5678_9abc_d800, "\(name)")
            }
            let bytes = (1...16).map { UInt8($0) }
            #expect(target.writeRegister(target.number("v31"), of: 0, bytes))
            #expect(target.readRegister(target.number("v31"), of: 0) == bytes)
            #expect(!target.write("MIDR_EL1", 1) && !target.write("CurrentEL", 4))
            // RMode is 23:22, FZ 24; QC is bit 27 of FPSR.
            #expect(target.write("fpcr", 3 << 22 | 1 << 24) && target.read("fpcr") == 3 << 22 | 1 << 24)
            #expect(target.write("fpsr", 1 << 27 | 1) && target.read("fpsr") == 1 << 27 | 1)
        }
    }

    @Test("A level that is written to cpsr is the level, with its stack pointer, and no level that is not there")
    func processorState() throws {
        try load([0xd503_201f]) { target, _ in
            #expect(target.status(of: 0) == "EL2")
            #expect(
                target.write("sp", 0x2222_0000) && target.write("SP_EL1", 0x1111_0000) && target.write("SP_EL0", 0x1000)
            )
            // EL1h, with NZCV of 6 and everything masked.
            #expect(target.write("cpsr", 0x6000_03c5))
            #expect(target.read("cpsr") == 0x6000_03c5 && target.read("CurrentEL") == 4)
            #expect(target.read("sp") == 0x1111_0000 && target.status(of: 0) == "EL1")
            #expect(target.write("cpsr", 0x3c4) && target.read("sp") == 0x1000, "EL1t has SP_EL0")
            #expect(target.write("SP_EL0", 0x3000) && target.read("sp") == 0x3000)
            #expect(target.write("cpsr", 0x3c9) && target.read("sp") == 0x2222_0000)
            for refused: UInt64 in [0x3cd, 0x3d0, 0x3c1, 0x3c7] {
                #expect(!target.write("cpsr", refused), "\(refused)")
            }
            #expect(target.read("cpsr") == 0x3c9)
        }
    }

    @Test("Floating point that a debugger traps is trapped", arguments: [Engine.interpreter, .jit])
    func floatEnable(engine: Engine) throws {
        // fadd d0, d1, d1; b -4
        try load([0x1e61_2820, 0x17ff_ffff], engine: engine) { target, _ in
            #expect(
                target.write("cpsr", 0x3c5) && target.write("CPTR_EL2", 0x33ff) && target.write("CPACR_EL1", 3 << 20))
            #expect(
                target.writeRegister(
                    target.number("v1"), of: 0, [0, 0, 0, 0, 0, 0, 0xf0, 0x3f] + [UInt8](repeating: 0, count: 8)))
            target.step()
            #expect(target.read("v0") == 0x4000_0000_0000_0000, "1.0 + 1.0")
            #expect(
                target.write("VBAR_EL1", 0x4008_1000) && target.write("CPACR_EL1", 0) && target.write("pc", Self.base))
            target.step()
            // EC of a trapped access to floating point is 7.
            #expect(target.read("pc") == 0x4008_1200 && target.read("ESR_EL1").map { $0 >> 26 } == 7)
        }
    }

    /// One block of 1 GiB at 0 in a table of level 1 leads to RAM's gigabyte: AF, inner shareable, and `attributes`.
    private func makeTable(_ target: MachineTarget, at table: UInt64, attributes: UInt64) {
        let entry: UInt64 = 0x4000_0000 | 1 << 10 | 3 << 8 | attributes | 1
        #expect(target.writeMemory(DebugAddress(table, in: .physical), entry.littleEndianBytes(8), of: 0))
    }

    @Test(
        "SCTLR_EL1.M that a debugger sets has EL1 translated, and memory is by level or space",
        arguments: [
            Engine.interpreter, .jit,
        ])
    func translation(engine: Engine) throws {
        // mov x0, #1; nop
        try load([0xd280_0020, 0xd503_201f], engine: engine) { target, _ in
            let table: UInt64 = 0x4010_0000
            makeTable(target, at: table, attributes: 0)
            // T0SZ 25: 39 bits, from level 1; 4 KiB granule; EPD1.
            #expect(
                target.write("TCR_EL1", 25 | 1 << 23) && target.write("TTBR0_EL1", table)
                    && target.write("MAIR_EL1", 0xff))
            #expect(target.write("SCTLR_EL1", 0x30d0_0801) && target.write("HCR_EL2", 1 << 31))
            func read(_ address: UInt64, _ space: DebugAddress.Space) -> [UInt8] {
                target.readMemory(DebugAddress(address, in: space), count: 4, of: 0)
            }
            let code: [UInt8] = [0x20, 0x00, 0x80, 0xd2]
            #expect(read(Self.base, .current) == code && read(0x8_0000, .current) != code)
            #expect(read(0x8_0000, .virtual(level: "EL1")) == code)
            #expect(target.write("cpsr", 0x3c5) && target.write("pc", 0x8_0000))
            target.step()
            #expect(target.read("pc") == 0x8_0004 && target.read("x0") == 1)
            #expect(read(0x8_0000, .current) == code && read(Self.base, .physical) == code)
        }
    }

    @Test("A guest's physical addresses go by the second stage that is selected, by its VMID")
    func guestPhysical() throws {
        try load([0xd280_0020]) { target, _ in
            let table: UInt64 = 0x4010_0000
            // S2AP: read and write; MemAttr: normal, write-back.
            makeTable(target, at: table, attributes: 3 << 6 | 0xf << 2)
            // T0SZ 25, SL0 1: from level 1; PS 40 bits; the VMID is in bits 55 to 48.
            #expect(
                target.write("VTCR_EL2", 25 | 1 << 6 | 2 << 16 | 1 << 31) && target.write("VTTBR_EL2", table | 5 << 48))
            func read(_ guest: UInt64?) -> [UInt8] {
                target.readMemory(DebugAddress(0x8_0000, in: .guestPhysical(guest: guest)), count: 4, of: 0)
            }
            #expect(read(nil) == [0x20, 0x00, 0x80, 0xd2] && read(5) == read(nil))
            #expect(read(6) == [])
        }
    }
}
