import ISA

extension X64 {
    /// Writes instructions into a buffer.
    ///
    /// It never writes past the buffer's end: what does not fit is dropped and noted in ``hasOverflowed``, so that whoever
    /// compiles looks once, at the end. Names are the operations', not the mnemonics; widths are the guest's words for 8 to
    /// 64 bits. Encodings follow SDM volume 2, chapters 2 to 5.
    public struct Assembler {
        private let buffer: UnsafeMutablePointer<UInt8>
        private let capacity: Int
        /// Bytes written so far.
        public private(set) var count = 0
        public private(set) var hasOverflowed = false
        /// Where each label is; -1 while it is not bound.
        private var labels: [Int] = []
        /// Places of 32-bit displacements that wait for their labels.
        private var references: [(place: Int, label: Label)] = []

        /// A place in the code that jumps may name before it is known.
        public struct Label: Equatable, Sendable {
            fileprivate let number: Int
        }

        /// - Parameter buffer: valid for writing for as long as the assembler is used.
        public init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
            // SAFETY: an empty buffer has no base, and is never written to.
            self.buffer = buffer.baseAddress ?? UnsafeMutablePointer(bitPattern: 1)!
            capacity = buffer.count
        }

        // MARK: Bytes

        mutating func byte(_ value: UInt8) {
            guard count < capacity else {
                hasOverflowed = true
                return
            }
            // SAFETY: the place is within the buffer's capacity.
            buffer[count] = value
            count += 1
        }

        mutating func bytes(_ value: UInt64, _ number: Int) {
            for index in 0..<number { byte(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
        }

        // MARK: Labels

        public mutating func label() -> Label {
            labels.append(-1)
            return Label(number: labels.count - 1)
        }

        /// The label is here. - Precondition: it was not bound before.
        public mutating func bind(_ label: Label) {
            assert(labels[label.number] < 0, "a label is in one place")
            labels[label.number] = count
        }

        /// A 32-bit displacement from its own end to the label.
        mutating func reference(_ label: Label) {
            references.append((count, label))
            bytes(0, 4)
        }

        /// Fills in the displacements. - Precondition: every label that was named is bound.
        public mutating func finish() {
            guard !hasOverflowed else { return }
            for (place, label) in references {
                assert(labels[label.number] >= 0, "a label that is named is somewhere")
                let displacement = Int32(truncatingIfNeeded: labels[label.number] - place - 4)
                for index in 0..<4 {
                    // SAFETY: the four bytes at `place` were written by `reference`.
                    buffer[place + index] = UInt8(truncatingIfNeeded: displacement >> Int32(8 * index))
                }
            }
            references.removeAll()
        }

        // MARK: Instructions' parts

        /// Prefixes, opcode and operands of an instruction with a ModRM byte.
        /// - Parameters:
        ///   - opcode: with its escape bytes (0x0fb6, 0x0f38f7); the last byte is the low one.
        ///   - reg: the register, or the part of the opcode, in ModRM.reg.
        ///   - width: `.double` sets REX.W, `.half` the prefix 66H.
        ///   - mandatory: the prefix (66H, F2H, F3H) that is part of the opcode, or 0.
        ///   - needsREX: a byte register among 4 to 7 is SPL..DIL, and not AH..BH.
        mutating func instruction(
            _ opcode: UInt32, reg: UInt8, _ operand: Operand, _ width: Width, mandatory: UInt8 = 0,
            needsREX: Bool = false
        ) {
            if width == .half { byte(0x66) }
            if mandatory != 0 { byte(mandatory) }
            let (base, index) = Self.numbers(operand)
            let rex: UInt8 = (width == .double ? 8 : 0) | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3
            if rex != 0 || needsREX { byte(0x40 | rex) }
            self.opcode(opcode)
            modRM(reg, operand)
        }

        mutating func opcode(_ opcode: UInt32) {
            if opcode > 0xffff { byte(UInt8(truncatingIfNeeded: opcode >> 16)) }
            if opcode > 0xff { byte(UInt8(truncatingIfNeeded: opcode >> 8)) }
            byte(UInt8(truncatingIfNeeded: opcode))
        }

        /// The numbers that REX extends: of the base, or the register, and of the index.
        static func numbers(_ operand: Operand) -> (base: UInt8, index: UInt8) {
            switch operand {
            case .register(let register): (register.rawValue, 0)
            case .memory(let memory): (memory.base.rawValue, memory.index?.rawValue ?? 0)
            }
        }

        /// ModRM, SIB and displacement (2.1.5).
        mutating func modRM(_ reg: UInt8, _ operand: Operand) {
            let reg = (reg & 7) << 3
            switch operand {
            case .register(let register): byte(0xc0 | reg | register.rawValue & 7)
            case .memory(let memory):
                let displacement = memory.displacement
                let base = memory.base.rawValue & 7
                // rbp and r13 as a base without displacement mean something else.
                let mode: UInt8 =
                    displacement == 0 && base != 5
                    ? 0 : displacement == Int32(Int8(truncatingIfNeeded: displacement)) ? 1 : 2
                if memory.index != nil || base == 4 {
                    assert(memory.index != .rsp, "rsp is no index")
                    let index = memory.index.map { $0.rawValue & 7 } ?? 4
                    let scale = UInt8(memory.scale.trailingZeroBitCount)
                    byte(mode << 6 | reg | 4)
                    byte(scale << 6 | index << 3 | base)
                } else {
                    byte(mode << 6 | reg | base)
                }
                if mode == 1 { byte(UInt8(truncatingIfNeeded: displacement)) }
                if mode == 2 { bytes(UInt64(truncatingIfNeeded: displacement), 4) }
            }
        }

        /// A VEX prefix of three bytes, opcode and operands (2.3).
        /// - Parameters:
        ///   - map: 1 for 0FH, 2 for 0F38H, 3 for 0F3AH.
        ///   - prefix: 0 for none, 1 for 66H, 2 for F3H, 3 for F2H.
        ///   - source: the register in VEX.vvvv.
        mutating func vex(
            _ opcode: UInt8, map: UInt8, prefix: UInt8, reg: UInt8, source: UInt8, _ operand: Operand, _ width: Width
        ) {
            let (base, index) = Self.numbers(operand)
            byte(0xc4)
            byte(((reg >> 3 & 1) << 7 | (index >> 3 & 1) << 6 | (base >> 3 & 1) << 5) ^ 0xe0 | map)
            byte((width == .double ? 0x80 : 0) | (~source & 15) << 3 | prefix)
            byte(opcode)
            modRM(reg, operand)
        }
    }
}
