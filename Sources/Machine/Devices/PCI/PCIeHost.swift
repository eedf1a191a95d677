/// A PCI Express host bridge: configuration space by ECAM, and windows to the memory of the functions on its bus. Device
/// tree: `pci-host-ecam-generic`.
///
/// "PCI Express Base Specification", section 7.2.2, for ECAM. There is one bus, whose devices have one function each.
/// What nobody claims reads all ones, and writes there are lost, as when a bridge ends a request by master abort. The
/// four interrupt pins of a device are the four wires of the host, turned by the device's number.
public final class PCIeHost: Device {
    /// Where a board has it.
    public struct Layout: Equatable, Sendable {
        public let configuration: AddressWindow
        /// Addresses here are those on the bus.
        public let memory: AddressWindow
        public let wideMemory: AddressWindow
        /// Of I/O space, from 0 on; no function is there.
        public let ports: AddressWindow

        /// In words, for a list of what a machine has.
        var rows: [(AddressWindow, String)] {
            [
                (configuration, "pcie: configuration space (pci-host-ecam-generic)"), (memory, "pcie: memory"),
                (wideMemory, "pcie: memory"), (ports, "pcie: I/O space"),
            ]
        }
    }

    /// Where a function is plugged in.
    final class Port {
        private unowned let host: PCIeHost
        let device: Int

        fileprivate init(_ host: PCIeHost, device: Int) {
            self.host = host
            self.device = device
        }

        /// As tools print it.
        var text: String { "00:" + (device < 16 ? "0" : "") + String(device, radix: 16) + ".0" }

        /// States the level of INTA#.
        func setInterrupt(_ level: Bool) { host.setInterrupt(device, level) }

        /// Sends a message.
        func send(address: UInt64, data: UInt32) {
            host.deliver(PCIMessage(address: address, data: data, requester: UInt16(device << 3)))
        }
    }

    /// A window to the memory of the functions, or to their I/O space.
    private final class Window: Device {
        let name: String
        private unowned let host: PCIeHost
        /// What is added to an offset to make an address on the bus; nil where there is nobody.
        private let base: UInt64?

        init(_ host: PCIeHost, name: String, base: UInt64?) {
            self.name = name
            self.host = host
            self.base = base
        }

        func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
            guard let base, let (function, place) = host.claimant(base + offset, size: size) else {
                return PCIeHost.nobody(size: size)
            }
            return function.read(range: place.range, place.offset, size: size)
        }

        func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
            guard let base, let (function, place) = host.claimant(base + offset, size: size) else { return }
            function.write(range: place.range, place.offset, size: size, value: value)
        }

        func reset() {}
        func describeState(_ visitor: inout some StateVisitor) {}
    }

    /// How many devices there is room for, beside the bridge.
    static let room = 31

    public let name: String
    private let interrupts: [InterruptLine]
    /// Which devices assert each of the wires.
    private var asserted: [UInt32] = [0, 0, 0, 0]
    private let deliver: (PCIMessage) -> Void
    /// By their device numbers.
    private var functions: [any PCIFunction] = [PCIHostBridge()]

    /// Makes it and maps it.
    /// - Parameters:
    ///   - interrupts: the four wires.
    ///   - deliver: takes messages to where they are interrupts.
    init(_ layout: Layout, space: AddressSpace, interrupts: [InterruptLine], deliver: @escaping (PCIMessage) -> Void) {
        precondition(interrupts.count == asserted.count)
        func name(_ kind: String, _ window: AddressWindow) -> String {
            kind + "@" + String(window.base, radix: 16)
        }
        self.name = name("pcie", layout.configuration)
        self.interrupts = interrupts
        self.deliver = deliver
        space.map(self, in: layout.configuration)
        for window in [layout.memory, layout.wideMemory] {
            space.map(Window(self, name: name("pcie-memory", window), base: window.base), in: window)
        }
        space.map(Window(self, name: name("pcie-ports", layout.ports), base: nil), in: layout.ports)
    }

    /// Adds a function, in the next device.
    /// - Precondition: there is ``room``.
    func plug(_ make: (Port) -> any PCIFunction) {
        precondition(functions.count <= Self.room)
        functions.append(make(Port(self, device: functions.count)))
    }

    private func setInterrupt(_ device: Int, _ level: Bool) {
        let wire = Self.wire(device: device, pin: 0)
        let bit = UInt32(1) << UInt32(device)
        if level { asserted[wire] |= bit } else { asserted[wire] &= ~bit }
        interrupts[wire].set(asserted[wire] != 0)
    }

    /// Which wire a pin of a device is: INTA# is pin 0.
    static func wire(device: Int, pin: Int) -> Int { (device + pin) % 4 }

    private func claimant(_ address: UInt64, size: Int) -> (function: any PCIFunction, place: PCIPlace)? {
        for function in functions {
            if let place = function.locate(address, size: size) { return (function, place) }
        }
        return nil
    }

    private static func nobody(size: Int) -> UInt64 { size >= 8 ? .max : 1 << UInt64(8 * size) - 1 }

    // MARK: Configuration space

    /// The function that ECAM has at an offset: bus, device and function are bits 27 to 12.
    private func function(_ offset: UInt64) -> (any PCIFunction)? {
        let number = offset >> 12
        guard number & 7 == 0, number >> 3 < UInt64(functions.count) else { return nil }
        return functions[Int(number >> 3)]
    }

    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        guard offset % UInt64(size) == 0 else { throw AccessFault() }
        guard let function = function(offset) else { return Self.nobody(size: size) }
        let register = Int(offset & 0xfff)
        return register < PCIConfigurationSpace.size ? function.readConfiguration(register, size: size) : 0
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        guard offset % UInt64(size) == 0 else { throw AccessFault() }
        let register = Int(offset & 0xfff)
        guard register < PCIConfigurationSpace.size, let function = function(offset) else { return }
        function.writeConfiguration(register, size: size, value: value)
    }

    public func reset() {
        for function in functions { function.reset() }
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("asserted", &asserted)
        for interrupt in interrupts { interrupt.describeState(&visitor) }
        for function in functions { function.describeState(&visitor) }
    }
}
