import Testing

@testable import JIT

@Suite("Visits of cold code")
struct ColdPlacesTests {
    private static let address: UInt64 = 0xffff_8000_0812_3404

    @Test("So many visits as were asked for are counted, and then the address is looked up with all of them")
    func counts() {
        let places = ColdPlaces()
        #expect(!places.countsVisit(Self.address, mode: 1) && places.takeVisits(Self.address, mode: 1) == 1)
        places.enter(Self.address, mode: 1, visits: 22)
        for _ in 0..<22 { #expect(places.countsVisit(Self.address, mode: 1)) }
        #expect(!places.countsVisit(Self.address, mode: 1))
        #expect(places.takeVisits(Self.address, mode: 1) == 23)
        #expect(places.takeVisits(Self.address, mode: 1) == 1)
    }

    @Test("Code of another mode, code that has been made, and what was driven away are looked up")
    func others() {
        let places = ColdPlaces()
        places.enter(Self.address, mode: 1, visits: 22)
        #expect(!places.countsVisit(Self.address, mode: 2) && places.takeVisits(Self.address, mode: 2) == 1)
        #expect(places.countsVisit(Self.address, mode: 1))
        places.leave(Self.address)
        #expect(!places.countsVisit(Self.address, mode: 1))
        places.enter(Self.address, mode: 1, visits: 22)
        for number: UInt64 in 1...100_000 { places.enter(Self.address + 4 * number, mode: 1, visits: 22) }
        #expect(!places.countsVisit(Self.address, mode: 1) && places.takeVisits(Self.address, mode: 1) == 1)
    }
}
