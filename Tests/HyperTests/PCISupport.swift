@testable import Hyper

/// The configuration space of a function, and what is behind it where it is a bridge (PCI Local Bus 3.0, 6.1 and 6.2.5;
/// PCI-to-PCI Bridge Architecture 1.2, 3.2).
final class TwinFunction {
    var bytes = [UInt8](repeating: 0, count: 4096)
    /// What a base address register reads as once ones were written to it, and its fixed lowest bits.
    private var masks: [Int: (writable: UInt32, fixed: UInt32)] = [:]
    var behind: TwinBus?
    /// Written by the driver, in order: offset, width, value.
    private(set) var writes: [(offset: Int, width: Int, value: UInt64)] = []

    init(vendor: UInt16 = 0x1af4, device: UInt16 = 0x1042, pin: UInt8 = 1) {
        set(0, 2, UInt64(vendor))
        set(2, 2, UInt64(device))
        bytes[0x3d] = pin
    }

    static func bridge(_ behind: TwinBus, portType: UInt64? = 4) -> TwinFunction {
        let function = TwinFunction(vendor: 0x1b36, device: 0x000c)
        function.bytes[0x0e] = 1
        function.behind = behind
        if let portType { function.addCapability(0x10, at: 0x40, [UInt8(portType << 4), 0]) }
        return function
    }

    func number(_ offset: Int, _ width: Int) -> UInt64 {
        (0..<width).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }

    func set(_ offset: Int, _ width: Int, _ value: UInt64) {
        for index in 0..<width { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }

    /// A range of memory of a 32-bit register, or of one of 64 bits and its upper half (6.2.5.1).
    func addBAR(_ index: Int, size: UInt64, isWide: Bool = false) {
        let mask = ~(size - 1)
        masks[index] = (UInt32(truncatingIfNeeded: mask) & ~0xf, isWide ? 4 : 0)
        if isWide { masks[index + 1] = (UInt32(truncatingIfNeeded: mask >> 32), 0) }
        set(0x10 + 4 * index, 4, isWide ? 4 : 0)
    }

    /// One whose lowest bits and bits that can be written are as no function should have them.
    func addBAR(_ index: Int, writable: UInt32, fixed: UInt32) {
        masks[index] = (writable, fixed)
        set(0x10 + 4 * index, 4, UInt64(fixed))
    }

    func bar(_ index: Int) -> UInt64 { number(0x10 + 4 * index, 4) }

    /// Adds a capability at the head of the list (6.7).
    func addCapability(_ identifier: UInt8, at offset: Int, _ content: [UInt8]) {
        bytes[0x06] |= 1 << 4
        bytes[offset] = identifier
        bytes[offset + 1] = bytes[0x34]
        bytes[0x34] = UInt8(offset)
        bytes.replaceSubrange(offset + 2..<offset + 2 + content.count, with: content)
    }

    /// A structure of VirtIO's (VirtIO 1.2, Virtio Structure PCI Capabilities).
    func addStructure(_ type: UInt8, at place: Int, bar: UInt8, offset: UInt32, length: UInt32, multiplier: UInt32 = 0)
    {
        var content: [UInt8] = [20, type, bar, 0, 0, 0]
        for word in [offset, length, multiplier] {
            content += (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) }
        }
        addCapability(0x09, at: place, content)
    }

    func write(_ offset: Int, _ width: Int, _ value: UInt64) {
        writes.append((offset, width, value))
        switch offset {
        case 0x04: set(4, 2, value)
        case 0x10..<0x28 where bytes[0x0e] & 0x7f == 0 || offset < 0x18:
            guard let mask = masks[(offset - 0x10) / 4] else { return }
            set(offset, 4, value & UInt64(mask.writable) | UInt64(mask.fixed))
        case 0x18..<0x34 where bytes[0x0e] & 0x7f == 1: set(offset, width, value)
        case 0x40...: set(offset, width, value)
        default: break
        }
    }
}

/// The functions on a bus, by device and function number.
final class TwinBus {
    var functions: [Int: TwinFunction] = [:]
    /// What answers at places where nothing was put.
    var everywhere: ((_ device: Int) -> TwinFunction?)?

    init(_ devices: [Int: TwinFunction] = [:]) {
        for (device, function) in devices { functions[device << 3] = function }
    }

    func function(_ place: Int) -> TwinFunction? {
        if let known = functions[place] { return known }
        guard place & 7 == 0, let new = everywhere?(place >> 3) else { return nil }
        functions[place] = new
        return new
    }
}

/// The configuration spaces of all buses in memory (PCI Express Base, 7.2.2): the host bridge's own bus, and behind bridges those
/// whose numbers they were given.
final class TwinConfigurationSpace: EmulatedDevice {
    let root: TwinBus
    let firstBus: UInt64
    /// How often a register of a function was asked for.
    private(set) var reads = 0

    init(_ root: TwinBus, firstBus: UInt64 = 0) { (self.root, self.firstBus) = (root, firstBus) }

    private func bus(_ number: UInt64) -> TwinBus? {
        if number == firstBus { return root }
        var bus = root
        for _ in 0..<256 {
            // A bridge passes on what is for buses from its secondary to its subordinate one (3.1.2.1.1).
            let way = bus.functions.values.first {
                $0.behind != nil && ($0.number(0x19, 1)...max($0.number(0x19, 1), $0.number(0x1a, 1))).contains(number)
                    && $0.number(0x19, 1) != 0
            }
            guard let way, let next = way.behind else { return nil }
            if way.number(0x19, 1) == number { return next }
            bus = next
        }
        return nil
    }

    private func find(_ offset: UInt64) -> TwinFunction? {
        bus(offset >> 20 + firstBus)?.function(Int(offset >> 12 & 0xff))
    }

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        reads += 1
        return find(offset)?.number(Int(offset & 0xfff), width) ?? ~0
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        let masked = width == 8 ? value : value & (1 << UInt64(8 * width) - 1)
        find(offset)?.write(Int(offset & 0xfff), width, masked)
    }

    func reset() {}
}

/// Memory of functions, which keeps what is written.
final class TwinWindow: EmulatedDevice {
    var values: [UInt64: UInt64] = [:]
    func read(_ offset: UInt64, width: Int) -> UInt64 { values[offset] ?? 0 }
    func write(_ offset: UInt64, width: Int, value: UInt64) { values[offset] = value }
    func reset() {}
}

/// What makes interrupts of messages, for as many as it has.
final class TwinMessages: HostMessageController {
    var left: Int
    private(set) var devices: [UInt32] = []
    init(_ left: Int) { self.left = left }

    func allocate(_ count: Int, for device: UInt32) -> [HostMessage]? {
        guard count <= left else { return nil }
        left -= count
        devices.append(device)
        return (0..<count).map { HostMessage(address: 0x12_0000_0040, data: UInt32(70 + $0), interrupt: 200 + $0) }
    }

    func free(_ messages: [HostMessage], of device: UInt32) { left += messages.count }
}
