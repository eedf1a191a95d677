import Testing

@testable import Machine

@Suite("Exit statistics")
struct ExitStatisticsTests {
    /// Enters VS-mode, where three calls lead to a handler of seven instructions, and a breakpoint to the end.
    static let guest: [UInt32] = [
        0xfff0_0293,  // li    t0, -1
        0x3b02_9073,  // csrw  pmpaddr0, t0
        0x01f0_0293,  // li    t0, 0x1f
        0x3a02_9073,  // csrw  pmpcfg0, t0
        0x0000_0297,  // auipc t0, 0
        0x02c2_8293,  // addi  t0, t0, 44           handler
        0x3052_9073,  // csrw  mtvec, t0
        0x1000_02b7,  // lui   t0, 0x10000
        0x0012_8293,  // addi  t0, t0, 1
        0x00b2_9293,  // slli  t0, t0, 11           MPV, MPP = S
        0x3002_a073,  // csrs  mstatus, t0
        0x0000_0297,  // auipc t0, 0
        0x0402_8293,  // addi  t0, t0, 64           guest
        0x3412_9073,  // csrw  mepc, t0
        0x3020_0073,  // mret
        0x3420_2373,  // handler: csrr t1, mcause
        0x00a0_0393,  // li    t2, 10
        0x0073_1a63,  // bne   t1, t2, 20
        0x3410_22f3,  // csrr  t0, mepc
        0x0042_8293,  // addi  t0, t0, 4
        0x3412_9073,  // csrw  mepc, t0
        0x3020_0073,  // mret
        0x0010_04b7,  // lui   s1, 0x100
        0x0000_5937,  // lui   s2, 0x5
        0x5559_0913,  // addi  s2, s2, 0x555
        0x0124_a023,  // sw    s2, 0(s1)            powers off
        0x0000_006f,  // j     .
        0x0100_0893,  // guest: li a7, 16
        0x0030_0813,  // li    a6, 3
        0x0000_0073,  // ecall
        0x0000_0073,  // ecall
        0x0000_0813,  // li    a6, 0
        0x0000_0073,  // ecall
        0x0010_0073,  // ebreak
    ]

    @Test(
        "An exit costs what is executed from the handler's first instruction to its return", arguments: Engine.allCases)
    func counts(engine: Engine) throws {
        try TinyGuest.load(Self.guest) {
            $0.engine = engine
        } _: { session in
            let statistics = try ExitStatistics(session)
            #expect(session.run() == .exited(status: 0))
            let rows = statistics.rows
            #expect(rows.map(\.name) == ["SBI base, function 3", "SBI base, function 0"])
            #expect(rows.map(\.costs.count) == [2, 1], "the breakpoint never leads back")
            for row in rows {
                #expect(
                    [row.costs.least, row.costs.median, row.costs.most] == [7, 7, 7], "the handler has 7 instructions")
            }
            #expect(statistics.table.hasPrefix("3 exits of guests took 21 instructions\n"))
        }
    }

    @Test("A median lies between the least and the most, however coarsely it is kept")
    func medians() {
        for costs in [[103_872], [103_872, 12_000_000], [4_097], [4_095, 4_096, 4_097], [70_000, 70_001, 70_002]] {
            var sum = ExitStatistics.Costs()
            for cost in costs { sum.add(UInt64(cost)) }
            let exact = UInt64(costs[(costs.count - 1) / 2])
            #expect(sum.least...sum.most ~= sum.median, "\(costs)")
            #expect(sum.median <= exact && sum.median > exact - exact / 64, "\(costs)")
        }
    }
}
