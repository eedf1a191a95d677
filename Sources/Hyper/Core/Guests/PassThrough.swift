/// An interrupt of the host's that a guest has as one of its own.
///
/// It is not completed at the host's controller when it was taken but when the guest has completed it: until then the
/// device holds its line, and would interrupt for ever.
final class PassedInterrupt {
    let number: Int
    let line: Int
    /// The guest's, which outlive it.
    private let interrupts: Unmanaged<GuestInterrupts>
    private let lock = SpinLock()
    /// Taken, and not completed.
    private var isHeld = false

    init(_ number: Int, as line: Int, of interrupts: GuestInterrupts) {
        self.number = number
        self.line = line
        self.interrupts = .passUnretained(interrupts)
    }

    func add() {
        HostInterrupts.add(number, completes: false) { [self] in
            lock.withLock { isHeld = true }
            interrupts._withUnsafeGuaranteedRef { $0.controller?.set(line, true) }
        }
    }

    /// The guest has completed it, on any CPU, or will never.
    func complete() {
        lock.withLock {
            if isHeld { HostInterrupts.complete(number) }
            isHeld = false
        }
    }

    func remove() {
        HostInterrupts.remove(number) { [self] in complete() }
    }
}

/// Devices of the host that guests have instead of a driver.
public enum PassThrough {
    public struct Given {
        public let node: DeviceTreeNode
        public let guest: Text
    }

    // SAFETY: changed by one thread at a time, which makes or destroys a guest.
    nonisolated(unsafe) public private(set) static var given: [Given] = []

    public static func owner(of node: DeviceTreeNode) -> Text? { given.first { $0.node === node }?.guest }

    /// Gives the device to the guest, if nobody has it and it is no danger to others: where the device is.
    ///
    /// - Parameter space: the guest's, which the device's own accesses to memory are translated by, as far as there is a
    ///   unit for that.
    static func take(
        _ node: DeviceTreeNode, for guest: Text, size: UInt64, space: AddressSpace
    ) throws(HyperError) -> MemoryRange {
        if let driver = HostDevices.bound.first(where: { $0.node === node })?.driver {
            throw HyperError("\(node.path) has driver \(driver): `host unbind \(node.path)` takes it from it")
        }
        if let owner = owner(of: node) { throw HyperError("guest \(owner) has \(node.path): destroy it first") }
        guard !node.has("interrupt-controller"), node.text("device_type") == nil else {
            throw HyperError("\(node.path) is what all guests need, and none can have it alone")
        }
        guard let registers = try node.registers().first, registers.size > 0 else {
            throw node.wrong("reg", "has no entry that a guest could be given")
        }
        let range = MemoryRange(base: registers.base, size: (registers.size &+ 4095) & ~4095)
        guard range.base % Pages.size == 0, size <= range.size else {
            throw HyperError(
                """
                \(node.path) has \(hex: registers.size) bytes at \(hex: registers.base): a guest can be given whole pages \
                of it, and not \(hex: size) bytes
                """)
        }
        if let other = neighbour(of: node, in: range) {
            throw HyperError("\(node.path) shares its page with \(other.path), which the guest would have too")
        }
        if let unit = IOMMUs.unit(of: node) {
            try space.mapAll()
            try unit.attach(node, root: space.root, identifier: space.identifier)
        } else if node.accessesMemory {
            throw HyperError(
                "\(node.path) reads and writes memory by itself, all of it, since no IOMMU is between: use an emulated one"
            )
        }
        given.append(Given(node: node, guest: guest))
        return range
    }

    /// Takes all from the guest that it was given. Drivers can have them again.
    static func release(_ guest: Text) {
        for entry in given where entry.guest == guest { IOMMUs.unit(of: entry.node)?.detach(entry.node) }
        given.removeAll { $0.guest == guest }
    }

    private static func neighbour(of node: DeviceTreeNode, in range: MemoryRange) -> DeviceTreeNode? {
        for other in node.root.all where other !== node && other.has("reg") {
            // What has no address of memory is not in the way.
            guard let registers = try? other.registers() else { continue }
            for entry in registers where entry.size > 0 {
                let last = entry.base &+ (entry.size - 1)
                if entry.base <= range.base &+ (range.size - 1), range.base <= last { return other }
            }
        }
        return nil
    }
}

extension DeviceTreeNode {
    /// As far as trees say so: what is on a bus of memory, or a transport of VirtIO, whose queues are in memory.
    fileprivate var accessesMemory: Bool {
        for property: Text in ["dma-coherent", "dma-noncoherent", "iommus", "iommu-map", "memory-region", "dmas"]
        where has(property) { return true }
        return isCompatible(with: "virtio,mmio") || text("device_type") == "pci"
    }
}
