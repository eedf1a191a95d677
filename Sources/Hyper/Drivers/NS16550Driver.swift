/// A 16550 UART of the host.
public final class NS16550Driver: ConsoleDevice, HostDevice {
    public static var driver: Driver {
        Driver("ns16550", compatible: ["ns16550a", "ns16550"]) { (node) throws(HyperError) in
            guard let registers = try node.registers().first else { throw node.wrong("reg", "has no entry") }
            let driver = NS16550Driver(
                base: registers.base, shift: Int(node.u32("reg-shift") ?? 0), width: Int(node.u32("reg-io-width") ?? 1),
                interrupt: try node.interrupts().first?.number)
            // The first one is the console.
            if Console.device == nil { Console.device = driver }
            return driver
        }
    }

    private let base: UInt64
    private let shift: UInt64
    private let width: Int
    private let interrupt: Int?
    private static let data: UInt64 = 0, interruptEnable: UInt64 = 1, fifoControl: UInt64 = 2, lineStatus: UInt64 = 5
    private static let dataReady: UInt64 = 1, transmitterEmpty: UInt64 = 1 << 5
    private var input = ConsoleInput()
    public var onInput: ([UInt8]) -> Void {
        get { input.listener }
        set { input.listener = newValue }
    }

    /// - Parameters:
    ///   - shift: registers are `1 << shift` bytes apart.
    ///   - width: bytes of an access.
    public init(base: UInt64, shift: Int = 0, width: Int = 1, interrupt: Int?) {
        self.base = base
        self.shift = UInt64(shift)
        self.width = width
        self.interrupt = interrupt
        write(Self.interruptEnable, 0)
        // Switching the FIFOs on empties them.
        receive()
        write(Self.fifoControl, 0x01)
        guard let interrupt else { return }
        HostInterrupts.add(interrupt) { [self] in receive() }
        write(Self.interruptEnable, 1)
    }

    public func remove() {
        write(Self.interruptEnable, 0)
        if let interrupt { HostInterrupts.remove(interrupt) }
        if Console.device === self { Console.device = nil }
    }

    private func read(_ register: UInt64) -> UInt64 { Port.readDevice(base + register << shift, width: width) }
    private func write(_ register: UInt64, _ value: UInt64) {
        Port.writeDevice(base + register << shift, width: width, value)
    }

    public func write(_ byte: UInt8) {
        while read(Self.lineStatus) & Self.transmitterEmpty == 0 { Port.relax() }
        write(Self.data, UInt64(byte))
    }

    private func receive() {
        var bytes: [UInt8] = []
        while read(Self.lineStatus) & Self.dataReady != 0 { bytes.append(UInt8(truncatingIfNeeded: read(Self.data))) }
        input.receive(bytes)
    }
}
