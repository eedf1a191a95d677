extension AArch64 {
    /// What translation depends on beside the roots of its tables: contexts of unlike keys have unlike numbers.
    struct RegimeKey: Equatable {
        var kind: TranslationRegime.Kind
        var sctlr: UInt64
        var tcr: UInt64
        var mair: UInt64
        var hcr: UInt64
        var vtcr: UInt64
    }

    /// The regimes that a PE has had, by their numbers. In memory of its own, since a class's array is counted whenever
    /// somebody looks into it.
    struct RegimeKeys {
        /// Few guests have more than a handful.
        private static let capacity = 64
        private let keys = UnsafeMutablePointer<RegimeKey>.allocate(capacity: Self.capacity)
        private var count = 0

        func deallocate() { keys.deallocate() }

        var isFull: Bool { count == Self.capacity }

        func number(of key: RegimeKey) -> Int? {
            var number = count
            while number > 0 {
                number -= 1
                if keys[number] == key { return number }
            }
            return nil
        }

        /// The regime of a number that was given since they were removed.
        subscript(number: Int) -> RegimeKey? { number < count ? keys[number] : nil }

        /// - Precondition: there is room.
        mutating func append(_ key: RegimeKey) -> Int {
            (keys + count).initialize(to: key)
            count += 1
            return count - 1
        }

        mutating func removeAll() { count = 0 }
    }
}
