/// What is recorded in place of general meanings works on status registers' bits.
extension Recorder {
    package mutating func masked(_ value: RecordedValue, _ mask: UInt64) -> RecordedValue {
        binary(.and, .double, value, constant(mask))
    }

    package mutating func union(_ a: RecordedValue, _ b: RecordedValue) -> RecordedValue {
        binary(.or, .double, a, b)
    }

    /// Whether any bit of `mask` is set.
    package mutating func isSet(_ value: RecordedValue, _ mask: UInt64 = ~0) -> RecordedCondition {
        let bits = mask == ~0 ? value : masked(value, mask)
        return compare(.notEqual, .double, bits, constant(0))
    }

    package mutating func isClear(_ value: RecordedValue, _ mask: UInt64 = ~0) -> RecordedCondition {
        let bits = mask == ~0 ? value : masked(value, mask)
        return compare(.equal, .double, bits, constant(0))
    }

    /// The bits of `from` that many places up, or down where `to` is lower, and no others.
    package mutating func moved(_ value: RecordedValue, from: UInt64, to: UInt64) -> RecordedValue {
        let distance = to.trailingZeroBitCount - from.trailingZeroBitCount
        let shift = constant(UInt64(abs(distance)))
        return masked(binary(distance < 0 ? .shiftRightLogical : .shiftLeft, .double, value, shift), to)
    }
}
