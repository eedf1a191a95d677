import TestSupport
import Testing

@testable import Machine

/// Which interrupt it was that a CPU took: programs that have the serial port of a board interrupt once.
@Suite(
    "Interrupts by number", .enabled(if: CompiledProgram.isPossible, "needs clang and ld.lld of the Swift toolchain"))
struct InterruptNumberTests {
    /// The UART's source is 10, and a claim is a read of 0xc200004, as QEMU's hw/riscv/virt.c and the PLIC's specification have
    /// it.
    private static let riscv = """
        .attribute arch, "rv64imac_zicsr"
        .globl _start
        _start:
            la t0, trap
            csrw mtvec, t0
            li t0, 0x0c000028       // the priority of source 10
            li t1, 1
            sw t1, 0(t0)
            li t0, 0x0c002000       // what context 0 has enabled
            li t1, 1 << 10
            sw t1, 0(t0)
            li t0, 0x800            // mie.MEIE, mstatus.MIE
            csrw mie, t0
            csrsi mstatus, 8
            li s0, 0x10000000
            li t1, 2
            sb t1, 1(s0)            // IER: the transmitter is empty
            li a0, 0x100000
            li a1, 0x5555
            sw a1, 0(a0)
        0:  j 0b
        .balign 4
        trap:
            li t0, 0x0c200004
            lw t1, 0(t0)
            sb zero, 1(s0)
            sw t1, 0(t0)
            mret
        """

    /// The UART is shared interrupt 1, INTID 33, as QEMU's hw/arm/virt.c has it.
    private static func aarch64(_ controller: String, _ handler: String) -> String {
        """
        .globl _start
        _start:
            adr x1, vectors
            mrs x0, CurrentEL
            cmp x0, #8
            b.ne 1f
            msr vbar_el2, x1
            mov x2, #0x10           // HCR_EL2.IMO
            msr hcr_el2, x2
            b 2f
        1:  msr vbar_el1, x1
        2:  isb
            mov x0, #0x08000000
            \(controller)
            msr daifclr, #2
            mov x4, #0x09000000
            mov w5, #0x20           // UARTIMSC.TXIM
            mov w6, #65
            str w5, [x4, #0x38]
            strb w6, [x4]
            nop
            nop
            mov x0, #8
            movk x0, #0x8400, lsl #16
            smc #0
        3:  b 3b
        .balign 2048
        vectors:
            .skip 0x280
            \(handler)
            eret
        """
    }

    private func watch(
        _ source: String, _ target: CompiledProgram.Target, _ machine: String, _ body: (RunEvents) throws -> Void
    ) throws {
        try CompiledProgram.assemble(source, for: target) { path in
            var description = MachineDescription()
            description.machine = machine
            description.firmware = "none"
            description.kernel = path
            description.memory = ByteCount(4 << 20)
            description.maxInstructions = Count(10_000)
            let session = try Session(description)
            let events = try RunEvents(session)
            #expect(session.run() == .exited(status: 0))
            events.finish()
            try body(events)
        }
    }

    @Test("A PLIC's source that was claimed is told with its device, and how long its line had been high")
    func riscv() throws {
        try watch(Self.riscv, .riscv64, "riscv-virt") { events in
            #expect(events.interrupts.count == 1)
            let row = try #require(events.interrupts.first)
            #expect(row.acknowledgement == .init(number: 10, isVirtual: false))
            #expect((row.device, row.level, row.guest, row.count) == ("serial@10000000", "M", nil, 1))
            // From the store that raises it: that itself, and two instructions of the handler's before its claim.
            #expect((row.raised.count, row.raised.most) == (1, 3))
            let event = try #require(events.events.first { $0.kind == .interrupt })
            #expect(events.names[event.name] == "machine external interrupt 10 (serial@10000000)")
            #expect(row.handling.most == event.duration)
        }
    }

    @Test("A GIC's INTID that was acknowledged is told with its device", arguments: [2, 3])
    func aarch64(version: Int) throws {
        let source =
            version == 2
            ? Self.aarch64(
                """
                mov w1, #1
                    str w1, [x0]            // GICD_CTLR
                    mov x3, #0x08010000
                    mov w2, #0xff
                    str w2, [x3, #4]        // GICC_PMR, GICC_CTLR
                    str w1, [x3]
                    mov w2, #2
                    str w2, [x0, #0x104]    // GICD_ISENABLER1
                    mov w9, #0x821
                    strb w1, [x0, x9]       // GICD_ITARGETSR8
                """,
                """
                ldr w7, [x3, #0xc]      // GICC_IAR
                    str wzr, [x4, #0x38]
                    str w7, [x3, #0x10]
                """)
            : Self.aarch64(
                """
                mov w1, #0x12           // GICD_CTLR: affinity routing, Group 1
                    str w1, [x0]
                    mov w2, #2
                    str w2, [x0, #0x84]     // GICD_IGROUPR1, GICD_ISENABLER1
                    str w2, [x0, #0x104]
                    mov x2, #0xff
                    msr S3_0_C4_C6_0, x2    // ICC_PMR_EL1, ICC_IGRPEN1_EL1
                    mov x2, #1
                    msr S3_0_C12_C12_7, x2
                """,
                """
                mrs x7, S3_0_C12_C12_0  // ICC_IAR1_EL1
                    str wzr, [x4, #0x38]
                    msr S3_0_C12_C12_1, x7
                """)
        try watch(source, .aarch64, "aarch64-virt,gic-version=\(version)") { events in
            #expect(events.interrupts.count == 1)
            let row = try #require(events.interrupts.first)
            #expect(row.acknowledgement == .init(number: 33, isVirtual: false))
            #expect((row.device, row.guest, row.count, row.raised.count) == ("pl011@9000000", nil, 1, 1))
            let event = try #require(events.events.first { $0.kind == .interrupt })
            #expect(events.names[event.name] == "IRQ 33 (pl011@9000000)")
        }
    }
}
