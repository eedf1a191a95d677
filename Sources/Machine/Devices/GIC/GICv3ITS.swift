import ISA

/// The Interrupt Translation Service of a GICv3: makes LPIs of the messages that devices send.
///
/// IHI 0069H, chapter 5 and section 12.19. Software tells it what a message means by commands in a queue in memory.
/// They are carried out when software says that there are some, so many at a time, and the rest a microsecond later: a
/// guest that fills its queue with the slowest of them keeps nobody waiting.
public final class GICv3ITS: Device {
    /// Offsets in the control frame (table 12-31), and of the one register in the translation frame after it.
    enum Register: UInt64 {
        case control = 0x0000
        case type = 0x0008
        case queueBase = 0x0080
        case queueWrite = 0x0088
        case queueRead = 0x0090
        case devices = 0x0100
        case collections = 0x0108
        case translater = 0x1_0040
    }

    private enum Control {
        static let enabled: UInt64 = 1 << 0
        static let quiescent: UInt64 = 1 << 31
    }

    /// GITS_CBASER, GITS_CWRITER and GITS_CREADR.
    private enum Queue {
        static let valid: UInt64 = 1 << 63
        static let address: UInt64 = 0x000f_ffff_ffff_f000
        static let size: UInt64 = 0xff
        /// Valid, cacheability, shareability, address and size.
        static let writable: UInt64 = 0xb8ef_ffff_ffff_fcff
        static let offset: UInt64 = 0xf_ffe0
    }

    /// GITS_TYPER: CIL and CIDbits, Devbits, ID_bits, ITT_entry_size, Physical. PTA is 0: CPUs are named by number.
    private static let type: UInt64 = {
        let bits = GICv3ITSTables.idBits - 1
        return 1 << 36 | bits << 32 | bits << 13 | bits << 8 | 7 << 4 | 1
    }()

    private static let commandsAtOnce = 256
    private static let pause: UInt64 = 1_000

    public let name: String
    private let clock: Clock
    let redistributors: [GICv3Redistributor]
    private var timer: Clock.Timer!

    var tables: GICv3ITSTables
    private var isEnabled = false
    private var queueBase: UInt64 = 0
    private var queueWrite: UInt64 = 0
    private var queueRead: UInt64 = 0
    /// CPUs whose LPIs have changed, which nobody has told them yet: a bit for each.
    var touched: UInt64 = 0

    init(name: String, clock: Clock, memory: PhysicalMemory, redistributors: [GICv3Redistributor]) {
        precondition(redistributors.count <= 64)
        self.name = name
        self.clock = clock
        self.redistributors = redistributors
        tables = GICv3ITSTables(memory: memory)
        timer = Clock.Timer(clock) { [unowned self] in processQueue() }
    }

    public func reset() {
        isEnabled = false
        queueBase = 0
        queueWrite = 0
        queueRead = 0
        tables.reset()
        timer.cancel()
    }

    // MARK: Messages

    /// Whether devices send messages to this offset.
    func isTranslater(_ offset: UInt64) -> Bool { offset == Register.translater.rawValue }

    /// A device sends a message: GITS_TRANSLATER is written with an EventID.
    public func signal(_ eventID: UInt32, from deviceID: UInt32) {
        guard isEnabled, let event = tables.event(UInt64(deviceID), UInt64(eventID)),
            let redistributor = redistributor(event.collection)
        else { return }
        redistributor.lpis.setPending(event.intid, true)
        updateTouched()
    }

    /// The Redistributor that the interrupts of a collection go to. Its LPIs may change.
    func redistributor(_ collection: UInt64) -> GICv3Redistributor? {
        guard let target = tables.target(collection), redistributors.indices.contains(target) else { return nil }
        touched |= 1 << UInt64(target)
        return redistributors[target]
    }

    private func updateTouched() {
        while touched != 0 {
            redistributors[touched.trailingZeroBitCount].update()
            touched &= touched - 1
        }
    }

    // MARK: Queue

    /// Carries out commands up to the one that software has written last. What cannot be read stays where it is.
    private func processQueue() {
        guard isEnabled, queueBase & Queue.valid != 0 else { return }
        let size = (queueBase & Queue.size + 1) * 0x1000
        var left = Self.commandsAtOnce
        while queueRead != queueWrite, queueWrite < size, left > 0 {
            guard let command = command(at: queueBase & Queue.address &+ queueRead) else { break }
            execute(command)
            queueRead = (queueRead + GICv3ITSCommand.size) % size
            left -= 1
        }
        updateTouched()
        if left == 0 { timer.arm(at: clock.now &+ Self.pause) }
    }

    private func command(at address: UInt64) -> GICv3ITSCommand? {
        guard let first: UInt64 = tables.memory.load(address), let second: UInt64 = tables.memory.load(address &+ 8),
            let third: UInt64 = tables.memory.load(address &+ 16),
            let fourth: UInt64 = tables.memory.load(address &+ 24)
        else { return nil }
        return GICv3ITSCommand(words: (first, second, third, fourth))
    }

    // MARK: Registers

    /// Words and double words. Reserved offsets read zero and ignore writes.
    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        guard size >= 4, offset % UInt64(size) == 0 else { throw AccessFault() }
        return readDouble(offset & ~7).part(offset % 8, size: size)
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        if offset == Register.translater.rawValue, size <= 4 {
            // The CPUs' own messages: they have no DeviceID.
            return signal(UInt32(truncatingIfNeeded: value), from: 0)
        }
        guard size >= 4, offset % UInt64(size) == 0 else { throw AccessFault() }
        let double = offset & ~7
        writeDouble(double, readDouble(double).replacingPart(offset % 8, size: size, with: value))
    }

    private func readDouble(_ offset: UInt64) -> UInt64 {
        if GICv3Identification.range.contains(offset) {
            return GICv3Identification.translationService.readDouble(offset)
        }
        switch Register(rawValue: offset) {
        case .control:
            return (isEnabled ? Control.enabled : Control.quiescent) | GICv3Identification.implementer << 32
        case .type: return Self.type
        case .queueBase: return queueBase
        case .queueWrite: return queueWrite
        case .queueRead: return queueRead
        case .devices: return tables.devices.rawValue
        case .collections: return tables.collections.rawValue
        case .translater, nil: return 0
        }
    }

    private func writeDouble(_ offset: UInt64, _ value: UInt64) {
        switch Register(rawValue: offset) {
        case .control:
            isEnabled = value & Control.enabled != 0
            processQueue()
        case .queueWrite:
            queueWrite = value & Queue.offset
            processQueue()
        // Where things are can only be changed while the ITS is disabled (12.19.1, 12.19.2).
        case .queueBase where !isEnabled:
            queueBase = value & Queue.writable
            queueRead = 0
        case .devices where !isEnabled: tables.devices.write(value)
        case .collections where !isEnabled: tables.collections.write(value)
        default: break
        }
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("enabled", &isEnabled)
        visitor.field("cbaser", &queueBase)
        visitor.field("cwriter", &queueWrite)
        visitor.field("creadr", &queueRead)
        queueBase &= Queue.writable
        queueWrite &= Queue.offset
        queueRead &= Queue.offset
        tables.describeState(&visitor)
        timer.describeState(&visitor)
    }
}
