/// A 16550 UART (National Semiconductor PC16550D). What is sent is printed at once, so the transmitter is always empty.
public final class NS16550Emulator: EmulatedDevice {
    public static var emulator: Emulator {
        Emulator("ns16550", compatible: ["ns16550a", "ns16550"]) { (context) throws(HyperError) in
            let serial = VirtualSerial(name: "\(context.guest.name)/\(context.region.name)")
            context.guest.serials.append(serial)
            if context.guest.console == nil { context.guest.console = serial }
            return NS16550Emulator(
                serial: serial, line: try context.interrupt(), shift: Int(context.region.node.u32("reg-shift") ?? 0))
        }
    }

    private enum Register {
        static let data: UInt64 = 0, interruptEnable: UInt64 = 1, identification: UInt64 = 2, lineControl: UInt64 = 3
        static let modemControl: UInt64 = 4, lineStatus: UInt64 = 5, modemStatus: UInt64 = 6, scratch: UInt64 = 7
    }

    private static let dataReady: UInt64 = 1 << 0, transmitterEmpty: UInt64 = 3 << 5
    private static let divisorAccess: UInt8 = 1 << 7, loopBack: UInt8 = 1 << 4

    private let serial: VirtualSerial
    private let line: InterruptLine
    /// Registers are so many bytes apart: a power of two.
    private let shift: UInt64
    private var interruptEnable: UInt8 = 0
    private var lineControl: UInt8 = 0
    private var modemControl: UInt8 = 0
    private var scratch: UInt8 = 0
    private var divisor: UInt16 = 0
    /// What was sent while the transmitter leads back to the receiver.
    private var loopedBack: UInt8?
    private var fifosAreEnabled = false
    /// The transmitter has become empty, and nobody has read of it.
    private var isEmptyPending = false
    /// Guards the line: a character is typed on one CPU while another one reads the last before it. Whoever comes second
    /// sees what both have done.
    private let lock = SpinLock()
    private var level = false

    public init(serial: VirtualSerial, line: InterruptLine, shift: Int = 0) {
        self.serial = serial
        self.line = line
        self.shift = UInt64(shift)
        let me = Unmanaged.passUnretained(self)
        serial.onInput = { me._withUnsafeGuaranteedRef { $0.update() } }
    }

    public func reset() {
        (interruptEnable, lineControl, modemControl, scratch, divisor) = (0, 0, 0, 0, 0)
        (fifosAreEnabled, isEmptyPending, loopedBack) = (false, false, nil)
        update()
    }

    public func remove() {
        serial.onInput = {}
        serial.unbind()
    }

    public func read(_ offset: UInt64, width: Int) -> UInt64 {
        switch offset >> shift {
        case Register.lineStatus: return Self.transmitterEmpty | (hasInput ? Self.dataReady : 0)
        case Register.data:
            if lineControl & Self.divisorAccess != 0 { return UInt64(divisor & 0xff) }
            let byte = loopedBack ?? serial.read() ?? 0
            loopedBack = nil
            update()
            return UInt64(byte)
        case Register.interruptEnable:
            return lineControl & Self.divisorAccess != 0 ? UInt64(divisor >> 8) : UInt64(interruptEnable)
        case Register.identification:
            let identification = identification
            if identification == 2 { isEmptyPending = false }
            update()
            return UInt64(identification) | (fifosAreEnabled ? 0xc0 : 0)
        case Register.lineControl: return UInt64(lineControl)
        case Register.modemControl: return UInt64(modemControl)
        case Register.modemStatus:
            // Carrier, data set ready, clear to send; looped back, what modem control says.
            guard modemControl & Self.loopBack != 0 else { return 0xb0 }
            let control = UInt64(modemControl)
            return (control & 2) << 3 | (control & 1) << 5 | (control & 0xc) << 4
        case Register.scratch: return UInt64(scratch)
        default: return 0
        }
    }

    public func write(_ offset: UInt64, width: Int, value: UInt64) {
        let byte = UInt8(truncatingIfNeeded: value)
        switch offset >> shift {
        case Register.data:
            if lineControl & Self.divisorAccess != 0 {
                divisor = divisor & 0xff00 | UInt16(byte)
                return
            }
            if modemControl & Self.loopBack != 0 { loopedBack = byte } else { serial.write(byte) }
            if interruptEnable & 2 != 0 { isEmptyPending = true }
        case Register.interruptEnable:
            if lineControl & Self.divisorAccess != 0 {
                divisor = divisor & 0xff | UInt16(byte) << 8
                return
            }
            // Enabling the transmitter's interrupt while it is empty raises it.
            if byte & 2 != 0 && interruptEnable & 2 == 0 { isEmptyPending = true }
            interruptEnable = byte & 0x0f
        case Register.identification: fifosAreEnabled = byte & 1 != 0
        case Register.lineControl: lineControl = byte
        case Register.modemControl: modemControl = byte & 0x1f
        case Register.scratch: scratch = byte
        default: return
        }
        update()
    }

    /// Looped back, the receiver hears nothing of the line.
    private var hasInput: Bool { loopedBack != nil || (modemControl & Self.loopBack == 0 && serial.hasInput) }

    /// The most important pending interrupt, as the identification register has it; 1 is none.
    private var identification: UInt8 {
        if interruptEnable & 1 != 0 && hasInput { return 4 }
        if interruptEnable & 2 != 0 && isEmptyPending { return 2 }
        return 1
    }

    private func update() {
        lock.withLock {
            let new = identification != 1
            guard new != level else { return }
            level = new
            line.set(new)
        }
    }
}
