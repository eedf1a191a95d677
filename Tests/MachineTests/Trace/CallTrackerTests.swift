import AArch64ISA
import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

/// Who called whom in a program without frame pointers, whose every instruction is counted by hand.
@Suite("Calls that are followed")
struct CallTrackerTests {
    private static let isPossible = CompiledProgram.isPossible

    /// Beside plain calls: a common prologue that is called by `t0`, functions that end in a jump to another, an exception in
    /// a leaf, recursion, and two threads that switch as Hyper's do. In brackets: how often each instruction is executed.
    private static let source = #"""
        .attribute arch, "rv64imac_zicsr"
        .globl _start
        _start:
            la sp, stack_a
            la t0, trap
            csrw mtvec, t0
            call main
            li a0, 0x100000
            li a1, 0x5555
            sw a1, 0(a0)
        0:  j 0b

        main:
            jal t0, save
            li s1, 2
        0:  call twice
            addi s1, s1, -1
            bnez s1, 0b
            la a0, saved_a
            la a1, stack_b - 16
            call switch
            la a0, saved_a
            la a1, saved_b
            ld a1, 0(a1)
            call switch
            j restore

        save:
            addi sp, sp, -16
            sd ra, 8(sp)
            sd s1, 0(sp)
            jr t0

        restore:
            ld ra, 8(sp)
            ld s1, 0(sp)
            addi sp, sp, 16
            ret

        twice:
            li a0, 1
            j leaf

        leaf:
            .option push
            .option norvc
            ecall
            .option pop
            ret

        .balign 4
        trap:
            csrr t1, mepc
            addi t1, t1, 4
            csrw mepc, t1
            mret

        thread:
            li a0, 2
            call helper
            la a0, saved_b
            la a1, saved_a
            ld a1, 0(a1)
            call switch
            j thread

        helper:
            beqz a0, 0f
            addi sp, sp, -16
            sd ra, 0(sp)
            addi a0, a0, -1
            call helper
            ld ra, 0(sp)
            addi sp, sp, 16
        0:  ret

        switch:
            addi sp, sp, -16
            sd ra, 0(sp)
            sd sp, 0(a0)
            mv sp, a1
            ld ra, 0(sp)
            addi sp, sp, 16
            ret

        .data
        .balign 16
        saved_a: .dword 0
        saved_b: .dword 0
            .skip 1024
        stack_a:
            .skip 1024 - 16
            .dword thread, 0
        stack_b:
            .dword 0
        """#

    @Test(
        "Each instruction is counted for the calls that had led to it",
        .enabled(if: isPossible, "needs clang and ld.lld of the Swift toolchain"))
    func stacks() throws {
        try CompiledProgram.assemble(Self.source, for: .riscv64) { path in
            var description = MachineDescription()
            description.firmware = "none"
            description.kernel = path
            description.memory = ByteCount(4 << 20)
            description.engine = .interpreter
            description.maxInstructions = Count(10_000)
            let session = try Session(description)
            let calls = try CallTracker(session)
            let profile = InstructionProfile(session, SymbolSpaces(session.symbols), interval: 1, calls: calls)
            #expect(profile.run() == .exited(status: 0))
            // `la` and `call` are two instructions, and so is the second `li` of _start.
            #expect(
                profile.folded == """
                    M;[0x1000] 5
                    M;_start 11
                    M;_start;main 24
                    M;_start;main;leaf 4
                    M;_start;main;leaf;trap 8
                    M;_start;main;save 4
                    M;_start;main;switch 14
                    M;_start;main;twice 4
                    M;_start;restore 4
                    M;thread 21
                    M;thread;helper 18
                    M;thread;helper;helper 18
                    M;thread;helper;helper;helper 4
                    M;thread;switch 14

                    """)
        }
    }

    @Test("Jumps are the calls and returns that the manuals' tables have them to be")
    func transfers() {
        // Words as LLVM's assembler makes them of the instructions behind them.
        let riscv: [(UInt32, ControlTransfer, String)] = [
            (0x0100_00ef, .call(size: 4), "jal ra, 16"), (0x0100_02ef, .call(size: 4), "jal t0, 16"),
            (0x0100_006f, .other, "j 16"), (0x0005_00e7, .call(size: 4), "jalr a0"), (0x0000_8067, .return, "ret"),
            (0x0002_8067, .return, "jr t0"), (0x0005_0067, .other, "jr a0"), (0x0000_80e7, .call(size: 4), "jalr ra"),
            (0x0002_80e7, .returnAndCall(size: 4), "jalr ra, t0"), (0x1234_8082, .return, "c.ret"),
            (0x1234_8282, .return, "c.jr t0"), (0x1234_8502, .other, "c.jr a0"),
            (0x1234_9502, .call(size: 2), "c.jalr a0"), (0x1234_9282, .returnAndCall(size: 2), "c.jalr t0"),
            (0x1234_9002, .other, "c.ebreak"), (0x1234_852e, .other, "c.mv a0, a1"),
            (0x1234_952e, .other, "c.add a0, a1"),
            (0x1020_0073, .exceptionReturn, "sret"), (0x3020_0073, .exceptionReturn, "mret"),
            (0x0000_0073, .other, "ecall"), (0xfe05_1ee3, .other, "bnez a0, -4"),
        ]
        for (word, transfer, text) in riscv {
            #expect(RISCV.Hart.transfer(word) == transfer, "\(text): see Unprivileged ISA, \"Unconditional Jumps\"")
        }
        let aarch64: [(UInt32, ControlTransfer, String)] = [
            (0x9400_0004, .call(size: 4), "bl 16"), (0x1400_0004, .other, "b 16"),
            (0xd63f_0000, .call(size: 4), "blr x0"), (0xd63f_081f, .call(size: 4), "blraaz x0"),
            (0xd73f_0801, .call(size: 4), "blraa x0, x1"), (0xd61f_0000, .other, "br x0"),
            (0xd65f_03c0, .return, "ret"), (0xd65f_0000, .return, "ret x0"), (0xd65f_0bff, .return, "retaa"),
            (0xd65f_0fff, .return, "retab"), (0xd69f_03e0, .exceptionReturn, "eret"),
            (0xd69f_0bff, .exceptionReturn, "eretaa"), (0x5400_0080, .other, "b.eq 16"), (0xd400_0001, .other, "svc 0"),
        ]
        for (word, transfer, text) in aarch64 {
            #expect(AArch64.ProcessingElement.transfer(word) == transfer, "\(text): see the Arm ARM, C6.2")
        }
    }

    @Test("A run whose calls are followed is the same run, with interrupts, too", arguments: [1, 2], [false, true])
    func same(harts: Int, isWatched: Bool) throws {
        var hashes: Set<UInt64> = []
        for isFollowed in [false, true] {
            try TinyGuest.load(RunEventsTests.timer(RunEventsTests.wait)) {
                $0.harts = harts
                $0.engine = .interpreter
            } _: { session in
                let calls = isFollowed ? try CallTracker(session) : nil
                let events = isWatched ? try RunEvents(session) : nil
                #expect(session.run() == .exited(status: 0))
                hashes.insert(session.board.stateHash)
                events?.finish()
                if let events { #expect(!events.latencies.isEmpty) }
                withExtendedLifetime(calls) {}
            }
        }
        #expect(hashes.count == 1)
    }
}
