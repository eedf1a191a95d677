/// What the vector operations mean: written once for lanes of any width, as the host's vectors of that width.
extension VectorOperation {
    public func evaluate(_ lane: Width, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
        switch self {
        case .and: return a & b
        case .or: return a | b
        case .xor: return a ^ b
        case .andNot: return a & ~b
        case .lookup: return Self.lookup(a, b)
        default: break
        }
        switch lane {
        case .byte: return evaluate(a, b, SIMD16<UInt8>.self, SIMD16<Int8>.self, exact: Int64.self)
        case .half: return evaluate(a, b, SIMD8<UInt16>.self, SIMD8<Int16>.self, exact: Int64.self)
        case .word: return evaluate(a, b, SIMD4<UInt32>.self, SIMD4<Int32>.self, exact: Int128.self)
        case .double: return evaluate(a, b, SIMD2<UInt64>.self, SIMD2<Int64>.self, exact: Int128.self)
        }
    }

    /// - Parameter exact: has twice as many bits as a lane, and more.
    @inline(__always)
    private func evaluate<Unsigned: SIMD, Signed: SIMD, Exact: FixedWidthInteger & SignedInteger>(
        _ first: SIMD2<UInt64>, _ second: SIMD2<UInt64>, _: Unsigned.Type, _: Signed.Type, exact: Exact.Type
    ) -> SIMD2<UInt64>
    where Unsigned.Scalar: FixedWidthInteger & UnsignedInteger, Signed.Scalar: FixedWidthInteger & SignedInteger {
        let (a, b) = (first.lanes(Unsigned.self), second.lanes(Unsigned.self))
        let (x, y) = (first.lanes(Signed.self), second.lanes(Signed.self))
        typealias Lane = Unsigned.Scalar
        let count = Unsigned.scalarCount
        switch self {
        case .add: return SIMD2(lanes: a &+ b)
        case .subtract: return SIMD2(lanes: a &- b)
        case .multiply: return SIMD2(lanes: a &* b)
        case .compareEqual: return SIMD2(lanes: Unsigned.zero.replacing(with: .max, where: a .== b))
        case .compareGreaterSigned: return SIMD2(lanes: Signed.zero.replacing(with: -1, where: x .> y))
        case .compareGreaterUnsigned: return SIMD2(lanes: Unsigned.zero.replacing(with: .max, where: a .> b))
        case .minimumSigned: return SIMD2(lanes: x.replacing(with: y, where: y .< x))
        case .maximumSigned: return SIMD2(lanes: x.replacing(with: y, where: y .> x))
        case .minimumUnsigned: return SIMD2(lanes: a.replacing(with: b, where: b .< a))
        case .maximumUnsigned: return SIMD2(lanes: a.replacing(with: b, where: b .> a))
        case .polynomialMultiply: return .made { Self.polynomialProduct(first.element($0) as Lane, second.element($0)) }
        case .shiftSigned:
            return .made {
                shifted(Exact(first.element($0) as Signed.Scalar), second.element($0) as Lane, rounding: false)
            }
        case .shiftUnsigned:
            return .made { shifted(Exact(first.element($0) as Lane), second.element($0) as Lane, rounding: false) }
        case .shiftRoundingSigned:
            return .made {
                shifted(Exact(first.element($0) as Signed.Scalar), second.element($0) as Lane, rounding: true)
            }
        case .shiftRoundingUnsigned:
            return .made { shifted(Exact(first.element($0) as Lane), second.element($0) as Lane, rounding: true) }
        case .zipLow: return .made { ($0 & 1 == 0 ? first : second).element($0 / 2) as Lane }
        case .zipHigh: return .made { ($0 & 1 == 0 ? first : second).element(($0 + count) / 2) as Lane }
        case .unzipEven:
            return .made { $0 < count / 2 ? first.element(2 * $0) as Lane : second.element(2 * $0 - count) }
        case .unzipOdd:
            return .made { $0 < count / 2 ? first.element(2 * $0 + 1) as Lane : second.element(2 * $0 + 1 - count) }
        case .and, .or, .xor, .andNot, .lookup: return first
        }
    }

    private static func lookup(_ table: SIMD2<UInt64>, _ numbers: SIMD2<UInt64>) -> SIMD2<UInt64> {
        .made { index in
            let number = numbers.element(index) as UInt8
            return number < 16 ? table.element(Int(number)) as UInt8 : 0
        }
    }

    /// The low half of the product over GF(2).
    @inline(__always)
    private static func polynomialProduct<Lane: FixedWidthInteger & UnsignedInteger>(_ a: Lane, _ b: Lane) -> Lane {
        var (sum, rest) = (0 as Lane, b)
        while rest != 0 {
            sum ^= a &<< Lane(truncatingIfNeeded: rest.trailingZeroBitCount)
            rest &= rest &- 1
        }
        return sum
    }

    @inline(__always)
    private func shifted<Lane: FixedWidthInteger, Exact: FixedWidthInteger & SignedInteger>(
        _ value: Exact, _ count: Lane, rounding: Bool
    ) -> Lane {
        Lane(truncatingIfNeeded: Self.shifted(value, by: count, rounding: rounding))
    }

    /// The value of a lane by the signed count in the low byte of `count`, exactly, or as far beyond all lanes that have
    /// half of the bits of its type.
    @inline(__always)
    static func shifted<Exact: FixedWidthInteger & SignedInteger>(
        _ value: Exact, by count: some FixedWidthInteger, rounding: Bool
    ) -> Exact {
        let count = Exact(Int8(truncatingIfNeeded: count))
        let most = Exact(truncatingIfNeeded: Exact.bitWidth / 2 - 1)
        if count > most { return value.signum() &<< Exact(truncatingIfNeeded: Exact.bitWidth - 8) }
        if count >= 0 { return value &<< count }
        let right = min(0 &- count, Exact(truncatingIfNeeded: Exact.bitWidth - 8))
        return (rounding ? value &+ 1 &<< (right &- 1) : value) &>> right
    }
}

extension VectorUnaryOperation {
    public func evaluate(_ lane: Width, _ a: SIMD2<UInt64>) -> SIMD2<UInt64> {
        switch lane {
        case .byte: return evaluate(a, UInt8.self)
        case .half: return evaluate(a, UInt16.self)
        case .word: return evaluate(a, UInt32.self)
        case .double: return evaluate(a, UInt64.self)
        }
    }

    @inline(__always)
    private func evaluate<Lane: FixedWidthInteger & UnsignedInteger>(
        _ a: SIMD2<UInt64>, _: Lane.Type
    ) -> SIMD2<UInt64> {
        switch self {
        case .countLeadingZeros:
            return .made { Lane(truncatingIfNeeded: (a.element($0) as Lane).leadingZeroBitCount) }
        case .countOnes: return .made { Lane(truncatingIfNeeded: (a.element($0) as Lane).nonzeroBitCount) }
        case .reverseBits:
            return .made {
                let reversed = UnaryOperation.reverseBits.evaluate(.double, UInt64(a.element($0) as Lane))
                return Lane(truncatingIfNeeded: reversed &>> UInt64(64 &- Lane.bitWidth))
            }
        case .reciprocalEstimate:
            return .made { UInt32(ArmEstimate.unsignedReciprocal(UInt64(a.element($0) as UInt32))) }
        case .reciprocalSquareRootEstimate:
            return .made { UInt32(ArmEstimate.unsignedReciprocalSquareRoot(UInt64(a.element($0) as UInt32))) }
        }
    }
}

extension VectorShiftOperation {
    public func evaluate(_ lane: Width, _ a: SIMD2<UInt64>, by count: UInt8) -> SIMD2<UInt64> {
        switch lane {
        case .byte: return evaluate(a, by: count, SIMD16<UInt8>.self, SIMD16<Int8>.self)
        case .half: return evaluate(a, by: count, SIMD8<UInt16>.self, SIMD8<Int16>.self)
        case .word: return evaluate(a, by: count, SIMD4<UInt32>.self, SIMD4<Int32>.self)
        case .double: return evaluate(a, by: count, SIMD2<UInt64>.self, SIMD2<Int64>.self)
        }
    }

    @inline(__always)
    private func evaluate<Unsigned: SIMD, Signed: SIMD>(
        _ vector: SIMD2<UInt64>, by count: UInt8, _: Unsigned.Type, _: Signed.Type
    ) -> SIMD2<UInt64>
    where Unsigned.Scalar: FixedWidthInteger & UnsignedInteger, Signed.Scalar: FixedWidthInteger & SignedInteger {
        let (a, x) = (vector.lanes(Unsigned.self), vector.lanes(Signed.self))
        let bits = UInt8(truncatingIfNeeded: Unsigned.Scalar.bitWidth)
        switch self {
        case .left:
            return count < bits ? SIMD2(lanes: a &<< Unsigned.Scalar(truncatingIfNeeded: count)) : SIMD2()
        case .rightUnsigned:
            return count < bits ? SIMD2(lanes: a &>> Unsigned.Scalar(truncatingIfNeeded: count)) : SIMD2()
        case .rightSigned: return SIMD2(lanes: x &>> Signed.Scalar(truncatingIfNeeded: min(count, bits &- 1)))
        }
    }
}

extension SIMD2 where Scalar == UInt64 {
    /// The 16 bytes from `byte`, 0 to 15, of these and of those of `high` behind them.
    public func extracted(_ high: SIMD2<UInt64>, from byte: UInt8) -> SIMD2<UInt64> {
        let (bit, isUpper) = (UInt64(byte & 7) &* 8, byte & 8 != 0)
        let (first, second, third) = isUpper ? (y, high.x, high.y) : (x, y, high.x)
        if bit == 0 { return SIMD2(first, second) }
        return SIMD2(first &>> bit | second &<< (64 &- bit), second &>> bit | third &<< (64 &- bit))
    }

    /// The same bits as lanes of another width.
    @inline(__always)
    func lanes<Lanes: SIMD>(_: Lanes.Type) -> Lanes {
        // SAFETY: all vectors that this is called for have 16 bytes, and any bits are valid.
        unsafeBitCast(self, to: Lanes.self)
    }

    @inline(__always)
    init<Lanes: SIMD>(lanes: Lanes) {
        // SAFETY: as above.
        self = unsafeBitCast(lanes, to: SIMD2<UInt64>.self)
    }

    /// Each lane by its number, in memory: a number that is not known has no cost there.
    @inline(__always)
    func element<Lane: FixedWidthInteger>(_ index: Int) -> Lane {
        withUnsafeBytes(of: self) { $0.load(fromByteOffset: index &* (Lane.bitWidth / 8), as: Lane.self) }
    }

    @inline(__always)
    static func made<Lane: FixedWidthInteger>(_ lane: (Int) -> Lane) -> SIMD2<UInt64> {
        var result = SIMD2<UInt64>()
        withUnsafeMutableBytes(of: &result) { bytes in
            for index in 0..<128 / Lane.bitWidth {
                bytes.storeBytes(of: lane(index), toByteOffset: index &* (Lane.bitWidth / 8), as: Lane.self)
            }
        }
        return result
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
}

extension Width {
    /// How many lanes of this width a vector has.
    @inlinable @inline(__always) public var lanes: Int { 16 >> Int(rawValue) }
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
