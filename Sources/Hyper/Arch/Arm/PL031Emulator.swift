/// A PL031 real-time clock (ARM DDI 0224C): seconds, and one second at which it interrupts.
final class PL031Emulator: EmulatedDevice {
    static var emulator: Emulator {
        Emulator("pl031", compatible: ["arm,pl031"]) { (context) throws(HyperError) in
            PL031Emulator(line: try context.interrupt())
        }
    }

    private enum Register {
        static let data: UInt64 = 0x00, match: UInt64 = 0x04, load: UInt64 = 0x08, control: UInt64 = 0x0c
        static let mask: UInt64 = 0x10, raw: UInt64 = 0x14, masked: UInt64 = 0x18, clear: UInt64 = 0x1c
        static let identification: UInt64 = 0xfe0
    }

    private static let second: UInt64 = 1_000_000_000
    /// RTCPeriphID0 to 3, RTCPCellID0 to 3.
    private static let identification: InlineArray<8, UInt8> = [0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1]

    private let line: InterruptLine
    private let lock = SpinLock()
    private let event: TimerReference
    /// What the guest's clock is ahead of the machine's time, in nanoseconds.
    private var epoch: UInt64 = 0
    private var loaded: UInt64 = 0
    private var match: UInt64 = 0
    private var isEnabled = false
    private var isPending = false

    init(line: InterruptLine) {
        self.line = line
        event = .allocate(capacity: 1)
        event.initialize(to: TimerEvent(action: .timeSlice))
        epoch = Self.hostEpoch
        event.pointee.action = .call(
            { clock in
                guard let clock else { return }
                Unmanaged<PL031Emulator>.fromOpaque(clock)._withUnsafeGuaranteedRef { $0.alarmCame() }
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { event.deallocate() }

    func reset() {
        lock.withLock {
            (epoch, loaded, match) = (Self.hostEpoch, 0, 0)
            (isEnabled, isPending) = (false, false)
            Timers.cancel(event)
            update()
        }
    }

    func remove() {
        reset()
        // The alarm may be coming on another CPU.
        CPUs.leaveHandlers()
    }

    /// Without a clock of the host's, time begins with its power-on.
    private static var hostEpoch: UInt64 { WallClock.now.map { $0 &- Timers.now } ?? 0 }

    private var time: UInt64 { (Timers.now &+ epoch) / Self.second & 0xffff_ffff }

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        lock.withLock {
            switch offset {
            case Register.data: return time
            case Register.match: return match
            case Register.load: return loaded
            case Register.control: return 1
            case Register.mask: return isEnabled ? 1 : 0
            case Register.raw: return isPending ? 1 : 0
            case Register.masked: return isPending && isEnabled ? 1 : 0
            case Register.identification..<0x1000 where offset & 3 == 0:
                return UInt64(Self.identification[Int(offset - Register.identification) / 4])
            default: return 0
            }
        }
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        let value = value & 0xffff_ffff
        lock.withLock {
            switch offset {
            case Register.match:
                match = value
                arm()
            case Register.load:
                loaded = value
                epoch = value &* Self.second &- Timers.now
                arm()
            case Register.mask: isEnabled = value & 1 != 0
            case Register.clear: if value & 1 != 0 { isPending = false }
            default: return
            }
            update()
        }
    }

    // MARK: The lock is held

    private func update() { line.set(isPending && isEnabled) }

    /// Waits for the second that is to come; it is a comparison for equality.
    private func arm() {
        let now = Timers.now &+ epoch
        let seconds = match &- now / Self.second
        if seconds == 0 {
            Timers.cancel(event)
            isPending = true
        } else if seconds & 0xffff_ffff < 1 << 31 {
            let wait = (seconds & 0xffff_ffff) &* Self.second &- now % Self.second
            Timers.arm(event, at: Timers.deadline(after: wait))
        } else {
            Timers.cancel(event)
        }
    }

    private func alarmCame() {
        lock.withLock {
            if time >= match { isPending = true } else { arm() }
            update()
        }
    }
}
