/// PL031: Arm's PrimeCell real-time clock, which counts seconds and has one alarm.
///
/// Registers and behaviour: "PrimeCell Real Time Clock (PL031) Technical Reference Manual", DDI 0224C; sections cited
/// are its. As on QEMU's board it runs from power-on, and begins at the wall-clock time: a parameter, from which it
/// advances with the virtual clock, so that a run does not depend on the day it is made.
public final class PL031: Device {
    /// Offsets (table 3-1); all registers are 32 bits wide.
    enum Register: UInt64 {
        case data = 0x00
        case match = 0x04
        case load = 0x08
        case control = 0x0c
        case interruptMask = 0x10
        case rawInterruptStatus = 0x14
        case maskedInterruptStatus = 0x18
        case interruptClear = 0x1c
    }

    private static let second: UInt64 = 1_000_000_000
    private static let identification = PrimeCellIdentification(part: 0x031, revision: 1)

    public let name: String
    private let clock: Clock
    private let interrupt: InterruptLine
    private let powerOnTime: UInt64
    private var timer: Clock.Timer!

    /// What the guest has set the seconds forward or back by.
    private var offset: UInt32 = 0
    private var match: UInt32 = 0
    private var load: UInt32 = 0
    /// Whether the guest has written RTCMR. Before that its 0 is not worth an event: the counter comes to it in 2106.
    private var hasMatch = false
    private var isUnmasked = false
    private var isRaised = false

    /// - Parameter powerOnTime: wall-clock time at power-on, in nanoseconds since 1970.
    public init(name: String, clock: Clock, interrupt: InterruptLine, powerOnTime: UInt64) {
        self.name = name
        self.clock = clock
        self.interrupt = interrupt
        self.powerOnTime = powerOnTime
        timer = Clock.Timer(clock) { [unowned self] in
            isRaised = true
            update()
        }
    }

    public func reset() {
        offset = 0
        match = 0
        load = 0
        hasMatch = false
        isUnmasked = false
        isRaised = false
        timer.cancel()
        update()
    }

    // MARK: Time

    private var wallClock: UInt64 { powerOnTime &+ clock.now }

    /// RTCDR: the seconds since 1970, in 32 bits.
    private var seconds: UInt32 { UInt32(truncatingIfNeeded: wallClock / Self.second) &+ offset }

    /// The interrupt rises when the counter comes to equal RTCMR (2.1): at once, or at the turn of a later second. A
    /// time that has passed comes again when the counter has wrapped.
    private func arm() {
        guard hasMatch else { return }
        let distance = UInt64(match &- seconds)
        if distance == 0 {
            timer.cancel()
            isRaised = true
            return
        }
        let delay = distance * Self.second - wallClock % Self.second
        if case (let due, false) = clock.now.addingReportingOverflow(delay) {
            timer.arm(at: due)
        } else {
            timer.cancel()
        }
    }

    private func update() {
        interrupt.set(isRaised && isUnmasked)
    }

    // MARK: Registers

    /// Reserved offsets read zero and ignore writes. EDK2 reads the identification registers by bytes, and kvm-unit-tests
    /// writes them so.
    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try requireLowBytes(offset, size: size)
        return read(offset) & (1 << UInt64(8 * size) - 1)
    }

    private func read(_ offset: UInt64) -> UInt64 {
        switch Register(rawValue: offset) {
        case .data: return UInt64(seconds)
        case .match: return UInt64(match)
        case .load: return UInt64(load)
        case .control: return 1  // the clock runs
        case .interruptMask: return isUnmasked ? 1 : 0
        case .rawInterruptStatus: return isRaised ? 1 : 0
        case .maskedInterruptStatus: return isRaised && isUnmasked ? 1 : 0
        case .interruptClear: return 0
        case nil: return PrimeCellIdentification.range.contains(offset) ? Self.identification.read(offset) : 0
        }
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try requireLowBytes(offset, size: size)
        switch Register(rawValue: offset) {
        case .match:
            match = UInt32(truncatingIfNeeded: value)
            hasMatch = true
            arm()
        case .load:
            load = UInt32(truncatingIfNeeded: value)
            self.offset = self.offset &+ (load &- seconds)
            arm()
        case .interruptMask: isUnmasked = value & 1 != 0
        case .interruptClear: isRaised = false  // "writing any data value" (2.1)
        // Once enabled, the clock cannot be stopped but by a reset (3.3.4).
        case .control, .data, .rawInterruptStatus, .maskedInterruptStatus, nil: break
        }
        update()
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("time offset", &offset)
        visitor.field("match", &match)
        visitor.field("load", &load)
        visitor.field("has match", &hasMatch)
        visitor.field("unmasked", &isUnmasked)
        visitor.field("raised", &isRaised)
        timer.describeState(&visitor)
        interrupt.describeState(&visitor)
    }
}
