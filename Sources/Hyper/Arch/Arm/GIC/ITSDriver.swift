/// A GICv3's Interrupt Translation Service: makes messages to CPUs (LPI) of those that devices send (IHI 0069, chapter 5).
///
/// What a device sends is one of its events; of each device there is a table of which message an event is, and which collection
/// it goes with. There is a collection for each CPU, so that interrupts of devices can go from one CPU to another.
public final class ITSDriver: HostDevice, HostMessageController {
    private enum Register {
        static let control: UInt64 = 0x0000, type: UInt64 = 0x0008, tables: UInt64 = 0x0100,
            translater: UInt64 = 0x1_0040
        static let size: UInt64 = 0x2_0000
        static let isOn: UInt64 = 1 << 0, isQuiet: UInt64 = 1 << 31
    }

    /// GITS_BASER: tables that the ITS has memory for.
    private enum Table {
        static let count: UInt64 = 8
        static let devices: UInt64 = 1, collections: UInt64 = 4
        static let pageSize: UInt64 = 3 << 8
    }

    /// No device with a higher number has messages: so much memory would be taken for it.
    private static let deviceLimit: UInt64 = 4096
    /// Events of a device, for which a page has room in any case.
    private static let eventLimit = 32

    /// An event of a device's, by the number of its message.
    private struct Event {
        let device: UInt32
        let number: UInt64
        /// The CPU that it goes to, once it was enabled.
        var cpu: Int?
    }

    // SAFETY: written while one thread binds devices.
    nonisolated(unsafe) private(set) static var known: ITSDriver?

    public static var driver: Driver {
        Driver("gicv3-its", compatible: ["arm,gic-v3-its"]) { (node) throws(HyperError) in
            guard let registers = try node.registers().first, registers.size >= Register.size else {
                throw node.wrong("reg", "must have the 128 KiB of an ITS")
            }
            // One that was taken from its driver goes on with what it has.
            if let known, known.base != registers.base {
                throw HyperError("\(node.path): there is an ITS already, and more than one are not understood")
            }
            let driver: ITSDriver
            if let known { driver = known } else { driver = try ITSDriver(registers.base, node.path) }
            known = driver
            HostMessages.add(driver, node)
            return driver
        }
    }

    private let base: UInt64
    private let type: UInt64
    private let devices: UInt64
    private let lock = SpinLock()
    // SAFETY: all below are of the lock's holder.
    private var queue: ITSQueue
    private var tables: MessageTables
    private var events: [Event?] = []
    /// Tables of devices that have messages.
    private var translations: [(device: UInt32, table: UInt64)] = []
    /// CPUs that have a collection: a bit for each.
    private var collections: UInt32 = 0

    public var summary: Text { "\(events.filter { $0 != nil }.count) messages are in use" }

    private init(_ base: UInt64, _ path: Text) throws(HyperError) {
        guard HostGIC.hasMessages(bits: MessageTables.bits) else {
            throw HyperError("\(path): the Distributor has no messages")
        }
        self.base = base
        type = Port.readDevice(base + Register.type, width: 8)
        devices = min(2 << (type >> 13 & 31), Self.deviceLimit)
        Port.writeDevice(base + Register.control, width: 4, 0)
        // What is under way ends (GITS_CTLR.Quiescent).
        for _ in 0..<1_000_000 where Port.readDevice(base + Register.control, width: 4) & Register.isQuiet == 0 {
            Port.relax()
        }
        tables = try MessageTables()
        queue = try ITSQueue(base, path)
        for index in 0..<Table.count { try Self.giveTable(base + Register.tables + 8 * index, devices, path) }
        Port.writeDevice(base + Register.control, width: 4, Register.isOn)
    }

    public func remove() { HostMessages.remove(self) }

    #if !hasFeature(Embedded)
    /// Forgets it, with the machine that it was of.
    static func removeKnown() { known = nil }
    #endif

    /// Gives the ITS the memory of a table that it says it has, in pages of the size that it takes.
    private static func giveTable(_ register: UInt64, _ devices: UInt64, _ path: Text) throws(HyperError) {
        let old = Port.readDevice(register, width: 8)
        let entrySize = (old >> 48 & 31) + 1
        let entries: UInt64
        switch old >> 56 & 7 {
        case Table.devices: entries = devices
        case Table.collections: entries = UInt64(CPU.limit)
        default: return
        }
        for size in 0..<UInt64(3) {
            let page = Pages.size << (2 * size)
            let pages = (entries * entrySize + page - 1) / page
            let count = Int(pages * page / Pages.size)
            let memory = try Pages.allocate(count, alignment: page)
            Pages.clear(memory, count: count)
            Port.writeDevice(register, width: 8, ITSQueue.attributes | memory | size << 8 | (pages - 1))
            let new = Port.readDevice(register, width: 8)
            if new & Table.pageSize == size << 8, new & ITSQueue.shareability != 0 { return }
            Port.writeDevice(register, width: 8, 0)
            Pages.free(memory, count)
        }
        throw HyperError("\(path): it takes no table whose pages are of 4, 16 or 64 KiB and shared")
    }

    // MARK: Messages of a device

    public func allocate(_ count: Int, for device: UInt32) -> [HostMessage]? {
        guard UInt64(device) < devices, (1...Self.eventLimit).contains(count),
            let table = try? Pages.allocate(1)
        else { return nil }
        Pages.clear(table, count: 1)
        let messages: [HostMessage]? = lock.withLock {
            guard !queue.isBroken, !translations.contains(where: { $0.device == device }) else { return nil }
            var messages: [HostMessage] = []
            for event in 0..<count {
                let place: Int
                if let free = events.firstIndex(where: { $0 == nil }) {
                    place = free
                    events[place] = Event(device: device, number: UInt64(event))
                } else {
                    place = events.count
                    guard place < MessageTables.count else {
                        forget(device)
                        return nil
                    }
                    events.append(Event(device: device, number: UInt64(event)))
                }
                messages.append(
                    HostMessage(
                        address: base + Register.translater, data: UInt32(event),
                        interrupt: HostGIC.firstMessage + place))
            }
            translations.append((device, table))
            // MAPD: as many bits of an event as the table has room for, less one.
            let bits = UInt64(Self.eventLimit.trailingZeroBitCount)
            queue.add(.mapDevice, device: device, event: bits - 1, 1 << 63 | table)
            queue.run()
            return messages
        }
        if messages == nil { Pages.free(table, 1) }
        return messages
    }

    public func free(_ messages: [HostMessage], of device: UInt32) {
        let table: UInt64? = lock.withLock {
            for message in messages {
                let place = message.interrupt - HostGIC.firstMessage
                if let event = events[place], event.cpu != nil {
                    queue.add(.discard, device: device, event: event.number)
                }
            }
            queue.add(.mapDevice, device: device)
            queue.run()
            forget(device)
            guard let index = translations.firstIndex(where: { $0.device == device }) else { return nil }
            return translations.remove(at: index).table
        }
        if let table { Pages.free(table, 1) }
    }

    private func forget(_ device: UInt32) {
        for place in events.indices where events[place]?.device == device { events[place] = nil }
    }

    // MARK: Interrupts

    /// Has this CPU take the message.
    func enable(_ number: Int) {
        let place = number - HostGIC.firstMessage
        lock.withLock {
            guard let event = events[place], tables.start() else { return }
            let cpu = Port.cpu.pointee.index
            if collections & 1 << UInt32(cpu) == 0 {
                collections |= 1 << UInt32(cpu)
                queue.add(.mapCollection, 1 << 63 | target | UInt64(cpu))
            }
            if event.cpu == nil {
                queue.add(
                    .mapEvent, device: event.device, event: event.number | UInt64(number) << 32, UInt64(cpu))
            } else if event.cpu != cpu {
                queue.add(.move, device: event.device, event: event.number, UInt64(cpu))
            }
            events[place]?.cpu = cpu
            set(number, event, true)
        }
    }

    func disable(_ number: Int) {
        lock.withLock {
            guard let event = events[number - HostGIC.firstMessage], event.cpu != nil else { return }
            set(number, event, false)
        }
    }

    private func set(_ number: Int, _ event: Event, _ isEnabled: Bool) {
        tables.set(number, isEnabled: isEnabled)
        queue.add(.invalidate, device: event.device, event: event.number)
        queue.add(.synchronise, target)
        queue.run()
    }

    /// This CPU's Redistributor as commands have it (RDbase): its address, or its number.
    private var target: UInt64 {
        let registers = HostGIC.redistributor
        let isAddress: UInt64 = 1 << 19
        if type & isAddress != 0 { return registers & 0xf_ffff_ffff_0000 }
        return (Port.readDevice(registers + Redistributors.type, width: 8) >> 8 & 0xffff) << 16
    }
}
