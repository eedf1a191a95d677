/// Which station is behind which port (IEEE 802.1D, The Filtering Database).
///
/// A port owns so many entries at most: whoever invents addresses neither grows the table nor drives out what is
/// known of others.
struct MACTable {
    private struct Entry {
        let address: UInt64
        var port: NetworkPort
        /// In ticks.
        var seen: UInt64
    }

    static let limitOfPort = 16
    static let limit = 1024
    private static let bucketCount = 64

    private var buckets = [[Entry]](repeating: [], count: bucketCount)
    private(set) var count = 0
    /// In ticks.
    private let maximumAge: UInt64
    private var expiredAt: UInt64 = 0

    init(maximumAge: UInt64) { self.maximumAge = maximumAge }

    /// The bucket of an address: its last three octets are what tells cards of one maker apart.
    private static func bucket(_ address: MACAddress) -> Int {
        Int(truncatingIfNeeded: (address.value ^ address.value >> 6 ^ address.value >> 12 ^ address.value >> 18) & 63)
    }

    /// The port behind which the station was seen last; nil where that is too long ago.
    func port(of address: MACAddress, now: UInt64) -> NetworkPort? {
        for entry in buckets[Self.bucket(address)] where entry.address == address.value {
            return now &- entry.seen <= maximumAge ? entry.port : nil
        }
        return nil
    }

    /// A station has sent through the port. Groups send nothing.
    mutating func learn(_ address: MACAddress, _ port: NetworkPort, now: UInt64) {
        guard !address.isGroup else { return }
        let bucket = Self.bucket(address)
        if let index = buckets[bucket].firstIndex(where: { $0.address == address.value }) {
            if buckets[bucket][index].port === port { return buckets[bucket][index].seen = now }
            remove(bucket, index)
        }
        if port.addressCount >= Self.limitOfPort || count >= Self.limit { expire(now) }
        guard port.addressCount < Self.limitOfPort, count < Self.limit else { return port.unlearned &+= 1 }
        buckets[bucket].append(Entry(address: address.value, port: port, seen: now))
        port.addressCount += 1
        count += 1
    }

    /// Forgets all stations behind the port.
    mutating func forget(_ port: NetworkPort) { removeAll { $0.port === port } }

    /// Forgets who has not been seen for too long. It looks at all entries, so it is seldom done, however many ask.
    private mutating func expire(_ now: UInt64) {
        guard expiredAt == 0 || now &- expiredAt > maximumAge / 64 else { return }
        expiredAt = now
        let maximumAge = maximumAge
        removeAll { now &- $0.seen > maximumAge }
    }

    private mutating func removeAll(_ isOld: (Entry) -> Bool) {
        for bucket in buckets.indices {
            for index in buckets[bucket].indices.reversed() where isOld(buckets[bucket][index]) {
                remove(bucket, index)
            }
        }
    }

    private mutating func remove(_ bucket: Int, _ index: Int) {
        buckets[bucket][index].port.addressCount -= 1
        buckets[bucket].remove(at: index)
        count -= 1
    }
}
