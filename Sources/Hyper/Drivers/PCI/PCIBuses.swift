/// The buses behind a host bridge: their functions are found, numbered and given addresses, whatever a firmware has given them
/// (PCI-to-PCI Bridge Architecture 1.2; PCI Express Base, 7.2.2).
struct PCIBuses {
    /// A function, and what it is to the device tree.
    struct Place {
        let function: PCIFunction
        /// Its number on its bus.
        let device: UInt64
        let number: UInt64
        let bus: UInt64
        /// By which the function's messages are told from others' (PCI Express Base, 2.2.4.2).
        var requester: UInt32 { UInt32(bus << 8 | device << 3 | number) }
        /// Its messages carry that number: a bridge to a bus of PCI's gives what comes from there one of its own (PCI Express to
        /// PCI/PCI-X Bridge 1.0, 2.3).
        let isOnExpress: Bool
        /// Of an ordinary function: where its memory is.
        var windows: [PCIFunction.Window] = []
        /// How its pins come to the host bridge: the device there, and by how many each is another one (swizzling, 9.1).
        let root: UInt64
        let rotation: UInt64

        /// INTA to INTD of the host bridge that a pin is, from 1.
        func rootPin(_ pin: UInt32) -> UInt32 { UInt32((UInt64(pin) - 1 + rotation) % 4 + 1) }
    }

    private enum Bridge {
        static let primary: UInt64 = 0x18, secondary: UInt64 = 0x19, subordinate: UInt64 = 0x1a, ports: UInt64 = 0x1c
        static let memoryBase: UInt64 = 0x20, memoryLimit: UInt64 = 0x22
        static let prefetchable: UInt64 = 0x24, prefetchableHigh: UInt64 = 0x28, portsHigh: UInt64 = 0x30
        /// Memory behind it is given in such pieces (3.2.5.8).
        static let granule: UInt64 = 1 << 20
        /// A base above the limit: nothing of the kind is passed on (3.2.5.6, 3.2.5.9).
        static let noPorts: UInt64 = 0x00f0, noMemory: UInt64 = 0x0000_fff0
    }
    private static let deviceCount: UInt64 = 32, functionCount: UInt64 = 8
    static let functionSize: UInt64 = 4096, busSize = functionSize << 8
    /// Bridges one behind the other. Boards have two or three.
    private static let depthLimit = 8

    /// The configuration spaces, from the first bus on.
    private let space: UInt64
    private let firstBus: UInt64, lastBus: UInt64
    private var newestBus: UInt64
    /// What is left of the host bridge's memory.
    private var next: UInt64
    private let end: UInt64
    /// How many functions there are, ordinary ones and bridges.
    private(set) var count = 0

    /// - Parameters:
    ///   - space: where the configuration space of bus `buses.lowerBound` is.
    ///   - memory: addresses on the buses that functions may be given.
    init(space: UInt64, buses: ClosedRange<UInt64>, memory: MemoryRange) {
        self.space = space
        (firstBus, lastBus, newestBus) = (buses.lowerBound, buses.upperBound, buses.lowerBound)
        // Nobody is at address 0, which a function without an address has.
        next = max(memory.base, Pages.size)
        end = memory.base + memory.size
    }

    /// Goes through all buses. Each function that `wants` is given memory, and is off; the node that it `adds` to the tree stands
    /// below its bus's.
    mutating func enumerate(
        _ node: DeviceTreeNode, wants: (PCIFunction) -> Bool, add: (Place, _ to: DeviceTreeNode) -> Void
    ) {
        enumerate(firstBus, node, wants, add, depth: 0, behind: nil)
    }

    private mutating func enumerate(
        _ bus: UInt64, _ node: DeviceTreeNode, _ wants: (PCIFunction) -> Bool,
        _ add: (Place, DeviceTreeNode) -> Void, depth: Int, behind: Place?
    ) {
        for device in 0..<Self.deviceCount {
            for number in 0..<Self.functionCount {
                let function = PCIFunction(
                    base: space + (bus - firstBus) * Self.busSize + (device << 3 | number) * Self.functionSize)
                guard function.isPresent else {
                    // Without its first function there is no device.
                    if number == 0 { break }
                    continue
                }
                count += 1
                var place = Place(
                    function: function, device: device, number: number, bus: bus,
                    isOnExpress: Configuration.PCI_MESSAGES
                        && behind.map { $0.isOnExpress && $0.function.leadsToExpress } ?? true,
                    root: behind?.root ?? device, rotation: behind.map { $0.rotation + device } ?? 0)
                if function.isBridge {
                    open(place, node, wants, add, depth)
                } else if function.isOrdinary, wants(function) {
                    function.disable()
                    place.windows = function.assign { allocate($0) }
                    add(place, node)
                }
                if number == 0, !function.hasOthers { break }
            }
        }
    }

    /// Numbers what is behind a bridge, and lets through what it was given.
    private mutating func open(
        _ place: Place, _ node: DeviceTreeNode, _ wants: (PCIFunction) -> Bool,
        _ add: (Place, DeviceTreeNode) -> Void, _ depth: Int
    ) {
        let bridge = place.function
        bridge.disable()
        bridge.write(Bridge.ports, width: 2, Bridge.noPorts)
        bridge.write(Bridge.portsHigh, width: 4, 0)
        bridge.write(Bridge.prefetchable, width: 4, Bridge.noMemory)
        for half in [Bridge.prefetchableHigh, Bridge.prefetchableHigh + 4] { bridge.write(half, width: 4, 0) }
        bridge.write(Bridge.memoryBase, width: 4, Bridge.noMemory)
        _ = bridge.assign(PCIFunction.bridgeBARCount) { allocate($0) }
        guard newestBus < lastBus, depth < Self.depthLimit, align() else { return }
        newestBus += 1
        let (bus, start) = (newestBus, next)
        bridge.write(Bridge.primary, width: 1, place.bus)
        bridge.write(Bridge.secondary, width: 1, bus)
        // Whatever bus is found behind it.
        bridge.write(Bridge.subordinate, width: 1, lastBus)
        let child = node.add("pci@\(place.device),\(place.number)")
        enumerate(bus, child, wants, add, depth: depth + 1, behind: place)
        bridge.write(Bridge.subordinate, width: 1, newestBus)
        if next > start, align() {
            bridge.write(Bridge.memoryBase, width: 2, start >> 16)
            bridge.write(Bridge.memoryLimit, width: 2, (next - 1) >> 16 & 0xfff0)
        }
        bridge.enable()
    }

    /// Goes on at the next piece that a bridge can be given; false where there is none.
    private mutating func align() -> Bool {
        let aligned = (next + Bridge.granule - 1) & ~(Bridge.granule - 1)
        guard aligned <= end else { return false }
        next = aligned
        return true
    }

    private mutating func allocate(_ size: UInt64) -> UInt64? {
        let size = max(size, Pages.size)
        guard size <= end - next else { return nil }
        let start = (next + size - 1) & ~(size - 1)
        guard start <= end - size else { return nil }
        next = start + size
        return start
    }
}
