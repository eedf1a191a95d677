import Testing

@testable import Machine

/// Small machines in which events come, for both architectures: a hypervisor with a guest, and a timer's interrupts.
enum EventGuest: String, CaseIterable, CustomTestStringConvertible {
    case riscv, aarch64

    var testDescription: String { rawValue }

    /// Enters a guest that calls three times, and leaves for other reasons; then the machine is off.
    var guests: [UInt32] {
        switch self {
        case .riscv: ExitStatisticsTests.guest
        case .aarch64: at(0x400, AArch64ExitStatisticsTests.start, AArch64ExitStatisticsTests.handler)
        }
    }

    /// Is interrupted again and again.
    var timer: [UInt32] {
        switch self {
        case .riscv:
            [
                0x0000_0297,  // auipc t0, 0
                0x0282_8293,  // addi  t0, t0, 40        handler
                0x3052_9073,  // csrw  mtvec, t0
                0x0200_4337,  // lui   t1, 0x2004        mtimecmp
                0x0200_ceb7,  // lui   t4, 0x200c
                0x0003_3023,  // sd    zero, 0(t1)
                0x0800_0393,  // li    t2, 128           MTIE
                0x3043_9073,  // csrw  mie, t2
                0x3004_6073,  // csrsi mstatus, 8        MIE
                0x0000_006f,  // j     .
                0x0014_0413,  // handler: addi s0, s0, 1
                0xff8e_be03,  // ld    t3, -8(t4)        mtime
                0x002e_0e13,  // addi  t3, t3, 2
                0x01c3_3023,  // sd    t3, 0(t1)
                0x3020_0073,  // mret
            ]
        case .aarch64:
            at(
                0x280,
                [
                    0x1000_0000,  // adr  x0, .
                    0xd51c_c000,  // msr  vbar_el2, x0
                    0xd2a1_0001,  // mov  x1, #0x8000000        GICD
                    0x5280_0022,  // mov  w2, #1
                    0xb900_0022,  // str  w2, [x1]
                    0x52a8_0003,  // mov  w3, #0x40000000       interrupt 30
                    0xb901_0023,  // str  w3, [x1, #0x100]
                    0x9140_4024,  // add  x4, x1, #0x10000      GICC
                    0x5280_1fe5,  // mov  w5, #0xff
                    0xb900_0485,  // str  w5, [x4, #4]
                    0xb900_0082,  // str  w2, [x4]
                    0xd280_0206,  // mov  x6, #0x10             HCR_EL2.IMO
                    0xd51c_1106,  // msr  hcr_el2, x6
                    0xd51b_e21f,  // msr  cntp_tval_el0, xzr
                    0xd280_0027,  // mov  x7, #1
                    0xd51b_e227,  // msr  cntp_ctl_el0, x7
                    0xd503_42ff,  // msr  daifclr, #2
                    0x1400_0000,  // b    .
                ],
                [
                    0xb940_0c88,  // ldr  w8, [x4, #0xc]
                    0xd280_0649,  // mov  x9, #50
                    0xd51b_e209,  // msr  cntp_tval_el0, x9
                    0xb900_1088,  // str  w8, [x4, #0x10]
                    0x9100_054a,  // add  x10, x10, #1
                    0xd69f_03e0,  // eret
                ])
        }
    }

    private func at(_ offset: Int, _ start: [UInt32], _ handler: [UInt32]) -> [UInt32] {
        start + [UInt32](repeating: 0, count: offset / 4 - start.count) + handler
    }

    /// Where the image lies.
    var base: UInt64 { self == .riscv ? 0x8000_0000 : 0x4008_0000 }
    /// The first instruction of what handles exits, and interrupts.
    var exitHandler: UInt64 { base + (self == .riscv ? 0x3c : 0x400) }
    var interruptHandler: UInt64 { base + (self == .riscv ? 0x28 : 0x280) }
    /// Where the guest begins, and its calls.
    var guestStart: UInt64 { base + (self == .riscv ? 0x6c : 0x4c) }
    var calls: [UInt64] { (self == .riscv ? [0x74, 0x78, 0x80] : [0x50, 0x54, 0x58]).map { base + $0 } }
    /// The register that counts interrupts, and that which says where an exit came from.
    var counter: String { self == .riscv ? "s0" : "x10" }
    var exitAddress: String { self == .riscv ? "mepc" : "elr_el2" }
    /// The levels of the hypervisor and of the guest.
    var levels: (hypervisor: String, guest: String) { self == .riscv ? ("M", "VS") : ("EL2", "EL1") }
    /// The number that the guest has.
    var guestNumber: UInt64 { self == .riscv ? 0 : 5 }
    /// What a call is called.
    var call: String { self == .riscv ? "SBI base" : "HVC" }
    /// A call's return address lies behind it on AArch64 (D1.3.4, preferred return address of HVC).
    var returnOffset: UInt64 { self == .riscv ? 0 : 4 }

    func load(
        _ words: [UInt32], engine: Engine = .jit, cpus: Int = 1, instructions: UInt64? = nil,
        _ body: (MachineTarget, Session) throws -> Void
    ) throws {
        try session(words, engine: engine, cpus: cpus, instructions: instructions) { session in
            try body(MachineTarget(session, describe: { _ in nil }), session)
        }
    }

    func session(
        _ words: [UInt32], engine: Engine = .jit, cpus: Int = 1, instructions: UInt64? = nil,
        _ body: (Session) throws -> Void
    ) throws {
        try TinyGuest.load(
            words,
            {
                $0.machine = self == .riscv ? nil : "aarch64-virt"
                $0.engine = engine
                $0.harts = cpus
                if self == .aarch64 { $0.memory = ByteCount(4 << 20) }
                if self == .aarch64 { $0.firmware = nil }
                $0.maxInstructions = instructions.map { Count($0) }
            }, body)
    }
}

extension MachineTarget {
    /// Runs on to the next stop.
    func runOn(_ amount: Resumption.Amount = .run, reverse: Bool = false) -> DebugStop {
        resume(Resumption(amount, isReverse: reverse))
        while true { if let stop = advance() { return stop } }
    }
}
