/// A PL011 UART of the host (ARM DDI 0183G).
public final class PL011Driver: ConsoleDevice, HostDevice {
    public static var driver: Driver {
        Driver("pl011", compatible: ["arm,pl011"]) { (node) throws(HyperError) in
            guard let registers = try node.registers().first else { throw node.wrong("reg", "has no entry") }
            let driver = PL011Driver(base: registers.base, interrupt: try node.interrupts().first?.number)
            // The first one is the console.
            if Console.device == nil { Console.device = driver }
            return driver
        }
    }

    private enum Register {
        static let data: UInt64 = 0x00, flags: UInt64 = 0x18, lineControl: UInt64 = 0x2c, control: UInt64 = 0x30
        static let interruptLevel: UInt64 = 0x34, interruptMask: UInt64 = 0x38, interruptClear: UInt64 = 0x44
    }
    private static let receiverEmpty: UInt64 = 1 << 4, transmitterFull: UInt64 = 1 << 5
    /// Something was received, and so was something for a while that does not reach the level.
    private static let received: UInt64 = 1 << 4 | 1 << 6

    private let base: UInt64
    private let interrupt: Int?
    private var input = ConsoleInput()
    public var onInput: ([UInt8]) -> Void {
        get { input.listener }
        set { input.listener = newValue }
    }

    public init(base: UInt64, interrupt: Int?) {
        self.base = base
        self.interrupt = interrupt
        let enable: UInt64 = 1 << 0, transmit: UInt64 = 1 << 8, receive: UInt64 = 1 << 9
        let eightBits: UInt64 = 3 << 5, fifos: UInt64 = 1 << 4
        write(Register.interruptMask, 0)
        // Switching the FIFOs on empties them.
        self.receive()
        write(Register.lineControl, eightBits | fifos)
        write(Register.control, enable | transmit | receive)
        guard let interrupt else { return }
        write(Register.interruptLevel, 0)
        write(Register.interruptClear, 0x7ff)
        HostInterrupts.add(interrupt) { [self] in self.receive() }
        write(Register.interruptMask, Self.received)
    }

    public func remove() {
        write(Register.interruptMask, 0)
        if let interrupt { HostInterrupts.remove(interrupt) }
        if Console.device === self { Console.device = nil }
    }

    private func read(_ register: UInt64) -> UInt64 { Port.readDevice(base + register, width: 4) }
    private func write(_ register: UInt64, _ value: UInt64) { Port.writeDevice(base + register, width: 4, value) }

    public func write(_ byte: UInt8) {
        while read(Register.flags) & Self.transmitterFull != 0 { Port.relax() }
        write(Register.data, UInt64(byte))
    }

    private func receive() {
        var bytes: [UInt8] = []
        while read(Register.flags) & Self.receiverEmpty == 0 {
            bytes.append(UInt8(truncatingIfNeeded: read(Register.data)))
        }
        write(Register.interruptClear, Self.received)
        input.receive(bytes)
    }
}
