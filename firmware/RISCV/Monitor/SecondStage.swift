import RISCV

/// The monitor's stage of translation, Sv39x4 (Privileged ISA, 21.5.1): from guest-physical to physical addresses.
struct SecondStage {
    static let sv39x4: UInt64 = 8
    /// V, R, W, X, U, A and D: guest accesses are made as if from user mode, so U is always set.
    static let table: UInt64 = 0x01, leaf: UInt64 = 0xdf

    private var tablesUsed: UInt64 = 0

    /// hgatp with this root.
    static func register(identifier: UInt64) -> UInt64 {
        sv39x4 << 60 | identifier << 44 | address_of_second_stage_root() >> 12
    }

    /// Maps one page: 4 KiB at level 0, 2 MiB at level 1. False when the tables are used up.
    mutating func map(_ guest: UInt64, to host: UInt64, level: UInt64) -> Bool {
        var table = address_of_second_stage_root()
        // The root has eleven bits of index, four times a usual table.
        var index = guest >> 30 & 2047
        var current: UInt64 = 2
        while current > level {
            // SAFETY: `table` is the root or one of the monitor's own tables, and the index is within it.
            guard let entry = UnsafeMutablePointer<UInt64>(bitPattern: UInt(table + 8 * index)) else { return false }
            if entry.pointee == 0 {
                guard tablesUsed < size_of_second_stage_tables() / 4096 else { return false }
                let new = address_of_second_stage_tables() + 4096 * tablesUsed
                tablesUsed += 1
                entry.pointee = (new >> 12) << 10 | Self.table
            }
            table = (entry.pointee >> 10) << 12
            current -= 1
            index = guest >> (12 + 9 * current) & 511
        }
        device_write64(table + 8 * index, (host >> 12) << 10 | Self.leaf)
        return true
    }
}
