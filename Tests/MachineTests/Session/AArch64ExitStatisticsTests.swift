import Testing

@testable import Machine

@Suite("Exits of AArch64's guests")
struct AArch64ExitStatisticsTests {
    /// EL2 maps a gigabyte one to one and starts a guest, which calls three times, reads twice what is nowhere, waits, and calls
    /// to end the run.
    static let start: [UInt32] = [
        0x1000_0000,  // adr  x0, .
        0xd51c_c000,  // msr  vbar_el2, x0
        0xd2a8_0201,  // mov  x1, #0x40100000
        0xd280_ffa2,  // mov  x2, #0x7fd
        0xf2a8_0002,  // movk x2, #0x4000, lsl #16
        0xf900_0422,  // str  x2, [x1, #0x8]
        0xf2e0_00a1,  // movk x1, #0x5, lsl #48
        0xd51c_2101,  // msr  vttbr_el2, x1
        0xd286_ab22,  // mov  x2, #0x3559
        0xf2b0_0042,  // movk x2, #0x8002, lsl #16
        0xd51c_2142,  // msr  vtcr_el2, x2
        0xd284_0022,  // mov  x2, #0x2001
        0xf2b0_0002,  // movk x2, #0x8000, lsl #16
        0xd51c_1102,  // msr  hcr_el2, x2
        0xd280_78a2,  // mov  x2, #0x3c5
        0xd51c_4002,  // msr  spsr_el2, x2
        0x1000_0063,  // adr  x3, .+12
        0xd51c_4023,  // msr  elr_el2, x3
        0xd69f_03e0,  // eret
        0xd2b0_8000,  // mov  x0, #0x84000000
        0xd400_0002,  // hvc  #0
        0xd400_0002,  // hvc  #0
        0xd400_0002,  // hvc  #0
        0xd2a2_0001,  // mov  x1, #0x10000000
        0xf940_0022,  // ldr  x2, [x1]
        0xf940_0022,  // ldr  x2, [x1]
        0xd503_207f,  // wfi
        0xd280_0100,  // mov  x0, #0x8
        0xf2b0_8000,  // movk x0, #0x8400, lsl #16
        0xd400_0002,  // hvc  #0
        0x1400_0000,  // b    .
    ]
    /// Goes back behind what raised the exception, after 6 instructions for a call and 9 for anything else.
    static let handler: [UInt32] = [
        0xd53c_5213,  // mrs  x19, esr_el2
        0xd35a_fe74,  // lsr  x20, x19, #26
        0xf100_5a9f,  // cmp  x20, #0x16
        0x5400_0080,  // b.eq .+16
        0xd53c_4035,  // mrs  x21, elr_el2
        0x9100_12b5,  // add  x21, x21, #0x4
        0xd51c_4035,  // msr  elr_el2, x21
        0x3718_0040,  // tbnz w0, #0x3, .+8
        0xd69f_03e0,  // eret
        0xd400_0003,  // smc  #0
        0x1400_0000,  // b    .
    ]

    static let program = start + [UInt32](repeating: 0, count: 0x400 / 4 - start.count) + handler

    @Test("An exit costs what is executed from the handler's first instruction to its return")
    func counts() throws {
        try TinyA64Guest.load(Self.program) { session in
            let statistics = try ExitStatistics(session)
            #expect(session.run() == .exited(status: 0))
            let rows = statistics.rows
            #expect(
                rows.map(\.name) == ["HVC PSCI_VERSION", "data abort of a read at 0x10000000", "trapped WFI"])
            #expect(rows.map(\.costs.count) == [3, 2, 1], "the last call never leads back")
            #expect(rows.map(\.costs.least) == [6, 9, 9])
            #expect(rows.map(\.costs.most) == [6, 9, 9])
        }
    }

    @Test("Guests and writes of system registers are traced by their names")
    func trace() throws {
        func trace(_ what: String, _ configure: (inout TraceOptions) throws -> Void = { _ in }) throws -> [String] {
            var lines: [String] = []
            try TinyA64Guest.load(Self.program) { session in
                var options = try TraceOptions(what)
                try configure(&options)
                let tracer = try Tracer(session, options) { lines.append(String($0.dropLast())) }
                #expect(session.run() == .exited(status: 0))
                withExtendedLifetime(tracer) {}
            }
            return lines
        }
        let writes = try trace("csr")
        #expect(writes.count == 9, "six before the guest starts, and three in the handler")
        #expect(
            writes[1]
                == "0.000000007 0  EL2        0x4008001c                                  msr    VTTBR_EL2 = "
                + "0x5000040100000")
        let guest = try trace("exceptions") { $0.guest = 5 }
        #expect(guest.count == 7)
        #expect(
            guest[3]
                == "0.000000042 0  EL1 vmid 5 0x40080060                                  trap   data abort of a read: "
                + "translation fault, level 1, value 0x10000000, guest-physical 0x10000000 -> EL2 0x40080400")
        #expect(try trace("exceptions") { $0.guest = 6 }.isEmpty)
        let calls = try trace("instructions") { try $0.setLevels("el1") }
        #expect(calls.count == 11)
        #expect(calls.last?.hasSuffix("hvc #0") ?? false)
        #expect(throws: InputError.self) { try trace("all") { try $0.setLevels("HS") } }
    }
}
