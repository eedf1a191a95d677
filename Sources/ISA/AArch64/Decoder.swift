import ISA

/// Decoding, from tables that look as the manual does (C4.1, "A64 instruction set encoding").
///
/// The pattern of an ``Encoding`` says everything: which bits are fixed, and where each operand's bits go. It is parsed
/// once, when a machine is made. Decoding is total: a word that no line matches is `illegal`.
///
/// The manual prints a class of instructions as a picture and then lists which values of its fields are unallocated.
/// So do the tables: a line whose operation is `illegal` takes words from the lines around it, with `x` for a bit of
/// any value. Otherwise, of lines that match, the one with more fixed bits wins (`yield` of `hint`), and no two lines
/// overlap but so; tests prove it.
extension AArch64 {
    package struct Encoding: Sendable {
        /// What a run of bits in the word contributes to.
        package enum Target: UInt8, Sendable {
            /// Rd or Rt, Rn, Rm or Rs, and Ra or Rt2 of the slot.
            case rd, rn, rm, ra
            case immediate
            /// Whether the operation is of 64 bits.
            case wide
        }

        /// `width` bits of the word from `position` stand at `shift` in the value of the target.
        package struct Piece: Sendable {
            package let target: Target
            package let position: UInt8
            package let width: UInt8
            package let shift: UInt8

            /// Its bits of `word`, at their place in the value.
            @inline(__always) func bits(of word: UInt32) -> UInt32 {
                ((word &>> UInt32(position)) & ((1 &<< UInt32(width)) &- 1)) &<< UInt32(shift)
            }
        }

        /// What register number 31 is, for one of the registers.
        package enum Last: UInt8, Sendable {
            case zero, sink, stackPointer
            /// A floating-point or vector register as the others.
            case vector
            /// The field is no register.
            case itself

            var number: UInt8 {
                switch self {
                case .zero: AArch64.zeroRegister
                case .sink: DecodedSlot.sink
                case .stackPointer: AArch64.stackPointer
                case .vector, .itself: 31
                }
            }
        }

        package let pattern: StaticString
        package let operation: Operation
        package let requires: Features
        package private(set) var mask: UInt32 = 0
        package private(set) var match: UInt32 = 0
        package private(set) var pieces = ShortList(
            placeholder: Piece(target: .immediate, position: 0, width: 0, shift: 0))
        /// The immediate's sign bit, for signed ones.
        private(set) var signBit: UInt8?
        /// For `rd`, `rn`, `rm` and `ra`.
        package private(set) var last = InlineArray<4, Last>(repeating: .itself)
        /// Bits of the word of which one at least is set, or none.
        private(set) var nonzero: UInt32 = 0
        /// What the immediate has beside its pieces.
        private var fixedImmediate: UInt32
        private let alwaysWide: Bool

        /// - Parameters:
        ///   - wide: the operation is of 64 bits; for lines without `sf`.
        ///   - lane: of vectors; for lines without `size` and `sz`.
        init(
            _ pattern: StaticString, _ operation: Operation, _ requires: Features = [], wide: Bool = false,
            lane: Width? = nil
        ) {
            self.pattern = pattern
            self.operation = operation
            self.requires = requires
            alwaysWide = wide
            fixedImmediate = lane.map { UInt32($0.rawValue) << 22 } ?? 0
            let tokens = pattern.description.split(separator: " ")
            let total = tokens.reduce(0) { $0 + Self.width(of: $1) }
            precondition(total == 32, "the encoding '\(pattern)' has \(total) bits")
            var position = total
            for token in tokens {
                position -= Self.width(of: token)
                add(token, at: UInt8(position))
            }
        }

        /// Fields that are no register and no plain immediate: their width, and where they stand in the slot.
        private static let fields: [Substring: (target: Target, width: UInt8, shift: UInt8)] = [
            "sf": (.wide, 1, 0),
            // A number in place of a register.
            "imm5": (.rm, 5, 0), "b5": (.rm, 1, 5), "b40": (.rm, 5, 0), "bcond": (.rm, 4, 0), "prfop": (.rd, 5, 0),
            // Logical immediates and bit fields.
            "N": (.immediate, 1, 12), "immr": (.immediate, 6, 6), "imms": (.immediate, 6, 0),
            // A shifted or extended register, beside the amount.
            "sh": (.immediate, 1, 12), "hw": (.immediate, 2, 16), "shift": (.immediate, 2, 6),
            "option": (.immediate, 3, 3), "S": (.immediate, 1, 0), "scale": (.immediate, 6, 0),
            // Conditions and flags.
            "cond": (.immediate, 4, 0), "nzcv": (.immediate, 4, 4), "mask": (.immediate, 4, 0),
            // A system register's number: op0 (2 or 3), op1, CRn, CRm, op2.
            "o0": (.immediate, 1, 14), "op1": (.immediate, 3, 11), "CRn": (.immediate, 4, 7), "CRm": (.immediate, 4, 3),
            "op2": (.immediate, 3, 0),
            // Atomic accesses: acquire, release. The binary logarithm of the size, theirs and of lanes.
            "A": (.immediate, 1, 20), "R": (.immediate, 1, 21), "size": (.immediate, 2, 22), "sz": (.immediate, 1, 22),
            // Vectors.
            "Q": (.immediate, 1, 16), "Q/2": (.immediate, 1, 16), "immh": (.immediate, 4, 3),
            "immb": (.immediate, 3, 0),
            "cmode": (.immediate, 4, 8), "op": (.immediate, 1, 12), "rot": (.immediate, 2, 8),
            "len": (.immediate, 2, 0), "opcode": (.immediate, 4, 0), "Vm/low": (.rm, 4, 0),
        ]

        private static func width(of token: Substring) -> Int {
            if token.allSatisfy({ "01x".contains($0) }) { return token.count }
            if let ranges = EncodingPattern.ranges(of: token) {
                return ranges.reduce(0) { $0 + Int($1.high - $1.low) + 1 }
            }
            return Int(fields[token.prefix { $0 != ":" }]?.width ?? 5)
        }

        private mutating func add(_ token: Substring, at position: UInt8) {
            if token.allSatisfy({ "01x".contains($0) }) {
                for (index, digit) in token.reversed().enumerated() where digit != "x" {
                    mask |= 1 << (UInt32(position) + UInt32(index))
                    if digit == "1" { match |= 1 << (UInt32(position) + UInt32(index)) }
                }
                return
            }
            if let ranges = EncodingPattern.ranges(of: token) {
                var below = position + UInt8(Self.width(of: token))
                for range in ranges {
                    let width = range.high - range.low + 1
                    below -= width
                    pieces.append(Piece(target: .immediate, position: below, width: width, shift: range.low))
                    if token.hasPrefix("imm") { signBit = max(signBit ?? 0, range.high) }
                }
                return
            }
            let parts = token.split(separator: ":")
            if let field = Self.fields[parts[0]] {
                pieces.append(
                    Piece(target: field.target, position: position, width: field.width, shift: field.shift))
                if parts.count == 2 {
                    add(parts[1], at: position)
                } else if token == "immh" {
                    nonzero |= 0xf << UInt32(position)
                } else if token == "sz" {
                    // Single and double precision as sizes of lanes are 2 and 3.
                    fixedImmediate |= 1 << 23
                } else if token == "Vm/low" {
                    last[Int(Target.rm.rawValue)] = .vector
                }
                return
            }
            let name = token.prefix { $0 != "/" && $0 != "=" }
            let target: Target
            switch name {
            case "Rd", "Rt", "Vd", "Vt": target = .rd
            case "Rn", "Vn": target = .rn
            case "Rm", "Rs", "Vm": target = .rm
            case "Ra", "Rt2", "Va", "Vt2": target = .ra
            default: preconditionFailure("the encoding '\(pattern)' has an unknown field '\(token)'")
            }
            pieces.append(Piece(target: target, position: position, width: 5, shift: 0))
            let isWritten = name == "Rd" || token.hasSuffix("=")
            let other: Last = token.hasSuffix("/sp") ? .stackPointer : isWritten ? .sink : .zero
            last[Int(target.rawValue)] = name.hasPrefix("V") ? .vector : other
        }

        package static let all: [Encoding] =
            dataProcessingImmediate + branches + system + loadsAndStores + atomics + dataProcessingRegister + float
            + floatConversions + floatLoadsAndStores + vectors

        package static let vectors: [Encoding] =
            vectorThreeSame + vectorThreeSameHalf + vectorThreeSameExtra + vectorThreeDifferent + vectorPermutations
            + vectorTwoRegister + vectorTwoRegisterHalf + vectorAcrossLanes + vectorCopies + vectorModifiedImmediate
            + vectorShiftImmediate + vectorByElement + scalarThree + scalarTwoRegister + scalarPairwise
            + scalarShiftImmediate + scalarByElement + vectorMultipleStructures + vectorSingleStructure + cryptography

        /// Whether `word`, which matches, is of 64 bits where there is a choice.
        package func isWide(_ word: UInt32) -> Bool {
            for piece in pieces where piece.target == .wide { return piece.bits(of: word) == 1 }
            return alwaysWide
        }

        /// The number of the register that the field for `target` names.
        private func register(_ target: Target, _ field: UInt32) -> UInt8 {
            field == 31 ? last[Int(target.rawValue)].number : UInt8(truncatingIfNeeded: field)
        }

        /// The slot of `word`, which matches; its handler is left for the decoder.
        ///
        /// A fourth register, Ra or Rt2, stands in bits 24 to 31 of the immediate, whose own bits are then fewer.
        package func decode(_ word: UInt32) -> DecodedSlot {
            var (rd, rn, rm, immediate): (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, fixedImmediate)
            var ra: UInt32?
            for piece in pieces {
                let bits = piece.bits(of: word)
                switch piece.target {
                case .rd: rd |= bits
                case .rn: rn |= bits
                case .rm: rm |= bits
                case .ra: ra = bits
                case .immediate: immediate |= bits
                case .wide: break
                }
            }
            if let signBit {
                let unused = 31 &- UInt32(signBit)
                immediate = UInt32(bitPattern: Int32(bitPattern: immediate &<< unused) &>> Int32(unused))
            }
            if let ra { immediate = immediate & 0xff_ffff | UInt32(register(.ra, ra)) &<< 24 }
            return DecodedSlot(
                handler: 0, rd: register(.rd, rd), rs1: register(.rn, rn), rs2: register(.rm, rm), length: 2,
                immediate: Int32(bitPattern: immediate))
        }

        /// As assemblers write it, with what the size and the ordering of `word` add.
        package func mnemonic(of word: UInt32) -> String {
            func field(_ shift: UInt8) -> UInt32? {
                guard let piece = pieces.first(where: { $0.target == .immediate && $0.shift == shift && shift >= 20 })
                else { return nil }
                return word &>> UInt32(piece.position) & (1 &<< UInt32(piece.width) &- 1)
            }
            if last[Int(Target.rd.rawValue)] == .vector {
                // Of 128 bits that are read or written as halves, the upper ones.
                return operation.mnemonic + (pattern.description.contains("Q/2") && word >> 30 & 1 == 1 ? "2" : "")
            }
            let size = field(22).map { ["b", "h", "", ""][Int($0)] } ?? ""
            return operation.mnemonic + (field(20) == 1 ? "a" : "") + (field(21) == 1 ? "l" : "") + size
        }
    }

    /// The tables of one set of features, arranged for look-up.
    package struct Decoder {
        /// What is compared of a line, close together.
        private struct Candidate {
            let mask: UInt32
            let match: UInt32
            let nonzero: UInt32
            let line: Int32

            @inline(__always) func matches(_ word: UInt32) -> Bool {
                word & mask == match && (nonzero == 0 || word & nonzero != 0)
            }
        }

        private let lines: [Encoding]
        /// By bits 28 to 21, which tell most classes apart: `illegal` ones first, then those with more fixed bits.
        private var candidates: [Candidate] = []
        /// For each value of these bits, where its candidates begin; they end where the next ones begin.
        private var starts: [Int32] = []

        package init(_ features: Features) {
            func rank(_ encoding: Encoding) -> Int {
                encoding.operation == .illegal ? 33 : encoding.mask.nonzeroBitCount
            }
            lines = Encoding.all.filter { features.isSuperset(of: $0.requires) }.sorted { rank($0) > rank($1) }
            for bits in UInt32(0)..<256 {
                starts.append(Int32(candidates.count))
                for (line, encoding) in lines.enumerated()
                where (bits << 21 ^ encoding.match) & encoding.mask & 0x1fe0_0000 == 0 {
                    candidates.append(
                        Candidate(
                            mask: encoding.mask, match: encoding.match, nonzero: encoding.nonzero, line: Int32(line)))
                }
            }
            starts.append(Int32(candidates.count))
        }

        /// The line that `word` matches, if any.
        package func encoding(of word: UInt32) -> Encoding? {
            let bits = Int(word &>> 21 & 0xff)
            for index in Int(starts[bits])..<Int(starts[bits + 1]) where candidates[index].matches(word) {
                let encoding = lines[Int(candidates[index].line)]
                return encoding.operation == .illegal ? nil : encoding
            }
            return nil
        }

        /// The operation of `word`, whether it is of 64 bits, and its operands.
        func decode(_ word: UInt32) -> (operation: Operation, isWide: Bool, slot: DecodedSlot) {
            guard let encoding = encoding(of: word) else {
                return (.illegal, false, DecodedSlot(handler: 0, length: 2))
            }
            return (encoding.operation, encoding.isWide(word), encoding.decode(word))
        }
    }
}
