/// Decoding, from tables that look as the manual does.
///
/// The pattern of an ``Encoding`` says everything: which bits are fixed, and where each operand's bits go. It is parsed
/// once, when a machine is made; the decoder, the disassembler's operands, and the generators of random programs all
/// work from the parsed form. Decoding is total: a word that no line matches is `illegal`.
///
/// One line may be a special case of another (`c.jr` of `c.mv`): the line with more fixed bits wins. Otherwise no two
/// lines overlap; a test proves it for the whole table.
extension RISCV {
    struct Encoding: Sendable {
        /// What a run of bits in the word contributes to.
        enum Target: UInt8, Sendable {
            case rd, rs1, rs2, immediate
        }

        /// `width` bits of the word from `position` stand at `shift` in the value of the target.
        struct Piece: Sendable {
            let target: Target
            let position: UInt8
            let width: UInt8
            let shift: UInt8
        }

        let pattern: StaticString
        let operation: Operation
        let requires: Features
        /// 2 or 4 bytes.
        let length: UInt8
        private(set) var mask: UInt32 = 0
        private(set) var match: UInt32 = 0
        private(set) var pieces = ShortList(
            placeholder: Piece(target: .immediate, position: 0, width: 0, shift: 0))
        /// The immediate's sign bit, for signed ones.
        private(set) var signBit: UInt8?
        /// What is added to each register field: 8 for a three-bit field, ``RISCV/firstFloatRegister`` for f registers.
        private(set) var rdBias: UInt8 = 0
        private(set) var rs1Bias: UInt8 = 0
        private(set) var rs2Bias: UInt8 = 0
        private(set) var rs3Bias: UInt8 = 0
        private(set) var hasRounding = false
        /// The destination is an integer register, so that 0 means the sink.
        private(set) var writesInteger = true

        /// - Parameters:
        ///   - rd, rs1, rs2: registers that the encoding implies.
        init(
            _ pattern: StaticString, _ operation: Operation, _ requires: Features = [], rd: UInt8 = 0, rs1: UInt8 = 0,
            rs2: UInt8 = 0
        ) {
            self.pattern = pattern
            self.operation = operation
            self.requires = requires
            let tokens = pattern.description.split(separator: " ")
            let total = tokens.reduce(0) { $0 + Self.width(of: $1) }
            precondition(total == 16 || total == 32, "the encoding '\(pattern)' has \(total) bits")
            length = total == 16 ? 2 : 4
            rdBias = rd
            rs1Bias = rs1
            rs2Bias = rs2
            var position = total
            for token in tokens {
                position -= Self.width(of: token)
                add(token, at: UInt8(position))
            }
        }

        private static func width(of token: Substring) -> Int {
            if token.allSatisfy({ $0 == "0" || $0 == "1" }) { return token.count }
            if let ranges = EncodingPattern.ranges(of: token) {
                return ranges.reduce(0) { $0 + Int($1.high - $1.low) + 1 }
            }
            switch token {
            case "aq", "rl": return 1
            case "rm": return 3
            default: return token.contains("'") ? 3 : 5
            }
        }

        private mutating func add(_ token: Substring, at position: UInt8) {
            if token.allSatisfy({ $0 == "0" || $0 == "1" }) {
                mask |= ((1 as UInt32) << UInt32(token.count) - 1) << UInt32(position)
                match |= UInt32(token, radix: 2)! << UInt32(position)
                return
            }
            if let ranges = EncodingPattern.ranges(of: token) {
                let isSigned = token.hasPrefix("imm")
                var below = position + UInt8(Self.width(of: token))
                for range in ranges {
                    let width = range.high - range.low + 1
                    below -= width
                    pieces.append(Piece(target: .immediate, position: below, width: width, shift: range.low))
                    if isSigned { signBit = max(signBit ?? 0, range.high) }
                }
                return
            }
            let width = UInt8(Self.width(of: token))
            switch token {
            case "aq", "rl": return
            case "rm":
                hasRounding = true
                pieces.append(Piece(target: .immediate, position: position, width: 3, shift: 0))
                return
            case "fs3":
                rs3Bias = RISCV.firstFloatRegister
                pieces.append(Piece(target: .immediate, position: position, width: 5, shift: 8))
                return
            default: break
            }
            for name in token.split(separator: "/") {
                let isFloat = name.hasPrefix("f")
                let bias = isFloat ? RISCV.firstFloatRegister + (width == 3 ? 8 : 0) : (width == 3 ? 8 : 0)
                switch name.filter({ $0 != "'" }) {
                case "rd", "fd":
                    rdBias = bias
                    writesInteger = !isFloat
                    pieces.append(Piece(target: .rd, position: position, width: width, shift: 0))
                case "rs1", "fs1", "zimm":
                    rs1Bias = bias
                    pieces.append(Piece(target: .rs1, position: position, width: width, shift: 0))
                case "rs2", "fs2":
                    rs2Bias = bias
                    pieces.append(Piece(target: .rs2, position: position, width: width, shift: 0))
                default: preconditionFailure("the encoding '\(pattern)' has an unknown field '\(name)'")
                }
            }
        }

        static let all: [Encoding] = base + atomic + bitManipulation + cache + privileged + float + compressed

        func matches(_ word: UInt32) -> Bool { word & mask == match }

        /// The slot of `word`, which matches; its handler is left for the decoder.
        func decode(_ word: UInt32) -> DecodedSlot {
            var (rd, rs1, rs2) = (rdBias, rs1Bias, rs2Bias)
            var immediate: UInt32 = 0
            for piece in pieces {
                let bits = (word &>> UInt32(piece.position)) & ((1 &<< UInt32(piece.width)) &- 1)
                switch piece.target {
                case .rd: rd = rd &+ UInt8(truncatingIfNeeded: bits)
                case .rs1: rs1 = rs1 &+ UInt8(truncatingIfNeeded: bits)
                case .rs2: rs2 = rs2 &+ UInt8(truncatingIfNeeded: bits)
                case .immediate: immediate |= bits &<< UInt32(piece.shift)
                }
            }
            if let signBit {
                let unused = 31 &- UInt32(signBit)
                immediate = UInt32(bitPattern: Int32(bitPattern: immediate &<< unused) &>> Int32(unused))
            }
            if rs3Bias != 0 { immediate &+= UInt32(rs3Bias) &<< 8 }
            if writesInteger && rd == 0 { rd = DecodedSlot.sink }
            return DecodedSlot(
                handler: 0, rd: rd, rs1: rs1, rs2: rs2, length: length / 2,
                immediate: Int32(bitPattern: immediate))
        }
    }

    /// The tables of one set of features, arranged for look-up.
    struct Decoder {
        /// What is compared of a line, close together.
        private struct Candidate {
            let mask: UInt32
            let match: UInt32
            let line: Int32
        }

        private let lines: [Encoding]
        /// For 16-bit words by quadrant and funct3, and behind these for 32-bit words by opcode and funct3: those with more
        /// fixed bits first.
        private var candidates: [Candidate] = []
        /// Where the candidates of each index begin; they end where the next ones begin.
        private var starts: [Int32] = []
        private static let narrowCount = 32
        private static let wideCount = 256

        init(_ features: Features) {
            lines = Encoding.all.filter { features.isSuperset(of: $0.requires) }
                .sorted { $0.mask.nonzeroBitCount > $1.mask.nonzeroBitCount }
            for index in 0..<Self.narrowCount {
                begin { $0.length == 2 && Self.narrowIndex($0.match) == index }
            }
            for index in 0..<Self.wideCount {
                let (opcode, decided) = (UInt32(index & 31) << 2 | UInt32(index >> 5) << 12, 0x707c as UInt32)
                begin { $0.length == 4 && (opcode ^ $0.match) & $0.mask & decided == 0 }
            }
            starts.append(Int32(candidates.count))
        }

        /// The lines that `isOne` holds of are the candidates of the next index.
        private mutating func begin(_ isOne: (Encoding) -> Bool) {
            starts.append(Int32(candidates.count))
            for (line, encoding) in lines.enumerated() where isOne(encoding) {
                candidates.append(Candidate(mask: encoding.mask, match: encoding.match, line: Int32(line)))
            }
        }

        private static func narrowIndex(_ word: UInt32) -> Int {
            Int(word & 3 | (word &>> 13 & 7) &<< 2)
        }

        private static func wideIndex(_ word: UInt32) -> Int {
            narrowCount + Int((word &>> 2) & 31 | (word &>> 12 & 7) &<< 5)
        }

        /// The line that `word` matches, if any. A word whose two low bits are not both set is a compressed one.
        func encoding(of word: UInt32) -> Encoding? {
            let bits = word & 3 != 3 ? word & 0xffff : word
            let place = word & 3 != 3 ? Self.narrowIndex(bits) : Self.wideIndex(bits)
            for index in Int(starts[place])..<Int(starts[place + 1])
            where bits & candidates[index].mask == candidates[index].match {
                let found = lines[Int(candidates[index].line)]
                // Rounding modes 5 and 6 are reserved (volume I, "Floating-Point Control and Status Register").
                if found.hasRounding && (word &>> 12 & 7 == 5 || word &>> 12 & 7 == 6) { return nil }
                return found
            }
            return nil
        }

        /// The operation and operands of `word`.
        func decode(_ word: UInt32) -> (operation: Operation, slot: DecodedSlot) {
            guard let encoding = encoding(of: word) else {
                return (.illegal, DecodedSlot(handler: 0, length: word & 3 == 3 ? 2 : 1))
            }
            return (encoding.operation, encoding.decode(encoding.length == 2 ? word & 0xffff : word))
        }
    }
}
