import RISCV

/// Sv39x4 (Privileged ISA, 21.5.1): a guest's addresses have 41 bits, in three levels of which the root has 2048 entries.
public enum Sv39x4: SecondStageFormat {
    private static var valid: UInt64 { 1 << 0 }
    private static var read: UInt64 { 1 << 1 }
    private static var write: UInt64 { 1 << 2 }
    private static var execute: UInt64 { 1 << 3 }
    /// The second stage translates for the guest as for a user.
    private static var user: UInt64 { 1 << 4 }
    /// Set from the start, so that no CPU has to, or to fault for it.
    private static var accessedAndDirty: UInt64 { 3 << 6 }
    private static var numberMask: UInt64 { (1 << 54 - 1) & ~1023 }

    public static var levels: Int { 3 }
    public static var rootEntries: Int { 2048 }

    @inline(__always)
    public static func table(_ address: UInt64) -> UInt64 { address >> 2 | valid }

    public static func page(_ address: UInt64, level: Int, _ access: SecondStageAccess) -> UInt64 {
        var entry = address >> 2 | valid | user | accessedAndDirty
        if access.contains(.read) { entry |= read }
        if access.contains(.write) { entry |= write }
        if access.contains(.execute) { entry |= execute }
        return entry
    }

    @inline(__always)
    public static func table(of entry: UInt64, level: Int) -> UInt64? {
        entry & (valid | read | write | execute) == valid ? (entry & ~1023) << 2 : nil
    }

    @inline(__always)
    public static func page(of entry: UInt64, level: Int) -> UInt64? {
        entry & valid != 0 && entry & (read | execute) != 0 ? (entry & ~1023) << 2 : nil
    }

    public static func access(of entry: UInt64) -> SecondStageAccess {
        var access: SecondStageAccess = []
        if entry & read != 0 { access.insert(.read) }
        if entry & write != 0 { access.insert(.write) }
        if entry & execute != 0 { access.insert(.execute) }
        return access
    }

    public static func forget(identifier: UInt64, root: UInt64, start: UInt64, size: UInt64) {
        // The other harts take part through the firmware (SBI 2.0, 8.2: HFENCE.GVMA with a VMID).
        hfence_gvma_vmid(identifier)
        if CPUs.count > 1 {
            let remoteGuestFence: UInt64 = 3, allHarts = ~UInt64(0)
            _ = sbi_fence(remoteGuestFence, 0, allHarts, start, size, identifier)
        }
    }

    /// hgatp: mode, VMID and the root's page number (21.2.10).
    static func register(root: UInt64, identifier: UInt64) -> UInt64 {
        let mode: UInt64 = 8
        return mode << 60 | (identifier & 0x3fff) << 44 | root >> 12
    }
}
