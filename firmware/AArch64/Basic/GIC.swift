/// A Generic Interrupt Controller, version 2 (IHI 0048B).
struct GIC {
    let distributor: UInt64
    let interface: UInt64

    static let firstShared: UInt64 = 32
    private static let control: UInt64 = 0x000, enables: UInt64 = 0x100, disables: UInt64 = 0x180
    private static let pendings: UInt64 = 0x200, clears: UInt64 = 0x280, actives: UInt64 = 0x300
    private static let priorities: UInt64 = 0x400, targets: UInt64 = 0x800, configurations: UInt64 = 0xc00
    private static let software: UInt64 = 0xf00
    private static let interfaceControl: UInt64 = 0x00, mask: UInt64 = 0x04, acknowledge: UInt64 = 0x0c
    private static let end: UInt64 = 0x10

    func setUp() {
        device_write32(distributor + Self.control, 1)
        setUpInterface()
    }

    /// This CPU's: all its software interrupts, and its timer.
    func setUpInterface() {
        for number in UInt64(0)..<32 { setPriority(number, 0x80) }
        device_write32(interface + Self.mask, 0xf0)
        device_write32(interface + Self.interfaceControl, 1)
    }

    var lines: UInt64 { UInt64(device_read32(distributor + 4) & 31) * 32 + 32 }
    var cpus: UInt64 { UInt64(device_read32(distributor + 4) >> 5 & 7) + 1 }

    private func bit(_ number: UInt64) -> UInt32 { 1 << UInt32(number % 32) }
    private func word(_ register: UInt64, _ number: UInt64) -> UInt64 { distributor + register + number / 32 * 4 }

    func setEnabled(_ number: UInt64, _ value: Bool) {
        device_write32(word(value ? Self.enables : Self.disables, number), bit(number))
    }
    func isEnabled(_ number: UInt64) -> Bool { device_read32(word(Self.enables, number)) & bit(number) != 0 }
    func setPending(_ number: UInt64, _ value: Bool) {
        device_write32(word(value ? Self.pendings : Self.clears, number), bit(number))
    }
    func isPending(_ number: UInt64) -> Bool { device_read32(word(Self.pendings, number)) & bit(number) != 0 }
    func isActive(_ number: UInt64) -> Bool { device_read32(word(Self.actives, number)) & bit(number) != 0 }
    func setPriority(_ number: UInt64, _ value: UInt8) { device_write8(distributor + Self.priorities + number, value) }
    func priority(_ number: UInt64) -> UInt64 { UInt64(device_read8(distributor + Self.priorities + number)) }
    func setTargets(_ number: UInt64, _ value: UInt8) { device_write8(distributor + Self.targets + number, value) }
    func targets(_ number: UInt64) -> UInt64 { UInt64(device_read8(distributor + Self.targets + number)) }
    func setMask(_ value: UInt32) { device_write32(interface + Self.mask, value) }

    /// To CPUs of a mask, or to all but this one.
    func send(_ number: UInt64, to cpus: UInt64) {
        device_write32(distributor + Self.software, UInt32(cpus) << 16 | UInt32(number))
    }
    func sendToOthers(_ number: UInt64) { device_write32(distributor + Self.software, 1 << 24 | UInt32(number)) }

    func acknowledge() -> UInt64 { UInt64(device_read32(interface + Self.acknowledge)) }
    func complete(_ value: UInt64) { device_write32(interface + Self.end, UInt32(value)) }
}
