/// How the time of each CPU was shared out, over the whole of a run in a fixed number of intervals: however long it is, and
/// whatever is left out of the list of events.
public struct RunOverview: Sendable {
    public static let intervals = 2048
    /// Nanoseconds of one.
    public private(set) var width: UInt64 = 1024
    /// Nanoseconds of each owner, by CPU and interval.
    public private(set) var shares: [[[UInt64]]]
    /// Events of each kind, by CPU and interval.
    public private(set) var counts: [[[UInt32]]]

    init(processors: Int) {
        shares = Array(repeating: Array(repeating: [], count: Self.intervals), count: processors)
        counts = Array(
            repeating: Array(
                repeating: Array(repeating: 0, count: RunEvent.Kind.allCases.count), count: Self.intervals),
            count: processors)
    }

    mutating func add(_ processor: Int, _ owner: Int, _ start: UInt64, _ end: UInt64) {
        guard end > start else { return }
        reach(end)
        var from = start
        while from < end {
            let interval = from / width
            let to = min(end, (interval + 1) * width)
            let place = Int(interval)
            while shares[processor][place].count <= owner { shares[processor][place].append(0) }
            shares[processor][place][owner] += to - from
            from = to
        }
    }

    mutating func count(_ processor: Int, _ kind: RunEvent.Kind, at time: UInt64) {
        reach(time)
        counts[processor][Int(time / width)][Int(kind.rawValue)] &+= 1
    }

    /// Makes intervals longer until they reach that far.
    private mutating func reach(_ time: UInt64) {
        while time / width >= UInt64(Self.intervals) {
            let half = Self.intervals / 2
            for processor in shares.indices {
                for place in 0..<half {
                    var sums = shares[processor][2 * place]
                    let second = shares[processor][2 * place + 1]
                    while sums.count < second.count { sums.append(0) }
                    for owner in second.indices { sums[owner] += second[owner] }
                    shares[processor][place] = sums
                    for kind in RunEvent.Kind.allCases {
                        let kind = Int(kind.rawValue)
                        counts[processor][place][kind] =
                            counts[processor][2 * place][kind] &+ counts[processor][2 * place + 1][kind]
                    }
                }
                for place in half..<Self.intervals {
                    shares[processor][place] = []
                    for kind in counts[processor][place].indices { counts[processor][place][kind] = 0 }
                }
            }
            width *= 2
        }
    }
}
