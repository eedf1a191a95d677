/// Where the CPUs of a machine stop for a debugger: breakpoints and watchpoints, of virtual and of physical addresses, as many
/// as are wanted.
///
/// Code and data that have none run as if there were no debugger. An instruction with a breakpoint has a handler of its own in
/// the decoded page, which asks the ``DebugObserver``, and it is none that code is translated from. A page with watched bytes
/// is in no TLB for the accesses that are watched, so that each of them comes to the slow paths, which report it.
///
/// Nothing of it can be told by the guest, as long as it invalidates the translations that it changes: who looks at a machine
/// leaves its state as it would have become.
///
/// What is in here is changed while no CPU runs.
public final class DebugStops {
    public enum AddressSpace: Hashable, Sendable {
        /// As instructions have them, whatever address space they are in.
        case virtual
        case physical
    }

    /// Who is asked at each breakpoint and watchpoint. Without one, CPUs stop at all of them.
    public weak var observer: DebugObserver?
    weak var memory: PhysicalMemory?
    /// The bits of virtual addresses that are compared: all but an architecture's tags.
    package var comparedBits = ~0 as UInt64
    /// There is, or was, something.
    private(set) package var isUsed = false
    /// How often something was inserted or removed.
    private(set) package var changes: UInt64 = 0
    private(set) package var hasBreakpoints = false
    /// Data is watched somewhere.
    private(set) package var watchesData = false
    /// Devices have to say what they write.
    private(set) var watchesDevices = false
    private var virtualBreakpoints = Breakpoints()
    private var physicalBreakpoints = Breakpoints()
    private var watchpoints: [Watchpoint] = []
    /// A device has written what was watched, and the machine is to stop for it.
    private var isStopDue = false

    init() {}

    /// CPUs stop for something else: they have to tell a turn that was stopped from the next one.
    func use() { isUsed = true }

    // MARK: Breakpoints

    /// Has CPUs stop before the instruction at `address`. What is inserted twice has to be removed twice.
    public func insertBreakpoint(at address: UInt64, _ space: AddressSpace) {
        let isFirst =
            switch space {
            case .virtual: virtualBreakpoints.insert(address)
            case .physical: physicalBreakpoints.insert(address)
            }
        if isFirst { breakpointsChanged(at: address, space) }
    }

    /// - Returns: false where there is none.
    @discardableResult
    public func removeBreakpoint(at address: UInt64, _ space: AddressSpace) -> Bool {
        let removal =
            switch space {
            case .virtual: virtualBreakpoints.remove(address)
            case .physical: physicalBreakpoints.remove(address)
            }
        if removal == .last { breakpointsChanged(at: address, space) }
        return removal != .nothing
    }

    private func breakpointsChanged(at address: UInt64, _ space: AddressSpace) {
        (isUsed, changes) = (true, changes &+ 1)
        hasBreakpoints = !virtualBreakpoints.isEmpty || !physicalBreakpoints.isEmpty
        memory?.forEachObserver { $0.breakpointsChanged(in: address & ~4095, space) }
    }

    func hasBreakpoint(at address: UInt64, physical: UInt64?) -> Bool {
        virtualBreakpoints.contains(address) || physical.map { physicalBreakpoints.contains($0) } ?? false
    }

    /// The offsets of breakpoints in the page of code at `address`, which is at `physical` in memory. Some come twice.
    func breakpoints(inPageAt address: UInt64, physical: UInt64) -> [UInt64] {
        virtualBreakpoints.offsets(inPageOf: address) + physicalBreakpoints.offsets(inPageOf: physical)
    }

    // MARK: Watchpoints

    /// Has CPUs stop after an instruction that accesses what is watched. What is inserted twice has to be removed twice.
    public func insert(_ watchpoint: Watchpoint) {
        watchpoints.append(watchpoint)
        watchpointsChanged()
    }

    /// - Returns: false where there is none.
    @discardableResult
    public func remove(_ watchpoint: Watchpoint) -> Bool {
        guard let index = watchpoints.firstIndex(of: watchpoint) else { return false }
        watchpoints.remove(at: index)
        watchpointsChanged()
        return true
    }

    private func watchpointsChanged() {
        (isUsed, changes) = (true, changes &+ 1)
        watchesData = !watchpoints.isEmpty
        watchesDevices = watchpoints.contains { $0.space == .physical && $0.kinds.contains(.write) }
        memory?.forEachObserver { $0.watchpointsChanged() }
    }

    /// Whether accesses to the page at `address`, and in memory at `physical`, have to be seen. What may be written unseen may
    /// be read by the instruction that writes, so that writes have to be seen where reads have.
    @inline(never)
    package func watchesPage(of address: UInt64, physical: UInt64, isWrite: Bool) -> Bool {
        for index in watchpoints.indices where isWrite || watchpoints[index].kinds.contains(.read) {
            let watched = watchpoints[index]
            let isThere =
                switch watched.space {
                case .virtual: watched.overlaps(address & ~4095, PhysicalMemory.pageSize, comparedBits)
                case .physical: watched.overlaps(physical & ~4095, PhysicalMemory.pageSize, ~0)
                }
            if isThere { return true }
        }
        return false
    }

    /// Whether reads of any of these bytes have to be seen, by addresses that are virtual and physical ones at once.
    func watchesReads(of address: UInt64, count: UInt64) -> Bool {
        watchpoints.contains { $0.kinds.contains(.read) && $0.overlaps(address, count, ~0) }
    }

    /// Whether the access is one to what is watched.
    func watches(_ access: DebugAccess) -> Bool {
        watchpoints.contains { watched in
            guard !watched.kinds.isDisjoint(with: access.kinds) else { return false }
            guard watched.space == .physical else {
                return watched.overlaps(access.address, access.size, comparedBits)
            }
            guard let second = access.secondPhysical else { return watched.overlaps(access.physical, access.size, ~0) }
            let count = PhysicalMemory.pageSize - access.physical % PhysicalMemory.pageSize
            return watched.overlaps(access.physical, count, ~0)
                || access.size > count && watched.overlaps(second, access.size - count, ~0)
        }
    }

    /// Leaves what is watched out of the context's windows.
    @inline(never)
    package func cutWindows(of context: UnsafeMutablePointer<TranslationContext>) {
        for watched in watchpoints {
            switch watched.space {
            case .virtual:
                if watched.kinds.contains(.read) {
                    context.pointee.readWindow.leaveOut(watched.first, watched.last, comparedBits)
                }
                context.pointee.writeWindow.leaveOut(watched.first, watched.last, comparedBits)
            case .physical:
                for region in memory?.regions ?? [] {
                    let (first, last) = (
                        max(watched.first, region.base), min(watched.last, region.base + (region.size - 1))
                    )
                    guard first <= last else { continue }
                    let distance = UInt64(UInt(bitPattern: region.host)) &- region.base
                    if watched.kinds.contains(.read) {
                        let toVirtual = distance &- context.pointee.readWindow.addend
                        context.pointee.readWindow.leaveOut(first &+ toVirtual, last &+ toVirtual, ~0)
                    }
                    let toVirtual = distance &- context.pointee.writeWindow.addend
                    context.pointee.writeWindow.leaveOut(first &+ toVirtual, last &+ toVirtual, ~0)
                }
            }
        }
    }

    // MARK: Devices

    /// A device has written `count` bytes at the physical address.
    @inline(never)
    func reportDeviceWrite(_ address: UInt64, count: UInt64) {
        let access = DebugAccess(address: address, physical: address, size: count, kinds: .write)
        let isWatched = watchpoints.contains {
            $0.space == .physical && $0.kinds.contains(.write) && $0.overlaps(address, count, ~0)
        }
        if isWatched, observer?.shouldStop(nil, at: access) ?? true { isStopDue = true }
    }

    /// Whether a device has written something that the machine is to stop for, since this was last asked. A CPU whose access
    /// made the device do it asks by itself.
    public func takeDeviceStop() -> Bool {
        defer { isStopDue = false }
        return isStopDue
    }
}

/// Bytes that are watched.
public struct Watchpoint: Equatable, Sendable {
    public let space: DebugStops.AddressSpace
    public let first: UInt64
    /// The last byte that is watched.
    public let last: UInt64
    public let kinds: DebugAccess.Kinds

    /// - Parameter count: how many bytes; what would go over the end of all addresses ends there, and 0 are 1.
    public init(at first: UInt64, count: UInt64, _ space: DebugStops.AddressSpace, _ kinds: DebugAccess.Kinds) {
        self.space = space
        self.first = first
        last = first + min(max(count, 1) - 1, ~0 - first)
        self.kinds = kinds
    }

    /// Whether any of `count` bytes at `address` are among them.
    public func overlaps(_ address: UInt64, _ count: UInt64) -> Bool { overlaps(address, count, ~0) }

    /// Whether any of `count` bytes at `address` are among them, as far as the bits say that are compared.
    func overlaps(_ address: UInt64, _ count: UInt64, _ bits: UInt64) -> Bool {
        (address &- first) & bits <= last &- first || (first &- address) & bits < count
    }
}

/// An access that a watchpoint watches.
public struct DebugAccess: Equatable, Sendable {
    public struct Kinds: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let read = Kinds(rawValue: 1)
        public static let write = Kinds(rawValue: 2)

        /// Of what was probed and is held, of whatever size; nil for a conditional store that is not going to store.
        package init?(
            ofHeld host: UnsafeMutableRawPointer, isWrite: Bool, _ attributes: MemoryAttributes, reservation: UInt64
        ) {
            if isWrite, attributes.contains(.exclusive), UInt64(UInt(bitPattern: host)) != reservation { return nil }
            let isUpdate = attributes.contains(.atomic) && !attributes.contains(.exclusive)
            self = !isWrite ? .read : isUpdate ? [.read, .write] : .write
        }
    }

    /// As the instruction has it; a device's is the physical one.
    public let address: UInt64
    public let physical: UInt64
    /// In bytes.
    public let size: UInt64
    /// Both, of an atomic update.
    public let kinds: Kinds
    /// What was there before it was written, little-endian, where that is at hand.
    public var old: UInt64?
    /// What is written, likewise.
    public var new: UInt64?
    /// Where it goes on, if it crosses the end of a page.
    public var secondPhysical: UInt64?

    public init(
        address: UInt64, physical: UInt64, size: UInt64, kinds: Kinds, old: UInt64? = nil, new: UInt64? = nil,
        secondPhysical: UInt64? = nil
    ) {
        self.address = address
        self.physical = physical
        self.size = size
        self.kinds = kinds
        self.old = old
        self.new = new
        self.secondPhysical = secondPhysical
    }
}

/// Asked whether to stop. A class and no protocol, for the sake of those whose answer it is; it may look at the CPU, and change
/// nothing of it.
///
/// The program counter of the CPU is that of the instruction, and `executed` does not count it yet.
open class DebugObserver {
    public init() {}

    /// The CPU is about to execute the instruction at `address`, which has a breakpoint, or whose physical address has one.
    /// - Returns: whether it is to stop before that. If not, it executes the instruction, and goes on.
    open func shouldStop(_ processor: any TranslatableProcessor, atBreakpoint address: UInt64) -> Bool { true }

    /// The CPU makes an access to what is watched; or a device does, where it is nil.
    ///
    /// An access that faults is none, nor is a conditional store that does not store. What walks of translation tables read and
    /// write is not told.
    /// - Returns: whether the CPU is to stop behind the instruction.
    open func shouldStop(_ processor: (any TranslatableProcessor)?, at access: DebugAccess) -> Bool { true }
}

/// Addresses with breakpoints, by page.
private struct Breakpoints {
    /// How often each was inserted, by its offset.
    private var pages: [UInt64: [UInt64: Int]] = [:]

    enum Removal { case nothing, one, last }

    var isEmpty: Bool { pages.isEmpty }

    func contains(_ address: UInt64) -> Bool { pages[address & ~4095]?[address & 4095] != nil }

    func offsets(inPageOf address: UInt64) -> [UInt64] { pages[address & ~4095].map { Array($0.keys) } ?? [] }

    /// - Returns: whether it is the first one there.
    mutating func insert(_ address: UInt64) -> Bool {
        pages[address & ~4095, default: [:]][address & 4095, default: 0] += 1
        return pages[address & ~4095]?[address & 4095] == 1
    }

    mutating func remove(_ address: UInt64) -> Removal {
        let (page, offset) = (address & ~4095, address & 4095)
        guard let count = pages[page]?[offset] else { return .nothing }
        pages[page]?[offset] = count > 1 ? count - 1 : nil
        if pages[page]?.isEmpty == true { pages[page] = nil }
        return count > 1 ? .one : .last
    }
}
