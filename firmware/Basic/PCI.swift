/// The functions on the first bus of a host bridge (PCI Express Base: Enhanced Configuration Access Mechanism; Devicetree
/// bindings, host-generic-pci).
struct PCIHost {
    private let node: FlattenedDeviceTree.Node
    /// Of the configuration spaces.
    let base: UInt64
    /// Addresses for functions' memory, of 32 bits and the processor's own.
    let window: MemoryRange

    /// Where a few functions' memory is once it was assigned.
    var front: MemoryRange { MemoryRange(base: window.base, size: min(window.size, 0x2_0000)) }

    init?(_ node: FlattenedDeviceTree.Node) {
        let memorySpace: UInt64 = 2, entry = 7
        guard node.isCompatible(with: "pci-host-ecam-generic"), let configuration = node.range(),
            let ranges = node.property("ranges")
        else { return nil }
        var window: MemoryRange?
        for index in 0..<ranges.cellCount / entry where ranges.cell(index * entry) >> 24 & 3 == memorySpace {
            let address = ranges.number(at: index * entry + 1, cells: 2)
            guard address == ranges.number(at: index * entry + 3, cells: 2) else { continue }
            window = MemoryRange(base: address, size: ranges.number(at: index * entry + 5, cells: 2))
        }
        guard let window else { return nil }
        self.node = node
        self.base = configuration.base
        self.window = window
    }

    static func forEach(_ visit: (PCIHost) -> Void) {
        Machine.tree?.forEachNode { node in if let host = PCIHost(node) { visit(host) } }
    }

    /// The functions that are there: each first one of a device, which is all that virtio's are.
    func forEachFunction(_ visit: (PCIFunction) -> Void) {
        for device in 0..<UInt64(32) {
            let function = PCIFunction(base: base + device << 15, device: device)
            if function.read16(PCIFunction.vendor) != 0xffff { visit(function) }
        }
    }

    /// Puts all functions' memory into the window, from its beginning, and lets them answer there.
    func assign() {
        var next = window.base
        forEachFunction { $0.assign(&next, below: window.base + window.size) }
    }

    /// The interrupt of a function's pin INTA, by `interrupt-map`.
    func source(_ function: PCIFunction) -> UInt64? {
        guard let map = node.property("interrupt-map"), let mask = node.property("interrupt-map-mask") else {
            return nil
        }
        let place = function.device << 11 & mask.cell(0), pin = function.read8(PCIFunction.pin)
        var index = 0
        while index + 6 <= map.cellCount {
            // The controller, its address of as many cells as it has, and its own specifier.
            let (addressCells, cells) = Self.cells(of: map.cell(index + 4))
            if map.cell(index) & mask.cell(0) == place, map.cell(index + 3) == UInt64(pin) & mask.cell(3) {
                return Machine.source(map, index + 5 + addressCells)
            }
            index += 5 + addressCells + cells
        }
        return nil
    }
}

extension PCIHost {
    private static func cells(of controller: UInt64) -> (address: Int, interrupt: Int) {
        var found = (0, 1)
        Machine.tree?.forEachNode { node in
            guard node.property("phandle")?.cell(0) == controller else { return }
            found = (
                Int(node.property("#address-cells")?.cell(0) ?? 0), Int(node.property("#interrupt-cells")?.cell(0) ?? 1)
            )
        }
        return found
    }
}

/// A function's configuration space (PCI Local Bus 3.0, 6.1).
struct PCIFunction {
    static let vendor: UInt64 = 0x00, identifier: UInt64 = 0x02, command: UInt64 = 0x04, status: UInt64 = 0x06
    static let headerType: UInt64 = 0x0e, bars: UInt64 = 0x10, subsystem: UInt64 = 0x2e, capabilities: UInt64 = 0x34
    static let pin: UInt64 = 0x3d
    static let memorySpace: UInt16 = 1 << 1, busMaster: UInt16 = 1 << 2, interruptDisable: UInt16 = 1 << 10
    static let interruptStatus: UInt16 = 1 << 3, hasCapabilities: UInt16 = 1 << 4

    let base: UInt64
    let device: UInt64

    func read8(_ register: UInt64) -> UInt8 { device_read8(base + register) }
    func read16(_ register: UInt64) -> UInt16 { device_read16(base + register) }
    func read32(_ register: UInt64) -> UInt32 { device_read32(base + register) }
    func write8(_ register: UInt64, _ value: UInt8) { device_write8(base + register, value) }
    func write16(_ register: UInt64, _ value: UInt16) { device_write16(base + register, value) }
    func write32(_ register: UInt64, _ value: UInt32) { device_write32(base + register, value) }

    func allow(_ bits: UInt16) { write16(Self.command, bits) }

    /// The range of memory that a register has, and whether the next register is its upper half.
    func address(_ bar: UInt64) -> (address: UInt64, isWide: Bool) {
        let low = UInt64(read32(Self.bars + bar * 4)), isWide = low >> 1 & 3 == 2
        return (low & ~0xf | (isWide ? UInt64(read32(Self.bars + bar * 4 + 4)) << 32 : 0), isWide)
    }

    /// How large the register's memory is (6.2.5.1); nil where it has none.
    func size(_ bar: UInt64) -> UInt64? {
        let register = Self.bars + bar * 4
        let old = read32(register)
        write32(register, ~0)
        let low = read32(register)
        write32(register, old)
        return low == 0 || low & 1 != 0 ? nil : UInt64(~(low & ~0xf)) + 1
    }

    /// Gives each range of memory a place, and has the function do all that it can.
    func assign(_ next: inout UInt64, below end: UInt64) {
        allow(0)
        var bar: UInt64 = 0
        // A bridge has two such registers.
        while bar < (read8(Self.headerType) & 0x7f == 0 ? 6 : 2) {
            let isWide = address(bar).isWide
            if let size = size(bar) {
                let place = (next + size - 1) & ~(size - 1)
                if place + size <= end {
                    write32(Self.bars + bar * 4, UInt32(truncatingIfNeeded: place))
                    if isWide { write32(Self.bars + bar * 4 + 4, UInt32(truncatingIfNeeded: place >> 32)) }
                    next = place + size
                }
            }
            bar += isWide ? 2 : 1
        }
        allow(Self.memorySpace | Self.busMaster)
    }

    /// The places of the capabilities with an identifier (6.7); false where the list has no end.
    @discardableResult
    func forEachCapability(_ identifier: UInt8, _ visit: (UInt64) -> Void) -> Bool {
        guard read16(Self.status) & Self.hasCapabilities != 0 else { return true }
        var place = UInt64(read8(Self.capabilities)) & 0xfc, count = 0
        while place != 0 {
            guard count < 48 else { return false }
            if read8(place) == identifier { visit(place) }
            place = UInt64(read8(place + 1)) & 0xfc
            count += 1
        }
        return true
    }
}
