/// PL061: Arm's PrimeCell GPIO, eight pins that a driver may watch for edges or levels; one has the power key.
///
/// Registers and behaviour: "PrimeCell General Purpose Input/Output (PL061) Technical Reference Manual", DDI 0190B;
/// sections cited are its. Pins that nothing drives are pulled down. As on QEMU's board pin 3 is a key (the device tree's
/// `gpio-keys`, KEY_POWER); who listens to the outputs is the board's to say.
public final class PL061: Device, InterruptSink {
    /// Offsets (table 3-1); all registers are 8 bits wide.
    enum Register: UInt64 {
        case direction = 0x400
        case interruptSense = 0x404
        case interruptBothEdges = 0x408
        case interruptEvent = 0x40c
        case interruptEnable = 0x410
        case rawInterruptStatus = 0x414
        case maskedInterruptStatus = 0x418
        case interruptClear = 0x41c
        case alternateFunction = 0x420
    }

    /// GPIODATA: bits 9 to 2 of the address say which pins an access is about (3.3.1).
    private static let data: Range<UInt64> = 0x000..<0x400
    private static let identification = PrimeCellIdentification(part: 0x061, revision: 0)

    public static let pinCount = 8
    /// The pin of the power key.
    public static let powerKeyPin = 3
    /// How long a press of the key lasts, in nanoseconds.
    public static let pressDuration: UInt64 = 100_000_000

    public let name: String
    private let clock: Clock
    private let interrupt: InterruptLine
    private var release: Clock.Timer!
    private let output: (Int) -> Void

    /// What is driven from outside.
    private var inputs: UInt8 = 0
    private var outputs: UInt8 = 0
    private var direction: UInt8 = 0
    /// Pins whose level interrupts, not their edges.
    private var sense: UInt8 = 0
    private var bothEdges: UInt8 = 0
    /// Pins on which a rise, or a high level, is what interrupts.
    private var event: UInt8 = 0
    private var enable: UInt8 = 0
    private var edges: UInt8 = 0
    private var alternateFunction: UInt8 = 0

    /// - Parameter output: told of each pin that is driven high.
    public init(
        name: String, clock: Clock, interrupt: InterruptLine, output: @escaping (_ pin: Int) -> Void = { _ in }
    ) {
        self.name = name
        self.output = output
        self.clock = clock
        self.interrupt = interrupt
        release = Clock.Timer(clock) { [unowned self] in setLine(Self.powerKeyPin, false) }
    }

    public func reset() {
        // Pins keep their level: who drives them is reset by itself. A key that is held is still held.
        outputs = 0
        direction = 0
        sense = 0
        bothEdges = 0
        event = 0
        enable = 0
        edges = 0
        alternateFunction = 0
        update()
    }

    // MARK: Pins

    /// Somebody presses the power key, and lets it go 100 ms later. It is input from outside: between instructions only.
    public func pressPowerKey() {
        setLine(Self.powerKeyPin, true)
        release.arm(at: clock.now &+ Self.pressDuration)
    }

    /// The level of an input pin changes.
    public func setLine(_ number: Int, _ level: Bool) {
        guard (0..<Self.pinCount).contains(number) else { return }
        let pin = UInt8(1) << UInt8(number)
        guard (inputs & pin != 0) != level else { return }
        inputs ^= pin
        // GPIOIBE decides before GPIOIEV (3.3.4). Pins that are outputs are not heard.
        let isWatched = bothEdges & pin != 0 || (event & pin != 0) == level
        if isWatched { edges |= pin & ~sense & ~direction }
        update()
    }

    /// GPIORIS: edges since they were cleared, and levels as they are (3.3.7).
    private var raw: UInt8 { (edges & ~sense) | (~(inputs ^ event) & sense & ~direction) }

    private func update() {
        interrupt.set(raw & enable != 0)
    }

    // MARK: Registers

    /// Reserved offsets read zero and ignore writes.
    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try requireLowBytes(offset, size: size)
        if Self.data.contains(offset) {
            let pins = UInt8(truncatingIfNeeded: offset >> 2)
            return UInt64(((outputs & direction) | (inputs & ~direction)) & pins)
        }
        switch Register(rawValue: offset) {
        case .direction: return UInt64(direction)
        case .interruptSense: return UInt64(sense)
        case .interruptBothEdges: return UInt64(bothEdges)
        case .interruptEvent: return UInt64(event)
        case .interruptEnable: return UInt64(enable)
        case .rawInterruptStatus: return UInt64(raw)
        case .maskedInterruptStatus: return UInt64(raw & enable)
        case .interruptClear: return 0
        case .alternateFunction: return UInt64(alternateFunction)
        case nil: return PrimeCellIdentification.range.contains(offset) ? Self.identification.read(offset) : 0
        }
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try requireLowBytes(offset, size: size)
        let value = UInt8(truncatingIfNeeded: value)
        if Self.data.contains(offset) {
            // Only pins that are outputs take what is written (2.2.1).
            let pins = UInt8(truncatingIfNeeded: offset >> 2) & direction
            let old = outputs & direction
            outputs = (outputs & ~pins) | (value & pins)
            return driven(since: old)
        }
        switch Register(rawValue: offset) {
        case .direction:
            let old = outputs & direction
            direction = value
            driven(since: old)
        case .interruptSense: sense = value
        case .interruptBothEdges: bothEdges = value
        case .interruptEvent: event = value
        case .interruptEnable: enable = value
        case .interruptClear: edges &= ~value
        case .alternateFunction: alternateFunction = value
        case .rawInterruptStatus, .maskedInterruptStatus, nil: break  // read-only, or not there
        }
        update()
    }

    /// Tells of the pins that are high now and were not.
    private func driven(since old: UInt8) {
        let new = outputs & direction & ~old
        for pin in 0..<Self.pinCount where new >> UInt8(pin) & 1 != 0 { output(pin) }
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("inputs", &inputs)
        visitor.field("outputs", &outputs)
        visitor.field("direction", &direction)
        visitor.field("sense", &sense)
        visitor.field("both edges", &bothEdges)
        visitor.field("event", &event)
        visitor.field("enable", &enable)
        visitor.field("edges", &edges)
        visitor.field("alternate function", &alternateFunction)
        release.describeState(&visitor)
        interrupt.describeState(&visitor)
    }
}
