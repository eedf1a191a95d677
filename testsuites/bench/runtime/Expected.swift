/// The checksums of the system benchmarks, by arithmetic alone: what a right machine must come to.
/// `testsuites/bench/expected` compiles this on the host.
let golden: UInt64 = 0x9e37_79b9_7f4a_7c15

/// One step of every system program's checksum.
func fold(_ checksum: UInt64, _ value: UInt64) -> UInt64 { checksum &* 33 &+ value }

/// The first word of a page of one of the two sets.
func word(set: UInt64, page: UInt64) -> UInt64 { (64 * set + page + 1) &* golden }

/// `events` calls answered with the calls that are left. The last call is not answered.
func calls(_ events: UInt64) -> UInt64 {
    (1..<events).reversed().reduce(0, fold)
}

/// `events` visits, in turn to the two sets, that add up the first words of `pages` pages.
func visits(_ events: UInt64, pages: UInt64) -> UInt64 {
    (0..<events).reduce(0) { checksum, event in
        fold(checksum, (0..<pages).reduce(0) { $0 &+ word(set: event % 2, page: $1) })
    }
}

/// `events` pages mapped to two frames; every eighth is touched after it is unmapped.
func churn(_ events: UInt64) -> UInt64 {
    var checksum: UInt64 = 0
    var page: UInt64 = 0
    for left in (1...events).reversed() {
        checksum = fold(checksum, left)
        checksum = fold(checksum, word(set: 1, page: 0))
        if left % 8 == 0 { checksum = fold(checksum, 0x9000_0000 + page * 4096) }
        page = (page + 37) % 256
    }
    return checksum
}

func show(_ name: String, _ checksum: UInt64) {
    let digits = String(checksum, radix: 16)
    print(name, String(repeating: "0", count: 16 - digits.count) + digits)
}

@main
struct Expected {
    static func main() {
        show("trap", calls(20_000))
        show("pagetable", churn(4096))
        show("vmexit", calls(10_000))
        show("vmswitch", visits(5000, pages: 8))
        show("contextswitch", visits(5000, pages: 16))
    }
}
