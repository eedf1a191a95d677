import ISA

/// The tables of an ITS, all of which are in the guest's memory: devices, the events of each, and collections.
///
/// IHI 0069H, section 5.2. What entries look like is the ITS's own affair; ours have eight bytes each. Nothing in memory is
/// trusted: an entry that is not memory, or points nowhere, is as good as none.
struct GICv3ITSTables {
    /// GITS_BASERn: where a table is (12.19.1).
    struct Base {
        private static let valid: UInt64 = 1 << 63
        private static let indirect: UInt64 = 1 << 62
        /// Type and Entry_Size, which cannot be written.
        private static let fixed: UInt64 = 0x071f_0000_0000_0000
        private static let entrySize: UInt64 = 8
        private static let address: UInt64 = 0x0000_ffff_ffff_f000

        private(set) var rawValue: UInt64
        private let resetValue: UInt64

        /// - Parameter type: what the table is of: 1 for devices, 4 for collections.
        init(type: UInt64) {
            resetValue = type << 56 | (Self.entrySize - 1) << 48 | 2 << 8
            rawValue = resetValue
        }

        mutating func reset() { rawValue = resetValue }

        mutating func write(_ value: UInt64) {
            rawValue = value & ~Self.fixed | resetValue & Self.fixed
        }

        mutating func describeState(_ visitor: inout some StateVisitor) {
            var value = rawValue
            visitor.field("baser", &value)
            write(value)
        }

        /// 4, 16 or 64 KiB.
        private var pageSize: UInt64 { 0x1000 << (2 * min(rawValue >> 8 & 3, 2)) }

        /// Bits 51 to 12; with pages of 64 KiB bits 15 to 12 hold bits 51 to 48.
        private var base: UInt64 {
            let field = rawValue & Self.address
            return pageSize == 0x1_0000 ? field & ~0xf000 | (field & 0xf000) << 36 : field
        }

        /// Where the entry of a number is: directly, or in a page that an entry of the first level points to.
        func address(_ number: UInt64, _ memory: PhysicalMemory) -> UInt64? {
            guard rawValue & Self.valid != 0 else { return nil }
            let size = (rawValue & 0xff + 1) * pageSize
            guard rawValue & Self.indirect != 0 else {
                return number < size / Self.entrySize ? base + number * Self.entrySize : nil
            }
            let perPage = pageSize / Self.entrySize
            guard number / perPage < size / 8, let page: UInt64 = memory.load(base + number / perPage * 8),
                page & Self.valid != 0
            else { return nil }
            return page & 0x000f_ffff_ffff_f000 & ~(pageSize - 1) + number % perPage * Self.entrySize
        }
    }

    /// A device's table of events (MAPD).
    struct Device {
        private static let address: UInt64 = 0x000f_ffff_ffff_ff00
        let table: UInt64
        /// How many bits an EventID has, less one.
        let eventBits: UInt64

        init(table: UInt64, eventBits: UInt64) {
            self.table = table & Self.address
            self.eventBits = eventBits
        }

        fileprivate init?(_ entry: UInt64) {
            guard entry & 1 != 0 else { return nil }
            self.init(table: entry, eventBits: entry >> 1 & 0x1f)
        }

        fileprivate var entry: UInt64 { table | eventBits << 1 | 1 }
    }

    /// What an event of a device is (MAPTI).
    struct Event {
        let intid: UInt32
        let collection: UInt64

        init(intid: UInt32, collection: UInt64) {
            self.intid = intid
            self.collection = collection
        }

        fileprivate init?(_ entry: UInt64) {
            guard entry & 1 != 0 else { return nil }
            self.init(intid: UInt32(entry >> 8 & 0xff_ffff), collection: entry >> 48)
        }

        fileprivate var entry: UInt64 { collection << 48 | UInt64(intid) << 8 | 1 }
    }

    /// Bits of DeviceIDs, EventIDs and collections: what GITS_TYPER tells, and more than the tables have room for.
    static let idBits: UInt64 = 16

    let memory: PhysicalMemory
    var devices = Base(type: 1)
    var collections = Base(type: 4)

    init(memory: PhysicalMemory) {
        self.memory = memory
    }

    mutating func reset() {
        devices.reset()
        collections.reset()
    }

    mutating func describeState(_ visitor: inout some StateVisitor) {
        devices.describeState(&visitor)
        collections.describeState(&visitor)
    }

    // MARK: Entries

    func device(_ number: UInt64) -> Device? {
        devices.address(number, memory).flatMap { memory.load($0) }.flatMap(Device.init)
    }

    func setDevice(_ number: UInt64, _ device: Device?) {
        guard let address = devices.address(number, memory) else { return }
        _ = memory.store(address, device?.entry ?? 0)
    }

    private func address(_ device: Device, _ event: UInt64) -> UInt64? {
        guard event >> (device.eventBits + 1) == 0 else { return nil }
        return device.table + event * 8
    }

    func event(_ device: UInt64, _ event: UInt64) -> Event? {
        self.device(device).flatMap { address($0, event) }.flatMap { memory.load($0) }.flatMap(Event.init)
    }

    func setEvent(_ device: UInt64, _ number: UInt64, _ event: Event?) {
        guard let address = self.device(device).flatMap({ address($0, number) }) else { return }
        _ = memory.store(address, event?.entry ?? 0)
    }

    /// The number of the CPU that the interrupts of a collection go to (MAPC).
    func target(_ collection: UInt64) -> Int? {
        guard let address = collections.address(collection, memory), let entry: UInt64 = memory.load(address),
            entry & 1 != 0
        else { return nil }
        return Int(entry >> 16 & 0xffff)
    }

    func setTarget(_ collection: UInt64, _ cpu: Int?) {
        guard let address = collections.address(collection, memory) else { return }
        _ = memory.store(address, cpu.map { UInt64($0 & 0xffff) << 16 | 1 } ?? 0)
    }
}
