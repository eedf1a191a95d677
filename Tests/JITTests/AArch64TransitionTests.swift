import ISA
import Machine
import Testing

@testable import AArch64ISA
@testable import JIT

/// Programs that go from one exception level to another all the time, on both engines: a page of random calls, returns and
/// writes of what governs them, which is its own vector table.
@Suite(
    "AArch64's changes of level, both engines",
    .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct AArch64TransitionTests {
    private typealias Machine = AArch64TestMachine
    private typealias Key = AArch64.SystemRegister

    private static let savedState: [UInt16] = [Key.key(3, 0, 4, 0, 0), Key.key(3, 4, 4, 0, 0)]
    private static let links: [UInt16] = [Key.key(3, 0, 4, 0, 1), Key.key(3, 4, 4, 0, 1)]
    private static let configuration = Key.key(3, 4, 1, 1, 0)
    private static let table = Key.key(3, 0, 2, 0, 0)
    private static let masks = Key.key(3, 3, 4, 2, 1)
    private static let read: [UInt16] = [
        Key.key(3, 0, 5, 2, 0), Key.key(3, 4, 5, 2, 0), Key.key(3, 0, 4, 0, 0), Key.key(3, 0, 4, 1, 0), masks,
    ]

    // X0 to X7 hold addresses of code, X8 to X13 what SPSR_ELx may, X14 and X15 HCR_EL2; X16 to X30 are anything.
    private static func word(_ random: inout SplitMix64) -> UInt32 {
        func some(_ range: Range<UInt32>) -> UInt32 {
            range.lowerBound + UInt32(truncatingIfNeeded: random.next()) % UInt32(range.count)
        }
        let immediate = UInt32(truncatingIfNeeded: random.next() & 0xffff) << 5
        let masks = some(0..<16) << 8
        switch random.next() % 40 {
        case 0...3: return 0xd400_0001 | immediate  // svc
        case 4...6: return 0xd400_0002 | immediate  // hvc
        case 7...13: return 0xd69f_03e0  // eret
        case 14...16: return Machine.msr(links[Int(random.next() & 1)], some(0..<8))
        case 17...19: return Machine.msr(savedState[Int(random.next() & 1)], some(8..<14))
        case 20: return Machine.msr(configuration, some(14..<16))
        case 21: return random.chance(20) ? Machine.msr(table, 0) : 0xd503_201f
        case 22: return 0xd503_40df | masks  // msr daifset
        case 23: return 0xd503_40ff | masks  // msr daifclr
        case 24: return Machine.msr(Self.masks, some(8..<14))
        case 25: return 0xd500_409f | (masks & 0x100)  // msr pan
        case 26: return random.chance(20) ? 0xd500_40bf | (masks & 0x100) : 0xd503_201f  // msr spsel
        case 27, 28: return Machine.mrs(Self.read[Int(random.next() % 5)], some(16..<31))
        case 29...31: return 0xab00_0000 | some(16..<31) << 16 | some(16..<31) << 5 | some(16..<31)  // adds
        case 32: return 0x9100_43ff  // add sp, sp, 16
        case 33: return 0xf940_0000 | 31 << 5 | some(16..<31)  // ldr from sp
        case 34: return 0xf840_0800 | some(0..<8) << 5 | some(16..<31)  // ldtr
        case 35: return 0x1e60_4000 | some(0..<32)  // fmov d, d0
        case 36: return 0x9a9f_17e0 | some(16..<31)  // cset
        default: return 0xd503_201f
        }
    }

    private func begin(_ machine: Machine, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        machine.write((0..<1024).map { _ in Self.word(&random) }, at: Machine.code)
        let element = machine.element!
        element.reset()
        let (core, state) = (element.core, element.state)
        let level = random.next() % 3
        let levels: [UInt64] = [0, 0, 5, 5, 0, 5, 4, 9, 8, 1, 0x10, 2]
        let configurations: [UInt64] = [
            0, 0, 1 << 29, 1 << 27, 1 << 34, 1 << 34 | 1 << 27, 1 << 7 | 1 << 4, 1 << 31, 1 << 19, 1 << 10,
        ]
        for register in 0..<8 {
            core.pointee.registers[register] = Machine.code + random.next() % 4096 & ~(random.chance(98) ? 3 : 0)
        }
        for register in 8..<14 {
            var value = levels[Int(random.next() % 12)] | random.next() & (0xf << 28 | 0xf << 6)
            if random.chance(30) { value |= random.next() & (1 << 22 | 1 << 23 | 1 << 24 | 1 << 12) }
            if random.chance(5) { value |= random.next() & 0xffff_ffff }
            core.pointee.registers[register] = value
        }
        for register in 14..<16 {
            core.pointee.registers[register] = configurations[Int(random.next() % 10)] | 1 << 31
        }
        for register in 16..<31 {
            core.pointee.registers[register] = random.chance(50) ? random.next() : random.next() & 3
        }
        for part in 0..<64 { core.pointee.vectors[part] = random.next() }
        element.setMode(level << 2 | (level == 0 ? 0 : 1))
        for level in 0..<3 {
            state.pointee.sp[level] = Machine.data + 0x1000 * UInt64(level + 1)
            state.pointee.vbar[level] = Machine.code
            state.pointee.elr[level] = core.pointee.registers[level]
            state.pointee.spsr[level] = core.pointee.registers[8 + level]
            state.pointee.sctlr[level] = random.next() & (1 << 23 | 1 << 44 | 1 << 9)
        }
        // There is no EL1 while TGE is set.
        state.pointee.hcr = core.pointee.registers[14] & (level == 1 ? ~(1 << 27) : ~0)
        let access = random.next() & 3
        state.pointee.cpacr = access << 20
        state.pointee.cptr = random.chance(30) ? 0x33ff : 0x33ff & ~(1 << 10)
        if random.chance(10) { element.setLine(AArch64.Interrupt.virtualIRQ, true) }
        element.loadStackPointer()
        element.contextChanged()
        core.pointee.programCounter = Machine.code + 0x800
    }

    @Test("Random calls and returns do the same", arguments: [1, 2] as [UInt64])
    func callsAndReturns(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let (interpreter, translating) = (try Machine(translates: false), try Machine(translates: true))
        for _ in 0..<80 {
            let program = random.next()
            begin(interpreter, seed: program)
            begin(translating, seed: program)
            for turn in 0..<30 {
                let address = interpreter.element.core.pointee.programCounter
                let count = random.next() % 60 + 1
                interpreter.element.run(count)
                translating.element.run(count)
                for (ours, theirs) in zip(translating.observed, interpreter.observed) where ours.value != theirs.value {
                    Issue.record(
                        """
                        Program \(program), turn \(turn), \(count) instructions from \(String(address, radix: 16)): \
                        \(ours.name) is \(String(ours.value, radix: 16)) translated, and \
                        \(String(theirs.value, radix: 16)) interpreted. See Transitions.swift beside Exceptions.swift.
                        """)
                    return
                }
            }
        }
        let executed = try #require(translating.translator).statistics.executed
        #expect(executed > 8_000, "only \(executed) instructions were executed in translated code")
    }
}
