/// Masks of ones where one bit of a value is set, and of zeros where it is not: how code chooses without a branch between a
/// value and zero, as a CRC does with its polynomial. To shift the bit up and down again, and to apply the mask, takes longer
/// than to test the bit and choose.
extension Recorder {
    struct Bit {
        let value: RecordedValue
        let number: UInt64
    }

    /// The bit that the value repeats in all of `width`; nil where it does not, or where the bit is above those that a test has
    /// in its immediate field.
    func bit(ofMask mask: RecordedValue, _ width: Width) -> Bit? {
        let node = block.nodes[Int(mask.node)]
        guard node.operation == .binary, node.width == width, width == .word || width == .double else { return nil }
        switch node.binaryOperation {
        case .shiftRightArithmetic:
            let shift = block.nodes[Int(node.a)]
            guard known(RecordedValue(node: node.b)) == width.bits &- 1, shift.operation == .binary,
                shift.binaryOperation == .shiftLeft, shift.width == width,
                let count = known(RecordedValue(node: shift.b))
            else { return nil }
            let number = width.bits &- 1 &- (count & (width.bits &- 1))
            return number < 32 ? Bit(value: RecordedValue(node: shift.a), number: number) : nil
        case .subtract:
            let bit = block.nodes[Int(node.b)]
            guard known(RecordedValue(node: node.a)) == 0, bit.operation == .binary, bit.binaryOperation == .and,
                known(RecordedValue(node: bit.b)) == 1
            else { return nil }
            return Bit(value: RecordedValue(node: bit.a), number: 0)
        default: return nil
        }
    }

    /// The value where the bit is set, and 0 where it is not.
    mutating func choose(_ bit: Bit, _ width: Width, _ value: RecordedValue) -> RecordedValue {
        let rest = binary(.and, .word, bit.value, constant(1 &<< bit.number))
        let chosen = select(compare(.notEqual, .word, rest, constant(0)), value, constant(0))
        return width == .word ? extend(.zero32, chosen) : chosen
    }
}
