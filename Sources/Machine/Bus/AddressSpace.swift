import ISA

/// The physical address space of a machine: RAM, and the devices mapped beside it.
///
/// CPUs reach RAM directly through their TLBs and come here only for the rest. Devices use it for DMA.
public final class AddressSpace: PhysicalBus {
    /// A device at its place.
    public final class Mapping {
        public let base: UInt64
        public let size: UInt64
        public let device: any Device
        public var end: UInt64 { base + size }

        init(base: UInt64, size: UInt64, device: any Device) {
            self.base = base
            self.size = size
            self.device = device
        }
    }

    public let memory: PhysicalMemory
    /// Sorted by base; no two overlap.
    public private(set) var mappings: [Mapping] = []
    /// The same for CPUs' accesses.
    private var windows = FixedArray<Window>([])
    /// Where the last accesses were: mostly the next one is in one of these, too.
    private var recent = InlineArray<4, Int>(repeating: 0)

    private struct Window: BitwiseCopyable {
        let base: UInt64
        let size: UInt64
        let mapping: Uncounted<Mapping>
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
        windows = FixedArray(mappings.map { Window(base: $0.base, size: $0.size, mapping: Uncounted($0)) })
        recent = InlineArray(repeating: 0)
    }

    /// The mapping that `address` lies in.
    public func mapping(at address: UInt64) -> Mapping? {
        index(at: address).map { mappings[$0] }
    }

    @inline(__always)
    private func index(at address: UInt64) -> Int? {
        let place = TranslationContext.devicePlace(address)
        let recent = recent[place]
        if recent < windows.count, address &- windows[recent].base < windows[recent].size { return recent }
        var low = 0
        var high = windows.count
        while low < high {
            let middle = (low + high) / 2
            if windows[middle].base <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, address - windows[low - 1].base < windows[low - 1].size else { return nil }
        self.recent[place] = low - 1
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
        let offset = address - windows[index].base
        let value = windows[index].mapping.with { mapping -> UInt64? in
            do throws(AccessFault) { return try mapping.device.read(offset, size: size) } catch { return nil }
        }
        guard let value else {
            lastUnmapped = address
            return nil
        }
        observer?(address, size, value, false)
        return value
    }

    public func answers(at address: UInt64) -> Bool { index(at: address) != nil }

    public func write(_ address: UInt64, size: Int, value: UInt64) -> Bool {
        guard let index = index(at: address),
            address - windows[index].base <= windows[index].size - UInt64(size)
        else {
            lastUnmapped = address
            return false
        }
        observer?(address, size, value, true)
        let offset = address - windows[index].base
        let isTaken = windows[index].mapping.with { mapping in
            do throws(AccessFault) {
                try mapping.device.write(offset, size: size, value: value)
                return true
            } catch {
                return false
            }
        }
        if !isTaken { lastUnmapped = address }
        return isTaken
    }
}
