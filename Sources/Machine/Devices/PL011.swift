/// PL011: Arm's PrimeCell UART with 16-byte FIFOs.
///
/// Registers and behaviour: "PrimeCell UART (PL011) Technical Reference Manual", DDI 0183G; sections cited are its.
///
/// It differs from a cell on a wire as ``NS16550A`` does: transmission takes no time, so the transmitter is always empty,
/// and input waits in the back end's queue until the receiver has room, so that only loopback can overrun it. The line
/// speed sets the length of the receive time-out and has no other effect.
///
/// It differs from the manual where software that was only ever run on QEMU's board relies on that:
/// - it transmits and receives whether or not UARTCR enables that;
/// - a receive time-out also raises the receive interrupt, for drivers that unmask only the latter and expect it after
///   the first character, whatever UARTIFLS says.
public final class PL011: Device {
    /// Offsets (table 3-1).
    enum Register: UInt64 {
        case data = 0x000
        /// UARTRSR (read), UARTECR (write).
        case receiveStatus = 0x004
        case flags = 0x018
        case lowPowerCounter = 0x020
        case integerBaudRate = 0x024
        case fractionalBaudRate = 0x028
        case lineControl = 0x02c
        case control = 0x030
        case fifoLevelSelect = 0x034
        case interruptMask = 0x038
        case rawInterruptStatus = 0x03c
        case maskedInterruptStatus = 0x040
        case interruptClear = 0x044
        case dmaControl = 0x048
    }

    /// What a character in the receive FIFO carries besides its eight bits (table 2-1).
    private enum ReceivedError {
        static let overrun: UInt16 = 0x800
        static let lineBreak: UInt16 = 0x400
        /// To UARTRSR, which has them in the same order from bit 0 on.
        static let shift: UInt16 = 8
    }

    /// UARTFR (3.3.3).
    private enum Flags {
        static let clearToSend: UInt16 = 0x001
        static let dataSetReady: UInt16 = 0x002
        static let dataCarrierDetect: UInt16 = 0x004
        static let receiveEmpty: UInt16 = 0x010
        static let receiveFull: UInt16 = 0x040
        static let transmitEmpty: UInt16 = 0x080
        static let ringIndicator: UInt16 = 0x100
    }

    /// UARTLCR_H (3.3.7).
    private enum LineControl {
        static let sendBreak: UInt16 = 0x01
        static let enableFIFOs: UInt16 = 0x10
    }

    /// UARTCR (3.3.8).
    private enum Control {
        static let loopback: UInt16 = 0x0080
        static let dataTransmitReady: UInt16 = 0x0400
        static let requestToSend: UInt16 = 0x0800
        static let out1: UInt16 = 0x1000
        static let out2: UInt16 = 0x2000
        /// Bits 3 to 6 are reserved.
        static let writable: UInt16 = 0xff87
        static let reset: UInt16 = 0x0300
    }

    /// The bits of UARTIMSC, UARTRIS, UARTMIS and UARTICR (3.3.10 to 3.3.13).
    struct Interrupts: OptionSet {
        var rawValue: UInt16
        static let ringIndicator = Interrupts(rawValue: 0x001)
        static let clearToSend = Interrupts(rawValue: 0x002)
        static let dataCarrierDetect = Interrupts(rawValue: 0x004)
        static let dataSetReady = Interrupts(rawValue: 0x008)
        static let receive = Interrupts(rawValue: 0x010)
        static let transmit = Interrupts(rawValue: 0x020)
        static let receiveTimeout = Interrupts(rawValue: 0x040)
        static let lineBreak = Interrupts(rawValue: 0x200)
        static let overrun = Interrupts(rawValue: 0x400)
        static let all = Interrupts(rawValue: 0x7ff)
    }

    private static let depth = 16
    /// Characters at which each value of UARTIFLS.RXIFLSEL interrupts; values above 4 are reserved (3.3.9).
    private static let triggers = [2, 4, 8, 12, 14, 14, 14, 14]
    private static let identification = PrimeCellIdentification(part: 0x011, revision: 1)

    public let name: String
    private let clock: Clock
    private let backend: any ConsoleBackend
    private let interrupt: InterruptLine
    /// Hertz of UARTCLK, from which the baud rate is divided.
    private let frequency: UInt64
    private var timeout: Clock.Timer!

    private var lowPowerCounter: UInt8 = 0
    private var integerBaudRate: UInt16 = 0
    private var fractionalBaudRate: UInt8 = 0
    /// The divisor in 64ths that is in force: UARTIBRD and UARTFBRD count from the next write of UARTLCR_H (3.3.7).
    private var divisor: UInt32 = 0
    private var lineControl: UInt16 = 0
    private var control = Control.reset
    private var fifoLevelSelect: UInt16 = 0
    private var mask: Interrupts = []
    private var raw: Interrupts = []
    private var dmaControl: UInt16 = 0
    /// The receiver's characters, oldest first, in the form in which UARTDR shows them.
    private var receiver: [UInt16] = []
    /// UARTRSR: the errors of the character last read, and an overrun since that was cleared.
    private var receiveStatus: UInt16 = 0
    /// A character was lost and none has been received since: the next one will say so (2.4.3).
    private var isOverrun = false
    /// Whether the receiver held as many characters as interrupt, when last looked at.
    private var isAtTrigger = false

    /// - Parameter frequency: UARTCLK in hertz, as the device tree's `apb-pclk` states it.
    public init(
        name: String, clock: Clock, backend: any ConsoleBackend, interrupt: InterruptLine,
        frequency: UInt64 = 24_000_000
    ) {
        self.name = name
        self.clock = clock
        self.backend = backend
        self.interrupt = interrupt
        self.frequency = max(frequency, 1)
        timeout = Clock.Timer(clock) { [unowned self] in
            if !receiver.isEmpty { raw.formUnion([.receiveTimeout, .receive]) }
            update()
        }
        backend.input.arrived = { [weak self] in
            self?.pull()
            self?.update()
        }
        setResetValues()
    }

    public func reset() {
        setResetValues()
        timeout.cancel()
        pull()
        update()
    }

    private func setResetValues() {
        lowPowerCounter = 0
        integerBaudRate = 0
        fractionalBaudRate = 0
        divisor = 0
        lineControl = 0
        control = Control.reset
        fifoLevelSelect = 0x12
        mask = []
        raw = []
        dmaControl = 0
        receiver = []
        receiveStatus = 0
        isOverrun = false
        isAtTrigger = false
    }

    // MARK: Registers

    /// Registers are up to 16 bits wide at multiples of 4; a driver may access as many bytes of the word as it needs.
    /// Reserved offsets read zero and ignore writes.
    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try requireLowBytes(offset, size: size)
        let value: UInt64
        switch Register(rawValue: offset) {
        case .data: value = UInt64(takeCharacter())
        case .receiveStatus: value = UInt64(receiveStatus)
        case .flags: value = UInt64(flags)
        case .lowPowerCounter: value = UInt64(lowPowerCounter)
        case .integerBaudRate: value = UInt64(integerBaudRate)
        case .fractionalBaudRate: value = UInt64(fractionalBaudRate)
        case .lineControl: value = UInt64(lineControl)
        case .control: value = UInt64(control)
        case .fifoLevelSelect: value = UInt64(fifoLevelSelect)
        case .interruptMask: value = UInt64(mask.rawValue)
        case .rawInterruptStatus: value = UInt64(raw.rawValue)
        case .maskedInterruptStatus: value = UInt64(raw.intersection(mask).rawValue)
        case .interruptClear: value = 0
        case .dmaControl: value = UInt64(dmaControl)
        case nil: value = PrimeCellIdentification.range.contains(offset) ? Self.identification.read(offset) : 0
        }
        return size == 1 ? value & 0xff : value
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try requireLowBytes(offset, size: size)
        let value = UInt16(truncatingIfNeeded: value)
        switch Register(rawValue: offset) {
        case .data: transmit(UInt8(truncatingIfNeeded: value))
        case .receiveStatus: receiveStatus = 0  // UARTECR: a write of any value clears all errors (3.3.2)
        case .lowPowerCounter: lowPowerCounter = UInt8(truncatingIfNeeded: value)
        case .integerBaudRate: integerBaudRate = value
        case .fractionalBaudRate: fractionalBaudRate = UInt8(value & 0x3f)
        case .lineControl: setLineControl(value & 0xff)
        case .control:
            let old = modemInputs
            control = value & Control.writable
            noteModemChanges(since: old)
            pull()
        case .fifoLevelSelect: fifoLevelSelect = value & 0x3f
        case .interruptMask: mask = Interrupts(rawValue: value).intersection(.all)
        case .interruptClear: raw.subtract(Interrupts(rawValue: value))
        case .dmaControl: dmaControl = value & 0x7
        case .flags, .rawInterruptStatus, .maskedInterruptStatus, nil: break  // read-only, or not there
        }
        update()
    }

    private func setLineControl(_ value: UInt16) {
        let changed = value ^ lineControl
        lineControl = value
        divisor = UInt32(integerBaudRate) << 6 | UInt32(fractionalBaudRate)
        // "When cleared to 0 the FIFOs are disabled (character mode), that is, the FIFOs become 1-byte-deep holding
        // registers" (3.3.7): what they held is gone.
        if changed & LineControl.enableFIFOs != 0 {
            receiver = []
            raw.remove(.receiveTimeout)
            timeout.cancel()
            pull()
        }
        if changed & value & LineControl.sendBreak != 0, isLoopback { receiveBreak() }
    }

    private var flags: UInt16 {
        var flags = Flags.transmitEmpty | modemInputs
        if receiver.isEmpty { flags |= Flags.receiveEmpty }
        if receiver.count >= capacity { flags |= Flags.receiveFull }
        return flags
    }

    // MARK: Transmitter

    private func transmit(_ byte: UInt8) {
        if isLoopback { receive(UInt16(byte)) } else { backend.write([byte]) }
        // The interrupt tells that what was written has left the FIFO, not that the FIFO is empty: after reset it is
        // not raised (2.8.3).
        raw.insert(.transmit)
    }

    // MARK: Receiver

    private var capacity: Int { lineControl & LineControl.enableFIFOs != 0 ? Self.depth : 1 }
    private var isLoopback: Bool { control & Control.loopback != 0 }

    /// Takes from the back end what the receiver has room for. In loopback the receiver is off the line.
    private func pull() {
        guard !isLoopback else { return }
        while receiver.count < capacity, let byte = backend.input.take() { receive(UInt16(byte)) }
    }

    /// Receives a character with its errors. Where there is no room it is lost, and those that wait are kept (3.3.2).
    private func receive(_ character: UInt16) {
        restartTimeout()
        guard receiver.count < capacity else {
            isOverrun = true
            receiveStatus |= ReceivedError.overrun >> ReceivedError.shift
            raw.insert(.overrun)
            return
        }
        receiver.append(isOverrun ? character | ReceivedError.overrun : character)
        isOverrun = false
        restartTimeout()
        updateReceiveInterrupt()
    }

    /// A break on the line: one zero character with the break bit (3.3.1, bit 10).
    public func receiveBreak() {
        raw.insert(.lineBreak)
        receive(ReceivedError.lineBreak)
        update()
    }

    private func takeCharacter() -> UInt16 {
        guard !receiver.isEmpty else { return 0 }
        let character = receiver.removeFirst()
        // An overrun stays in UARTRSR until it is cleared; the rest is of the character read last (3.3.2).
        let overrun = receiveStatus & ReceivedError.overrun >> ReceivedError.shift
        receiveStatus = (character & ~ReceivedError.overrun) >> ReceivedError.shift | overrun
        updateReceiveInterrupt()
        pull()
        if receiver.isEmpty { raw.remove(.receiveTimeout) }
        restartTimeout()
        update()
        return character
    }

    /// The receive interrupt rises when the FIFO comes to hold as many characters as UARTIFLS says, and falls when it
    /// holds fewer (2.8.2). Once cleared it does not rise again before it has held fewer.
    private func updateReceiveInterrupt() {
        let trigger = capacity == 1 ? 1 : Self.triggers[Int(fifoLevelSelect >> 3 & 7)]
        let wasAtTrigger = isAtTrigger
        isAtTrigger = receiver.count >= trigger
        if isAtTrigger, !wasAtTrigger { raw.insert(.receive) }
        // What a time-out raised stays until nothing is left.
        let isLeftByTimeout = raw.contains(.receiveTimeout) && !receiver.isEmpty
        if !isAtTrigger, !isLeftByTimeout { raw.remove(.receive) }
    }

    /// The time-out comes when characters wait and none has arrived or been read for 32 bit periods (2.8.4).
    private func restartTimeout() {
        guard !receiver.isEmpty else { return timeout.cancel() }
        // A bit takes 16 periods of UARTCLK times the divisor; a divisor of 0 is not allowed (3.3.6), and taken as 1.
        let bits = 32 * 16 * UInt64(max(divisor, 64))
        timeout.arm(at: clock.now &+ max(1, bits * (1_000_000_000 / 64) / frequency))
    }

    // MARK: Modem

    /// The board wires no modem; in loopback the four outputs are wired to the four inputs (3.3.8, bit 7).
    private var modemInputs: UInt16 {
        guard isLoopback else { return 0 }
        var inputs: UInt16 = 0
        if control & Control.requestToSend != 0 { inputs |= Flags.clearToSend }
        if control & Control.dataTransmitReady != 0 { inputs |= Flags.dataSetReady }
        if control & Control.out1 != 0 { inputs |= Flags.dataCarrierDetect }
        if control & Control.out2 != 0 { inputs |= Flags.ringIndicator }
        return inputs
    }

    private func noteModemChanges(since old: UInt16) {
        let changes = old ^ modemInputs
        if changes & Flags.clearToSend != 0 { raw.insert(.clearToSend) }
        if changes & Flags.dataSetReady != 0 { raw.insert(.dataSetReady) }
        if changes & Flags.dataCarrierDetect != 0 { raw.insert(.dataCarrierDetect) }
        if changes & Flags.ringIndicator != 0 { raw.insert(.ringIndicator) }
    }

    // MARK: Interrupt

    /// The board wires UARTINTR, the one of all interrupts.
    private func update() {
        updateReceiveInterrupt()
        interrupt.set(!raw.isDisjoint(with: mask))
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("ilpr", &lowPowerCounter)
        visitor.field("ibrd", &integerBaudRate)
        visitor.field("fbrd", &fractionalBaudRate)
        visitor.field("divisor", &divisor)
        if divisor > 0x3f_ffff {
            visitor.refuse("a divisor of 22 bits")
            divisor &= 0x3f_ffff
        }
        visitor.field("lcr_h", &lineControl)
        visitor.field("cr", &control)
        visitor.field("ifls", &fifoLevelSelect)
        visitor.field("imsc", &mask.rawValue)
        visitor.field("ris", &raw.rawValue)
        visitor.field("dmacr", &dmaControl)
        visitor.field("rsr", &receiveStatus)
        visitor.field("overrun", &isOverrun)
        visitor.field("at trigger", &isAtTrigger)
        var characters = receiver.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        visitor.field("receiver", &characters, parts: 2, limit: Self.depth)
        receiver = stride(from: 0, to: characters.count, by: 2).map {
            UInt16(characters[$0]) | UInt16(characters[$0 + 1]) << 8
        }
        timeout.describeState(&visitor)
        backend.input.describeState(&visitor)
        interrupt.describeState(&visitor)
    }
}
