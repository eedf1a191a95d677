/// A guest's Goldfish real-time clock (QEMU, docs/specs; "Goldfish virtual hardware", RTC): nanoseconds since 1970, and one
/// alarm. It begins with the host's time of day, and the guest may set its own.
public final class GoldfishRTCEmulator: EmulatedDevice {
    public static var emulator: Emulator {
        Emulator("goldfish-rtc", compatible: ["google,goldfish-rtc"]) { (context) throws(HyperError) in
            GoldfishRTCEmulator(line: try context.interrupt())
        }
    }

    private enum Register {
        static let timeLow: UInt64 = 0x00, timeHigh: UInt64 = 0x04, alarmLow: UInt64 = 0x08, alarmHigh: UInt64 = 0x0c
        static let interruptEnable: UInt64 = 0x10, clearAlarm: UInt64 = 0x14, alarmStatus: UInt64 = 0x18
        static let clearInterrupt: UInt64 = 0x1c
    }

    private let line: InterruptLine
    private let event: TimerReference
    private let lock = SpinLock()
    // Guarded by `lock`.
    /// The time of day when the host was powered on, as it was known when the guest was; and then as the guest has set it.
    private var epoch: UInt64
    private var latchedHigh: UInt64 = 0
    private var alarm: UInt64 = 0
    private var isArmed = false
    private var isEnabled = false
    private var isPending = false

    public init(line: InterruptLine) {
        self.line = line
        epoch = Self.hostEpoch
        event = TimerReference.allocate(capacity: 1)
        event.initialize(to: TimerEvent(action: .timeSlice))
        event.pointee.action = .call(
            { clock in
                guard let clock else { return }
                Unmanaged<GoldfishRTCEmulator>.fromOpaque(clock)._withUnsafeGuaranteedRef { $0.alarmCame() }
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { event.deallocate() }

    public func reset() {
        lock.withLock {
            (epoch, latchedHigh, alarm) = (Self.hostEpoch, 0, 0)
            (isArmed, isEnabled, isPending) = (false, false, false)
            Timers.cancel(event)
            update()
        }
    }

    public func remove() {
        reset()
        // The alarm may be coming on another CPU.
        CPUs.leaveHandlers()
    }

    /// Without a clock of the host's, time begins with its power-on.
    private static var hostEpoch: UInt64 { WallClock.now.map { $0 &- Timers.now } ?? 0 }

    private var time: UInt64 { Timers.now &+ epoch }

    public func read(_ register: UInt64, width: Int) -> UInt64 {
        guard width == 4 else { return 0 }
        return lock.withLock {
            switch register {
            case Register.timeLow:
                let time = time
                latchedHigh = time >> 32
                return time & 0xffff_ffff
            case Register.timeHigh: return latchedHigh
            case Register.alarmLow: return alarm & 0xffff_ffff
            case Register.alarmHigh: return alarm >> 32
            case Register.interruptEnable: return isEnabled ? 1 : 0
            case Register.alarmStatus: return isArmed ? 1 : 0
            default: return 0
            }
        }
    }

    public func write(_ register: UInt64, width: Int, value: UInt64) {
        guard width == 4 else { return }
        let value = value & 0xffff_ffff
        lock.withLock {
            switch register {
            case Register.timeLow: setTime(time & ~0xffff_ffff | value)
            case Register.timeHigh: setTime(time & 0xffff_ffff | value << 32)
            case Register.alarmLow:
                alarm = alarm & ~0xffff_ffff | value
                isArmed = true
                checkAlarm()
            case Register.alarmHigh: alarm = alarm & 0xffff_ffff | value << 32
            case Register.interruptEnable: isEnabled = value & 1 != 0
            case Register.clearAlarm:
                isArmed = false
                Timers.cancel(event)
            case Register.clearInterrupt: isPending = false
            default: return
            }
            update()
        }
    }

    // MARK: The lock is held

    private func update() { line.set(isPending && isEnabled) }

    private func setTime(_ value: UInt64) {
        epoch = epoch &+ (value &- time)
        checkAlarm()
    }

    /// Raises the alarm if it is due, and otherwise waits for it. One beyond the end of the counter never comes.
    private func checkAlarm() {
        guard isArmed else { return }
        let now = time
        guard alarm > now else {
            isArmed = false
            isPending = true
            Timers.cancel(event)
            return
        }
        let (deadline, overflows) = Port.counter.addingReportingOverflow(Timers.ticks(alarm - now))
        if overflows { Timers.cancel(event) } else { Timers.arm(event, at: deadline) }
    }

    private func alarmCame() {
        lock.withLock {
            checkAlarm()
            update()
        }
    }
}
