/// A natural number of any size: what exact arithmetic on floating-point numbers needs, and no more.
struct Natural: Comparable {
    /// 32 bits each, the low ones first, without zeros at the top.
    private var limbs: [UInt32] = []

    init(_ value: UInt64) {
        limbs = [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
        trim()
    }

    private init(limbs: [UInt32]) {
        self.limbs = limbs
        trim()
    }

    private mutating func trim() {
        while limbs.last == 0 { limbs.removeLast() }
    }

    var isZero: Bool { limbs.isEmpty }

    var isOdd: Bool { limbs.first.map { $0 & 1 == 1 } ?? false }

    /// The number of bits up to the highest that is set.
    var bitWidth: Int {
        guard let top = limbs.last else { return 0 }
        return 32 * limbs.count - top.leadingZeroBitCount
    }

    /// The low 64 bits.
    var low: UInt64 {
        (limbs.count > 0 ? UInt64(limbs[0]) : 0) | (limbs.count > 1 ? UInt64(limbs[1]) << 32 : 0)
    }

    static func < (a: Natural, b: Natural) -> Bool {
        if a.limbs.count != b.limbs.count { return a.limbs.count < b.limbs.count }
        for index in a.limbs.indices.reversed() where a.limbs[index] != b.limbs[index] {
            return a.limbs[index] < b.limbs[index]
        }
        return false
    }

    static func + (a: Natural, b: Natural) -> Natural {
        var sum: [UInt32] = []
        var carry: UInt64 = 0
        for index in 0..<max(a.limbs.count, b.limbs.count) + 1 {
            carry += index < a.limbs.count ? UInt64(a.limbs[index]) : 0
            carry += index < b.limbs.count ? UInt64(b.limbs[index]) : 0
            sum.append(UInt32(truncatingIfNeeded: carry))
            carry >>= 32
        }
        return Natural(limbs: sum)
    }

    /// The difference; `b` must not be the greater.
    static func - (a: Natural, b: Natural) -> Natural {
        var difference: [UInt32] = []
        var borrow: Int64 = 0
        for index in a.limbs.indices {
            borrow += Int64(a.limbs[index]) - (index < b.limbs.count ? Int64(b.limbs[index]) : 0)
            difference.append(UInt32(truncatingIfNeeded: borrow))
            borrow >>= 32
        }
        precondition(borrow == 0, "the difference of natural numbers must not be negative")
        return Natural(limbs: difference)
    }

    static func * (a: Natural, b: Natural) -> Natural {
        var product = [UInt32](repeating: 0, count: a.limbs.count + b.limbs.count + 1)
        for (index, digit) in a.limbs.enumerated() {
            var carry: UInt64 = 0
            for (other, digit2) in b.limbs.enumerated() {
                carry += UInt64(digit) * UInt64(digit2) + UInt64(product[index + other])
                product[index + other] = UInt32(truncatingIfNeeded: carry)
                carry >>= 32
            }
            product[index + b.limbs.count] = UInt32(carry)
        }
        return Natural(limbs: product)
    }

    static func << (a: Natural, count: Int) -> Natural {
        var shifted = [UInt32](repeating: 0, count: count / 32)
        var carry: UInt64 = 0
        for limb in a.limbs {
            carry |= UInt64(limb) << UInt64(count % 32)
            shifted.append(UInt32(truncatingIfNeeded: carry))
            carry >>= 32
        }
        shifted.append(UInt32(carry))
        return Natural(limbs: shifted)
    }

    static func >> (a: Natural, count: Int) -> Natural {
        guard count < a.bitWidth else { return Natural(0) }
        var shifted: [UInt32] = []
        for index in count / 32..<a.limbs.count {
            let next = index + 1 < a.limbs.count ? UInt64(a.limbs[index + 1]) << 32 : 0
            shifted.append(UInt32(truncatingIfNeeded: (next | UInt64(a.limbs[index])) >> UInt64(count % 32)))
        }
        return Natural(limbs: shifted)
    }

    /// The quotient and whether a remainder is left, by subtraction.
    static func quotient(_ a: Natural, _ b: Natural) -> (Natural, inexact: Bool) {
        var rest = a
        var quotient = Natural(0)
        for shift in stride(from: max(a.bitWidth - b.bitWidth, 0), through: 0, by: -1) {
            let part = b << shift
            if part <= rest {
                rest = rest - part
                quotient = quotient + Natural(1) << shift
            }
        }
        return (quotient, !rest.isZero)
    }

    /// The greatest number whose square is not more, and whether its square is less, bit by bit.
    var squareRoot: (Natural, inexact: Bool) {
        var root = Natural(0)
        for bit in stride(from: bitWidth / 2, through: 0, by: -1) {
            let trial = root + Natural(1) << bit
            if trial * trial <= self { root = trial }
        }
        return (root, root * root < self)
    }
}
