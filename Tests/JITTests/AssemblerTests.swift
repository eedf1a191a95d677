import ISA
import Machine
import Testing

@testable import JIT

/// Each instruction is written for many operands and read back by libcapstone, which must see what was meant.
@Suite("x86-64 assembler")
struct AssemblerTests {
    typealias Register = X64.Register
    typealias Memory = X64.Memory

    /// What `write` writes, as capstone reads it.
    func text(_ write: (inout X64.Assembler) -> Void) throws -> [String] {
        let disassembler = try #require(CapstoneDisassembler(.x86_64, symbols: SymbolFinder([])))
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 256)
        defer { buffer.deallocate() }
        var assembler = X64.Assembler(buffer)
        write(&assembler)
        assembler.finish()
        var lines: [String] = []
        var place = 0
        while place < assembler.count {
            let rest = Array(buffer[place..<assembler.count])
            guard let instruction = disassembler.instruction(rest, at: UInt64(place)) else {
                lines.append("no instruction: \(rest)")
                break
            }
            lines.append(instruction.text)
            place += instruction.length
        }
        return lines
    }

    func expect(
        _ expected: String, at location: SourceLocation = #_sourceLocation, _ write: (inout X64.Assembler) -> Void
    ) throws {
        let lines = try text(write)
        #expect(lines == [expected], "capstone reads \(lines), for \(expected)", sourceLocation: location)
    }

    /// The register's name at a width (SDM volume 1, 3.4.1.1).
    func name(_ register: Register, _ width: Width) -> String {
        let plain = "\(register)"
        if register.rawValue >= 8 {
            return plain + [Width.byte: "b", .half: "w", .word: "d", .double: ""][width, default: ""]
        }
        let letters = plain.dropFirst()
        switch width {
        case .double: return plain
        case .word: return "e" + letters
        case .half: return String(letters)
        case .byte: return letters.hasSuffix("x") ? letters.dropLast() + "l" : letters + "l"
        }
    }

    func name(_ memory: Memory, _ width: Width) -> String {
        let size = [Width.byte: "byte", .half: "word", .word: "dword", .double: "qword"][width, default: ""]
        var text = "\(memory.base)"
        if let index = memory.index { text += " + \(index)" + (memory.scale > 1 ? "*\(memory.scale)" : "") }
        let displacement = memory.displacement
        if displacement != 0 {
            let magnitude = displacement.magnitude
            let digits = magnitude > 9 ? "0x" + String(magnitude, radix: 16) : "\(magnitude)"
            text += (displacement < 0 ? " - " : " + ") + digits
        }
        return "\(size) ptr [\(text)]"
    }

    /// Bases, indices, scales and displacements, every special case of ModRM and SIB among them.
    static let memories: [Memory] = {
        var memories: [Memory] = []
        for base in Register.allCases {
            for displacement: Int32 in [0, 1, -1, 0x7f, -0x80, 0x80, -0x81, 0x1234_5678, .min] {
                memories.append(Memory(base, displacement))
            }
            for index in Register.allCases where index != .rsp {
                memories.append(Memory(base, 0x40, index: index, scale: 8))
                memories.append(Memory(base, 0, index: index, scale: 1))
            }
        }
        return memories
    }()

    static let wide: [Width] = [.half, .word, .double]

    @Test("Every form of address is read back as it was meant")
    func addresses() throws {
        for memory in Self.memories {
            try expect("mov r9, \(name(memory, .double))") { $0.load(.r9, memory) }
            try expect("mov \(name(memory, .byte)), dil") { $0.store(memory, .rdi, .byte) }
        }
    }

    @Test("Moves between registers, and of constants", arguments: Width.allCases)
    func moves(width: Width) throws {
        for target in Register.allCases {
            for source in Register.allCases {
                try expect("mov \(name(target, width)), \(name(source, width))") { $0.move(target, source, width) }
            }
        }
    }

    @Test("A constant takes the shortest form that has its value")
    func constants() throws {
        for target in Register.allCases {
            try expect("mov \(name(target, .word)), 0x80000000") { $0.move(target, constant: 0x8000_0000) }
            try expect("mov \(target), -0x80000000") { $0.move(target, constant: 0xffff_ffff_8000_0000) }
            try expect("movabs \(target), 0x123456789abcdef0") { $0.move(target, constant: 0x1234_5678_9abc_def0) }
        }
    }

    @Test("Two-operand arithmetic, in its four forms", arguments: X64.Arithmetic.allCases)
    func arithmetic(operation: X64.Arithmetic) throws {
        let mnemonic = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"][Int(operation.rawValue)]
        let memory = Memory(.r13, 0x20)
        for width in Width.allCases {
            for target in Register.allCases {
                let (a, b) = (name(target, width), name(.rsi, width))
                try expect("\(mnemonic) \(a), \(b)") { $0.arithmetic(operation, target, .register(.rsi), width) }
                try expect("\(mnemonic) \(b), \(a)") { $0.arithmetic(operation, .rsi, .register(target), width) }
                try expect("\(mnemonic) \(name(memory, width)), \(a)") {
                    $0.arithmetic(operation, memory, target, width)
                }
                try expect("\(mnemonic) \(a), \(name(memory, width))") {
                    $0.arithmetic(operation, target, .memory(memory), width)
                }
                try expect("\(mnemonic) \(a), 0x7f") {
                    $0.arithmetic(operation, .register(target), constant: 0x7f, width)
                }
            }
            guard width != .byte else { continue }
            try expect("\(mnemonic) \(name(memory, width)), 0x1234") {
                $0.arithmetic(operation, .memory(memory), constant: 0x1234, width)
            }
        }
    }

    @Test("Tests, and operations of one operand", arguments: Width.allCases)
    func tests(width: Width) throws {
        let unary: [(X64.Unary, String)] = [
            (.not, "not"), (.negate, "neg"), (.multiplyUnsigned, "mul"), (.multiplySigned, "imul"),
            (.divideUnsigned, "div"), (.divideSigned, "idiv"),
        ]
        for target in Register.allCases {
            let a = name(target, width)
            try expect("test \(a), \(name(.rbp, width))") { $0.test(.register(target), .rbp, width) }
            try expect("test \(a), 0x10") { $0.test(.register(target), constant: 0x10, width) }
            for (operation, mnemonic) in unary {
                try expect("\(mnemonic) \(a)") { $0.unary(operation, .register(target), width) }
            }
        }
    }

    @Test("Extensions and loads with them")
    func extensions() throws {
        for target in Register.allCases {
            for source in Register.allCases {
                try expect("movzx \(name(target, .word)), \(name(source, .byte))") {
                    $0.extendZero(target, source, .byte)
                }
                try expect("movsx \(target), \(name(source, .half))") {
                    $0.extendSigned(target, .register(source), .half)
                }
                try expect("movsxd \(target), \(name(source, .word))") {
                    $0.extendSigned(target, .register(source), .word)
                }
            }
            let memory = Memory(.rsp, 8)
            try expect("movzx \(name(target, .word)), \(name(memory, .half))") { $0.load(target, memory, .half) }
            try expect("movsx \(target), \(name(memory, .byte))") { $0.loadSigned(target, memory, .byte) }
            try expect("movsxd \(target), \(name(memory, .word))") { $0.loadSigned(target, memory, .word) }
            try expect("lea \(target), [rsp + r12*4 + 8]") {
                $0.address(target, Memory(.rsp, 8, index: .r12, scale: 4))
            }
        }
    }

    @Test("Shifts, products, counts and byte swaps")
    func shifts() throws {
        let shifts: [(X64.Shift, String)] = [
            (.rotateLeft, "rol"), (.rotateRight, "ror"), (.left, "shl"), (.logicalRight, "shr"),
            (.arithmeticRight, "sar"),
        ]
        for target in Register.allCases {
            for width in Width.allCases {
                for (kind, mnemonic) in shifts {
                    try expect("\(mnemonic) \(name(target, width)), 5") {
                        $0.shift(kind, .register(target), by: 5, width)
                    }
                    try expect("\(mnemonic) \(name(target, width)), cl") {
                        $0.shiftByCL(kind, .register(target), width)
                    }
                }
            }
            for width in Self.wide {
                let a = name(target, width)
                let b = name(.r11, width)
                try expect("imul \(a), \(b)") { $0.multiply(target, .register(.r11), width) }
                try expect("popcnt \(a), \(b)") { $0.count(.population, target, .register(.r11), width) }
                try expect("lzcnt \(a), \(b)") { $0.count(.leadingZeros, target, .register(.r11), width) }
                try expect("tzcnt \(a), \(b)") { $0.count(.trailingZeros, target, .register(.r11), width) }
            }
            for width in [Width.word, .double] {
                let (a, b, c) = (name(target, width), name(.r10, width), name(.rbx, width))
                try expect("shlx \(a), \(b), \(c)") { $0.shift(.left, target, .register(.r10), by: .rbx, width) }
                try expect("shrx \(a), \(c), \(b)") {
                    $0.shift(.logicalRight, target, .register(.rbx), by: .r10, width)
                }
                try expect("sarx \(b), \(a), \(c)") {
                    $0.shift(.arithmeticRight, .r10, .register(target), by: .rbx, width)
                }
                try expect("andn \(a), \(b), \(c)") { $0.andNot(target, .register(.rbx), not: .r10, width) }
                try expect("bswap \(a)") { $0.swapBytes(target, width) }
            }
        }
        try expect("cqo") { $0.extendAccumulator() }
        try expect("cdq") { $0.extendAccumulator(.word) }
    }

    @Test("Bits are tested and changed, by a constant and by a register", arguments: wide)
    func bits(width: Width) throws {
        let changes: [(X64.BitChange, String)] = [
            (.nothing, "bt"), (.set, "bts"), (.reset, "btr"), (.complement, "btc"),
        ]
        let memory = Memory(.r12, -0x80)
        for (change, mnemonic) in changes {
            for target in Register.allCases {
                let (a, b) = (name(target, width), name(.r9, width))
                try expect("\(mnemonic) \(a), 0xb") { $0.bitTest(.register(target), constant: 11, and: change, width) }
                try expect("\(mnemonic) \(a), \(b)") { $0.bitTest(.register(target), .r9, and: change, width) }
                try expect("\(mnemonic) \(b), \(a)") { $0.bitTest(.register(.r9), target, and: change, width) }
            }
            try expect("\(mnemonic) \(name(memory, width)), 0xb") {
                $0.bitTest(.memory(memory), constant: 11, and: change, width)
            }
            try expect("\(mnemonic) \(name(memory, width)), \(name(.rdx, width))") {
                $0.bitTest(.memory(memory), .rdx, and: change, width)
            }
        }
    }

    @Test("What BMI2 adds: rotations, products and bit gathering, with their sources in registers and memory")
    func bitManipulation() throws {
        for width in [Width.word, .double] {
            let memory = Memory(.r13, 0x40, index: .r14, scale: 2)
            let m = name(memory, width)
            for target in Register.allCases {
                let (a, b, c) = (name(target, width), name(.r8, width), name(.rbp, width))
                try expect("rorx \(a), \(b), 9") { $0.rotateRight(target, .register(.r8), by: 9, width) }
                try expect("rorx \(c), \(a), 9") { $0.rotateRight(.rbp, .register(target), by: 9, width) }
                try expect("rorx \(a), \(m), 9") { $0.rotateRight(target, .memory(memory), by: 9, width) }
                try expect("mulx \(a), \(b), \(c)") { $0.multiply(high: target, low: .r8, .register(.rbp), width) }
                try expect("mulx \(b), \(a), \(m)") { $0.multiply(high: .r8, low: target, .memory(memory), width) }
                try expect("pdep \(a), \(b), \(c)") { $0.depositBits(target, .r8, mask: .register(.rbp), width) }
                try expect("pdep \(b), \(c), \(a)") { $0.depositBits(.r8, .rbp, mask: .register(target), width) }
                try expect("pext \(c), \(a), \(b)") { $0.extractBits(.rbp, target, mask: .register(.r8), width) }
                try expect("pext \(a), \(b), \(m)") { $0.extractBits(target, .r8, mask: .memory(memory), width) }
            }
        }
    }

    @Test("Products by constants, and shifts out of one register into another", arguments: wide)
    func products(width: Width) throws {
        let memory = Memory(.rbx, 0x100)
        let m = name(memory, width)
        for target in Register.allCases {
            let (a, b) = (name(target, width), name(.r15, width))
            try expect("imul \(a), \(b), 0x7f") { $0.multiply(target, .register(.r15), constant: 0x7f, width) }
            try expect("imul \(b), \(a), 0x1234") { $0.multiply(.r15, .register(target), constant: 0x1234, width) }
            try expect("imul \(a), \(m), 0x80") { $0.multiply(target, .memory(memory), constant: 0x80, width) }
            try expect("shld \(a), \(b), 7") { $0.shift(.left, .register(target), from: .r15, by: 7, width) }
            try expect("shrd \(b), \(a), 7") { $0.shift(.logicalRight, .register(.r15), from: target, by: 7, width) }
            try expect("shrd \(m), \(a), 7") { $0.shift(.logicalRight, .memory(memory), from: target, by: 7, width) }
        }
    }

    @Test("Exchanges of registers with memory", arguments: Width.allCases)
    func exchanges(width: Width) throws {
        let memory = Memory(.rsp, 4)
        for register in Register.allCases {
            try expect("xchg \(name(memory, width)), \(name(register, width))") {
                $0.exchange(register, .memory(memory), width)
            }
        }
    }

    @Test("Nothing is written past the end of the buffer")
    func overflow() {
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 16)
        defer { bytes.deallocate() }
        bytes.initialize(repeating: 0xcc)
        var assembler = X64.Assembler(UnsafeMutableBufferPointer(rebasing: bytes[..<7]))
        let label = assembler.label()
        assembler.move(.rax, constant: 1)
        assembler.jump(label)
        assembler.bind(label)
        assembler.finish()
        #expect(assembler.hasOverflowed && assembler.count == 7)
        #expect(bytes[7...].allSatisfy { $0 == 0xcc })
    }
}
