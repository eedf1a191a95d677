import ISA

/// The translated code of one page: of one virtual address, at one physical address, in one mode.
///
/// Its regions jump into each other directly, so that they go together when any of the page's code changes.
final class TranslatedPage {
    struct Key: Equatable {
        let virtual: UInt64
        let physical: UInt64
        let mode: UInt64

        var hash: UInt64 {
            (virtual ^ physical &<< 20 ^ physical &>> 12 ^ mode &* 31) &* 0x9e37_79b9_7f4a_7c15
        }
    }

    let key: Key
    /// For each place in the page where an instruction can begin: where its code is, or how often it was come to. In
    /// parts, each made when it is needed, since most pages are run in few places.
    private var parts = InlineArray<32, UnsafeMutablePointer<UInt32>?>(repeating: nil)
    /// The 64-byte granules that code was made of.
    private(set) var granules: UInt64 = 0

    /// Marks the offset of code in the code memory; what is not marked is a count.
    private static let code: UInt32 = 1 << 31
    private static let partCount = 64

    init(_ key: Key) {
        self.key = key
    }

    deinit {
        for index in parts.indices { parts[index]?.deallocate() }
    }

    private func part(_ address: UInt64) -> Int { Int(address & 4095) / (2 * Self.partCount) }
    private func place(_ address: UInt64) -> Int { Int(address & 4095) / 2 % Self.partCount }

    private func entries(_ address: UInt64) -> UnsafeMutablePointer<UInt32> {
        let part = part(address)
        if let entries = parts[part] { return entries }
        let entries = UnsafeMutablePointer<UInt32>.allocate(capacity: Self.partCount)
        entries.initialize(repeating: 0, count: Self.partCount)
        parts[part] = entries
        return entries
    }

    /// The offset of the code of `address`, or 0.
    func entry(_ address: UInt64) -> UInt32 {
        guard let entries = parts[part(address)] else { return 0 }
        let entry = entries[place(address)]
        return entry & Self.code != 0 ? entry & ~Self.code : 0
    }

    func setEntry(_ address: UInt64, _ offset: UInt32) { entries(address)[place(address)] = offset | Self.code }

    /// Notes that code was made of the bytes at `address`.
    func cover(_ address: UInt64, bytes: UInt64) {
        let first = (address & 4095) / 64
        let last = min(63, ((address & 4095) + bytes - 1) / 64)
        granules |= (~0 << first) & (~0 >> (63 - last)) as UInt64
    }

    /// Counts that the instruction, which is not translated, was come to so often; gives how often that was in all.
    func count(_ visits: Int, at address: UInt64) -> Int {
        let (entries, place) = (entries(address), place(address))
        entries[place] = min(entries[place] &+ UInt32(truncatingIfNeeded: visits), Self.code &- 1)
        return Int(entries[place])
    }

    func resetCount(at address: UInt64) { entries(address)[place(address)] = 0 }

    /// Places of blocks that no code could be made of, for want of registers to keep results in: they are left to the
    /// interpreter.
    private var refused: Set<UInt16> = []

    func refuse(_ address: UInt64) { refused.insert(UInt16(address & 4095)) }
    func isRefused(_ address: UInt64) -> Bool { !refused.isEmpty && refused.contains(UInt16(address & 4095)) }

    /// How often code was left for the access to a device at each place.
    private var deviceAccesses: [UInt16: Int] = [:]
    /// So often, and it is known for one. What is one now and then, as copying is, is left alone.
    private static let deviceAccessThreshold = 64

    func isDeviceAccess(_ address: UInt64) -> Bool {
        if deviceAccesses.isEmpty { return false }
        return deviceAccesses[UInt16(address & 4095), default: 0] >= Self.deviceAccessThreshold
    }

    /// True when it becomes known for one.
    func countDeviceAccess(_ address: UInt64) -> Bool {
        deviceAccesses[UInt16(address & 4095), default: 0] += 1
        return deviceAccesses[UInt16(address & 4095)] == Self.deviceAccessThreshold
    }

    /// Forgets all code.
    func clear(keepingAccesses: Bool) {
        if !keepingAccesses { deviceAccesses.removeAll() }
        refused.removeAll()
        for part in parts.indices {
            guard let entries = parts[part] else { continue }
            for place in 0..<Self.partCount where entries[place] & Self.code != 0 { entries[place] = 0 }
        }
        granules = 0
    }
}

/// All translated pages, by key: an open hash table that is never more than half full.
struct TranslatedPages {
    private var slots = ContiguousArray<TranslatedPage?>(repeating: nil, count: 64)
    private var count = 0

    /// The page of `key`, or where it belongs.
    private func slot(_ key: TranslatedPage.Key) -> Int {
        var slot = Int(truncatingIfNeeded: key.hash &>> 32) & (slots.count &- 1)
        while let page = slots[slot], page.key != key { slot = (slot &+ 1) & (slots.count &- 1) }
        return slot
    }

    subscript(key: TranslatedPage.Key) -> TranslatedPage? { slots[slot(key)] }

    func forEach(_ body: (TranslatedPage) -> Void) {
        for case let page? in slots { body(page) }
    }

    /// - Precondition: there is no page of its key yet.
    mutating func insert(_ page: TranslatedPage) {
        if (count + 1) * 2 > slots.count {
            let old = slots
            slots = ContiguousArray(repeating: nil, count: 2 * old.count)
            for case let page? in old { slots[slot(page.key)] = page }
        }
        slots[slot(page.key)] = page
        count += 1
    }
}
