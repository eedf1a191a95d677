import ISA

/// The physical address space of a machine: RAM, and the devices mapped beside it.
///
/// CPUs reach RAM directly through their TLBs and come here only for the rest. Devices use it for DMA.
public final class AddressSpace: PhysicalBus {
    /// A device at its place.
    public struct Mapping {
        public let base: UInt64
        public let size: UInt64
        public let device: any Device
        public var end: UInt64 { base + size }
    }

    public let memory: PhysicalMemory
    /// Sorted by base; no two overlap.
    public private(set) var mappings: [Mapping] = []
    /// The same for CPUs' accesses: nothing is counted for these references, nor for the memory that they are in.
    private var windows = UnsafeMutableBufferPointer<Window>(start: nil, count: 0)
    /// Where the last access was: mostly the next one is there, too.
    private var recent = 0

    private struct Window {
        let base: UInt64
        let size: UInt64
        // SAFETY: ``mappings`` holds the device, and loses none.
        unowned(unsafe) let device: any Device
    }

    /// The last access that nothing answered, and who was nearest: what a post-mortem wants to know.
    public private(set) var lastUnmapped: UInt64?
    /// Told of every device access: (address, size, value, is it a write). Nil when not tracing.
    public var observer: ((UInt64, Int, UInt64, Bool) -> Void)?

    public init(memory: PhysicalMemory) {
        self.memory = memory
    }

    /// Maps `device` at `base`. - Precondition: the range is free; boards are checked by their own tests.
    public func map(_ device: any Device, at base: UInt64, size: UInt64) {
        precondition(
            !mappings.contains { $0.base < base + size && base < $0.end }, "\(device.name) overlaps another device")
        let index = mappings.firstIndex { $0.base > base } ?? mappings.endIndex
        mappings.insert(Mapping(base: base, size: size, device: device), at: index)
        let old = windows
        windows = .allocate(capacity: mappings.count)
        // SAFETY: the memory is for as many as there are mappings, and holds nothing that is counted.
        _ = windows.initialize(
            from: mappings.map { Window(base: $0.base, size: $0.size, device: $0.device) })
        old.deallocate()
        recent = 0
    }

    deinit { windows.deallocate() }

    /// The mapping that `address` lies in.
    public func mapping(at address: UInt64) -> Mapping? {
        index(at: address).map { mappings[$0] }
    }

    @inline(__always)
    private func index(at address: UInt64) -> Int? {
        if recent < windows.count, address &- windows[recent].base < windows[recent].size { return recent }
        var low = 0
        var high = windows.count
        while low < high {
            let middle = (low + high) / 2
            if windows[middle].base <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, address - windows[low - 1].base < windows[low - 1].size else { return nil }
        recent = low - 1
        return low - 1
    }

    /// The mapping whose range lies closest to `address`.
    public func nearestMapping(to address: UInt64) -> Mapping? {
        func distance(_ mapping: Mapping) -> UInt64 {
            if address < mapping.base { return mapping.base - address }
            return address >= mapping.end ? address - (mapping.end - 1) : 0
        }
        return mappings.min { distance($0) < distance($1) }
    }

    // MARK: PhysicalBus

    public func read(_ address: UInt64, size: Int) -> UInt64? {
        guard let index = index(at: address),
            address - windows[index].base <= windows[index].size - UInt64(size)
        else {
            lastUnmapped = address
            return nil
        }
        do throws(AccessFault) {
            let value = try windows[index].device.read(address - windows[index].base, size: size)
            observer?(address, size, value, false)
            return value
        } catch {
            lastUnmapped = address
            return nil
        }
    }

    public func answers(at address: UInt64) -> Bool { index(at: address) != nil }

    public func write(_ address: UInt64, size: Int, value: UInt64) -> Bool {
        guard let index = index(at: address),
            address - windows[index].base <= windows[index].size - UInt64(size)
        else {
            lastUnmapped = address
            return false
        }
        do throws(AccessFault) {
            observer?(address, size, value, true)
            try windows[index].device.write(address - windows[index].base, size: size, value: value)
            return true
        } catch {
            lastUnmapped = address
            return false
        }
    }
}
