/// What the vector operations mean, lane by lane.
extension VectorOperation {
    public func evaluate(_ lane: Width, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
        switch self {
        case .add: return a.map(lane, b) { $0 &+ $1 }
        case .subtract: return a.map(lane, b) { $0 &- $1 }
        case .multiply: return a.map(lane, b) { $0 &* $1 }
        case .and: return a & b
        case .or: return a | b
        case .xor: return a ^ b
        case .andNot: return a & ~b
        case .compareEqual: return a.map(lane, b) { $0 == $1 ? ~0 : 0 }
        case .compareGreaterSigned:
            return a.map(lane, b) { Comparison.lessSigned.evaluate(lane, $1, $0) ? ~0 : 0 }
        case .compareGreaterUnsigned: return a.map(lane, b) { $0 > $1 ? ~0 : 0 }
        case .minimumSigned: return a.map(lane, b) { BinaryOperation.minimumSigned.evaluate(lane, $0, $1) }
        case .maximumSigned: return a.map(lane, b) { BinaryOperation.maximumSigned.evaluate(lane, $0, $1) }
        case .minimumUnsigned: return a.map(lane, b) { $0 < $1 ? $0 : $1 }
        case .maximumUnsigned: return a.map(lane, b) { $0 < $1 ? $1 : $0 }
        case .polynomialMultiply: return a.map(lane, b) { BinaryOperation.carrylessMultiply.evaluate(lane, $0, $1) }
        case .shiftSigned:
            return a.map(lane, b) { Self.shifted(lane.signed($0), by: $1, rounding: false).low }
        case .shiftUnsigned:
            return a.map(lane, b) { Self.shifted(Int128($0), by: $1, rounding: false).low }
        case .shiftRoundingSigned:
            return a.map(lane, b) { Self.shifted(lane.signed($0), by: $1, rounding: true).low }
        case .shiftRoundingUnsigned:
            return a.map(lane, b) { Self.shifted(Int128($0), by: $1, rounding: true).low }
        case .zipLow: return Self.arranged(lane) { ($0 & 1 == 0 ? a : b).lane($0 / 2, lane) }
        case .zipHigh: return Self.arranged(lane) { ($0 & 1 == 0 ? a : b).lane(($0 + lane.lanes) / 2, lane) }
        case .unzipEven: return Self.arranged(lane) { Self.laneOfBoth(a, b, 2 * $0, lane) }
        case .unzipOdd: return Self.arranged(lane) { Self.laneOfBoth(a, b, 2 * $0 + 1, lane) }
        case .lookup:
            return b.map(.byte, b) { index, _ in
                index < 16 ? a.lane(Int(truncatingIfNeeded: index), .byte) : 0
            }
        }
    }

    /// A lane of a vector twice as long.
    @inline(__always)
    private static func laneOfBoth(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ index: Int, _ lane: Width) -> UInt64 {
        index < lane.lanes ? a.lane(index, lane) : b.lane(index - lane.lanes, lane)
    }

    @inline(__always)
    private static func arranged(_ lane: Width, _ element: (Int) -> UInt64) -> SIMD2<UInt64> {
        var result = SIMD2<UInt64>()
        for index in 0..<lane.lanes { result.setLane(index, lane, element(index)) }
        return result
    }

    /// The value of a lane by the signed count in the low byte of `count`, exactly, or as far beyond all lanes.
    @inline(__always)
    static func shifted(_ value: Int128, by count: UInt64, rounding: Bool) -> Int128 {
        let count = Int128(Int8(truncatingIfNeeded: count))
        if count > 63 { return value.signum() &<< 120 }
        if count >= 0 { return value &<< count }
        let right = min(-count, 120)
        return (rounding ? value + (1 &<< (right - 1)) : value) &>> right
    }
}

extension VectorUnaryOperation {
    public func evaluate(_ lane: Width, _ a: SIMD2<UInt64>) -> SIMD2<UInt64> {
        switch self {
        case .countLeadingZeros: return a.map(lane, a) { x, _ in UnaryOperation.countLeadingZeros.evaluate(lane, x) }
        case .countOnes: return a.map(lane, a) { x, _ in UnaryOperation.countOnes.evaluate(lane, x) }
        case .reverseBits: return a.map(lane, a) { x, _ in UnaryOperation.reverseBits.evaluate(lane, x) }
        case .reciprocalEstimate: return a.map(.word, a) { x, _ in ArmEstimate.unsignedReciprocal(x) }
        case .reciprocalSquareRootEstimate:
            return a.map(.word, a) { x, _ in ArmEstimate.unsignedReciprocalSquareRoot(x) }
        }
    }
}

extension VectorShiftOperation {
    public func evaluate(_ lane: Width, _ a: SIMD2<UInt64>, by count: UInt8) -> SIMD2<UInt64> {
        let count = UInt64(count)
        switch self {
        case .left: return a.map(lane, a) { x, _ in count < 64 ? x &<< count : 0 }
        case .rightUnsigned: return a.map(lane, a) { x, _ in count < 64 ? x &>> count : 0 }
        case .rightSigned:
            let most = Int64(count < 64 ? count : 63)
            return a.map(lane, a) { x, _ in
                UInt64(bitPattern: Int64(bitPattern: lane.signExtend(x)) &>> most)
            }
        }
    }
}

extension SIMD2 where Scalar == UInt64 {
    /// The 16 bytes from `byte`, 0 to 15, of these and of those of `high` behind them.
    public func extracted(_ high: SIMD2<UInt64>, from byte: UInt8) -> SIMD2<UInt64> {
        let all = [x, y, high.x, high.y] as InlineArray<4, UInt64>
        let (first, bit) = (Int(byte >> 3 & 1), UInt64(byte & 7) &* 8)
        if bit == 0 { return SIMD2(all[first], all[first &+ 1]) }
        return SIMD2(
            all[first] &>> bit | all[first &+ 1] &<< (64 &- bit),
            all[first &+ 1] &>> bit | all[first &+ 2] &<< (64 &- bit))
    }

    @inlinable @inline(__always)
    public func lane(_ index: Int, _ lane: Width) -> UInt64 {
        let bit = UInt64(truncatingIfNeeded: index) &<< (UInt64(lane.rawValue) &+ 3)
        return self[Int(truncatingIfNeeded: bit &>> 6)] &>> (bit & 63) & lane.mask
    }

    @inlinable @inline(__always)
    public mutating func setLane(_ index: Int, _ lane: Width, _ value: UInt64) {
        let bit = UInt64(truncatingIfNeeded: index) &<< (UInt64(lane.rawValue) &+ 3)
        let half = Int(truncatingIfNeeded: bit &>> 6)
        self[half] = self[half] & ~(lane.mask &<< (bit & 63)) | (value & lane.mask) &<< (bit & 63)
    }

    /// `operation` of each pair of lanes, of which it gets the bits and gives them.
    @inline(__always)
    func map(_ lane: Width, _ other: SIMD2<UInt64>, _ operation: (UInt64, UInt64) -> UInt64) -> SIMD2<UInt64> {
        var result = SIMD2<UInt64>()
        for half in 0..<2 {
            var bit: UInt64 = 0
            while bit < 64 {
                let x = (self[half] &>> bit) & lane.mask
                let y = (other[half] &>> bit) & lane.mask
                result[half] |= (operation(x, y) & lane.mask) &<< bit
                bit &+= lane.bits
            }
        }
        return result
    }
}

extension Width {
    /// How many lanes of this width a vector has.
    @inlinable @inline(__always) public var lanes: Int { 16 >> Int(rawValue) }
    /// The lane's bits as a signed number.
    @inline(__always) func signed(_ value: UInt64) -> Int128 { Int128(Int64(bitPattern: signExtend(value))) }
}

extension Int128 {
    /// The low 64 bits.
    @inline(__always) var low: UInt64 { UInt64(truncatingIfNeeded: self) }
}

extension FloatSize {
    @inlinable public var width: Width {
        switch self {
        case .half: return .half
        case .single: return .word
        case .double: return .double
        }
    }
}
