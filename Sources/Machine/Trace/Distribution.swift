/// Values as a table tells of them: how many, their sum, the least, the most, and what part of them is below a value.
///
/// Values are kept exactly up to 4096, and to seven binary digits above, so that it never grows long.
public struct Distribution: Sendable {
    public private(set) var count: UInt64 = 0
    public private(set) var total: UInt64 = 0
    public private(set) var least = UInt64.max
    public private(set) var most: UInt64 = 0
    private var histogram: [UInt64: UInt64] = [:]

    public init() {}

    public mutating func add(_ value: UInt64) {
        count += 1
        total &+= value
        least = min(least, value)
        most = max(most, value)
        histogram[Self.rounded(value), default: 0] += 1
    }

    public mutating func add(_ other: Distribution) {
        count += other.count
        total &+= other.total
        least = min(least, other.least)
        most = max(most, other.most)
        histogram.merge(other.histogram, uniquingKeysWith: +)
    }

    private static func rounded(_ value: UInt64) -> UInt64 {
        guard value > 4096 else { return value }
        let dropped = UInt64(64 - 7 - value.leadingZeroBitCount)
        return (value >> dropped) << dropped
    }

    /// The lower median.
    public var median: UInt64 { percentile(50) }

    /// The least value that so many percent of all are no greater than; above 4096 rounded down, by less than one part in 64,
    /// but never below the least. 0 where there are none.
    public func percentile(_ percent: UInt64) -> UInt64 {
        guard count > 0 else { return 0 }
        var left = max((count * min(percent, 100) + 99) / 100, 1)
        for (value, times) in histogram.sorted(by: { $0.key < $1.key }) {
            if times >= left { return max(value, least) }
            left -= times
        }
        return most
    }

    /// How many values there are from each power of two to the next, from the first that has any to the last.
    public var powersOfTwo: [(range: ClosedRange<UInt64>, count: UInt64)] {
        guard count > 0 else { return [] }
        func place(_ value: UInt64) -> Int { 64 - value.leadingZeroBitCount }
        var counts = [UInt64](repeating: 0, count: 65)
        for (value, times) in histogram { counts[place(value)] += times }
        return (place(least)...place(most)).map { place in
            let range: ClosedRange<UInt64> =
                place == 0 ? 0...0 : 1 << UInt64(place - 1)...(place == 64 ? .max : 1 << UInt64(place) - 1)
            return (range, counts[place])
        }
    }
}
