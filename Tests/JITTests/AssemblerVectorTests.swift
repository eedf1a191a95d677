import ISA
import Testing

@testable import JIT

/// Instructions on vector registers.
extension AssemblerTests {
    typealias VectorRegister = X64.VectorRegister

    /// 16 bytes of memory as capstone names them.
    private func vectorName(_ memory: Memory) -> String {
        name(memory, .double).replacing("qword", with: "xmmword")
    }

    /// Each register in each place, and memory, for an instruction `mnemonic target, source` and, where `hasVEX`, for
    /// `vmnemonic target, first, source`.
    private func expectForms(
        _ mnemonic: String, memory: String, tail: String = "", hasVEX: Bool = true,
        _ write: (inout X64.Assembler, VectorRegister, VectorRegister?, X64.VectorOperand) -> Void
    ) throws {
        for register in VectorRegister.allCases {
            try expect("\(mnemonic) \(register), xmm9\(tail)") { write(&$0, register, nil, .register(.xmm9)) }
            try expect("\(mnemonic) xmm2, \(register)\(tail)") { write(&$0, .xmm2, nil, .register(register)) }
            try expect("\(mnemonic) \(register), \(memory)\(tail)") {
                write(&$0, register, nil, .memory(Self.place))
            }
            guard hasVEX else { continue }
            try expect("v\(mnemonic) \(register), xmm9, xmm2\(tail)") {
                write(&$0, register, .xmm9, .register(.xmm2))
            }
            try expect("v\(mnemonic) xmm2, \(register), xmm9\(tail)") {
                write(&$0, .xmm2, register, .register(.xmm9))
            }
            try expect("v\(mnemonic) xmm9, xmm2, \(register)\(tail)") {
                write(&$0, .xmm9, .xmm2, .register(register))
            }
            try expect("v\(mnemonic) \(register), xmm9, \(memory)\(tail)") {
                write(&$0, register, .xmm9, .memory(Self.place))
            }
        }
    }

    /// A place in memory whose base and index both need a bit of the prefix.
    private static let place = Memory(.r13, 0x40, index: .r9, scale: 4)

    @Test("Scalar floating point", arguments: [Width.word, .double])
    func scalars(width: Width) throws {
        let suffix = width == .double ? "d" : "s"
        let operations: [(X64.Scalar, String)] = [
            (.squareRoot, "sqrt"), (.add, "add"), (.multiply, "mul"), (.subtract, "sub"), (.minimum, "min"),
            (.divide, "div"), (.maximum, "max"),
        ]
        for target in X64.VectorRegister.allCases {
            for (operation, mnemonic) in operations {
                try expect("\(mnemonic)s\(suffix) \(target), xmm9") { $0.scalar(operation, target, .xmm9, width) }
                try expect("\(mnemonic)s\(suffix) xmm2, \(target)") { $0.scalar(operation, .xmm2, target, width) }
            }
            try expect("ucomis\(suffix) \(target), xmm12") { $0.compareQuiet(target, .xmm12, width) }
            try expect("comis\(suffix) xmm1, \(target)") { $0.compareSignaling(.xmm1, target, width) }
            let memory = Memory(.rbp, -8)
            try expect("movs\(suffix) \(target), \(name(memory, width))") { $0.load(target, memory, width) }
            try expect("movs\(suffix) \(name(memory, width)), \(target)") { $0.store(memory, target, width) }
            let mnemonic = width == .double ? "movq" : "movd"
            try expect("\(mnemonic) \(target), \(name(.r15, width))") { $0.move(target, .r15, width) }
            try expect("\(mnemonic) \(name(.rdx, width)), \(target)") { $0.move(.rdx, target, width) }
        }
        try expect("ldmxcsr dword ptr [rbp + 4]") { $0.loadControl(Memory(.rbp, 4)) }
        try expect("stmxcsr dword ptr [rbp + 4]") { $0.storeControl(Memory(.rbp, 4)) }
    }

    @Test(
        "Scalar arithmetic with registers and memory, in two operands and in three", arguments: [Width.word, .double])
    func scalarForms(width: Width) throws {
        let suffix = width == .double ? "sd" : "ss"
        let operations: [(X64.Scalar, String)] = [
            (.squareRoot, "sqrt"), (.add, "add"), (.multiply, "mul"), (.subtract, "sub"), (.minimum, "min"),
            (.divide, "div"), (.maximum, "max"),
        ]
        let memory = name(Self.place, width)
        for (operation, mnemonic) in operations {
            try expectForms(mnemonic + suffix, memory: memory) { $0.scalar(operation, $1, from: $2, $3, width) }
        }
        let predicates = ["eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"]
        // The last one is for instructions on whole vectors alone.
        for predicate in X64.Predicate.allCases where predicate != .equalOrUnordered {
            try expectForms("cmp\(predicates[Int(predicate.rawValue)])\(suffix)", memory: memory) {
                $0.compare(predicate, $1, from: $2, $3, width)
            }
        }
        for rounding in X64.Rounding.allCases {
            try expectForms("round\(suffix)", memory: memory, tail: ", \(rounding.rawValue)") {
                $0.round(rounding, isExact: true, $1, from: $2, $3, width)
            }
            try expectForms("round\(suffix)", memory: memory, tail: ", \(hexadecimal(8 + rounding.rawValue))") {
                $0.round(rounding, isExact: false, $1, from: $2, $3, width)
            }
        }
        try expectForms("ucomi\(suffix)", memory: memory, hasVEX: false) { $0.compareQuiet($1, $3, width) }
        // Capstone 4 has 16 bytes for COMISS and COMISD, the manual has 4 and 8.
        try expectForms("comi\(suffix)", memory: vectorName(Self.place), hasVEX: false) {
            $0.compareSignaling($1, $3, width)
        }
    }

    @Test("Conversions between integers, single, double and half precision")
    func conversions() throws {
        let memory = Self.place
        for (float, suffix) in [(Width.word, "ss"), (.double, "sd")] {
            for integer in [Width.word, .double] {
                let (m, r) = (name(memory, integer), name(.r10, integer))
                for x in VectorRegister.allCases {
                    try expect("cvtsi2\(suffix) \(x), \(r)") {
                        $0.convert(x, integer: .register(.r10), integer, to: float)
                    }
                    try expect("cvtsi2\(suffix) \(x), \(m)") {
                        $0.convert(x, integer: .memory(memory), integer, to: float)
                    }
                    try expect("vcvtsi2\(suffix) \(x), xmm15, \(r)") {
                        $0.convert(x, from: .xmm15, integer: .register(.r10), integer, to: float)
                    }
                    try expect("vcvtsi2\(suffix) xmm1, \(x), \(m)") {
                        $0.convert(.xmm1, from: x, integer: .memory(memory), integer, to: float)
                    }
                    for (mnemonic, truncating) in [("cvtt", true), ("cvt", false)] {
                        try expect("\(mnemonic)\(suffix)2si \(r), \(x)") {
                            $0.convert(.r10, float: .register(x), float, to: integer, truncating: truncating)
                        }
                    }
                }
                for target in Register.allCases {
                    try expect("cvttsd2si \(name(target, integer)), \(name(memory, .double))") {
                        $0.convert(target, float: .memory(memory), .double, to: integer, truncating: true)
                    }
                    try expect("cvtss2si \(name(target, integer)), \(name(memory, .word))") {
                        $0.convert(target, float: .memory(memory), .word, to: integer, truncating: false)
                    }
                }
            }
        }
        try expectForms("cvtsd2ss", memory: name(memory, .double)) { $0.convert($1, from: $2, float: $3, .double) }
        try expectForms("cvtss2sd", memory: name(memory, .word)) { $0.convert($1, from: $2, float: $3, .word) }
        for x in VectorRegister.allCases {
            try expect("vcvtph2ps \(x), xmm8") { $0.convertFromHalf(x, .register(.xmm8)) }
            try expect("vcvtph2ps \(x), \(name(memory, .double))") { $0.convertFromHalf(x, .memory(memory)) }
            try expect("vcvtps2ph xmm8, \(x), 4") { $0.convertToHalf(.register(.xmm8), x, .current) }
            try expect("vcvtps2ph \(name(memory, .double)), \(x), 3") {
                $0.convertToHalf(.memory(memory), x, .towardZero)
            }
        }
    }

    @Test("Fused products and sums, in every order", arguments: X64.Fused.allCases)
    func fused(operation: X64.Fused) throws {
        let mnemonics: [X64.Fused: String] = [
            .add: "vfmadd", .subtract: "vfmsub", .negatedAdd: "vfnmadd", .negatedSubtract: "vfnmsub",
        ]
        let orders: [(X64.FusedOrder, String)] = [(.order132, "132"), (.order213, "213"), (.order231, "231")]
        for (order, digits) in orders {
            for (width, suffix) in [(Width.word, "ss"), (.double, "sd")] {
                let mnemonic = mnemonics[operation, default: ""] + digits + suffix
                for x in VectorRegister.allCases {
                    try expect("\(mnemonic) \(x), xmm3, xmm12") {
                        $0.fused(operation, order, x, .xmm3, .register(.xmm12), width)
                    }
                    try expect("\(mnemonic) xmm12, \(x), xmm3") {
                        $0.fused(operation, order, .xmm12, x, .register(.xmm3), width)
                    }
                    try expect("\(mnemonic) xmm3, xmm12, \(x)") {
                        $0.fused(operation, order, .xmm3, .xmm12, .register(x), width)
                    }
                    try expect("\(mnemonic) \(x), xmm12, \(name(Self.place, width))") {
                        $0.fused(operation, order, x, .xmm12, .memory(Self.place), width)
                    }
                }
            }
        }
    }

    @Test("Operations on whole vectors")
    func packed() throws {
        let operations: [(X64.Packed, String)] = [
            (.and, "andps"), (.andNot, "andnps"), (.or, "orps"), (.xor, "xorps"), (.compareEqual, "pcmpeqd"),
            (.unpackLow, "unpcklps"),
            (.addBytes, "paddb"), (.addHalves, "paddw"), (.addWords, "paddd"), (.addDoubles, "paddq"),
            (.subtractBytes, "psubb"), (.subtractHalves, "psubw"), (.subtractWords, "psubd"),
            (.subtractDoubles, "psubq"), (.multiplyHalves, "pmullw"), (.multiplyWords, "pmulld"),
            (.compareBytes, "pcmpeqb"), (.compareHalves, "pcmpeqw"), (.compareDoubles, "pcmpeqq"),
            (.greaterBytes, "pcmpgtb"), (.greaterHalves, "pcmpgtw"), (.greaterWords, "pcmpgtd"),
            (.greaterDoubles, "pcmpgtq"), (.minimumSignedBytes, "pminsb"), (.minimumSignedHalves, "pminsw"),
            (.minimumSignedWords, "pminsd"), (.maximumSignedBytes, "pmaxsb"), (.maximumSignedHalves, "pmaxsw"),
            (.maximumSignedWords, "pmaxsd"), (.minimumUnsignedBytes, "pminub"), (.minimumUnsignedHalves, "pminuw"),
            (.minimumUnsignedWords, "pminud"), (.maximumUnsignedBytes, "pmaxub"), (.maximumUnsignedHalves, "pmaxuw"),
            (.maximumUnsignedWords, "pmaxud"), (.unpackLowBytes, "punpcklbw"), (.unpackLowHalves, "punpcklwd"),
            (.unpackLowWords, "punpckldq"), (.unpackLowDoubles, "punpcklqdq"), (.unpackHighBytes, "punpckhbw"),
            (.unpackHighHalves, "punpckhwd"), (.unpackHighWords, "punpckhdq"), (.unpackHighDoubles, "punpckhqdq"),
            (.packHalves, "packuswb"), (.packWords, "packusdw"),
            (.packSignedHalves, "packsswb"), (.packSignedWords, "packssdw"),
            (.addSaturatingBytes, "paddsb"), (.addSaturatingHalves, "paddsw"), (.addUnsignedSaturatingBytes, "paddusb"),
            (.addUnsignedSaturatingHalves, "paddusw"), (.subtractSaturatingBytes, "psubsb"),
            (.subtractSaturatingHalves, "psubsw"), (.subtractUnsignedSaturatingBytes, "psubusb"),
            (.subtractUnsignedSaturatingHalves, "psubusw"), (.multiplyHighHalves, "pmulhw"),
            (.multiplyRoundedHalves, "pmulhrsw"), (.multiplyLowWords, "pmuldq"), (.shuffleBytes, "pshufb"),
        ]
        #expect(operations.count == X64.Packed.allCases.count)
        let memory = vectorName(Self.place)
        for (operation, mnemonic) in operations {
            try expectForms(mnemonic, memory: memory) { $0.packed(operation, $1, from: $2, $3) }
        }
        try expectForms("insertps", memory: name(Self.place, .word), tail: ", 0x1e") {
            $0.packed(.insertSingle, $1, from: $2, $3, constant: 0x1e)
        }
        try expectForms("pclmulqdq", memory: memory, tail: ", 0x10") {
            $0.packed(.multiplyCarryless, $1, from: $2, $3, constant: 0x10)
        }
        try expectForms("shufps", memory: memory, tail: ", 0x88") {
            $0.packed(.shuffleSingles, $1, from: $2, $3, constant: 0x88)
        }
        try expectForms("shufpd", memory: memory, tail: ", 2") {
            $0.packed(.shuffleDoubles, $1, from: $2, $3, constant: 2)
        }
        try expectForms("cvtdq2ps", memory: memory, hasVEX: false) { $0.convertWords($1, $3) }
        try expectForms("palignr", memory: memory, tail: ", 0xb") {
            $0.packed(.alignRight, $1, from: $2, $3, constant: 0xb)
        }
        try expectForms("pshufd", memory: memory, tail: ", 0x1b", hasVEX: false) {
            $0.shuffle($1, $3, constant: 0x1b)
        }
        try expectForms("movshdup", memory: memory, hasVEX: false) { $0.duplicateOdd($1, $3) }
        for (width, mnemonic) in [(Width.word, "blendvps"), (.double, "blendvpd")] {
            // Capstone does not name xmm0, the mask.
            try expectForms(mnemonic, memory: memory, hasVEX: false) { $0.blend($1, $3, width) }
            for x in VectorRegister.allCases {
                try expect("v\(mnemonic) \(x), xmm9, xmm2, xmm4") {
                    $0.blend(x, from: .xmm9, .register(.xmm2), mask: .xmm4, width)
                }
                try expect("v\(mnemonic) xmm4, xmm2, \(memory), \(x)") {
                    $0.blend(.xmm4, from: .xmm2, .memory(Self.place), mask: x, width)
                }
            }
        }
    }

    @Test("Operations on each element")
    func lanes() throws {
        let shifts: [(X64.Shift, Width, String)] = [
            (.left, .half, "psllw"), (.left, .word, "pslld"), (.left, .double, "psllq"),
            (.logicalRight, .half, "psrlw"), (.logicalRight, .word, "psrld"), (.logicalRight, .double, "psrlq"),
            (.arithmeticRight, .half, "psraw"), (.arithmeticRight, .word, "psrad"),
        ]
        let scalars: [(X64.Scalar, String)] = [
            (.squareRoot, "sqrt"), (.add, "add"), (.multiply, "mul"), (.subtract, "sub"), (.minimum, "min"),
            (.divide, "div"), (.maximum, "max"),
        ]
        for x in VectorRegister.allCases {
            for (shift, width, mnemonic) in shifts {
                try expect("\(mnemonic) \(x), 7") { $0.shiftLanes(shift, x, by: 7, width) }
            }
            for (width, suffix) in [(Width.word, "ps"), (.double, "pd")] {
                for (operation, mnemonic) in scalars {
                    try expect("\(mnemonic)\(suffix) \(x), xmm9") { $0.packedFloat(operation, x, .xmm9, width) }
                    try expect("\(mnemonic)\(suffix) xmm9, \(x)") { $0.packedFloat(operation, .xmm9, x, width) }
                }
                try expect("vfmadd213\(suffix) \(x), xmm3, xmm12") {
                    $0.packedFused(.add, .order213, x, .xmm3, .xmm12, width)
                }
                try expect("vfnmsub231\(suffix) xmm12, \(x), xmm3") {
                    $0.packedFused(.negatedSubtract, .order231, .xmm12, x, .xmm3, width)
                }
                try expect("cmpunord\(suffix) \(x), xmm9") { $0.comparePacked(.unordered, x, .xmm9, width) }
                try expect("vadd\(suffix) xmm3, \(x), xmm9") { $0.packedFloat(.add, .xmm3, from: x, .xmm9, width) }
                try expect("vcmpunord\(suffix) \(x), xmm9, xmm3") {
                    $0.comparePacked(.unordered, x, from: .xmm9, .xmm3, width)
                }
                try expect("vcmpeq_uq\(suffix) \(x), xmm9, xmmword ptr [rip + 0x1000]") {
                    $0.comparePacked(.equalOrUnordered, x, from: .xmm9, at: 0x41009, from: 0x40000, width)
                }
                let (letter, size) = width == .double ? ("d", "qword") : ("s", "dword")
                try expect("vucomis\(letter) \(x), \(size) ptr [rip + 0x1000]") {
                    $0.compareQuiet(x, at: 0x41008, from: 0x40000, width)
                }
                try expect("movmsk\(suffix) r9d, \(x)") { $0.moveMask(.r9, x, width) }
            }
            try expect("vandps \(x), xmm3, xmmword ptr [rip + 0x1000]") {
                $0.and(x, .xmm3, at: 0x41008, from: 0x40000)
            }
            try expect("vandps xmm3, \(x), xmmword ptr [rip + 0x1000]") {
                $0.and(.xmm3, x, at: 0x41008, from: 0x40000)
            }
            try expect("movq \(x), xmm9") { $0.moveLow(x, .xmm9) }
            try expect("movq xmm9, \(x)") { $0.moveLow(.xmm9, x) }
        }
        try expect("cmc") { $0.complementCarry() }
    }

    @Test("Moves of vectors and of their elements")
    func elements() throws {
        let memory = Self.place
        for x in VectorRegister.allCases {
            try expect("movaps \(x), xmm11") { $0.move(x, .xmm11) }
            try expect("ptest \(x), \(x)") { $0.test(x) }
            try expect("movaps xmm3, \(x)") { $0.move(.xmm3, x) }
            try expect("movups \(x), \(vectorName(memory))") { $0.loadVector(x, memory) }
            try expect("movups \(vectorName(memory)), \(x)") { $0.storeVector(memory, x) }
            for (width, letter, element) in [(Width.word, "d", UInt8(3)), (.double, "q", 1)] {
                let (m, r) = (name(memory, width), name(.r8, width))
                try expect("mov\(letter) \(x), \(m)") { $0.move(x, memory, width) }
                try expect("mov\(letter) \(m), \(x)") { $0.move(memory, x, width) }
                try expect("pextr\(letter) \(r), \(x), \(element)") {
                    $0.extract(.register(.r8), x, element: element, width)
                }
                try expect("pextr\(letter) \(m), \(x), \(element)") {
                    $0.extract(.memory(memory), x, element: element, width)
                }
                try expect("pinsr\(letter) \(x), \(r), \(element)") {
                    $0.insert(x, .register(.r8), element: element, width)
                }
                try expect("vpinsr\(letter) \(x), xmm9, \(r), \(element)") {
                    $0.insert(x, from: .xmm9, .register(.r8), element: element, width)
                }
                try expect("vpinsr\(letter) xmm9, \(x), \(m), \(element)") {
                    $0.insert(.xmm9, from: x, .memory(memory), element: element, width)
                }
            }
        }
    }

    @Test("A VEX prefix has two bytes unless the third says something")
    func prefixLengths() throws {
        /// The length of the instruction, by the manual: prefix, opcode and ModRM, and here no more.
        func expectLength(_ length: Int, _ write: (inout X64.Assembler) -> Void) throws {
            _ = try text { assembler in
                write(&assembler)
                #expect(assembler.count == length)
            }
        }
        try expectLength(4) { $0.scalar(.add, .xmm9, from: .xmm10, .register(.xmm1), .double) }
        try expectLength(4) { $0.scalar(.add, .xmm9, from: .xmm10, .memory(Memory(.rdx)), .double) }
        // VEX.B, VEX.X, VEX.W and the opcode maps other than 0FH are in the third byte.
        try expectLength(5) { $0.scalar(.add, .xmm1, from: .xmm2, .register(.xmm8), .double) }
        try expectLength(6) { $0.scalar(.add, .xmm1, from: .xmm2, .memory(Memory(.rdx, index: .r9)), .double) }
        try expectLength(5) { $0.convert(.xmm1, from: .xmm2, integer: .register(.rax), .double, to: .double) }
        try expectLength(5) { $0.fused(.add, .order213, .xmm1, .xmm2, .register(.xmm3), .word) }
    }

    /// A number as capstone prints it.
    private func hexadecimal(_ value: UInt8) -> String {
        value > 9 ? "0x" + String(value, radix: 16) : "\(value)"
    }
}
