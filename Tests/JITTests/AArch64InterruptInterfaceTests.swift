import ISA
import Machine
import Testing

@testable import AArch64ISA
@testable import JIT

/// Programs that access a GICv3's CPU interface all the time, on both engines, while EL2 traps some of it and has the virtual
/// interface in place of some: a page of random accesses, calls and returns, which is its own vector table.
@Suite(
    "AArch64's interrupt controller interface, both engines",
    .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct AArch64InterruptInterfaceTests {
    private typealias Machine = AArch64TestMachine
    private typealias Key = AArch64.SystemRegister

    /// Remembers what it was asked, and answers with that. A few writes raise or lower the PE's line.
    private final class Controller: InterruptControllerInterface {
        private(set) var asked = 0
        private(set) var physical = 0
        private(set) var virtual = 0
        private(set) var digest: UInt64 = 0
        private unowned let element: AArch64.ProcessingElement
        init(_ element: AArch64.ProcessingElement) { self.element = element }

        private func note(_ kind: UInt64, _ register: UInt8, _ value: UInt64) -> UInt64 {
            asked += 1
            digest = (digest ^ kind << 56 ^ UInt64(register) << 40 ^ value) &* 0x9e37_79b9_7f4a_7c15
            digest ^= digest >> 29
            if digest & 7 == 0 { element.setLine(AArch64.Interrupt.irq, digest & 8 != 0) }
            return digest
        }

        func read(_ register: AArch64.InterfaceRegister) -> UInt64 {
            physical += 1
            return note(1, register.rawValue, 0)
        }
        func write(_ register: AArch64.InterfaceRegister, _ value: UInt64) {
            physical += 1
            _ = note(2, register.rawValue, value)
        }
        func readVirtual(_ register: AArch64.InterfaceRegister) -> UInt64 {
            virtual += 1
            return note(3, register.rawValue, 0)
        }
        func writeVirtual(_ register: AArch64.InterfaceRegister, _ value: UInt64) {
            virtual += 1
            _ = note(4, register.rawValue, value)
        }
        func read(_ register: AArch64.HypervisorInterfaceRegister) -> UInt64 { note(5, register.rawValue, 0) }
        func write(_ register: AArch64.HypervisorInterfaceRegister, _ value: UInt64) {
            _ = note(6, register.rawValue, value)
        }
    }

    /// ICC_*_EL1, which are ICV_* too.
    private static let interface: [UInt16] = AArch64.InterfaceRegister.allCases.map {
        Key.key(3, 0, $0 == .pmr ? 4 : 12, UInt16($0.rawValue >> 3), UInt16($0.rawValue & 7))
    }
    private static let hypervisorControl = Key.key(3, 4, 12, 11, 0)
    private static let configuration = Key.key(3, 4, 1, 1, 0)
    private static let links: [UInt16] = [Key.key(3, 0, 4, 0, 1), Key.key(3, 4, 4, 0, 1)]
    private static let savedState: [UInt16] = [Key.key(3, 0, 4, 0, 0), Key.key(3, 4, 4, 0, 0)]

    // X0 to X7 hold addresses of code, X8 to X11 what SPSR_ELx may, X12 to X15 HCR_EL2, X16 to X19 ICH_HCR_EL2; X20 to X30
    // are anything.
    private static func word(_ random: inout SplitMix64) -> UInt32 {
        func some(_ range: Range<UInt32>) -> UInt32 {
            range.lowerBound + UInt32(truncatingIfNeeded: random.next()) % UInt32(range.count)
        }
        let register = interface[Int(random.next() % UInt64(interface.count))]
        switch random.next() % 32 {
        case 0...9: return Machine.mrs(register, some(20..<31))
        case 10...18: return Machine.msr(register, some(20..<31))
        case 19: return 0xd400_0002 | some(0..<16) << 5  // hvc
        case 20, 21: return 0xd69f_03e0  // eret
        case 22: return Machine.msr(links[Int(random.next() & 1)], some(0..<8))
        case 23: return Machine.msr(savedState[Int(random.next() & 1)], some(8..<12))
        case 24: return Machine.msr(configuration, some(12..<16))
        case 25, 26: return Machine.msr(hypervisorControl, some(16..<20))
        case 27: return 0xd503_40df | some(0..<16) << 8  // msr daifset
        case 28: return 0xd503_40ff | some(0..<16) << 8  // msr daifclr
        case 29: return 0xd503_3fdf  // isb
        default: return 0x8b00_0000 | some(20..<31) << 16 | some(20..<31) << 5 | some(20..<31)  // add
        }
    }

    private func begin(_ machine: Machine, _ controller: Controller, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        machine.write((0..<1024).map { _ in Self.word(&random) }, at: Machine.code)
        let element = machine.element!
        element.reset()
        element.interruptController = controller
        let (core, state) = (element.core, element.state)
        for register in 0..<8 { core.pointee.registers[register] = Machine.code + random.next() % 4096 & ~3 }
        for register in 8..<12 {
            core.pointee.registers[register] = [5, 5, 5, 5][Int(random.next() & 3)] | random.next() & (0xf << 6)
        }
        for register in 12..<16 {
            let bits = [0, 0, 1 << 3, 1 << 4, 3 << 3, 3 << 3, 1 << 42, 1 << 34] as [UInt64]
            core.pointee.registers[register] = 1 << 31 | bits[Int(random.next() & 7)]
        }
        for register in 16..<20 {
            let bits = [0, 0, 0, 1 << 10, 1 << 11, 1 << 12, 1 << 14, 7 << 10] as [UInt64]
            core.pointee.registers[register] = bits[Int(random.next() & 7)]
        }
        for register in 20..<31 { core.pointee.registers[register] = random.next() }
        let level: UInt64 = random.chance(80) ? 1 : 2
        element.setMode(level << 2 | 1)
        for level in 0..<3 {
            state.pointee.sp[level] = Machine.data + 0x1000 * UInt64(level + 1)
            state.pointee.vbar[level] = Machine.code
            state.pointee.elr[level] = core.pointee.registers[level]
            state.pointee.spsr[level] = 5
        }
        state.pointee.hcr = core.pointee.registers[12 + Int(random.next() & 3)]
        element.loadStackPointer()
        element.contextChanged()
        core.pointee.programCounter = Machine.code + 0x800
    }

    @Test("Random accesses do the same", arguments: [1, 2, 3] as [UInt64])
    func accesses(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let (interpreter, translating) = (try Machine(translates: false), try Machine(translates: true))
        let controllers = (Controller(interpreter.element), Controller(translating.element))
        for _ in 0..<60 {
            let program = random.next()
            begin(interpreter, controllers.0, seed: program)
            begin(translating, controllers.1, seed: program)
            for turn in 0..<30 {
                let address = interpreter.element.core.pointee.programCounter
                let count = random.next() % 60 + 1
                interpreter.element.run(count)
                translating.element.run(count)
                let place = "Program \(program), turn \(turn), \(count) instructions from \(String(address, radix: 16))"
                guard controllers.0.digest == controllers.1.digest else {
                    Issue.record(
                        """
                        \(place): the controller was not asked the same. \
                        See isInterruptInterface in SystemRegistersInterrupts.swift.
                        """)
                    return
                }
                for (ours, theirs) in zip(translating.observed, interpreter.observed) where ours.value != theirs.value {
                    Issue.record(
                        """
                        \(place): \(ours.name) is \(String(ours.value, radix: 16)) translated, and \
                        \(String(theirs.value, radix: 16)) interpreted. See SystemRegistersInterrupts.swift.
                        """)
                    return
                }
            }
        }
        let executed = try #require(translating.translator).statistics.executed
        #expect(executed > 4_000, "only \(executed) instructions were executed in translated code")
        let (physical, virtual) = (controllers.1.physical, controllers.1.virtual)
        #expect(physical > 500 && virtual > 50, "\(physical) and \(virtual) accesses are too few to tell")
    }
}
