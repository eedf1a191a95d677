import Testing

@testable import AArch64ISA
@testable import ISA

/// Software step, breakpoints and watchpoints (D2.8 to D2.12), on a PE whose MMU is off.
@Suite("AArch64 debug exceptions")
struct AArch64DebugExceptionTests {
    private static let base = AArch64TestElement.base
    private static let vectors = base + 0x800
    private static let data = base + 0x3000
    private static let nop: UInt32 = 0xd503_201f
    private static let eret: UInt32 = 0xd69f_03e0
    private static let (softwareStep, kernelDebug, monitorDebug): (UInt64, UInt64, UInt64) = (1, 1 << 13, 1 << 15)

    /// A PE at `level` with `code` at the start of memory, the OS Lock clear, and MDSCR_EL1 as given.
    private static func machine(
        _ code: [UInt32], level: Int, mdscr: UInt64, tde: Bool = false, hcr: UInt64 = 1 << 31
    ) throws -> AArch64TestElement {
        let test = try AArch64TestElement(hcr: hcr)
        for (index, word) in code.enumerated() { try test.put(word, at: base + UInt64(4 * index)) }
        // Handlers, of the current level and of those below, stay where they are.
        for offset in [0x200, 0x400] as [UInt64] { try test.put(0x1400_0000, at: vectors + offset) }
        try test.write("VBAR_EL1", vectors)
        try test.write("VBAR_EL2", vectors)
        try test.write("OSLAR_EL1", 0)
        try test.write("MDSCR_EL1", mdscr)
        if tde { try test.write("MDCR_EL2", 1 << 8) }
        test.enter(level)
        test.element.core.pointee.programCounter = base
        test.element.state.pointee.pstate &= ~AArch64.PSTATE.debugMask
        return test
    }

    /// What the exception at `level` has left: its syndrome, where it returns to, and SPSR_ELx.SS.
    private static func taken(_ test: AArch64TestElement, _ level: Int) throws -> [UInt64] {
        #expect(test.element.level == level)
        return try [
            test.read("ESR_EL\(level)"), test.read("ELR_EL\(level)"), test.read("SPSR_EL\(level)") >> 21 & 1,
        ]
    }

    private static func syndrome(_ exceptionClass: UInt64, _ specific: UInt64) -> UInt64 {
        exceptionClass << 26 | 1 << 25 | specific
    }

    // MARK: Software step

    /// ERET at EL1 to EL0's code, with SPSR_EL1.SS as given.
    private static func stepped(_ code: [UInt32], ss: UInt64, mdscr: UInt64 = softwareStep) throws -> AArch64TestElement
    {
        let test = try machine([eret] + code, level: 1, mdscr: mdscr)
        try test.write("SPSR_EL1", ss << 21)
        try test.write("ELR_EL1", base + 4)
        return test
    }

    @Test(
        "ERET with SPSR_ELx.SS set has one instruction executed, and the exception tells of one"
    )
    func step() throws {
        let test = try Self.stepped([Self.nop, Self.nop], ss: 1)
        test.element.run(2)
        #expect(try Self.taken(test, 1) == [Self.syndrome(0x32, 1 << 24 | 0x22), Self.base + 8, 0])
    }

    @Test("EX tells that LDXR was stepped, and not CASP, whose encoding is beside LDXP's")
    func stepOfExclusive() throws {
        for (word, isExclusive): (UInt32, Bool) in [
            (0x885f_7c20, true),  // ldxr w0, [x1]
            (0xc87f_8420, true),  // ldaxp x0, x1, [x1]
            (0x0862_7c20, false),  // caspa w2, w3, w0, w1, [x1]
            (0xb940_0020, false),  // ldr w0, [x1]
        ] {
            let test = try Self.stepped([word], ss: 1)
            test.element.core.pointee.registers[1] = Self.data
            test.element.run(2)
            let expected = Self.syndrome(0x32, 1 << 24 | (isExclusive ? 1 << 6 : 0) | 0x22)
            #expect(try Self.taken(test, 1) == [expected, Self.base + 8, 0], "0x\(String(word, radix: 16))")
        }
    }

    @Test("ERET with SPSR_ELx.SS clear has no instruction executed, and the syndrome does not speak of one")
    func stepPending() throws {
        let test = try Self.stepped([Self.nop], ss: 0)
        test.element.run(2)
        #expect(try Self.taken(test, 1) == [Self.syndrome(0x32, 0x22), Self.base + 4, 0])
    }

    @Test("SVC has been stepped when its exception is taken, an undefined instruction has not")
    func stepOfExceptions() throws {
        let call = try Self.stepped([0xd400_0001], ss: 1)
        call.element.run(2)
        #expect(try Self.taken(call, 1) == [Self.syndrome(0x15, 0), Self.base + 8, 0])
        let undefined = try Self.stepped([0], ss: 1)
        undefined.element.run(2)
        #expect(try Self.taken(undefined, 1) == [Self.syndrome(0, 0), Self.base + 4, 1])
    }

    @Test("With MDCR_EL2.TDE, what EL0 calls is stepped into: the exception is EL2's, before EL1's first instruction")
    func stepInto() throws {
        let test = try Self.machine([Self.eret, 0xd400_0001], level: 2, mdscr: Self.softwareStep, tde: true)
        try test.write("SPSR_EL2", 1 << 21)
        try test.write("ELR_EL2", Self.base + 4)
        test.element.run(3)
        #expect(try test.read("ELR_EL1") == Self.base + 8)
        #expect(try Self.taken(test, 2) == [Self.syndrome(0x32, 0x22), Self.vectors + 0x400, 0])
    }

    @Test("While the OS Lock is set, or the level masks debug exceptions, nothing is stepped")
    func stepInactive() throws {
        let locked = try Self.stepped([Self.nop, Self.nop, Self.nop], ss: 1)
        try locked.write("OSLAR_EL1", 1)
        locked.element.run(3)
        #expect(locked.element.level == 0 && locked.element.programCounter == Self.base + 12)
        // EL1 steps itself where KDE says so and PSTATE.D is clear after the return.
        for (mdscr, saved, count): (UInt64, UInt64, UInt64) in [
            (Self.softwareStep, 5, 3), (Self.softwareStep | Self.kernelDebug, 5 | 1 << 9, 3),
            (Self.softwareStep | Self.kernelDebug, 5, 1),
        ] {
            let test = try Self.stepped([Self.nop, Self.nop, Self.nop, Self.nop], ss: 1, mdscr: mdscr)
            test.element.state.pointee.pstate |= AArch64.PSTATE.debugMask
            try test.write("SPSR_EL1", saved | 1 << 21)
            test.element.run(1 + count)
            let stepped = test.element.programCounter == Self.vectors + 0x200
            #expect(stepped == (count == 1), "MDSCR_EL1 \(mdscr), SPSR_EL1 \(saved)")
        }
    }

    @Test("ERET where debug exceptions are taken already leaves PSTATE.SS clear: the exception comes at once")
    func stepFromDebuggedLevel() throws {
        let test = try Self.stepped([Self.nop], ss: 1, mdscr: Self.kernelDebug)
        // Stepping is switched on by what is executed last, with KDE and D clear: DebugExceptionReturnSS().
        try test.write("MDSCR_EL1", Self.kernelDebug | Self.softwareStep)
        test.element.state.pointee.pstate |= AArch64.PSTATE.softwareStep
        test.element.run(1)
        let syndrome = Self.syndrome(0x32, 1 << 24 | 0x22)
        #expect(try Self.taken(test, 1) == [syndrome, Self.base + 4, 0])
    }

    // MARK: Breakpoints

    private static func arm(_ test: AArch64TestElement, _ number: Int, _ address: UInt64, _ control: UInt64) throws {
        let level = test.element.level
        test.enter(2)
        try test.write("DBGBVR<n>_EL1", number, address)
        try test.write("DBGBCR<n>_EL1", number, control)
        test.enter(level)
    }

    @Test("A breakpoint has the exception taken before its instruction, at the levels that PMC and HMC name")
    func breakpoint() throws {
        // PMC is above E.
        for (level, control, target): (Int, UInt64, Int?) in [
            (0, 0b101, 1), (0, 0b011, nil), (1, 0b011, 1), (1, 0b101, nil), (0, 0b111, 1), (2, 0b111, nil),
            (0, 0b100, nil),
        ] {
            let test = try Self.machine(
                .init(repeating: Self.nop, count: 8), level: level, mdscr: Self.monitorDebug | Self.kernelDebug)
            test.element.run(3)  // The page has been entered already.
            try Self.arm(test, 1, Self.base + 20, control)
            test.element.run(3)
            guard let target else {
                #expect(
                    test.element.programCounter == Self.base + 24, "EL\(level), DBGBCR 0x\(String(control, radix: 16))")
                continue
            }
            let expected = Self.syndrome(level == target ? 0x31 : 0x30, 0x22)
            #expect(try Self.taken(test, target) == [expected, Self.base + 20, 0])
        }
    }

    @Test("EL2 is debugged by itself where MDCR_EL2.TDE has debug exceptions go there, and HMC is set")
    func breakpointAtEL2() throws {
        for (tde, control): (Bool, UInt64) in [(true, 1 << 13 | 1), (false, 1 << 13 | 1), (true, 1)] {
            let test = try Self.machine(
                .init(repeating: Self.nop, count: 4), level: 2, mdscr: Self.monitorDebug | Self.kernelDebug, tde: tde)
            try Self.arm(test, 0, Self.base + 8, control)
            test.element.run(3)
            guard tde, control >> 13 == 1 else {
                #expect(test.element.programCounter == Self.base + 12)
                continue
            }
            #expect(try Self.taken(test, 2) == [Self.syndrome(0x31, 0x22), Self.base + 8, 0])
        }
    }

    @Test("A linked breakpoint matches where the context that its link compares is the current one")
    func linkedBreakpoint() throws {
        for (context, linked): (UInt64, Bool) in [(77, true), (78, false)] {
            let test = try Self.machine(.init(repeating: Self.nop, count: 4), level: 0, mdscr: Self.monitorDebug)
            test.element.state.pointee.contextidr[1] = context
            // Breakpoint 5, the last, compares CONTEXTIDR_EL1 for others; 0 is linked to it.
            try Self.arm(test, 5, 77, 3 << 20 | 3 << 1 | 1)
            try Self.arm(test, 0, Self.base + 4, 1 << 20 | 5 << 16 | 3 << 1 | 1)
            test.element.run(2)
            #expect(test.element.level == (linked ? 1 : 0), "CONTEXTIDR_EL1 \(context)")
        }
    }

    @Test("A breakpoint that compares a context alone matches any instruction")
    func contextBreakpoint() throws {
        let test = try Self.machine(.init(repeating: Self.nop, count: 4), level: 0, mdscr: Self.monitorDebug)
        try Self.arm(test, 4, 77, 2 << 20 | 2 << 1 | 1)
        test.element.run(2)
        test.element.state.pointee.contextidr[1] = 77
        test.element.run(1)
        #expect(try Self.taken(test, 1) == [Self.syndrome(0x30, 0x22), Self.base + 8, 0])
    }

    // MARK: Watchpoints

    struct Access: Sendable, CustomTestStringConvertible {
        let name: String
        let word: UInt32
        var bytes: UInt64 = 8
        var reads = true
        var writes = false
        var testDescription: String { name }
    }

    static let accesses: [Access] = [
        Access(name: "ldrb w2, [x1]", word: 0x3940_0022, bytes: 1),
        Access(name: "ldr x2, [x1]", word: 0xf940_0022),
        Access(name: "ldp x2, x3, [x1]", word: 0xa940_0c22, bytes: 16),
        Access(name: "ld1 { v0.16b }, [x1]", word: 0x4c40_7020, bytes: 16),
        Access(name: "str x2, [x1]", word: 0xf900_0022, reads: false, writes: true),
        Access(name: "stp q0, q1, [x1]", word: 0xad00_0420, bytes: 32, reads: false, writes: true),
        Access(name: "ldadd x2, x3, [x1]", word: 0xf822_0023, writes: true),
        Access(name: "ldxr x2, [x1]", word: 0xc85f_7c22),
        Access(name: "stxr w3, x2, [x1]", word: 0xc803_7c22, reads: false, writes: true),
        Access(name: "dc zva, x1", word: 0xd50b_7421, bytes: 64, reads: false, writes: true),
    ]

    @Test("A watchpoint matches accesses of its bytes, of the kind that LSC names", arguments: accesses)
    func watchpoint(_ access: Access) throws {
        for kind in 1...3 as ClosedRange<UInt64> {
            // Bytes 2 and 3 of a doubleword that begins 64 bytes into the access's neighbourhood.
            for distance in [-64, -16, -8, 0, 8] as [Int64] {
                let address = Self.data + 64 &+ UInt64(bitPattern: distance)
                let watched = Self.data + 66...Self.data + 67
                let test = try Self.machine(
                    [access.word, access.word], level: 1, mdscr: Self.monitorDebug | Self.kernelDebug)
                try test.write("CPACR_EL1", 3 << 20)
                test.element.core.pointee.registers[1] = address
                test.element.run(1)  // The page has been entered already.
                test.element.core.pointee.programCounter = Self.base
                try test.write("DBGWVR<n>_EL1", 2, Self.data + 64)
                try test.write("DBGWCR<n>_EL1", 2, 0xc << 5 | kind << 3 | 1 << 1 | 1)
                test.element.run(1)
                let matchesRead = access.reads && kind & 1 != 0
                // DC ZVA writes all of its block.
                let first = access.bytes == 64 ? address & ~63 : address
                let overlaps = first <= watched.upperBound && first + access.bytes > watched.lowerBound
                guard overlaps, matchesRead || access.writes && kind & 2 != 0 else {
                    #expect(test.element.programCounter == Self.base + 4, "LSC \(kind) at \(distance)")
                    continue
                }
                let expected = Self.syndrome(0x35, (matchesRead ? 0 : 1 << 6) | 0x22)
                #expect(try Self.taken(test, 1) == [expected, Self.base, 0], "LSC \(kind) at \(distance)")
                #expect(try test.read("FAR_EL1") == max(first, watched.lowerBound))
            }
        }
    }

    @Test("MASK watches an aligned range, and an access over the border of pages is one access")
    func watchpointRange() throws {
        for (address, matches): (UInt64, Bool) in [
            (Self.data - 8, false), (Self.data - 4, true), (Self.data + 0xff8, true), (Self.data + 0x1000, false),
        ] {
            let test = try Self.machine([0xf940_0022], level: 1, mdscr: Self.monitorDebug | Self.kernelDebug)
            try test.write("DBGWVR<n>_EL1", 0, Self.data)
            try test.write("DBGWCR<n>_EL1", 0, 12 << 24 | 0xff << 5 | 3 << 3 | 1 << 1 | 1)
            test.element.core.pointee.registers[1] = address
            test.element.run(1)
            #expect((test.element.programCounter != Self.base + 4) == matches, "0x\(String(address, radix: 16))")
            guard matches else { continue }
            #expect(try test.read("FAR_EL1") == max(address, Self.data))
        }
    }

    @Test("LDTR is EL0's access: PAC says whether it matches")
    func unprivileged() throws {
        for (word, privilege, matches): (UInt32, UInt64, Bool) in [
            (0xf840_0822, 2, true), (0xf840_0822, 1, false), (0xf840_0022, 1, true), (0xf840_0022, 2, false),
        ] {
            let test = try Self.machine([word], level: 1, mdscr: Self.monitorDebug | Self.kernelDebug)
            try test.write("DBGWVR<n>_EL1", 3, Self.data)
            try test.write("DBGWCR<n>_EL1", 3, 0xff << 5 | 1 << 3 | privilege << 1 | 1)
            test.element.core.pointee.registers[1] = Self.data
            test.element.run(1)
            #expect((test.element.programCounter != Self.base + 4) == matches)
        }
    }
}

extension AArch64TestElement {
    fileprivate func put(_ word: UInt32, at address: UInt64) throws {
        var word = word
        try #require(memory.write(address, from: &word, count: 4))
    }

    /// Writes the register of a family that has `number`.
    fileprivate func write(_ name: String, _ number: Int, _ value: UInt64) throws {
        let key = try Self.key(name) + UInt16(number) << 3
        try element.writeSystemRegister(key, value, target: 0)
    }
}
