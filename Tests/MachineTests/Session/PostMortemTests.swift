import ISA
import Testing

@testable import Machine

@Suite("Post-mortem")
struct PostMortemTests {
    @Test("A hart that waits with no interrupt enabled is said to hang for that")
    func nothingEnabled() throws {
        let words: [UInt32] = [
            0x3040_1073,  // csrw mie, zero
            0x1050_0073,  // wfi
            0xffdf_f06f,  // j    -4
        ]
        try TinyGuest.run(words) { session, conclusion in
            // Six instructions of the reset vector and two of the program.
            #expect(conclusion == .hung)
            #expect(
                PostMortem(session).lines == [
                    "  hart 0  M  0x80000008  waits (wfi) since 0.000000008 s, and no interrupt is enabled: mie is 0"
                ])
        }
    }

    @Test("An interrupt that waits for nothing but a status bit is named with it")
    func masked() throws {
        // Volume II, "Machine Interrupt Registers": a pending and enabled interrupt is taken in M-mode only with MIE = 1.
        let words: [UInt32] = [
            0x0020_0293,  // li   t0, 2 (SSIP, SSIE)
            0x3042_9073,  // csrw mie, t0
            0x3442_9073,  // csrw mip, t0
            0x0000_006f,  // j    .
        ]
        try TinyGuest.run(words, { $0.maxInstructions = Count(50) }) { session, conclusion in
            #expect(conclusion == .instructionLimit)
            #expect(
                PostMortem(session).lines == [
                    "  hart 0  M  0x8000000c  runs; its supervisor software interrupt is pending, but mstatus.MIE is 0"
                ])
        }
    }

    @Test("A trap is dated when it was taken, and not when it is told of")
    func trapTime() throws {
        let words: [UInt32] = [
            0x0000_0297,  // auipc t0, 0
            0x0102_8293,  // addi  t0, t0, 16
            0x3052_9073,  // csrw  mtvec, t0
            0x0000_0000,  // illegal
            0x0000_006f,  // j     .
        ]
        try TinyGuest.run(words) { session, _ in
            let line = PostMortem(session).lines.last ?? ""
            // The tenth instruction, 9 ns after power-on.
            #expect(line.hasPrefix("    0.000000009 s  M -> M  illegal instruction"), "\(line)")
        }
    }

    @Test("A hart that faults at its own trap handler hangs at once, where no event is to come")
    func trapLoop() throws {
        // The same program as below, with all the time there is.
        try TinyGuest.run([0x1000_02b7, 0x2002_b303]) { session, conclusion in
            #expect(conclusion == .hung)
            #expect(PostMortem(session).lines[1].hasSuffix("times in a row; that is the trap handler itself"))
        }
        // lui t0, 0x2004; sd t0, 0(t0); illegal: mtimecmp is set, an event that might end it.
        let timed: [UInt32] = [0x0200_42b7, 0x0052_b023, 0x0000_0000]
        try TinyGuest.run(timed, { $0.maxInstructions = Count(100_000) }) { _, conclusion in
            #expect(conclusion == .instructionLimit)
        }
    }

    @Test("A trap handler that traps itself is a loop, and what led to it is kept")
    func loop() throws {
        let words: [UInt32] = [
            0x1000_02b7,  // lui  t0, 0x10000
            0x2002_b303,  // ld   t1, 0x200(t0): no device; mtvec is 0, where there is no memory
        ]
        try TinyGuest.run(words, { $0.maxInstructions = Count(1000) }) { session, _ in
            let lines = PostMortem(session).lines
            // Six instructions of reset code and one of the program lie before the first trap.
            #expect(
                lines[1]
                    == "  hart 0 goes round in a loop: instruction access fault at 0x0, 992 times in a row; "
                    + "that is the trap handler itself")
            #expect(lines[3].hasSuffix("load access fault at 0x80000004, address 0x10000200"))
            #expect(
                lines.last == "  last access that nothing answered: 0x10000200; the nearest device is serial@10000000, "
                    + "0x10000000-0x100000ff")
        }
    }
}
