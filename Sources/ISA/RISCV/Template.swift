/// The encoding tables as makers of programs see them: which operands a line has, and the word that operands give.
extension RISCV {
    package struct Template: Sendable {
        private let encoding: Encoding

        /// Every line of the tables that is an instruction.
        package static let all: [Template] = Encoding.all.filter { $0.operation != .illegal }
            .map { Template(encoding: $0) }

        /// As assemblers write it; a compressed line has the name of what it expands to.
        package var mnemonic: String { encoding.operation.mnemonic }
        package var requires: Features { encoding.requires }
        /// 2 or 4 bytes.
        package var length: Int { Int(encoding.length) }
        /// Bits 12 to 14 are a rounding mode.
        package var hasRounding: Bool { encoding.hasRounding }

        package enum Role: UInt8, CaseIterable, Sendable {
            case rd, rs1, rs2, rs3
        }

        /// The place of a register in the word.
        package struct Register: Equatable, Sendable {
            package let position: Int
            /// 5, or 3 where only registers 8 to 15 can be named.
            package let width: Int
            package let isFloat: Bool
        }

        /// The field of `role`; nil where the encoding has none, or implies the register.
        package func register(_ role: Role) -> Register? {
            let (target, bias): (Encoding.Target, UInt8) =
                switch role {
                case .rd: (.rd, encoding.rdBias)
                case .rs1: (.rs1, encoding.rs1Bias)
                case .rs2: (.rs2, encoding.rs2Bias)
                case .rs3: (.immediate, encoding.rs3Bias)
                }
            guard let piece = encoding.pieces.first(where: { $0.target == target && (role != .rs3 || $0.shift == 8) }),
                role != .rs3 || bias != 0
            else { return nil }
            return Register(
                position: Int(piece.position), width: Int(piece.width), isFloat: bias >= RISCV.firstFloatRegister)
        }

        /// The integer register that the encoding implies for `role`, where it has no field for it.
        package func impliedRegister(_ role: Role) -> Int? {
            guard register(role) == nil else { return nil }
            switch role {
            case .rd: return Int(encoding.rdBias)
            case .rs1: return Int(encoding.rs1Bias)
            case .rs2: return Int(encoding.rs2Bias)
            case .rs3: return nil
            }
        }

        /// The bits of the value that the immediate can have; 0 where there is none.
        package var immediateBits: UInt32 {
            guard !encoding.hasRounding, encoding.rs3Bias == 0 else { return 0 }
            return encoding.pieces.reduce(0) { bits, piece in
                piece.target == .immediate ? bits | ((1 &<< UInt32(piece.width)) &- 1) &<< UInt32(piece.shift) : bits
            }
        }

        package var hasSignedImmediate: Bool { encoding.signBit != nil }

        /// The fixed bits, and `free` in all others.
        package func word(free: UInt32) -> UInt32 {
            let width: UInt32 = encoding.length == 2 ? 0xffff : 0xffff_ffff
            return encoding.match | (free & ~encoding.mask & width)
        }

        /// `word` with a register field filled in.
        package func setting(_ role: Role, of word: UInt32, to number: Int) -> UInt32 {
            guard let field = register(role) else { return word }
            let mask = ((1 as UInt32) << UInt32(field.width) - 1) << UInt32(field.position)
            return word & ~mask | UInt32(truncatingIfNeeded: number) << UInt32(field.position) & mask
        }

        /// The register that a field of `word` names: 8 to 15 for a field of three bits.
        package func number(_ role: Role, of word: UInt32) -> Int? {
            guard let field = register(role) else { return nil }
            let bits = Int(word >> UInt32(field.position)) & (1 << field.width - 1)
            return field.width == 3 ? bits + 8 : bits
        }

        /// `word` with its immediate filled in; bits that the encoding has no place for are lost.
        package func settingImmediate(of word: UInt32, to value: Int64) -> UInt32 {
            var result = word
            for piece in encoding.pieces where piece.target == .immediate {
                let mask = (1 as UInt32) << UInt32(piece.width) - 1
                let bits = UInt32(truncatingIfNeeded: value >> Int64(piece.shift)) & mask
                result = result & ~(mask << UInt32(piece.position)) | bits << UInt32(piece.position)
            }
            return result
        }

        /// The immediate of `word`, as the instruction uses it.
        package func immediate(of word: UInt32) -> Int64 { Int64(encoding.decode(word).immediate) }

        /// The line that a hart with `features` decodes `word` by; nil for an illegal instruction.
        package static func decoding(_ word: UInt32, _ decoder: TemplateDecoder) -> Template? {
            guard let found = decoder.decoder.encoding(of: word), found.operation != .illegal else { return nil }
            return Template(encoding: found)
        }

        /// `word` as text: the mnemonic, and the operands in the order of assemblers.
        package func text(of word: UInt32) -> String {
            func name(_ role: Role) -> String? {
                if let field = register(role), let number = number(role, of: word) {
                    return (field.isFloat ? "f" : "x") + "\(number)"
                }
                guard length == 2, let implied = impliedRegister(role), implied != 0 else { return nil }
                return "x\(implied)"
            }
            let immediate = immediateBits == 0 ? nil : "\(self.immediate(of: word))"
            let prefix = length == 2 ? "c." : ""
            var operands: [String]
            let isMemory = mnemonic.hasPrefix("l") && mnemonic != "lui" || mnemonic.hasPrefix("fl") || isStore
            if isMemory, let base = name(.rs1), let immediate, mnemonic.first != "f" || mnemonic.count == 3 {
                operands = [name(isStore ? .rs2 : .rd) ?? "x0", "\(immediate)(\(base))"]
            } else {
                operands = [name(.rd), name(.rs1), name(.rs2), name(.rs3), immediate].compactMap { $0 }
            }
            if hasRounding {
                let mode = Int(word >> 12 & 7)
                operands.append(["rne", "rtz", "rdn", "rup", "rmm", "5", "6", "dyn"][mode])
            }
            return prefix + mnemonic + (operands.isEmpty ? "" : " " + operands.joined(separator: ", "))
        }

        private var isStore: Bool { ["sb", "sh", "sw", "sd", "fsh", "fsw", "fsd"].contains(mnemonic) }
    }

    /// The decoder of one set of features, for makers of programs.
    package struct TemplateDecoder {
        fileprivate let decoder: Decoder
        package init(_ features: Features) { decoder = Decoder(features) }
    }
}
