/// Addresses that were looked up and had no code, and how often they were come to since: to count here costs a few
/// instructions, and to look an address up in its page a hundred.
///
/// An address stands in one place alone, from where another one drives it away. What was counted of it is lost then, so that
/// it is looked up anew; no decision is made here. An address may have got code in the meantime, of another process
/// for one: that is found some visits later.
final class ColdPlaces {
    private struct Place {
        var address: UInt64
        var mode: UInt32
        /// Visits that are counted before the address is looked up again, and those of them that are left.
        var visits: UInt16
        var rest: UInt16
    }

    private static let count = 4096
    private let places = UnsafeMutablePointer<Place>.allocate(capacity: count)

    init() {
        // No code is at an odd address.
        places.initialize(repeating: Place(address: 1, mode: 0, visits: 0, rest: 0), count: Self.count)
    }

    deinit { places.deallocate() }

    @inline(__always)
    private func place(_ address: UInt64) -> UnsafeMutablePointer<Place> {
        // Instructions of 2 and of 4 bytes; pages of one program begin alike.
        places + Int(truncatingIfNeeded: (address &>> 1 ^ address &>> 13) & UInt64(Self.count &- 1))
    }

    /// Counts a visit of `address`; false where it has to be looked up.
    @inline(__always)
    func countsVisit(_ address: UInt64, mode: UInt64) -> Bool {
        let place = place(address)
        guard place.pointee.address == address, place.pointee.mode == UInt32(truncatingIfNeeded: mode),
            place.pointee.rest != 0
        else { return false }
        place.pointee.rest &-= 1
        return true
    }

    /// The visits of `address` that were counted since it was looked up, and this one.
    func takeVisits(_ address: UInt64, mode: UInt64) -> Int {
        let place = place(address)
        guard place.pointee.address == address, place.pointee.mode == UInt32(truncatingIfNeeded: mode) else { return 1 }
        defer { place.pointee.address = 1 }
        return Int(place.pointee.visits &- place.pointee.rest) &+ 1
    }

    /// The next `visits` of `address` are counted here.
    func enter(_ address: UInt64, mode: UInt64, visits: Int) {
        let visits = UInt16(truncatingIfNeeded: min(visits, Int(UInt16.max)))
        place(address).pointee = Place(
            address: address, mode: UInt32(truncatingIfNeeded: mode), visits: visits, rest: visits)
    }

    /// There is code now.
    func leave(_ address: UInt64) {
        if place(address).pointee.address == address { place(address).pointee.address = 1 }
    }
}
