import AArch64ISA
import ISA
import Testing

@testable import Machine

@Suite("Post-mortem of AArch64's CPUs")
struct AArch64PostMortemTests {
    @Test("A CPU that waits with no timer on is said to, and one that was never started is off")
    func waiting() throws {
        let words: [UInt32] = [
            0xd503_207f,  // wfi
            0x17ff_ffff,  // b    .-4
        ]
        try TinyA64Guest.run(words, { $0.harts = 2 }) { session, conclusion in
            #expect(conclusion == .hung)
            #expect(
                PostMortem(session).lines == [
                    "  CPU 0  EL2  0x40080004  waits (wfi) since 0.000000001 s, and none of its timers is on",
                    "  CPU 1  EL2  0x0         is off",
                ])
        }
    }

    @Test("A timer that is on is named, and so is one that never rings")
    func timers() throws {
        let words: [UInt32] = [
            0xd280_0020,  // mov  x0, #1
            0xd51b_e320,  // msr  cntv_ctl_el0, x0
            0x9280_0001,  // mov  x1, #-1
            0xd51b_e341,  // msr  cntv_cval_el0, x1
            0xd503_207f,  // wfi
            0x17ff_ffff,  // b    .-4
        ]
        try TinyA64Guest.run(words) { session, conclusion in
            #expect(conclusion == .hung)
            #expect(
                PostMortem(session).lines == [
                    "  CPU 0  EL2  0x40080014  waits (wfi) since 0.000000005 s for an interrupt; on are the virtual "
                        + "timer; the virtual timer is set to the end of time"
                ])
        }
    }

    @Test("A pending interrupt is told of with what keeps it away (D1.13)")
    func obstacles() throws {
        func clauses(_ configure: (AArch64.ProcessingElement) -> Void) throws -> [String] {
            try TinyA64Guest.load([0x1400_0000]) { session in
                let element = try #require(session.board as? AArch64Virt).elements[0]
                configure(element)
                return Array(element.activity(since: nil).dropFirst())
            }
        }
        typealias Hypervisor = AArch64.HypervisorConfiguration
        #expect(
            try clauses { $0.setLine(AArch64.Interrupt.irq, true) }
                == ["its IRQ is pending, but it is EL1's, which does not run"])
        #expect(
            try clauses {
                $0.state.pointee.hcr = Hypervisor.imo
                $0.setLine(AArch64.Interrupt.irq, true)
            } == ["its IRQ is pending, but PSTATE.I masks it"])
        #expect(
            try clauses {
                $0.state.pointee.hcr = Hypervisor.fmo
                $0.state.pointee.pstate &= ~AArch64.PSTATE.fiqMask
                $0.setLine(AArch64.Interrupt.fiq, true)
            } == [], "it is about to be taken")
        #expect(
            try clauses { $0.setLine(AArch64.Interrupt.virtualIRQ, true) }
                == ["its virtual IRQ is pending, but HCR_EL2.IMO is 0"])
        #expect(
            try clauses { $0.state.pointee.hcr = Hypervisor.fmo | Hypervisor.vf }
                == ["its virtual FIQ is pending, but it is the guest's, which does not run"])
        #expect(
            try clauses {
                $0.state.pointee.hcr = Hypervisor.imo | Hypervisor.vi
                $0.state.pointee.pstate = AArch64.PSTATE.daif | AArch64.PSTATE.el1h
            } == ["its virtual IRQ is pending, but PSTATE.I masks it"])
    }

    @Test("A fault in the handler of a fault is a loop, and what led to it is kept")
    func loop() throws {
        let words: [UInt32] = [
            0xd2a1_a001,  // mov  x1, #0xd000000
            0xf940_0022,  // ldr  x2, [x1]: nothing is there, and VBAR_EL2 is 0, where flash holds zeros
        ]
        try TinyA64Guest.run(words) { session, conclusion in
            #expect(conclusion == .hung)
            #expect(
                PostMortem(session).lines == [
                    "  CPU 0  EL2  0x200  runs",
                    "  CPU 0 goes round in a loop: undefined instruction at 0x200, 1,001 times in a row; "
                        + "that is the trap handler itself",
                    "  last exceptions of CPU 0",
                    "    0.000000001 s  EL2 -> EL2  data abort of a read: external abort at 0x40080004, "
                        + "address 0xd000000",
                    "    0.000000002 s  EL2 -> EL2  undefined instruction at 0x200 (1,001 times)",
                    "  last access that nothing answered: 0xd000000; the nearest device is virtio_mmio@a003e00, "
                        + "0xa003e00-0xa003fff",
                ])
        }
    }

    /// Goes back from exceptions of EL2 and of EL1, behind the instruction that raised each.
    private static let handler: [UInt32] = [
        0xd53c_5213,  // mrs  x19, esr_el2
        0xd53c_4034,  // mrs  x20, elr_el2
        0xd35a_fe75,  // lsr  x21, x19, #26
        0xf100_56bf,  // cmp  x21, #0x15 (SVC, which has returned behind itself)
        0x5400_00a0,  // b.eq .+20
        0xf100_5abf,  // cmp  x21, #0x16 (HVC, the same)
        0x5400_0060,  // b.eq .+12
        0x9100_1294,  // add  x20, x20, #4
        0xd51c_4034,  // msr  elr_el2, x20
        0xd69f_03e0,  // eret
    ]

    @Test("Exceptions are named by their syndromes (D19.2.37)")
    func names() throws {
        var program: [UInt32] = [
            0x1000_0000,  // adr  x0, .
            0xd51c_c000,  // msr  vbar_el2, x0
            0xd2a1_a001,  // mov  x1, #0xd000000
            0xd400_0201,  // svc  #16
            0xd420_0060,  // brk  #3
            0xf940_0022,  // ldr  x2, [x1]
            0xd53e_d060,  // mrs  x0, tpidr_el3
            0xd2b0_0081,  // mov  x1, #0x80040000 (RW, TID3)
            0xf284_0001,  // movk x1, #0x2000 (TWI)
            0xd51c_1101,  // msr  hcr_el2, x1
            0xd280_78a2,  // mov  x2, #0x3c5 (EL1h)
            0xd51c_4002,  // msr  spsr_el2, x2
            0x1000_0063,  // adr  x3, .+12
            0xd51c_4023,  // msr  elr_el2, x3
            0xd69f_03e0,  // eret
            0xd538_0400,  // mrs  x0, id_aa64pfr0_el1
            0xd503_207f,  // wfi
            0xd400_00e2,  // hvc  #7
            0x1400_0000,  // b    .
        ]
        program += [UInt32](repeating: 0, count: 0x200 / 4 - program.count) + Self.handler
        program += [UInt32](repeating: 0, count: 0x400 / 4 - program.count) + [0x17ff_ff80]  // b .-0x200
        try TinyA64Guest.run(program, { $0.maxInstructions = Count(1000) }) { session, _ in
            let records = try #require(session.board.processors.first).recentExceptions
            #expect(
                records.map(\.name) == [
                    "SVC #16", "BRK #3", "data abort of a read: external abort", "undefined instruction",
                    "trapped read of ID_AA64PFR0_EL1", "trapped WFI", "HVC #7",
                ])
            let kinds: [ExceptionRecord.Kind] = [.call, .fault, .fault, .fault, .fault, .fault, .call]
            #expect(records.map(\.kind) == kinds)
            #expect(records.map(\.from.name) == ["EL2", "EL2", "EL2", "EL2", "EL1", "EL1", "EL1"])
            #expect(records.allSatisfy { $0.to.name == "EL2" && !$0.from.isGuests })
            #expect(records[2].value == 0xd00_0000)
        }
    }

    @Test("An abort of the second stage is told with its guest and intermediate address")
    func stageTwo() throws {
        let program: [UInt32] = [
            0xd2b0_0001,  // mov  x1, #0x80000000
            0xf280_0021,  // movk x1, #1 (RW, VM)
            0xd51c_1101,  // msr  hcr_el2, x1
            0xd286_ab22,  // mov  x2, #0x3559
            0xf2b0_0042,  // movk x2, #0x8002, lsl #16 (39 bits from level 1, 4 KiB, 40 bits out)
            0xd51c_2142,  // msr  vtcr_el2, x2
            0xd2a8_0202,  // mov  x2, #0x40100000: zeros
            0xf2e0_00a2,  // movk x2, #5, lsl #48 (VMID)
            0xd51c_2102,  // msr  vttbr_el2, x2
            0xd280_78a2,  // mov  x2, #0x3c5 (EL1h)
            0xd51c_4002,  // msr  spsr_el2, x2
            0x1000_0063,  // adr  x3, .+12
            0xd51c_4023,  // msr  elr_el2, x3
            0xd69f_03e0,  // eret
        ]
        try TinyA64Guest.run(program, { $0.maxInstructions = Count(14) }) { session, _ in
            let processor = try #require(session.board.processors.first)
            #expect(processor.privilegeText == "EL1 vmid 5")
            #expect(processor.instructionWord() == nil)
        }
        try TinyA64Guest.run(program, { $0.maxInstructions = Count(15) }) { session, _ in
            let processor = try #require(session.board.processors.first)
            let record = try #require(processor.recentExceptions.first)
            #expect(
                PostMortem(session).describe(record)
                    == "0.000000014 s  EL1 -> EL2  instruction abort: translation fault, level 1 at 0x40080038, "
                    + "address 0x40080038, intermediate 0x40080038")
            #expect(record.from.isGuests)
        }
    }
}
