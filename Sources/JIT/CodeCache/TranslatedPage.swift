import ISA

/// The translated code of one page: of one virtual address, at one physical address, in one mode.
///
/// Its regions jump into each other directly, so that they go together when any of the page's code changes.
final class TranslatedPage {
    struct Key: Hashable {
        let virtual: UInt64
        let physical: UInt64
        let mode: UInt64
    }

    let key: Key
    /// For each instruction's place in the page, by half-word, the offset of its code in the code memory; 0 for none.
    private let entries: UnsafeMutablePointer<UInt32>
    /// How often an instruction that is not translated was come to.
    private let counts: UnsafeMutablePointer<UInt8>
    /// The 64-byte granules that code was made of.
    private(set) var granules: UInt64 = 0

    static let places = 2048

    init(_ key: Key) {
        self.key = key
        entries = .allocate(capacity: Self.places)
        entries.initialize(repeating: 0, count: Self.places)
        counts = .allocate(capacity: Self.places)
        counts.initialize(repeating: 0, count: Self.places)
    }

    deinit {
        entries.deallocate()
        counts.deallocate()
    }

    private func place(_ address: UInt64) -> Int { Int(address & 4095) / 2 }

    /// The offset of the code of `address`, or 0.
    func entry(_ address: UInt64) -> UInt32 { entries[place(address)] }

    func setEntry(_ address: UInt64, _ offset: UInt32) { entries[place(address)] = offset }

    /// Notes that code was made of the bytes at `address`.
    func cover(_ address: UInt64, bytes: UInt64) {
        let first = (address & 4095) / 64
        let last = min(63, ((address & 4095) + bytes - 1) / 64)
        granules |= (~0 << first) & (~0 >> (63 - last)) as UInt64
    }

    /// Counts that the instruction was come to; true when that was the `threshold`th time.
    func count(_ address: UInt64, threshold: Int) -> Bool {
        let place = place(address)
        let count = Int(counts[place]) + 1
        if count >= threshold {
            counts[place] = 0
            return true
        }
        counts[place] = UInt8(truncatingIfNeeded: min(count, 255))
        return false
    }

    /// Forgets all code.
    func clear() {
        entries.update(repeating: 0, count: Self.places)
        granules = 0
    }
}
