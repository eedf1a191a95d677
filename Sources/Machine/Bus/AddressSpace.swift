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
    private var recent = InlineArray<4, Window?>(repeating: nil)

    private struct Window: BitwiseCopyable {
        let base: UInt64
        let size: UInt64
        let mapping: Uncounted<Mapping>

        /// Whether all bytes of an access, which are no more than 8, are within.
        @inline(__always)
        func holds(_ address: UInt64, size: Int) -> Bool {
            let offset = address &- base
            return offset < self.size && offset &+ UInt64(truncatingIfNeeded: size) <= self.size
        }
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
        recent = InlineArray(repeating: nil)
    }

    /// The mapping that `address` lies in.
    public func mapping(at address: UInt64) -> Mapping? {
        index(at: address).map { mappings[$0] }
    }

    private func index(at address: UInt64) -> Int? {
        var low = 0
        var high = windows.count
        while low < high {
            let middle = (low + high) / 2
            if windows[middle].base <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, address - windows[low - 1].base < windows[low - 1].size else { return nil }
        return low - 1
    }

    /// Where an access leads.
    @inline(__always)
    private func window(at address: UInt64, size: Int) -> Window? {
        if let window = recent[TranslationContext.devicePlace(address)], window.holds(address, size: size) {
            return window
        }
        return findWindow(at: address, size: size)
    }

    @inline(never)
    private func findWindow(at address: UInt64, size: Int) -> Window? {
        guard let index = index(at: address), windows[index].holds(address, size: size) else {
            lastUnmapped = address
            return nil
        }
        recent[TranslationContext.devicePlace(address)] = windows[index]
        return windows[index]
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
        if observer != nil { return readObserved(address, size: size) }
        return readDevice(address, size: size)
    }

    @inline(never)
    private func readObserved(_ address: UInt64, size: Int) -> UInt64? {
        guard let value = readDevice(address, size: size) else { return nil }
        observer?(address, size, value, false)
        return value
    }

    @inline(__always)
    private func readDevice(_ address: UInt64, size: Int) -> UInt64? {
        guard let window = window(at: address, size: size) else { return nil }
        let value = window.mapping.with { mapping -> UInt64? in
            let offset = address &- window.base
            do throws(AccessFault) { return try mapping.device.read(offset, size: size) } catch { return nil }
        }
        if value == nil { lastUnmapped = address }
        return value
    }

    public func answers(at address: UInt64) -> Bool { index(at: address) != nil }

    public func write(_ address: UInt64, size: Int, value: UInt64) -> Bool {
        if observer != nil { return writeObserved(address, size: size, value: value) }
        return writeDevice(address, size: size, value: value)
    }

    @inline(never)
    private func writeObserved(_ address: UInt64, size: Int, value: UInt64) -> Bool {
        if window(at: address, size: size) != nil { observer?(address, size, value, true) }
        return writeDevice(address, size: size, value: value)
    }

    @inline(__always)
    private func writeDevice(_ address: UInt64, size: Int, value: UInt64) -> Bool {
        guard let window = window(at: address, size: size) else { return false }
        let offset = address &- window.base
        let isTaken = window.mapping.with { mapping in
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
