/// A set of page numbers that has few ends: ranges in their order, none of which touch.
struct PageRanges: Equatable {
    private(set) var ranges: [Range<UInt64>] = []

    /// Adds pages that lie behind all others.
    mutating func append(_ range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        if let last = ranges.last, last.upperBound == range.lowerBound {
            ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
        } else {
            ranges.append(range)
        }
    }

    /// The pages of either.
    func union(_ other: PageRanges) -> PageRanges {
        var result = PageRanges()
        var (a, b) = (ranges[...], other.ranges[...])
        while let next = [a.first, b.first].compactMap({ $0 }).min(by: { $0.lowerBound < $1.lowerBound }) {
            if next == a.first { a.removeFirst() } else { b.removeFirst() }
            let end = result.ranges.last?.upperBound ?? 0
            if next.upperBound > end || result.ranges.isEmpty {
                result.append(max(next.lowerBound, end)..<next.upperBound)
            }
        }
        return result
    }

    /// The parts of a range that are not in it.
    func missing(from range: Range<UInt64>) -> [Range<UInt64>] {
        // The first that ends behind the range's start.
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
        }
        var parts: [Range<UInt64>] = []
        var place = range.lowerBound
        for known in ranges[low...] {
            guard known.lowerBound < range.upperBound else { break }
            if place < known.lowerBound { parts.append(place..<known.lowerBound) }
            place = max(place, known.upperBound)
        }
        if place < range.upperBound { parts.append(place..<range.upperBound) }
        return parts
    }
}
