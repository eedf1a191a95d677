/// A PL011 UART (ARM DDI 0183G). What is sent is printed at once, so the transmitter is always empty.
final class PL011Emulator: EmulatedDevice {
    static var emulator: Emulator {
        Emulator("pl011", compatible: ["arm,pl011"]) { (context) throws(HyperError) in
            let serial = VirtualSerial(name: "\(context.guest.name)/\(context.region.name)")
            context.guest.serials.append(serial)
            if context.guest.console == nil { context.guest.console = serial }
            return PL011Emulator(serial: serial, line: try context.interrupt())
        }
    }

    private enum Register {
        static let data: UInt64 = 0x00, receiveStatus: UInt64 = 0x04, flags: UInt64 = 0x18, lowPower: UInt64 = 0x20
        static let integerDivisor: UInt64 = 0x24, fractionalDivisor: UInt64 = 0x28, lineControl: UInt64 = 0x2c
        static let control: UInt64 = 0x30, levels: UInt64 = 0x34, mask: UInt64 = 0x38, raw: UInt64 = 0x3c
        static let masked: UInt64 = 0x40, clear: UInt64 = 0x44, dma: UInt64 = 0x48, identification: UInt64 = 0xfe0
    }

    /// UARTFR: clear to send, carrier and data set ready; nothing received; the transmitter is empty.
    private static let modemReady: UInt64 = 7, receiverEmpty: UInt64 = 1 << 4, transmitterEmpty: UInt64 = 1 << 7
    private static let receiveInterrupt: UInt64 = 1 << 4, transmitInterrupt: UInt64 = 1 << 5
    private static let loopBack: UInt64 = 1 << 7
    /// UARTPeriphID0 to 3, UARTPCellID0 to 3.
    private static let identification: InlineArray<8, UInt8> = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1]

    private let serial: VirtualSerial
    private let line: InterruptLine
    private var mask: UInt64 = 0
    /// Characters have left the transmitter since this was last cleared.
    private var hasSent = false
    private var control: UInt64 = 0x300
    private var lineControl: UInt64 = 0
    private var levels: UInt64 = 0x12
    private var integerDivisor: UInt64 = 0
    private var fractionalDivisor: UInt64 = 0
    /// What was sent while the transmitter leads back to the receiver.
    private var loopedBack: UInt8?
    /// Guards the line: a character is typed on one CPU while another one reads the last before it. Whoever comes second
    /// sees what both have done.
    private let lock = SpinLock()
    private var level = false

    init(serial: VirtualSerial, line: InterruptLine) {
        self.serial = serial
        self.line = line
        let me = Unmanaged.passUnretained(self)
        serial.onInput = { me._withUnsafeGuaranteedRef { $0.update() } }
    }

    func reset() {
        (mask, control, lineControl, levels, integerDivisor, fractionalDivisor) = (0, 0x300, 0, 0x12, 0, 0)
        (hasSent, loopedBack) = (false, nil)
        update()
    }

    func remove() {
        serial.onInput = {}
        serial.unbind()
    }

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        switch offset {
        case Register.data:
            let byte = loopedBack ?? (control & Self.loopBack == 0 ? serial.read() : nil) ?? 0
            loopedBack = nil
            update()
            return UInt64(byte)
        case Register.flags: return Self.modemReady | Self.transmitterEmpty | (hasInput ? 0 : Self.receiverEmpty)
        case Register.integerDivisor: return integerDivisor
        case Register.fractionalDivisor: return fractionalDivisor
        case Register.lineControl: return lineControl
        case Register.control: return control
        case Register.levels: return levels
        case Register.mask: return mask
        case Register.raw: return raw
        case Register.masked: return raw & mask
        case Register.identification..<0x1000 where offset & 3 == 0:
            return UInt64(Self.identification[Int(offset - Register.identification) / 4])
        default: return 0
        }
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        switch offset {
        case Register.data:
            let byte = UInt8(truncatingIfNeeded: value)
            if control & Self.loopBack != 0 { loopedBack = byte } else { serial.write(byte) }
            hasSent = true
        case Register.integerDivisor: integerDivisor = value & 0xffff
        case Register.fractionalDivisor: fractionalDivisor = value & 0x3f
        case Register.lineControl: lineControl = value & 0xff
        case Register.control: control = value & 0xffff
        case Register.levels: levels = value & 0x3f
        case Register.mask: mask = value & 0x7ff
        case Register.clear: if value & Self.transmitInterrupt != 0 { hasSent = false }
        default: return
        }
        update()
    }

    /// Looped back, the receiver hears nothing of the line.
    private var hasInput: Bool { loopedBack != nil || control & Self.loopBack == 0 && serial.hasInput }

    /// UARTRIS. There is something to read for as long as it was not read.
    private var raw: UInt64 { (hasInput ? Self.receiveInterrupt : 0) | (hasSent ? Self.transmitInterrupt : 0) }

    private func update() {
        lock.withLock {
            let new = raw & mask != 0
            guard new != level else { return }
            level = new
            line.set(new)
        }
    }
}
