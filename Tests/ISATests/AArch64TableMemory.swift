import ISA
import Testing

@testable import AArch64ISA

/// Memory with translation tables in it, for tests of walks: nothing else answers there.
struct AArch64TableMemory: AArch64.TranslationTables {
    let base: UInt64
    let size: UInt64
    /// What is at the first byte of each word that a walk reads or writes.
    private let words: UnsafeMutablePointer<UInt64>
    /// Where the next table goes, and after how many writes another PE interferes once.
    private let state: UnsafeMutablePointer<State>

    private struct State {
        var next: UInt64
        var interference: UInt64?
        var isReadOnly = false
    }

    init(base: UInt64 = 0x4000_0000, size: UInt64 = 8 << 20) {
        self.base = base
        self.size = size
        words = .allocate(capacity: Int(size / 8))
        words.initialize(repeating: 0, count: Int(size / 8))
        state = .allocate(capacity: 1)
        state.initialize(to: State(next: base))
    }

    func deallocate() {
        words.deallocate()
        state.deallocate()
    }

    func readDescriptor(_ physical: UInt64) -> UInt64? {
        guard physical >= base, physical - base < size else { return nil }
        return words[Int(physical - base) / 8]
    }

    func noteUse(ofDescriptor physical: UInt64, mapping mapped: PhysicalMemory.MappedAddresses) {}

    func compareAndSwap(_ physical: UInt64, old: UInt64, new: UInt64) -> Bool? {
        guard !state.pointee.isReadOnly, readDescriptor(physical) != nil else { return nil }
        if let interference = state.pointee.interference {
            state.pointee.interference = nil
            self[physical] = interference
        }
        guard self[physical] == old else { return false }
        self[physical] = new
        return true
    }

    subscript(physical: UInt64) -> UInt64 {
        get { words[Int(physical - base) / 8] }
        nonmutating set { words[Int(physical - base) / 8] = newValue }
    }

    /// Another PE puts `descriptor` where the next update goes, just before it.
    func interfere(with descriptor: UInt64) { state.pointee.interference = descriptor }

    func setReadOnly() { state.pointee.isReadOnly = true }

    /// Room for a table, aligned to its size.
    func newTable(bytes: UInt64 = 65536) -> UInt64 {
        let table = (state.pointee.next + bytes - 1) & ~(bytes - 1)
        state.pointee.next = table + bytes
        return table
    }

    /// Enters `leaf` for `address` at a level, and tables down to it where there are none.
    /// - Returns: where the leaf is.
    @discardableResult
    func map(
        _ address: UInt64, _ leaf: UInt64, at leafLevel: UInt64 = 3, root: UInt64, from firstLevel: UInt64 = 0,
        inputBits: UInt64 = 48, granuleBits: UInt64 = 12, tableBits: UInt64 = 0
    ) -> UInt64 {
        var table = root
        var bits = inputBits
        var level = firstLevel
        while true {
            let shift = granuleBits + (3 - level) * (granuleBits - 3)
            let entry = table + (address >> shift & (1 << (bits - shift) - 1)) * 8
            if level == leafLevel {
                self[entry] = leaf
                return entry
            }
            if self[entry] & 1 == 0 { self[entry] = newTable() | 3 | tableBits }
            table = self[entry] & 0xffff_ffff_f000
            bits = shift
            level += 1
        }
    }
}
