import ISA

extension X64 {
    /// Writes instructions into a buffer.
    ///
    /// It never writes past the buffer's end: what does not fit is dropped and noted in ``hasOverflowed``, so that whoever
    /// compiles looks once, after ``finish()``. Names are the operations', not the mnemonics; widths are the guest's words for 8 to
    /// 64 bits. Encodings follow SDM volume 2, chapters 2 to 5.
    public struct Assembler {
        private var buffer: UnsafeMutablePointer<UInt8>
        private var capacity: Int
        /// Bytes written so far.
        public private(set) var count = 0
        /// The code does not fit in the buffer, or a displacement not in its bits: the code is of no use.
        public private(set) var hasOverflowed = false
        /// Where each label is; -1 while it is not bound.
        private var labels = ContiguousArray<Int>()
        /// Displacements that wait for their labels.
        private var references = ContiguousArray<Reference>()

        /// A displacement of one byte or four at `place`.
        private struct Reference {
            let place: Int
            let size: Int
            let label: Label
        }

        /// A place in the code that jumps may name before it is known.
        public struct Label: Equatable, Sendable {
            fileprivate let number: Int
            /// Names no place.
            static let none = Label(number: -1)
        }

        /// - Parameter buffer: valid for writing for as long as the assembler is used.
        public init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
            // SAFETY: an empty buffer has no base, and is never written to.
            self.buffer = buffer.baseAddress ?? UnsafeMutablePointer(bitPattern: 1)!
            capacity = buffer.count
        }

        /// Begins anew in `buffer`. Labels that were made before are of no use any more.
        mutating func restart(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
            // SAFETY: as above.
            self.buffer = buffer.baseAddress ?? UnsafeMutablePointer(bitPattern: 1)!
            capacity = buffer.count
            count = 0
            hasOverflowed = false
            labels.removeAll(keepingCapacity: true)
            references.removeAll(keepingCapacity: true)
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
            guard capacity &- count >= 8 else {
                for index in 0..<number { byte(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
                return
            }
            // SAFETY: there is room for eight bytes; those that are not wanted are written over by what follows.
            UnsafeMutableRawPointer(buffer + count).storeBytes(of: value, as: UInt64.self)
            count &+= number
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

        /// Where the label is, counted from the start of the buffer. - Precondition: it is bound.
        public func offset(of label: Label) -> Int {
            assert(labels[label.number] >= 0, "a label has an offset once it is bound")
            return labels[label.number]
        }

        /// A displacement from its own end to the label.
        mutating func reference(_ label: Label, size: Int = 4) {
            references.append(Reference(place: count, size: size, label: label))
            bytes(0, size)
        }

        /// Whether a jump of two bytes from here reaches the label. What is not bound yet may be anywhere.
        func isNear(_ label: Label) -> Bool {
            let offset = labels[label.number]
            return offset >= 0 && Int8(exactly: offset - count - 2) != nil
        }

        /// A 32-bit displacement from its own end to an address of the host.
        /// - Parameter base: the address that the start of the buffer has when the code runs.
        mutating func displacement(toAddress address: UInt, from base: UInt) {
            let distance = Int(bitPattern: address &- (base &+ UInt(count) &+ 4))
            if Int32(exactly: distance) == nil { hasOverflowed = true }
            bytes(UInt64(truncatingIfNeeded: distance), 4)
        }

        /// Fills in the displacements written since the last call; more code may follow, and another call.
        /// - Precondition: every label that was named is bound.
        public mutating func finish() {
            guard !hasOverflowed else { return }
            for reference in references {
                let displacement = offset(of: reference.label) - reference.place - reference.size
                if reference.size == 1 && Int8(exactly: displacement) == nil { hasOverflowed = true }
                for index in 0..<reference.size {
                    // SAFETY: the bytes at `place` were written by `reference`.
                    buffer[reference.place + index] = UInt8(truncatingIfNeeded: displacement >> (8 * index))
                }
            }
            references.removeAll(keepingCapacity: true)
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
            var bytes = ShortBytes()
            if width == .half { bytes.append(0x66) }
            if mandatory != 0 { bytes.append(mandatory) }
            let (base, index) = Self.numbers(operand)
            let rex: UInt8 = (width == .double ? 8 : 0) | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3
            if rex != 0 || needsREX { bytes.append(0x40 | rex) }
            if opcode > 0xffff { bytes.append(UInt8(truncatingIfNeeded: opcode >> 16)) }
            if opcode > 0xff { bytes.append(UInt8(truncatingIfNeeded: opcode >> 8)) }
            bytes.append(UInt8(truncatingIfNeeded: opcode))
            modRM(reg, operand, behind: bytes)
        }

        /// Up to eight bytes that are written at once.
        struct ShortBytes {
            fileprivate var value: UInt64 = 0
            fileprivate var count = 0

            @inline(__always)
            mutating func append(_ byte: UInt8) {
                value |= UInt64(byte) &<< UInt64(8 &* count)
                count &+= 1
            }
        }

        private mutating func write(_ short: ShortBytes) { bytes(short.value, short.count) }

        /// The numbers that REX extends: of the base, or the register, and of the index.
        static func numbers(_ operand: Operand) -> (base: UInt8, index: UInt8) {
            switch operand {
            case .register(let register): (register.rawValue, 0)
            case .memory(let memory): (memory.base.rawValue, memory.index?.rawValue ?? 0)
            }
        }

        /// ModRM, SIB and displacement (2.1.5), `behind` what an instruction begins with: at most six bytes.
        private mutating func modRM(_ reg: UInt8, _ operand: Operand, behind start: ShortBytes) {
            var short = start
            let reg = (reg & 7) << 3
            switch operand {
            case .register(let register):
                short.append(0xc0 | reg | register.rawValue & 7)
                write(short)
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
                    short.append(mode << 6 | reg | 4)
                    short.append(scale << 6 | index << 3 | base)
                } else {
                    short.append(mode << 6 | reg | base)
                }
                write(short)
                if mode == 1 { byte(UInt8(truncatingIfNeeded: displacement)) }
                if mode == 2 { bytes(UInt64(truncatingIfNeeded: displacement), 4) }
            }
        }

        /// A VEX prefix, opcode and operands (2.3), for vectors of 128 bits. The prefix has two bytes where it can.
        /// - Parameters:
        ///   - opcode, reg, width, mandatory: as in `instruction`; the prefix encodes escape bytes and mandatory prefix.
        ///   - source: the register in VEX.vvvv; 0 where there is none.
        mutating func vex(
            _ opcode: UInt32, reg: UInt8, source: UInt8, _ operand: Operand, _ width: Width, mandatory: UInt8 = 0
        ) {
            let (base, index) = Self.numbers(operand)
            let map: UInt8 = opcode >> 8 == 0x0f ? 1 : opcode >> 8 == 0x0f38 ? 2 : 3
            let prefix: UInt8 = mandatory == 0 ? 0 : mandatory == 0x66 ? 1 : mandatory == 0xf3 ? 2 : 3
            var bytes = ShortBytes()
            // R, X, B and vvvv are written inverted.
            let last = (~source & 15) << 3 | prefix
            if map == 1 && width != .double && index < 8 && base < 8 {
                bytes.append(0xc5)
                bytes.append((~reg & 8) << 4 | last)
            } else {
                bytes.append(0xc4)
                bytes.append((~reg & 8) << 4 | (~index & 8) << 3 | (~base & 8) << 2 | map)
                bytes.append((width == .double ? 0x80 : 0) | last)
            }
            bytes.append(UInt8(truncatingIfNeeded: opcode))
            modRM(reg, operand, behind: bytes)
        }

        /// The same with an operand at an address of the host (SDM volume 2, "RIP-Relative Addressing"), and so many bytes
        /// behind the instruction's displacement.
        mutating func vex(
            _ opcode: UInt32, reg: UInt8, source: UInt8, at address: UInt, from base: UInt, mandatory: UInt8,
            behind: Int = 0
        ) {
            assert(opcode >> 8 == 0x0f, "only the first map is needed")
            let prefix: UInt8 = mandatory == 0 ? 0 : mandatory == 0x66 ? 1 : mandatory == 0xf3 ? 2 : 3
            byte(0xc5)
            byte((~reg & 8) << 4 | (~source & 15) << 3 | prefix)
            byte(UInt8(truncatingIfNeeded: opcode))
            byte((reg & 7) << 3 | 5)
            displacement(toAddress: address &- UInt(behind), from: base)
        }
    }
}
