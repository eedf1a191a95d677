import AArch64ISA
import ISA
import Testing

@testable import Machine

@Suite("Interrupt controllers of AArch64's board")
struct AArch64InterruptControllerTests {
    /// Sends itself SGI 5 by system registers and acknowledges it, and then its own maintenance interrupt.
    private static let interrupts: [UInt32] = [
        0xd2a1_0000,  // mov  x0, #0x8000000          (GICD)
        0x5280_0041,  // mov  w1, #2
        0xb900_0001,  // str  w1, [x0]                (GICD_CTLR: Group 1)
        0xd2a1_0160,  // mov  x0, #0x80b0000          (SGI_base of the first Redistributor)
        0x1280_0001,  // mov  w1, #-1
        0xb900_8001,  // str  w1, [x0, #0x80]         (GICR_IGROUPR0)
        0xb901_0001,  // str  w1, [x0, #0x100]        (GICR_ISENABLER0)
        0xd280_1fe1,  // mov  x1, #255
        0xd518_4601,  // msr  ICC_PMR_EL1, x1
        0xd280_0021,  // mov  x1, #1
        0xd518_cce1,  // msr  ICC_IGRPEN1_EL1, x1
        0xd2a0_a002,  // mov  x2, #0x5000000
        0xb240_0042,  // orr  x2, x2, #1
        0xd518_cba2,  // msr  ICC_SGI1R_EL1, x2
        0xd503_3fdf,  // isb
        0xd538_c113,  // mrs  x19, ISR_EL1
        0xd538_cc14,  // mrs  x20, ICC_IAR1_EL1
        0xd518_cc34,  // msr  ICC_EOIR1_EL1, x20
        0xd280_0061,  // mov  x1, #3
        0xd51c_cb01,  // msr  ICH_HCR_EL2, x1         (En, and UIE: no List register is in use)
        0xd538_cc15,  // mrs  x21, ICC_IAR1_EL1
    ]

    private func load<T>(_ words: [UInt32], _ machine: String, _ body: (Session) throws -> T) throws -> T {
        try TinyA64Guest.load(words) {
            $0.machine = machine
            $0.cpu = "cortex-a72"
        } _: {
            try body($0)
        }
    }

    @Test("With a GICv3 a CPU has its system registers, and the maintenance interrupt is PPI 25")
    func systemRegisters() throws {
        try load(Self.interrupts + TinyA64Guest.powerOff, "aarch64-virt,gic-version=3") { session in
            #expect(session.run() == .exited(status: 0))
            let element = try #require(session.board as? AArch64Virt).elements[0]
            #expect((19...21).map { element.generalRegister($0) } == [1 << 7, 5, 25])
        }
    }

    @Test("With a GICv2 the same registers are UNDEFINED")
    func noSystemRegisters() throws {
        // From the first of them on; before are accesses to the Redistributor, which is not there either.
        try load(Array(Self.interrupts[7...]) + TinyA64Guest.powerOff, "aarch64-virt,gic-version=2") { session in
            _ = session.run()
            let element = try #require(session.board as? AArch64Virt).elements[0]
            let trap = try #require(element.recentTraps.first)
            #expect(trap.programCounter == 0x4008_0004)  // msr ICC_PMR_EL1
            #expect(trap.syndrome >> 26 == 0)
        }
    }

    @Test("The frames are where the tree says, and nothing else is there")
    func frames() throws {
        func implementer(_ session: Session, _ address: UInt64) -> UInt64? {
            session.board.space.read(address, size: 4)
        }
        try load(TinyA64Guest.powerOff, "aarch64-virt") { session in
            #expect(implementer(session, 0x802_0008) == 80 << 16 | 64)  // MSI_TYPER: SPIs from INTID 80 on
            #expect(implementer(session, 0x80a_0004) == nil)
        }
        try load(TinyA64Guest.powerOff, "aarch64-virt,gic-version=3") { session in
            #expect(implementer(session, 0x80a_0004) == 0x43b)  // GICR_IIDR
            #expect(implementer(session, 0x808_0004) == 0x43b)  // GITS_IIDR
            #expect(implementer(session, 0x802_0008) == nil)
        }
    }

    @Test("Options of a machine are told apart from others")
    func options() throws {
        func refusal(_ machine: String) -> String {
            do {
                return try load(TinyA64Guest.powerOff, machine) { _ in "accepted" }
            } catch {
                return "\(error)"
            }
        }
        #expect(refusal("aarch64-virt,gic-version=3") == "accepted")
        #expect(
            refusal("aarch64-virt,gic-version=4")
                == "--machine: \"gic-version=4\" is none of the choices. Write gic-version=2|3.")
        #expect(
            refusal("aarch64-virt,gic-versoin=3")
                == "--machine: \"gic-versoin\" is no option of aarch64-virt. Did you mean gic-version?")
        #expect(
            refusal("aarch64-virt,") == "--machine: \"\" is no option of aarch64-virt. `orrery machines` lists them.")
    }
}
