/// The checksums of the system benchmarks, by arithmetic alone: what a right machine must come to.
/// `testsuites/bench/expected` compiles this on the host.
let golden: UInt64 = 0x9e37_79b9_7f4a_7c15

/// One step of every system program's checksum.
func fold(_ checksum: UInt64, _ value: UInt64) -> UInt64 { checksum &* 33 &+ value }

/// The first word of a page of one of the two sets.
func word(set: UInt64, page: UInt64) -> UInt64 { (64 * set + page + 1) &* golden }

/// `events` calls answered with what `answer` makes of the calls that are left. The last call is not answered.
func calls(_ events: UInt64, _ answer: (UInt64) -> UInt64 = { $0 }) -> UInt64 {
    (1..<events).reversed().reduce(0) { fold($0, answer($1)) }
}

/// `events` visits, in turn to the two sets, that add up the first words of `pages` pages.
func visits(_ events: UInt64, pages: UInt64) -> UInt64 {
    (0..<events).reduce(0) { checksum, event in
        fold(checksum, (0..<pages).reduce(0) { $0 &+ word(set: event % 2, page: $1) })
    }
}

/// `events` loads of the same word.
func loads(_ events: UInt64) -> UInt64 {
    (0..<events).reduce(0) { checksum, _ in fold(checksum, word(set: 0, page: 0)) }
}

/// `events` down to 1, each passed through `change`.
func countdown(_ events: UInt64, _ change: (UInt64) -> UInt64 = { $0 }) -> UInt64 {
    (1...events).reversed().reduce(0) { fold($0, change($1)) }
}

func show(_ name: String, _ checksum: UInt64) {
    let digits = String(checksum, radix: 16)
    print(name, String(repeating: "0", count: 16 - digits.count) + digits)
}

@main
struct Expected {
    static func main() {
        show("trap", calls(20_000))
        show("selfinterrupt", calls(20_000))
        show("registerinterrupt", calls(20_000))
        show("hypercall", calls(10_000))
        show("mmiofault", calls(10_000) { $0 + (0x9001_0000 + 24) >> 2 })
        show("virtualinterrupt", calls(10_000) { 2 * $0 })
        show("guestswitch", visits(5000, pages: 8))
        show("addressspaceswitch", visits(5000, pages: 16))
        show("useraccess", loads(10_000))
        show("pagefence", visits(10_000, pages: 1))
        show("sharedpage", countdown(10_000))
        show("ownpage", countdown(10_000))
        show("rewrite", countdown(500) { $0 % 1024 })
    }
}
