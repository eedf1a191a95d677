import AArch64

/// Stage 2 with a granule of 4 KiB (D5.2.5, D5.3.3): a guest's addresses have 40 bits, in three levels of which the root is two
/// tables side by side.
public enum AArch64SecondStage: SecondStageFormat {
    private static var valid: UInt64 { 1 << 0 }
    /// A table; at the last level, a page.
    private static var isTable: UInt64 { 1 << 1 }
    private static var writeBack: UInt64 { 15 << 2 }
    private static var device: UInt64 { 1 << 2 }
    private static var read: UInt64 { 1 << 6 }
    private static var write: UInt64 { 1 << 7 }
    private static var shareable: UInt64 { 3 << 8 }
    /// Set from the start, so that no CPU has to, or to fault for it.
    private static var accessed: UInt64 { 1 << 10 }
    private static var executeNever: UInt64 { 1 << 54 }
    private static var addressMask: UInt64 { 0xffff_ffff_f000 }

    public static var levels: Int { 3 }
    public static var rootEntries: Int { 1024 }

    @inline(__always)
    public static func table(_ address: UInt64) -> UInt64 { address | valid | isTable }

    public static func page(_ address: UInt64, level: Int, _ access: SecondStageAccess) -> UInt64 {
        var entry = address | valid | accessed
        if level == 0 { entry |= isTable }
        entry |= access.contains(.device) ? device : writeBack | shareable
        if access.contains(.read) { entry |= read }
        if access.contains(.write) { entry |= write }
        if !access.contains(.execute) { entry |= executeNever }
        return entry
    }

    @inline(__always)
    public static func table(of entry: UInt64, level: Int) -> UInt64? {
        level > 0 && entry & 3 == 3 ? entry & addressMask : nil
    }

    @inline(__always)
    public static func page(of entry: UInt64, level: Int) -> UInt64? {
        entry & 3 == (level == 0 ? 3 : 1) ? entry & addressMask : nil
    }

    public static func access(of entry: UInt64) -> SecondStageAccess {
        var access: SecondStageAccess = []
        if entry & read != 0 { access.insert(.read) }
        if entry & write != 0 { access.insert(.write) }
        if entry & executeNever == 0 { access.insert(.execute) }
        if entry & writeBack == device { access.insert(.device) }
        return access
    }

    public static func forget(identifier: UInt64, root: UInt64, start: UInt64, size: UInt64) {
        // TLBI is for the VMID of VTTBR_EL2 (D5.10.2), on all CPUs.
        let wereEnabled = disable_interrupts()
        let current = read_vttbr_el2()
        write_vttbr_el2(register(root: root, identifier: identifier))
        instruction_barrier()
        if size <= pagesAtOnce * Pages.size {
            data_barrier()
            for page in start >> 12..<(start &+ size &+ 4095) >> 12 { forget_guest_address(page) }
            // What the first stage has combined with it (D5.10.2, "ordering and completion").
            forget_guest_first_stages()
        } else {
            forget_guest()
        }
        write_vttbr_el2(current)
        instruction_barrier()
        restore_interrupts(wereEnabled)
    }

    /// Beyond, all of the guest's translations go at once.
    private static var pagesAtOnce: UInt64 { 64 }

    /// VTTBR_EL2: the VMID, and the root's address.
    static func register(root: UInt64, identifier: UInt64) -> UInt64 { (identifier & identifierMask) << 48 | root }

    /// As many bits as all CPUs have for a VMID (D13.2.145).
    private static var identifierMask: UInt64 { 0xff }

    /// VTCR_EL2 (D13.2.144): 40 bits, of which three levels translate 28, and what tables are in; physical addresses as wide as
    /// the CPU has them.
    static var control: UInt64 {
        let always: UInt64 = 1 << 31, size: UInt64 = 64 - 40, startLevel1: UInt64 = 1 << 6
        let writeBackTables: UInt64 = 1 << 8 | 1 << 10, shareableTables: UInt64 = 3 << 12
        // 48 bits are all that there is without LPA.
        let physicalSize = min(read_id_aa64mmfr0_el1() & 15, 5)
        return always | size | startLevel1 | writeBackTables | shareableTables | physicalSize << 16
    }
}
