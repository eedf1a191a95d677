/// Goldfish real-time clock: nanoseconds of wall-clock time and one alarm.
///
/// The virtual hardware of the Android emulator ("Goldfish virtual hardware", section on the RTC) as QEMU's `virt` board
/// has it; device tree: `google,goldfish-rtc`. Registers are 32 bits wide.
///
/// The wall-clock time at power-on is a parameter; from there it advances with the virtual clock, so a run does not
/// depend on the day it is made.
public final class GoldfishRTC: Device {
    enum Register: UInt64 {
        /// Reads the low half of the time and latches the high half.
        case timeLow = 0x00
        case timeHigh = 0x04
        /// Writing it arms the alarm.
        case alarmLow = 0x08
        case alarmHigh = 0x0c
        case interruptEnable = 0x10
        /// Any write disarms the alarm.
        case clearAlarm = 0x14
        /// Whether the alarm is armed.
        case alarmStatus = 0x18
        /// Any write withdraws the interrupt.
        case clearInterrupt = 0x1c
    }

    public let name: String
    private let clock: Clock
    private let interrupt: InterruptLine
    private let powerOnTime: UInt64
    private var timer: Clock.Timer!

    /// What the guest has set the time forward or back by.
    private var offset: UInt64 = 0
    private var latchedHigh: UInt32 = 0
    private var alarm: UInt64 = 0
    private var isArmed = false
    private var isEnabled = false
    private var isPending = false

    /// - Parameter powerOnTime: wall-clock time at power-on, in nanoseconds since 1970.
    public init(name: String, clock: Clock, interrupt: InterruptLine, powerOnTime: UInt64) {
        self.name = name
        self.clock = clock
        self.interrupt = interrupt
        self.powerOnTime = powerOnTime
        timer = Clock.Timer(clock) { [unowned self] in checkAlarm() }
    }

    public func reset() {
        offset = 0
        latchedHigh = 0
        alarm = 0
        isArmed = false
        isEnabled = false
        isPending = false
        timer.cancel()
        interrupt.set(false)
    }

    private var time: UInt64 { powerOnTime &+ clock.now &+ offset }

    public func read(_ register: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        guard size == 4, let register = Register(rawValue: register) else { throw AccessFault() }
        switch register {
        case .timeLow:
            let time = self.time
            latchedHigh = UInt32(truncatingIfNeeded: time >> 32)
            return time & 0xffff_ffff
        case .timeHigh: return UInt64(latchedHigh)
        case .alarmLow: return alarm & 0xffff_ffff
        case .alarmHigh: return alarm >> 32
        case .interruptEnable: return isEnabled ? 1 : 0
        case .alarmStatus: return isArmed ? 1 : 0
        case .clearAlarm, .clearInterrupt: return 0
        }
    }

    public func write(_ register: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        guard size == 4, let register = Register(rawValue: register) else { throw AccessFault() }
        switch register {
        case .timeLow: setTime(time.replacing(at: 0, bits: 32, with: value))
        case .timeHigh: setTime(time.replacing(at: 32, bits: 32, with: value))
        case .alarmLow:
            alarm = alarm.replacing(at: 0, bits: 32, with: value)
            isArmed = true
            checkAlarm()
        case .alarmHigh: alarm = alarm.replacing(at: 32, bits: 32, with: value)
        case .interruptEnable: isEnabled = value & 1 != 0
        case .clearAlarm:
            isArmed = false
            timer.cancel()
        case .clearInterrupt: isPending = false
        case .alarmStatus: break
        }
        interrupt.set(isPending && isEnabled)
    }

    private func setTime(_ value: UInt64) {
        offset = offset &+ (value &- time)
        checkAlarm()
    }

    /// Fires the alarm if it is due, and otherwise waits for it. One beyond the end of the clock's range never comes.
    private func checkAlarm() {
        guard isArmed else { return }
        let (delay, isPast) = alarm.subtractingReportingOverflow(time)
        if isPast || delay == 0 {
            isArmed = false
            isPending = true
            timer.cancel()
            interrupt.set(isEnabled)
        } else if case (let due, false) = clock.now.addingReportingOverflow(delay) {
            timer.arm(at: due)
        } else {
            timer.cancel()
        }
    }

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("time offset", &offset)
        visitor.field("latched high", &latchedHigh)
        visitor.field("alarm", &alarm)
        visitor.field("armed", &isArmed)
        visitor.field("enabled", &isEnabled)
        visitor.field("pending", &isPending)
        timer.describeState(&visitor)
        interrupt.describeState(&visitor)
    }
}
