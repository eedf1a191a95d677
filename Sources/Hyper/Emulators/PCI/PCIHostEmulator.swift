/// A guest's host bridge of PCI Express (PCI Express Base, 7.2.2: Enhanced Configuration Access Mechanism): one bus of
/// functions that are each a device.
///
/// The region is the configuration space of the buses. The bridge passes on what is at the addresses of its window, and nothing
/// else: wherever a guest puts a function's memory, it has no other place, and memory and other devices stay what they are.
/// Functions interrupt by their pins: no interrupt controller of a guest's takes messages.
///
/// Its lock is taken before those of functions.
final class PCIHostEmulator: EmulatedDevice {
    /// `window_addr` and `window_size` are where functions' memory may be. `interrupts` has the lines that the functions' pins
    /// lead to, of which those of consecutive devices take turns. Each child is a function; `device` is its number, where
    /// that is not the one after the last.
    static var emulator: Emulator {
        Emulator("pci-host", compatible: ["pci-host-ecam-generic"]) { (context) throws(HyperError) in
            let bridge = try PCIHostEmulator(context)
            do throws(HyperError) {
                for child in context.region.node.children { try bridge.add(child, context) }
                try context.guest.space.add(
                    Region(
                        name: "\(context.region.name)-window", start: bridge.window.base, size: bridge.window.size,
                        kind: .device(Window(bridge))))
            } catch {
                bridge.remove()
                throw error
            }
            context.guest.described.append((context.region.start, bridge.describe))
            return bridge
        }
    }

    private static let busSize: UInt64 = 1 << 20, busLimit: UInt64 = 256, deviceSize: UInt64 = 1 << 15
    private static let functionSize: UInt64 = 1 << 12, deviceLimit: UInt64 = 32

    private final class Slot {
        /// Of the device on the bus.
        let number: UInt64
        let function: any PCIFunctionEmulator
        let line: UInt32
        // Guarded by the bridge's lock.
        var configuration: PCIConfigurationSpace
        /// Where the memory is within the window.
        var memory: UInt64?

        init(_ number: UInt64, _ function: any PCIFunctionEmulator, line: UInt32) {
            self.number = number
            self.function = function
            self.line = line
            configuration = function.makeConfiguration()
        }
    }

    /// Addresses of functions' memory.
    private final class Window: EmulatedDevice {
        private let bridge: PCIHostEmulator

        init(_ bridge: PCIHostEmulator) { self.bridge = bridge }

        func read(_ offset: UInt64, width: Int) -> UInt64 {
            guard let (slot, offset) = bridge.owner(of: offset) else { return PCIHostEmulator.nothing(width) }
            return slot.function.read(offset, width: width)
        }

        func write(_ offset: UInt64, width: Int, value: UInt64) {
            guard let (slot, offset) = bridge.owner(of: offset) else { return }
            slot.function.write(offset, width: width, value: value)
        }

        func reset() {}
    }

    private let window: MemoryRange
    private let busCount: UInt64
    /// What functions hold of each of the bridge's interrupts.
    private let lines: [SharedInterruptLine]
    private let lock = SpinLock()
    /// Changes only while the guest is made.
    private var slots: [Slot] = []

    private init(_ context: Emulator.Context) throws(HyperError) {
        let region = context.region, node = region.node
        guard region.size % Self.busSize == 0, region.size / Self.busSize <= Self.busLimit else {
            throw node.wrong("physical_size", "must be <0x100000> for each bus, of which there are 256 at most")
        }
        busCount = region.size / Self.busSize
        let (start, size) = (try node.required("window_addr"), try node.required("window_size"))
        guard size > 0, start <= 1 << 32, size <= (1 << 32) - start else {
            throw node.wrong("window_size", "must end before 4 GiB, where functions' memory may be")
        }
        window = MemoryRange(base: start, size: size)
        lines = region.interrupts.map { _ in SharedInterruptLine() }
    }

    private func add(_ node: DeviceTreeNode, _ context: Emulator.Context) throws(HyperError) {
        let number = try node.optional("device") ?? slots.last.map { $0.number + 1 } ?? 0
        guard number < Self.deviceLimit, !slots.contains(where: { $0.number == number }) else {
            throw node.wrong("device", "must be the function's own number, <0> to <31>")
        }
        guard Configuration.EMULATOR_VIRTIO_PCI, node.isCompatible(with: "virtio,pci") else {
            throw node.wrong("compatible", "must be \"virtio,pci\", and this build must have that")
        }
        // As boards lead pins, so that devices do not all share one line.
        let line = Int(number) % max(lines.count, 1), wire = try context.interrupt(line)
        let description = VirtIODescription(
            guest: context.guest, node: node,
            place: context.region.start + number * Self.deviceSize + Self.functionSize / 8)
        let function = VirtIOPCIFunction(
            device: try description.makeDevice(), memory: context.guest.space,
            line: InterruptLine(wire, sharedIn: lines[line], device: Int(number)),
            work: VirtIODescription.sharedWork())
        let slot = Slot(number, function, line: context.region.interrupts[line])
        update(slot)
        slots.append(slot)
    }

    func reset() {
        for slot in slots {
            lock.withLock {
                slot.configuration.reset()
                update(slot)
            }
            slot.function.reset()
        }
    }

    func remove() {
        for slot in slots { slot.function.remove() }
    }

    // MARK: Accesses

    /// Where nobody answers, ones are read.
    private static func nothing(_ width: Int) -> UInt64 { ~0 >> UInt64(64 - 8 * width) }

    /// The first of several: of two at one address no board would have let either answer well.
    private func owner(of offset: UInt64) -> (Slot, offset: UInt64)? {
        lock.withLock {
            for slot in slots {
                guard let memory = slot.memory, offset &- memory < slot.function.memorySize else { continue }
                return (slot, offset &- memory)
            }
            return nil
        }
    }

    /// Each device of the first bus that is there has function 0.
    private func slot(at offset: UInt64) -> Slot? {
        let function = offset / Self.functionSize
        return slots.first { $0.number * (Self.deviceSize / Self.functionSize) == function }
    }

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        guard let slot = slot(at: offset) else { return Self.nothing(width) }
        let register = Int(offset % Self.functionSize), isInterrupting = slot.function.isInterrupting
        let (value, access) = lock.withLock {
            (
                slot.configuration.read(register, width: width, isInterrupting: isInterrupting),
                slot.function.indirectAccess(register, slot.configuration)
            )
        }
        return access.map { slot.function.read($0.offset, width: $0.width) } ?? value
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        guard let slot = slot(at: offset) else { return }
        let register = Int(offset % Self.functionSize)
        let access = lock.withLock {
            slot.configuration.write(register, width: width, value: value)
            update(slot)
            return slot.function.indirectAccess(register, slot.configuration)
        }
        slot.function.goOn()
        if let access { slot.function.write(access.offset, width: access.width, value: value) }
    }

    /// What the configuration space says is so from here on. Memory that lies in the window in part is nowhere.
    private func update(_ slot: Slot) {
        slot.memory = nil
        if let memory = slot.configuration.memory, window.contains(memory, count: slot.function.memorySize) {
            slot.memory = memory - window.base
        }
        slot.function.configure(slot.configuration)
    }

    // MARK: What the guest is told

    /// As Devicetree bindings, host-generic-pci, and the PCI Bus Binding to Open Firmware have it.
    private func describe(_ node: DeviceTreeNode) {
        let memorySpace: UInt32 = 0x0200_0000, anyDevice: UInt32 = 0xf800, pin: UInt32 = 1
        // They are the functions', by their pins.
        node.remove("interrupts")
        node.remove("interrupt-parent")
        node.set("device_type", text: "pci")
        node.set("#address-cells", u32: 3)
        node.set("#size-cells", u32: 2)
        node.set("#interrupt-cells", u32: 1)
        node.set("bus-range", cells: [0, UInt32(busCount - 1)])
        node.set("dma-coherent")
        let base = UInt32(truncatingIfNeeded: window.base), size = window.size
        node.set(
            "ranges",
            cells: [
                memorySpace, 0, base, 0, base, UInt32(truncatingIfNeeded: size >> 32), UInt32(truncatingIfNeeded: size),
            ])
        node.set("interrupt-map-mask", cells: [anyDevice, 0, 0, 7])
        var map: [UInt32] = []
        for slot in slots {
            map += [UInt32(slot.number) << 11, 0, 0, pin, GuestTree.interruptControllerHandle]
            map += Port.interruptSpecifier(slot.line)
        }
        node.set("interrupt-map", cells: map)
    }
}
