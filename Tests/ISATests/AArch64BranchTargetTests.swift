import Testing

@testable import AArch64ISA
@testable import ISA

/// FEAT_BTI: what may be branched to in a guarded page, by what branch, from where (D8.4.8; BTypeCompatible and BTypeNext).
@Suite("AArch64 branch targets")
struct AArch64BranchTargetTests {
    private static let base = AArch64TestElement.base
    /// The same memory, in pages that are not guarded.
    private static let unguarded = base + 0x4000_0000
    private static let (from, to): (UInt64, UInt64) = (0x100, 0x2000)

    private static let branches: [(name: String, word: UInt32, register: Int, type: UInt64)] = [
        ("br x1", 0xd61f_0020, 1, 3), ("br x16", 0xd61f_0200, 16, 1), ("br x17", 0xd61f_0220, 17, 1),
        ("blr x1", 0xd63f_0020, 1, 2), ("blr x16", 0xd63f_0200, 16, 2), ("ret x1", 0xd65f_0020, 1, 0),
        ("braaz x1", 0xd61f_083f, 1, 3), ("blraaz x1", 0xd63f_083f, 1, 2),
    ]
    private static let targets: [(name: String, word: UInt32, types: Set<UInt64>)] = [
        ("nop", 0xd503_201f, []), ("bti", 0xd503_241f, []), ("bti c", 0xd503_245f, [1, 2]),
        ("bti j", 0xd503_249f, [1, 3]), ("bti jc", 0xd503_24df, [1, 2, 3]), ("paciasp", 0xd503_233f, [1, 2, 3]),
        ("pacibsp", 0xd503_237f, [1, 2, 3]), ("paciaz", 0xd503_231f, []), ("brk #0", 0xd420_0000, [1, 2, 3]),
        ("hlt #0", 0xd440_0000, [1, 2, 3]), ("svc #0", 0xd400_0001, []),
    ]

    /// EL1 with 1 GiB blocks: what is at 0x40000000 guarded there, and not guarded at 0x80000000.
    private static func machine(sctlr: UInt64 = 1) throws -> AArch64TestElement {
        let test = try AArch64TestElement(level: 1)
        let tables = base + 0x8000
        for (index, descriptor) in [(1, base | 1 << 10 | 1 | 1 << 50), (2, base | 1 << 10 | 1)] as [(UInt64, UInt64)] {
            var descriptor = descriptor
            try #require(test.memory.write(tables + 8 * index, from: &descriptor, count: 8))
        }
        try test.write("TTBR0_EL1", tables)
        try test.write("TCR_EL1", 25)
        try test.write("MAIR_EL1", 0xff)
        try test.write("VBAR_EL1", unguarded + 0x4000)
        try test.write("SCTLR_EL1", sctlr)
        return test
    }

    private static func put(_ word: UInt32, at offset: UInt64, _ test: AArch64TestElement) throws {
        var word = word
        try #require(test.memory.write(base + offset, from: &word, count: 4))
    }

    /// The exception that the branch's target takes, by its class and ISS; nil where it is executed.
    private static func outcome(_ test: AArch64TestElement) throws -> UInt64? {
        let syndrome = try test.read("ESR_EL1")
        return try test.read("ELR_EL1") & 0xffff == to && syndrome >> 26 == 0x0d ? syndrome & 0xffff : nil
    }

    @Test(
        "Each kind of branch may go to the instructions that allow it, in a guarded page, whether it was entered or not"
    )
    func targetsOfBranches() throws {
        for branch in Self.branches {
            for target in Self.targets {
                for (isEntered, start) in [(false, Self.base), (true, Self.base), (true, Self.unguarded)] {
                    let test = try Self.machine()
                    try Self.put(branch.word, at: Self.from, test)
                    try Self.put(target.word, at: Self.to, test)
                    if isEntered {
                        test.element.core.pointee.programCounter = Self.base + Self.to
                        test.element.run(1)
                        try test.write("ESR_EL1", 0)
                        test.enter(1)
                    }
                    test.element.core.pointee.registers[branch.register] = Self.base + Self.to
                    test.element.core.pointee.programCounter = start + Self.from
                    test.element.run(2)
                    // BR to what is guarded, from what is not, counts as a call through X16 does.
                    let type = branch.type == 3 && start == Self.unguarded ? 1 : branch.type
                    let expected = type == 0 || target.types.contains(type) ? nil : type
                    let comment = "\(branch.name) to \(target.name), \(isEntered), from 0x\(String(start, radix: 16))"
                    #expect(try Self.outcome(test) == expected, "\(comment)")
                    guard expected != nil else { continue }
                    // SPSR_EL1.BTYPE
                    #expect(try test.read("SPSR_EL1") >> 10 & 3 == type, "\(comment)")
                }
            }
        }
    }

    @Test("What is not guarded may be branched to, and the next instruction has no branch type any more")
    func unguarded() throws {
        let test = try Self.machine()
        try Self.put(0xd61f_0020, at: Self.from, test)
        try Self.put(0xd503_201f, at: Self.to, test)
        try Self.put(0xd400_0001, at: Self.to + 4, test)
        // The page is guarded by another name, under which it was seen.
        test.element.core.pointee.programCounter = Self.base + Self.to
        test.element.run(1)
        test.element.core.pointee.registers[1] = Self.unguarded + Self.to
        test.element.core.pointee.programCounter = Self.unguarded + Self.from
        test.element.run(3)
        #expect(try test.read("ESR_EL1") >> 26 == 0x15)
        #expect(try test.read("SPSR_EL1") >> 10 & 3 == 0)
    }

    @Test("With SCTLR_EL1.BT1, PACIASP is no target of BR")
    func pointerInstructions() throws {
        for (control, expected): (UInt64, UInt64?) in [(1, nil), (1 | 1 << 36, 3), (1 | 1 << 35, nil)] {
            let test = try Self.machine(sctlr: control)
            try Self.put(0xd61f_0020, at: Self.from, test)
            try Self.put(0xd503_233f, at: Self.to, test)
            test.element.core.pointee.registers[1] = Self.base + Self.to
            test.element.core.pointee.programCounter = Self.base + Self.from
            test.element.run(2)
            #expect(try Self.outcome(test) == expected, "SCTLR_EL1 0x\(String(control, radix: 16))")
        }
    }

    @Test("ERET restores the branch type, and what it returns to is looked at")
    func exceptionReturn() throws {
        for (word, isRefused): (UInt32, Bool) in [(0xd503_201f, true), (0xd503_249f, false)] {
            let test = try Self.machine()
            try Self.put(0xd69f_03e0, at: Self.from, test)
            try Self.put(word, at: Self.to, test)
            try test.write("SPSR_EL1", 3 << 10 | 5)
            try test.write("ELR_EL1", Self.base + Self.to)
            test.element.core.pointee.programCounter = Self.base + Self.from
            test.element.run(2)
            #expect(try (Self.outcome(test) == 3) == isRefused)
        }
    }

    @Test("A CPU without FEAT_BTI has no guarded pages")
    func absent() throws {
        let test = try AArch64TestElement("max", without: .bti, level: 1)
        #expect(try test.element.readSystemRegister(AArch64.SystemRegister.key(3, 0, 0, 4, 1), target: 0) & 15 == 0)
        try test.write("SPSR_EL1", 3 << 10 | 5)
        #expect(try test.read("SPSR_EL1") == 5)
    }
}
