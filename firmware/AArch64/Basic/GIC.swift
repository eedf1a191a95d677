import AArch64

/// A Generic Interrupt Controller, version 2 (IHI 0048B) or 3 (IHI 0069).
struct GIC {
    let distributor: UInt64
    /// The CPU interface of a GICv2.
    let interface: UInt64
    /// Of a GICv3, whose CPU interface is system registers: one for each CPU, in the order of their affinities.
    let redistributors: UInt64?

    static let firstShared: UInt64 = 32
    private static let control: UInt64 = 0x000, enables: UInt64 = 0x100, disables: UInt64 = 0x180
    private static let pendings: UInt64 = 0x200, clears: UInt64 = 0x280, actives: UInt64 = 0x300
    private static let priorities: UInt64 = 0x400, targets: UInt64 = 0x800, configurations: UInt64 = 0xc00
    private static let software: UInt64 = 0xf00, routes: UInt64 = 0x6000
    private static let interfaceControl: UInt64 = 0x00, mask: UInt64 = 0x04, acknowledge: UInt64 = 0x0c
    private static let end: UInt64 = 0x10, highestPending: UInt64 = 0x18
    /// Two frames of a Redistributor, of which the second has a CPU's own interrupts.
    private static let frame: UInt64 = 0x1_0000, type: UInt64 = 0x08, waker: UInt64 = 0x14, group: UInt64 = 0x80

    func setUp() {
        // Affinity routing, and interrupts of group 1.
        device_write32(distributor + Self.control, redistributors == nil ? 1 : 1 << 4 | 1 << 1)
        setUpInterface()
    }

    /// This CPU's: all its software interrupts, and its timer.
    func setUpInterface() {
        for number in UInt64(0)..<32 { setPriority(number, 0x80) }
        guard let own = ownFrames else {
            device_write32(interface + Self.mask, 0xf0)
            return device_write32(interface + Self.interfaceControl, 1)
        }
        device_write32(own + Self.waker, 0)
        while device_read32(own + Self.waker) & 4 != 0 {}
        device_write32(own + Self.frame + Self.group, ~0)
        device_write32(own + Self.frame + Self.enables, 0xffff)
        write_icc_pmr_el1(0xf0)
        write_icc_ctlr_el1(0)
        write_icc_igrpen1_el1(1)
        instruction_barrier()
    }

    private var ownFrames: UInt64? { redistributors.map { $0 + (read_mpidr_el1() & 0xff) * 2 * Self.frame } }

    var lines: UInt64 { UInt64(device_read32(distributor + 4) & 31) * 32 + 32 }
    var cpus: UInt64 {
        guard let redistributors else { return UInt64(device_read32(distributor + 4) >> 5 & 7) + 1 }
        var count: UInt64 = 0
        while true {
            // GICR_TYPER: the affinity, and whether there are no more.
            let type = device_read64(redistributors + count * 2 * Self.frame + Self.type)
            guard type >> 32 == count else { return 0 }
            count += 1
            if type & 1 << 4 != 0 { return count }
        }
    }

    private func bit(_ number: UInt64) -> UInt32 { 1 << UInt32(number % 32) }
    /// Where an interrupt's registers are.
    private func base(_ number: UInt64) -> UInt64 {
        guard number < Self.firstShared, let own = ownFrames else { return distributor }
        return own + Self.frame
    }
    private func word(_ register: UInt64, _ number: UInt64) -> UInt64 { base(number) + register + number / 32 * 4 }

    func setEnabled(_ number: UInt64, _ value: Bool) {
        device_write32(word(value ? Self.enables : Self.disables, number), bit(number))
    }
    func isEnabled(_ number: UInt64) -> Bool { device_read32(word(Self.enables, number)) & bit(number) != 0 }
    func setPending(_ number: UInt64, _ value: Bool) {
        device_write32(word(value ? Self.pendings : Self.clears, number), bit(number))
    }
    func isPending(_ number: UInt64) -> Bool { device_read32(word(Self.pendings, number)) & bit(number) != 0 }
    func isActive(_ number: UInt64) -> Bool { device_read32(word(Self.actives, number)) & bit(number) != 0 }
    func setPriority(_ number: UInt64, _ value: UInt8) { device_write8(base(number) + Self.priorities + number, value) }
    func priority(_ number: UInt64) -> UInt64 { UInt64(device_read8(base(number) + Self.priorities + number)) }
    /// CPUs of a mask, of which a GICv3 has one.
    func setTargets(_ number: UInt64, _ value: UInt8) {
        guard redistributors != nil else { return device_write8(distributor + Self.targets + number, value) }
        device_write64(distributor + Self.routes + number * 8, UInt64(value.trailingZeroBitCount))
    }
    func targets(_ number: UInt64) -> UInt64 {
        guard redistributors != nil else { return UInt64(device_read8(distributor + Self.targets + number)) }
        return 1 << device_read64(distributor + Self.routes + number * 8)
    }
    func setMask(_ value: UInt32) {
        guard redistributors != nil else { return device_write32(interface + Self.mask, value) }
        write_icc_pmr_el1(UInt64(value))
        instruction_barrier()
    }

    /// To CPUs of a mask, or to all but this one.
    func send(_ number: UInt64, to cpus: UInt64) {
        guard redistributors != nil else {
            return device_write32(distributor + Self.software, UInt32(cpus) << 16 | UInt32(number))
        }
        sendBySystemRegister(number << 24 | cpus)
    }
    func sendToOthers(_ number: UInt64) {
        guard redistributors != nil else {
            return device_write32(distributor + Self.software, 1 << 24 | UInt32(number))
        }
        sendBySystemRegister(number << 24 | 1 << 40)
    }
    /// What was stored before is seen by who is interrupted.
    private func sendBySystemRegister(_ value: UInt64) {
        data_barrier()
        write_icc_sgi1r_el1(value)
        instruction_barrier()
    }

    /// What would be acknowledged now (GICC_HPPIR, ICC_HPPIR1_EL1).
    func highestPending() -> UInt64 {
        guard redistributors != nil else { return UInt64(device_read32(interface + Self.highestPending)) }
        return read_icc_hppir1_el1()
    }

    func acknowledge() -> UInt64 {
        guard redistributors != nil else { return UInt64(device_read32(interface + Self.acknowledge)) }
        let number = read_icc_iar1_el1()
        fence_memory()
        return number
    }
    func complete(_ value: UInt64) {
        guard redistributors != nil else { return device_write32(interface + Self.end, UInt32(value)) }
        write_icc_eoir1_el1(value)
        instruction_barrier()
    }
}
