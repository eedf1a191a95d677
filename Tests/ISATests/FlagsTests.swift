import Machine
import Testing

@testable import ISA

#if canImport(Glibc)
import Glibc
#endif

/// The flags against formulations that share nothing with ``FlagsRecord``: bit by bit for x86, the AddWithCarry function
/// of the ARM manual, and the host's own CPU.
@Suite("Condition flags")
struct FlagsTests {
    // MARK: x86, bit by bit

    /// What an instruction leaves, computed one bit at a time; the flags that it leaves undefined are not in `defined`.
    struct Expected {
        var result: UInt64 = 0
        var carry = false
        var overflow = false
        var auxiliary = false
        var defined: UInt64 = 0x8d5

        /// A full adder for each bit.
        static func sum(_ a: UInt64, _ b: UInt64, carry: Bool, bits: Int) -> Expected {
            var expected = Expected()
            var carry = carry
            for bit in 0..<bits {
                let (x, y) = (a >> UInt64(bit) & 1 == 1, b >> UInt64(bit) & 1 == 1)
                let total = (x ? 1 : 0) + (y ? 1 : 0) + (carry ? 1 : 0)
                if total & 1 == 1 { expected.result |= 1 << UInt64(bit) }
                if bit == bits - 1 { expected.overflow = carry != (total > 1) }
                carry = total > 1
                if bit == 3 { expected.auxiliary = carry }
            }
            expected.carry = carry
            return expected
        }

        /// A full subtracter for each bit.
        static func difference(_ a: UInt64, _ b: UInt64, borrow: Bool, bits: Int) -> Expected {
            var expected = Expected()
            var borrow = borrow
            for bit in 0..<bits {
                let (x, y) = (a >> UInt64(bit) & 1 == 1, b >> UInt64(bit) & 1 == 1)
                let total = (x ? 1 : 0) - (y ? 1 : 0) - (borrow ? 1 : 0)
                if total & 1 != 0 { expected.result |= 1 << UInt64(bit) }
                if bit == bits - 1 { expected.overflow = borrow != (total < 0) }
                borrow = total < 0
                if bit == 3 { expected.auxiliary = borrow }
            }
            expected.carry = borrow
            return expected
        }

        /// EFLAGS: CF, PF, AF, ZF, SF, OF at bits 0, 2, 4, 6, 7, 11 (Intel SDM volume 1, 3.4.3.1).
        func eflags(bits: Int) -> UInt64 {
            var ones = 0
            for bit in 0..<8 where result >> UInt64(bit) & 1 == 1 { ones += 1 }
            return (carry ? 1 : 0) | (ones % 2 == 0 ? 4 : 0) | (auxiliary ? 16 : 0) | (result == 0 ? 64 : 0)
                | (result >> UInt64(bits - 1) & 1 == 1 ? 128 : 0) | (overflow ? 2048 : 0)
        }
    }

    /// The table of conditions in the description of Jcc (SDM volume 2).
    static func jumps(_ code: ConditionCode, eflags: UInt64) -> Bool {
        let (cf, pf, zf) = (eflags & 1 != 0, eflags & 4 != 0, eflags & 64 != 0)
        let (sf, of) = (eflags & 128 != 0, eflags & 2048 != 0)
        switch code {
        case .overflow: return of
        case .notOverflow: return !of
        case .below: return cf
        case .aboveOrEqual: return !cf
        case .equal: return zf
        case .notEqual: return !zf
        case .belowOrEqual: return cf || zf
        case .above: return !cf && !zf
        case .sign: return sf
        case .notSign: return !sf
        case .parity: return pf
        case .notParity: return !pf
        case .less: return sf != of
        case .greaterOrEqual: return sf == of
        case .lessOrEqual: return zf || sf != of
        case .greater: return !zf && sf == of
        }
    }

    /// The flags that each condition looks at.
    static func reads(_ code: ConditionCode) -> UInt64 {
        switch code {
        case .overflow, .notOverflow: return 2048
        case .below, .aboveOrEqual: return 1
        case .equal, .notEqual: return 64
        case .belowOrEqual, .above: return 65
        case .sign, .notSign: return 128
        case .parity, .notParity: return 4
        case .less, .greaterOrEqual: return 2176
        case .lessOrEqual, .greater: return 2240
        }
    }

    /// Nil, or what is wrong with the record.
    static func fault(_ record: FlagsRecord, eflags: UInt64, defined: UInt64) -> String? {
        if record.raw & defined != eflags & defined {
            return "\(record): raw flags are \(String(record.raw, radix: 2)), not \(String(eflags, radix: 2))"
        }
        for code in ConditionCode.allCases where reads(code) & ~defined == 0 {
            if record.holds(code) != jumps(code, eflags: eflags) {
                return "\(record): the condition \(code) is \(record.holds(code))"
            }
        }
        return nil
    }

    /// Above the width, where nothing may look.
    static let junk: UInt64 = 0x5aa5_c33c_9669_0f00

    @Test(
        "Additions and subtractions with and without carry leave the flags of a bit-by-bit adder, for all 8-bit operands"
    )
    func addAndSubtract() {
        for a in 0..<256 as Range<UInt64> {
            for b in 0..<256 as Range<UInt64> {
                for carry in [false, true] {
                    let sum = Expected.sum(a, b, carry: carry, bits: 8)
                    let difference = Expected.difference(a, b, borrow: carry, bits: 8)
                    var cases: [(FlagsKind, Expected)] = [(.addWithCarry, sum), (.subtractWithBorrow, difference)]
                    if !carry { cases += [(.add, sum), (.subtract, difference)] }
                    for (kind, expected) in cases {
                        let record = FlagsRecord(
                            kind: kind, width: .byte, result: expected.result | Self.junk, operand: b | Self.junk,
                            first: kind.keepsFirst ? a | Self.junk : 0x1234)
                        if let fault = Self.fault(record, eflags: expected.eflags(bits: 8), defined: 0x8d5) {
                            Issue.record("\(kind) of \(a) and \(b), carry \(carry): \(fault)")
                            return
                        }
                    }
                }
            }
        }
    }

    @Test("INC and DEC leave the flags of adding and subtracting 1, and the carry as it was, for all 8-bit operands")
    func incrementAndDecrement() {
        for a in 0..<256 as Range<UInt64> {
            for carry in [false, true] {
                for kind in [FlagsKind.increment, .decrement] {
                    var expected =
                        kind == .increment
                        ? Expected.sum(a, 1, carry: false, bits: 8) : Expected.difference(a, 1, borrow: false, bits: 8)
                    expected.carry = carry
                    let record = FlagsRecord(
                        kind: kind, width: .byte, result: expected.result | Self.junk, operand: carry ? 1 : 0)
                    let fault = Self.fault(record, eflags: expected.eflags(bits: 8), defined: 0x8d5)
                    if let fault { Issue.record("\(kind) of \(a): \(fault)") }
                }
            }
        }
    }

    @Test("Logical results leave carry and overflow clear, set, or as given, for all 8-bit results")
    func logic() {
        for result in 0..<256 as Range<UInt64> {
            for (carry, overflow) in [(false, false), (false, true), (true, false), (true, true)] {
                let expected = Expected(result: result, carry: carry, overflow: overflow)
                let kinds: [FlagsKind] = overflow ? [.logicKeeping] : [.logicKeeping, carry ? .logicInverted : .logic]
                for kind in kinds {
                    let kept: UInt64 = (carry ? 1 : 0) | (overflow ? 2048 : 0) | 0x7f4
                    let record = FlagsRecord(
                        kind: kind, width: .byte, result: result | Self.junk,
                        operand: kind == .logicKeeping ? kept : Self.junk)
                    let fault = Self.fault(record, eflags: expected.eflags(bits: 8), defined: 0x8d5 & ~16)
                    if let fault { Issue.record("\(kind) giving \(result): \(fault)") }
                }
            }
        }
    }

    @Test(
        "Shifts carry the last bit out, and overflow where the sign changes in a shift by one, for all 8-bit operands")
    func shifts() {
        for a in 0..<256 as Range<UInt64> {
            for count in 1..<8 as Range<UInt64> {
                for instruction in ["shl", "shr", "sar"] {
                    var (value, before, out) = (a, a, false)
                    for _ in 0..<count {
                        before = value
                        out = instruction == "shl" ? value & 128 != 0 : value & 1 != 0
                        switch instruction {
                        case "shl": value = value * 2 % 256
                        case "shr": value = value / 2
                        default: value = value / 2 + (a >= 128 ? 128 : 0)
                        }
                    }
                    // SDM volume 2, SAL/SAR/SHL/SHR: OF is affected only on 1-bit shifts: for SHL it is the top two bits
                    // of the operand differing, for SAR it is clear, for SHR it is the operand's top bit. AF is undefined.
                    let overflow: Bool
                    switch instruction {
                    case "shl": overflow = (a & 128 != 0) != (a & 64 != 0)
                    case "shr": overflow = a & 128 != 0
                    default: overflow = false
                    }
                    let expected = Expected(result: value, carry: out, overflow: overflow)
                    let record = FlagsRecord(
                        kind: instruction == "shl" ? .shiftLeft : .shiftRight, width: .byte, result: value | Self.junk,
                        operand: before | Self.junk)
                    let defined: UInt64 = count == 1 ? 0x8c5 : 0xc5
                    if let fault = Self.fault(record, eflags: expected.eflags(bits: 8), defined: defined) {
                        Issue.record("\(instruction) of \(a) by \(count): \(fault)")
                    }
                }
            }
        }
    }

    @Test("MUL and IMUL set carry and overflow where the high half matters, for all 8-bit operands")
    func multiply() {
        for a in 0..<256 as Range<UInt64> {
            for b in 0..<256 as Range<UInt64> {
                let unsigned = Int(a) * Int(b)
                let signed = Int(Int8(truncatingIfNeeded: a)) * Int(Int8(truncatingIfNeeded: b))
                let high = BinaryOperation.multiplyHighUnsigned.evaluate(.byte, a, b)
                let low = BinaryOperation.multiply.evaluate(.byte, a, b)
                let mul = FlagsRecord(kind: .multiply, width: .byte, result: low, operand: high)
                let signedHigh = BinaryOperation.multiplyHighSigned.evaluate(.byte, a, b)
                let extra = signedHigh ^ BinaryOperation.shiftRightArithmetic.evaluate(.byte, low, 7)
                let imul = FlagsRecord(kind: .multiply, width: .byte, result: low, operand: extra)
                let isLarge = Int(Int8(truncatingIfNeeded: low)) != signed
                guard mul.carry == (unsigned > 255), mul.overflow == mul.carry else {
                    Issue.record("mul of \(a) and \(b): carry \(mul.carry), overflow \(mul.overflow)")
                    return
                }
                guard imul.carry == isLarge, imul.overflow == isLarge else {
                    Issue.record("imul of \(a) and \(b): carry \(imul.carry), overflow \(imul.overflow)")
                    return
                }
            }
        }
    }

    // MARK: ARM

    /// AddWithCarry of the Arm ARM (DDI 0487, shared pseudocode), at 8 bits: the result and NZCV.
    static func addWithCarry(
        _ x: UInt64, _ y: UInt64, _ carry: Int
    ) -> (result: UInt64, n: Bool, z: Bool, c: Bool, v: Bool) {
        let unsigned = Int(x) + Int(y) + carry
        let signed = Int(Int8(truncatingIfNeeded: x)) + Int(Int8(truncatingIfNeeded: y)) + carry
        let result = UInt64(unsigned % 256)
        return (
            result, result >= 128, result == 0, Int(result) != unsigned, Int(Int8(truncatingIfNeeded: result)) != signed
        )
    }

    @Test("ADDS, ADCS, SUBS and SBCS leave the NZCV of the ARM manual's AddWithCarry, for all 8-bit operands")
    func arm() {
        for x in 0..<256 as Range<UInt64> {
            for y in 0..<256 as Range<UInt64> {
                for carry in [0, 1] {
                    var cases = [
                        (FlagsKind.addWithCarryInverted, Self.addWithCarry(x, y, carry)),
                        (.subtractWithBorrow, Self.addWithCarry(x, y ^ 255, carry)),
                    ]
                    if carry == 0 { cases.append((.addInverted, Self.addWithCarry(x, y, 0))) }
                    if carry == 1 { cases.append((.subtract, Self.addWithCarry(x, y ^ 255, 1))) }
                    for (kind, expected) in cases {
                        let record = FlagsRecord(
                            kind: kind, width: .byte, result: expected.result | Self.junk, operand: y | Self.junk,
                            first: x | Self.junk)
                        if let fault = Self.fault(record, n: expected.n, z: expected.z, c: expected.c, v: expected.v) {
                            Issue.record("\(kind) of \(x) and \(y), carry \(carry): \(fault)")
                            return
                        }
                    }
                }
            }
        }
    }

    @Test("ANDS clears C and V")
    func armLogic() {
        for result in 0..<256 as Range<UInt64> {
            let record = FlagsRecord(kind: .logicInverted, width: .byte, result: result | Self.junk)
            let fault = Self.fault(record, n: result >= 128, z: result == 0, c: false, v: false)
            if let fault { Issue.record("ANDS giving \(result): \(fault)") }
        }
    }

    /// The table of ConditionHolds in the ARM manual against the codes that A64 and A32 decode to.
    static func fault(_ record: FlagsRecord, n: Bool, z: Bool, c: Bool, v: Bool) -> String? {
        for code in ConditionCode.allCases {
            guard let expected = holds(code, n: n, z: z, c: c, v: v) else { continue }
            if record.holds(code) != expected || code.holds(raw: record.raw) != expected {
                return "\(record): \(code) should be \(expected)"
            }
        }
        return nil
    }

    /// EQ NE, CS CC, MI PL, VS VC, HI LS, GE LT, GT LE; there is no condition on parity.
    static func holds(_ code: ConditionCode, n: Bool, z: Bool, c: Bool, v: Bool) -> Bool? {
        switch code {
        case .equal: return z
        case .notEqual: return !z
        case .aboveOrEqual: return c
        case .below: return !c
        case .sign: return n
        case .notSign: return !n
        case .overflow: return v
        case .notOverflow: return !v
        case .above: return c && !z
        case .belowOrEqual: return !(c && !z)
        case .greaterOrEqual: return n == v
        case .less: return n != v
        case .greater: return n == v && !z
        case .lessOrEqual: return !(n == v && !z)
        case .parity, .notParity: return nil
        }
    }

    // MARK: The host

    #if arch(x86_64) && canImport(Glibc)
    /// A host instruction on rax and rsi (or cl), with the flags before and after it.
    final class HostInstruction {
        private typealias Function =
            @convention(c) (UInt64, UInt64, UInt64, UInt64, UnsafeMutablePointer<UInt64>) -> UInt64
        private let page: UnsafeMutableRawPointer

        init?(_ code: [UInt8]) {
            // push rdx; popfq; mov rax, rdi; mov rcx, rsi; ...; pushfq; mov [r8], rax; pop rax; ret
            let bytes: [UInt8] =
                [0x52, 0x9d, 0x48, 0x89, 0xf8, 0x48, 0x89, 0xf1] + code + [0x9c, 0x49, 0x89, 0x00, 0x58, 0xc3]
            guard let page = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                page != MAP_FAILED
            else { return nil }
            bytes.withUnsafeBytes { page.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            guard mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 else { return nil }
            self.page = page
        }

        deinit { munmap(page, 4096) }

        func callAsFunction(_ a: UInt64, _ b: UInt64, flags: UInt64) -> (result: UInt64, flags: UInt64) {
            var result: UInt64 = 0
            // SAFETY: the page holds a function of this signature; it keeps every register that the ABI says it must.
            let function = unsafeBitCast(page, to: Function.self)
            let after = function(a, b, flags | 0x202, 0, &result)
            return (result, after)
        }
    }

    /// The encoding of `opcode` (of the byte form) with a ModR/M byte, at a width: REX gives sil and 64 bits.
    static func encode(_ opcode: UInt8, _ modrm: UInt8, _ width: Width) -> [UInt8] {
        switch width {
        case .byte: return [0x40, opcode, modrm]
        case .half: return [0x66, opcode | 1, modrm]
        case .word: return [opcode | 1, modrm]
        case .double: return [0x48, opcode | 1, modrm]
        }
    }

    @Test("Every kind leaves the flags that the host's CPU leaves, at all widths")
    func host() throws {
        var random = SplitMix64(seed: 0x0f1a_95)
        let hostile: [UInt64] = [
            0, 1, 2, 0x0f, 0x10, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
            0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, ~0, ~1,
        ]
        func operand() -> UInt64 {
            let pick = random.next()
            return pick & 1 == 0 ? hostile[Int(pick >> 1 % UInt64(hostile.count))] : random.next()
        }
        let all: UInt64 = 0x8d5
        let instructions: [(name: String, opcode: UInt8, modrm: UInt8, defined: UInt64)] = [
            ("add", 0x00, 0xf0, all), ("or", 0x08, 0xf0, all & ~16), ("adc", 0x10, 0xf0, all),
            ("sbb", 0x18, 0xf0, all), ("and", 0x20, 0xf0, all & ~16), ("sub", 0x28, 0xf0, all),
            ("xor", 0x30, 0xf0, all & ~16), ("inc", 0xfe, 0xc0, all), ("dec", 0xfe, 0xc8, all),
            ("neg", 0xf6, 0xd8, all), ("mul", 0xf6, 0xe6, 0x801), ("imul", 0xf6, 0xee, 0x801),
            ("shl", 0xd2, 0xe0, 0xc5), ("shr", 0xd2, 0xe8, 0xc5), ("sar", 0xd2, 0xf8, 0xc5),
        ]
        for instruction in instructions {
            for width in Width.allCases {
                let run = try #require(HostInstruction(Self.encode(instruction.opcode, instruction.modrm, width)))
                for _ in 0..<4000 {
                    let a = operand()
                    let isShift = instruction.name.hasPrefix("s") && instruction.defined == 0xc5
                    let b = isShift ? 1 + random.next() % (width.bits - 1) : operand()
                    let carry = random.next() & 1
                    let host = run(a, b, flags: carry)
                    let record = Self.record(instruction.name, width, a, b, carry: carry)
                    let defined = isShift && b == 1 ? instruction.defined | 0x800 : instruction.defined
                    let fault = Self.fault(record, eflags: host.flags, defined: defined)
                    let isSame = width.zeroExtend(record.result) == width.zeroExtend(host.result)
                    if fault != nil || !isSame {
                        Issue.record("\(instruction.name).\(width) of \(a), \(b), carry \(carry): \(fault ?? "result")")
                        return
                    }
                }
            }
        }
    }

    /// What the semantics of each instruction would record.
    static func record(_ name: String, _ width: Width, _ a: UInt64, _ b: UInt64, carry: UInt64) -> FlagsRecord {
        func binary(_ operation: BinaryOperation, _ a: UInt64, _ b: UInt64) -> UInt64 {
            operation.evaluate(width, a, b)
        }
        let low = binary(.multiply, a, b)
        switch name {
        case "add": return FlagsRecord(kind: .add, width: width, result: binary(.add, a, b), operand: b)
        case "adc":
            return FlagsRecord(
                kind: .addWithCarry, width: width, result: width.zeroExtend(a &+ b &+ carry), operand: b, first: a)
        case "sbb":
            return FlagsRecord(
                kind: .subtractWithBorrow, width: width, result: width.zeroExtend(a &- b &- carry), operand: b,
                first: a)
        case "sub": return FlagsRecord(kind: .subtract, width: width, result: binary(.subtract, a, b), operand: b)
        case "neg": return FlagsRecord(kind: .subtract, width: width, result: binary(.subtract, 0, a), operand: a)
        case "or": return FlagsRecord(kind: .logic, width: width, result: binary(.or, a, b))
        case "and": return FlagsRecord(kind: .logic, width: width, result: binary(.and, a, b))
        case "xor": return FlagsRecord(kind: .logic, width: width, result: binary(.xor, a, b))
        case "inc": return FlagsRecord(kind: .increment, width: width, result: binary(.add, a, 1), operand: carry)
        case "dec": return FlagsRecord(kind: .decrement, width: width, result: binary(.subtract, a, 1), operand: carry)
        case "mul":
            return FlagsRecord(
                kind: .multiply, width: width, result: low, operand: binary(.multiplyHighUnsigned, a, b))
        case "imul":
            let sign = binary(.shiftRightArithmetic, low, width.bits - 1)
            return FlagsRecord(
                kind: .multiply, width: width, result: low, operand: binary(.multiplyHighSigned, a, b) ^ sign)
        default:
            let operation: BinaryOperation =
                name == "shl" ? .shiftLeft : name == "shr" ? .shiftRightLogical : .shiftRightArithmetic
            return FlagsRecord(
                kind: name == "shl" ? .shiftLeft : .shiftRight, width: width, result: binary(operation, a, b),
                operand: binary(operation, a, b - 1))
        }
    }
    #endif
}

extension SplitMix64 {
    mutating func bool() -> Bool { next() & 1 == 1 }
}
