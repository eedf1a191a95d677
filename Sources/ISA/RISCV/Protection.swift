/// Physical memory protection: sixteen entries, the first that matches decides (volume II, "Physical Memory Protection").
extension RISCV {
    struct Protection {
        private struct Range {
            var start: UInt64 = 0
            /// The last byte; below `start` where the entry is off or empty.
            var last: UInt64 = 0
            var isOn = false
            var configuration: UInt8 = 0
        }
        /// In memory of their own: a copy of this structure, as a call may make, copies no ranges.
        private let ranges: UnsafeMutablePointer<Range>
        /// How many entries, from the first, are worth looking at.
        private var count = 0

        init() {
            ranges = .allocate(capacity: 16)
            ranges.initialize(repeating: Range(), count: 16)
        }

        func deallocate() {
            ranges.deallocate()
        }

        static let lock: UInt8 = 1 << 7
        private static let readBit: UInt8 = 1
        private static let writeBit: UInt8 = 2
        private static let executeBit: UInt8 = 4

        /// Works out the ranges after a change of the registers.
        mutating func update(_ state: UnsafeMutablePointer<State>) {
            count = 0
            for index in 0..<16 {
                let configuration = state.pointee.pmpcfg[index]
                let address = state.pointee.pmpaddr[index]
                var range = Range(configuration: configuration)
                switch configuration >> 3 & 3 {
                case 1:  // TOR
                    let start = index == 0 ? 0 : state.pointee.pmpaddr[index - 1] << 2
                    let end = address << 2
                    range.isOn = end > start
                    range.start = start
                    range.last = end &- 1
                case 2:  // NA4
                    range.isOn = true
                    range.start = address << 2
                    range.last = range.start + 3
                case 3:  // NAPOT
                    let ones = UInt64((~address).trailingZeroBitCount)
                    range.isOn = true
                    if ones >= 54 {
                        range.start = 0
                        range.last = ~0
                    } else {
                        let size: UInt64 = 8 << ones
                        range.start = (address & ~(((1 as UInt64) << (ones + 1)) - 1)) << 2
                        range.last = range.start + (size - 1)
                    }
                default: break
                }
                ranges[index] = range
                if range.isOn { count = index + 1 }
            }
        }

        /// Whether `size` bytes at `address` may be accessed, by machine mode or by a lower one.
        func allows(_ address: UInt64, _ size: UInt64, _ access: Access, machine: Bool) -> Bool {
            let last = address &+ (size &- 1)
            guard last >= address else { return false }
            for index in 0..<count {
                let range = ranges[index]
                guard range.isOn, address <= range.last, last >= range.start else { continue }
                // An entry that matches some bytes but not all fails the access, whatever its permissions.
                guard address >= range.start, last <= range.last else { return false }
                return permits(range.configuration, access, machine: machine)
            }
            return machine
        }

        /// Whether the answer for the 4 KiB page of `address` is the same for all of its bytes.
        func isUniform(page address: UInt64) -> Bool {
            let first = address & ~4095
            let last = address | 4095
            for index in 0..<count {
                let range = ranges[index]
                guard range.isOn, first <= range.last, last >= range.start else { continue }
                return first >= range.start && last <= range.last
            }
            return true
        }

        /// The largest part of the `size` bytes at `address` that lower levels may read and that no entry divides: its
        /// start and its size.
        func readablePart(of address: UInt64, _ size: UInt64) -> (start: UInt64, size: UInt64) {
            var bounds = [address, address &+ size]
            for index in 0..<count where ranges[index].isOn {
                bounds += [ranges[index].start, ranges[index].last &+ 1].filter { $0 &- address < size }
            }
            bounds.sort()
            var best: (start: UInt64, size: UInt64) = (address, 0)
            for (start, end) in zip(bounds, bounds.dropFirst()) where end - start > best.size {
                if allows(start, end - start, .read, machine: false) { best = (start, end - start) }
            }
            return best
        }

        private func permits(_ configuration: UInt8, _ access: Access, machine: Bool) -> Bool {
            if machine && configuration & Self.lock == 0 { return true }
            switch access {
            case .read: return configuration & Self.readBit != 0
            case .write: return configuration & Self.writeBit != 0
            case .execute: return configuration & Self.executeBit != 0
            }
        }
    }
}
