/// What a guest asks of its machine as a whole.
public enum MachineRequest: Equatable, Sendable {
    /// The guest is done and reports success.
    case powerOff(status: UInt16)
    case reset
    /// The guest is done and reports failure.
    case fail(code: UInt16)
}

/// SiFive's test finisher: one register through which a guest ends or restarts its machine.
///
/// Device tree: `sifive,test1`, `sifive,test0`, `syscon`. QEMU's `virt` board points its `syscon-poweroff` and
/// `syscon-reboot` nodes at this register (offset 0, values 0x5555 and 0x7777).
public final class SiFiveTest: Device {
    enum Register: UInt64 {
        /// The low half is a command; the high half is the exit status of `pass` and `fail`.
        case finisher = 0x0
    }

    enum Command: UInt16 {
        case fail = 0x3333
        case pass = 0x5555
        case reset = 0x7777
    }

    /// The region's size, of which only the first register does something.
    static let regionSize: UInt64 = 0x1000

    public let name: String
    private let request: (MachineRequest) -> Void

    /// - Parameter request: told of the guest's wish while its store executes; the machine acts on it afterwards.
    public init(name: String, request: @escaping (MachineRequest) -> Void) {
        self.name = name
        self.request = request
    }

    public func reset() {}

    /// As a syscon, its registers are memory that reads zero; Linux's regmap may read before it writes.
    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        guard size == 2 || size == 4, offset % UInt64(size) == 0, offset < Self.regionSize else { throw AccessFault() }
        return 0
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        guard size == 2 || size == 4, offset % UInt64(size) == 0, offset < Self.regionSize else { throw AccessFault() }
        guard Register(rawValue: offset) == .finisher else { return }
        let status = size == 4 ? UInt16(truncatingIfNeeded: value >> 16) : 0
        switch Command(rawValue: UInt16(truncatingIfNeeded: value)) {
        case .fail: request(.fail(code: status))
        case .pass: request(.powerOff(status: status))
        case .reset: request(.reset)
        case nil: break
        }
    }

    /// It has none.
    public func describeState(_ visitor: inout some StateVisitor) {}
}
