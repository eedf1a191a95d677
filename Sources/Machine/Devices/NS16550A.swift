/// NS16550A: a serial port with 16-byte FIFOs.
///
/// Registers and behaviour: National Semiconductor, "PC16550D Universal Asynchronous Receiver/Transmitter with FIFOs",
/// table II and sections 8.1 to 8.6. Registers are one byte apart (`reg-shift = 0`). A wider access reaches the register
/// at its offset with its low byte, as on QEMU's board.
///
/// Two things differ from a chip on a wire. Transmission takes no time: a byte is with the back end before the store
/// retires, so the transmitter is always empty. And input waits in the back end's queue until the receiver has room, so
/// only loopback can overrun it. The line speed has one effect left: it sets the length of the character time-out.
public final class NS16550A: Device {
    /// Offsets; several registers share one, chosen by direction and by the divisor latch access bit (DLAB).
    enum Register: UInt64 {
        /// Receiver buffer (read), transmitter holding (write), divisor latch low (DLAB).
        case data = 0
        /// Interrupt enable, divisor latch high (DLAB).
        case interruptEnable = 1
        /// Interrupt identification (read), FIFO control (write).
        case identification = 2
        case lineControl = 3
        case modemControl = 4
        case lineStatus = 5
        case modemStatus = 6
        case scratch = 7
    }

    private struct InterruptEnable: OptionSet {
        var rawValue: UInt8
        static let receivedData = InterruptEnable(rawValue: 1)
        static let transmitterEmpty = InterruptEnable(rawValue: 2)
        static let lineStatus = InterruptEnable(rawValue: 4)
        static let modemStatus = InterruptEnable(rawValue: 8)
    }

    /// The low four bits of the interrupt identification register, highest priority first (table IV).
    private enum Identification: UInt8 {
        case lineStatus = 0b0110
        case receivedData = 0b0100
        case characterTimeout = 0b1100
        case transmitterEmpty = 0b0010
        case modemStatus = 0b0000
        case none = 0b0001
    }

    private struct LineStatus: OptionSet {
        var rawValue: UInt8
        static let dataReady = LineStatus(rawValue: 0x01)
        static let overrun = LineStatus(rawValue: 0x02)
        static let parity = LineStatus(rawValue: 0x04)
        static let framing = LineStatus(rawValue: 0x08)
        static let breakInterrupt = LineStatus(rawValue: 0x10)
        static let holdingEmpty = LineStatus(rawValue: 0x20)
        static let transmitterEmpty = LineStatus(rawValue: 0x40)
        static let errorInFIFO = LineStatus(rawValue: 0x80)
        static let errors: LineStatus = [.overrun, .parity, .framing, .breakInterrupt]
    }

    private enum LineControl {
        static let wordLength: UInt8 = 0x03
        static let twoStopBits: UInt8 = 0x04
        static let parityEnable: UInt8 = 0x08
        static let setBreak: UInt8 = 0x40
        static let divisorLatch: UInt8 = 0x80
    }

    private enum ModemControl {
        static let dataTerminalReady: UInt8 = 0x01
        static let requestToSend: UInt8 = 0x02
        static let out1: UInt8 = 0x04
        static let out2: UInt8 = 0x08
        static let loop: UInt8 = 0x10
        static let all: UInt8 = 0x1f
    }

    private enum ModemStatus {
        static let trailingEdgeRing: UInt8 = 0x04
        static let deltas: UInt8 = 0x0f
        static let clearToSend: UInt8 = 0x10
        static let dataSetReady: UInt8 = 0x20
        static let ringIndicator: UInt8 = 0x40
        static let carrierDetect: UInt8 = 0x80
        /// A terminal is always there and ready.
        static let connected = clearToSend | dataSetReady | carrierDetect
    }

    private enum FIFOControl {
        static let enable: UInt8 = 0x01
        static let clearReceiver: UInt8 = 0x02
        static let triggerShift: UInt8 = 6
        static let depth = 16
        static let triggers = [1, 4, 8, 14]
    }

    public let name: String
    private let clock: Clock
    private let backend: any ConsoleBackend
    private let interrupt: InterruptLine
    /// Hertz of the baud generator's input; the device tree's `clock-frequency`.
    private let frequency: UInt64
    private var timeout: Clock.Timer!

    private var interruptEnable: InterruptEnable = []
    private var lineControl: UInt8 = 0
    private var modemControl: UInt8 = 0
    private var modemStatus = ModemStatus.connected
    private var scratch: UInt8 = 0
    private var divisor: UInt16 = 12
    private var fifoEnabled = false
    private var trigger = FIFOControl.triggers[0]
    /// The receiver's characters, oldest first; the high byte holds a character's line status errors.
    private var receiver: [UInt16] = []
    /// Errors shown in the line status register until it is read.
    private var errors: LineStatus = []
    private var transmitterEmptyPending = false
    private var timeoutPending = false

    /// - Parameter frequency: the baud generator's input in hertz, as the device tree states it.
    public init(
        name: String, clock: Clock, backend: any ConsoleBackend, interrupt: InterruptLine, frequency: UInt64 = 3_686_400
    ) {
        self.name = name
        self.clock = clock
        self.backend = backend
        self.interrupt = interrupt
        self.frequency = max(frequency, 1)
        timeout = Clock.Timer(clock) { [unowned self] in
            timeoutPending = !receiver.isEmpty
            update()
        }
        backend.input.arrived = { [weak self] in
            self?.pull()
            self?.update()
        }
    }

    public func reset() {
        interruptEnable = []
        lineControl = 0
        modemControl = 0
        modemStatus = ModemStatus.connected
        scratch = 0
        divisor = 12
        fifoEnabled = false
        trigger = FIFOControl.triggers[0]
        receiver = []
        errors = []
        transmitterEmptyPending = false
        timeoutPending = false
        timeout.cancel()
        pull()
        update()
    }

    // MARK: Registers

    private var divisorLatch: Bool { lineControl & LineControl.divisorLatch != 0 }
    private var loopback: Bool { modemControl & ModemControl.loop != 0 }

    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        guard let register = Register(rawValue: offset) else { throw AccessFault() }
        let value: UInt8
        switch register {
        case .data where divisorLatch: value = UInt8(truncatingIfNeeded: divisor)
        case .data: value = takeCharacter()
        case .interruptEnable where divisorLatch: value = UInt8(truncatingIfNeeded: divisor >> 8)
        case .interruptEnable: value = interruptEnable.rawValue
        case .identification:
            let source = identification
            // Reading the identification acknowledges this one source only (table IV).
            if source == .transmitterEmpty { transmitterEmptyPending = false }
            value = source.rawValue | (fifoEnabled ? 0xc0 : 0)
        case .lineControl: value = lineControl
        case .modemControl: value = modemControl
        case .lineStatus:
            value = lineStatus.rawValue
            errors = []
        case .modemStatus:
            value = modemStatus
            modemStatus &= ~ModemStatus.deltas
        case .scratch: value = scratch
        }
        update()
        return UInt64(value)
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        guard let register = Register(rawValue: offset) else { throw AccessFault() }
        let byte = UInt8(truncatingIfNeeded: value)
        switch register {
        case .data where divisorLatch: divisor = (divisor & 0xff00) | UInt16(byte)
        case .data: transmit(byte)
        case .interruptEnable where divisorLatch: divisor = (divisor & 0x00ff) | UInt16(byte) << 8
        case .interruptEnable:
            let new = InterruptEnable(rawValue: byte & 0x0f)
            // The holding register is empty: enabling its interrupt raises it at once.
            if new.contains(.transmitterEmpty), !interruptEnable.contains(.transmitterEmpty) {
                transmitterEmptyPending = true
            }
            interruptEnable = new
        case .identification: setFIFOControl(byte)
        case .lineControl:
            let breakStarts = byte & ~lineControl & LineControl.setBreak != 0
            lineControl = byte
            if breakStarts, loopback { receiveBreak() }
        case .modemControl:
            modemControl = byte & ModemControl.all
            updateModemStatus()
            pull()
        case .lineStatus: break  // "intended for read operations only" (8.6)
        case .modemStatus: break
        case .scratch: scratch = byte
        }
        update()
    }

    private func setFIFOControl(_ byte: UInt8) {
        let enable = byte & FIFOControl.enable != 0
        if enable != fifoEnabled || (enable && byte & FIFOControl.clearReceiver != 0) {
            // Changing the mode clears the FIFOs (8.4, bit 0). The transmitter's is always empty.
            receiver = []
            timeoutPending = false
            timeout.cancel()
        }
        fifoEnabled = enable
        // The other bits are programmed only together with bit 0.
        if enable { trigger = FIFOControl.triggers[Int(byte >> FIFOControl.triggerShift)] }
        pull()
    }

    // MARK: Transmitter

    private func transmit(_ byte: UInt8) {
        if loopback { receive(character: byte, errors: []) } else { backend.write([byte]) }
        // Full for no time at all, and empty again.
        transmitterEmptyPending = true
    }

    // MARK: Receiver

    private var capacity: Int { fifoEnabled ? FIFOControl.depth : 1 }

    /// Takes from the back end what the receiver has room for. In loopback the receiver is off the line.
    private func pull() {
        guard !loopback else { return }
        while receiver.count < capacity, let byte = backend.input.take() {
            receive(character: byte, errors: [])
        }
    }

    private func receive(character: UInt8, errors new: LineStatus) {
        let entry = UInt16(character) | UInt16(new.rawValue) << 8
        if receiver.count < capacity {
            receiver.append(entry)
        } else {
            // The FIFO keeps what it has and loses the new character; the single register is overwritten (8.6, bit 1).
            errors.insert(.overrun)
            if !fifoEnabled { receiver = [entry] }
        }
        if receiver.count == 1 { revealErrors() }
        restartTimeout()
    }

    /// A break on the line: one zero character with the break and framing bits.
    public func receiveBreak() {
        receive(character: 0, errors: [.breakInterrupt, .framing])
        update()
    }

    private func takeCharacter() -> UInt8 {
        guard let first = receiver.first else { return 0 }
        receiver.removeFirst()
        timeoutPending = false
        pull()
        revealErrors()
        restartTimeout()
        return UInt8(truncatingIfNeeded: first)
    }

    /// A character's errors show when it comes to the top of the FIFO (8.6, bits 2 to 4).
    private func revealErrors() {
        guard let first = receiver.first else { return }
        errors.formUnion(LineStatus(rawValue: UInt8(truncatingIfNeeded: first >> 8)))
        receiver[0] = first & 0xff
    }

    /// The character time-out runs for four character times from the last arrival or read (8.4.2).
    private func restartTimeout() {
        guard fifoEnabled, !receiver.isEmpty else { return timeout.cancel() }
        timeout.arm(at: clock.now &+ 4 * characterTime)
    }

    /// Nanoseconds that one character takes on the line.
    private var characterTime: UInt64 {
        var bits: UInt64 = 1 + 5 + UInt64(lineControl & LineControl.wordLength) + 1
        if lineControl & LineControl.parityEnable != 0 { bits += 1 }
        if lineControl & LineControl.twoStopBits != 0 { bits += 1 }
        return max(1, bits * 16 * UInt64(max(divisor, 1)) * 1_000_000_000 / frequency)
    }

    private var lineStatus: LineStatus {
        var status: LineStatus = [.holdingEmpty, .transmitterEmpty]
        if !receiver.isEmpty { status.insert(.dataReady) }
        // Bit 7 counts characters with errors that are still in the FIFO, the one at the top too.
        let inFIFO = receiver.contains { $0 >> 8 != 0 } || (!receiver.isEmpty && !errors.subtracting(.overrun).isEmpty)
        if fifoEnabled, inFIFO { status.insert(.errorInFIFO) }
        return status.union(errors)
    }

    // MARK: Modem

    /// In loopback the four outputs are wired to the four inputs (8.7, bit 4).
    private func updateModemStatus() {
        var inputs = ModemStatus.connected
        if loopback {
            inputs = 0
            if modemControl & ModemControl.requestToSend != 0 { inputs |= ModemStatus.clearToSend }
            if modemControl & ModemControl.dataTerminalReady != 0 { inputs |= ModemStatus.dataSetReady }
            if modemControl & ModemControl.out1 != 0 { inputs |= ModemStatus.ringIndicator }
            if modemControl & ModemControl.out2 != 0 { inputs |= ModemStatus.carrierDetect }
        }
        let old = modemStatus & ~ModemStatus.deltas
        var deltas = (old ^ inputs) >> 4
        // The ring indicator reports only its fall.
        if old & ModemStatus.ringIndicator == 0 { deltas &= ~ModemStatus.trailingEdgeRing }
        modemStatus = inputs | (modemStatus & ModemStatus.deltas) | deltas
    }

    // MARK: Interrupt

    private var identification: Identification {
        if interruptEnable.contains(.lineStatus), !errors.isEmpty { return .lineStatus }
        if interruptEnable.contains(.receivedData) {
            if receiver.count >= (fifoEnabled ? trigger : 1) { return .receivedData }
            if timeoutPending { return .characterTimeout }
        }
        if interruptEnable.contains(.transmitterEmpty), transmitterEmptyPending { return .transmitterEmpty }
        if interruptEnable.contains(.modemStatus), modemStatus & ModemStatus.deltas != 0 { return .modemStatus }
        return .none
    }

    private func update() {
        interrupt.set(identification != .none)
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("ier", &interruptEnable.rawValue)
        visitor.field("lcr", &lineControl)
        visitor.field("mcr", &modemControl)
        visitor.field("msr", &modemStatus)
        visitor.field("scr", &scratch)
        visitor.field("divisor", &divisor)
        visitor.field("fifo enabled", &fifoEnabled)
        visitor.field("trigger", &trigger)
        var characters = receiver.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        visitor.field("receiver", &characters, parts: 2, limit: FIFOControl.depth)
        receiver = stride(from: 0, to: characters.count, by: 2).map {
            UInt16(characters[$0]) | UInt16(characters[$0 + 1]) << 8
        }
        visitor.field("lsr errors", &errors.rawValue)
        visitor.field("thre pending", &transmitterEmptyPending)
        visitor.field("timeout pending", &timeoutPending)
        timeout.describeState(&visitor)
        backend.input.describeState(&visitor)
        interrupt.describeState(&visitor)
    }
}
