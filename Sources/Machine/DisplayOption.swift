/// Where the picture that a guest makes is to be seen, as the user wrote it after `--display`.
public enum DisplayOption: Hashable, Sendable, CustomStringConvertible {
    /// Nowhere: the machine has no screen.
    case none
    /// The machine has one, of which screenshots are made.
    case headless
    /// A VNC client shows it, and its keyboard and pointer are the machine's.
    case vnc(address: IPv4Address, port: UInt16)

    /// Who may connect unless the user says otherwise: programs of this computer.
    public static let loopback = IPv4Address(127, 0, 0, 1)

    public init(_ text: String) throws(ValueError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count) {
        case ("none", 1): self = .none
        case ("headless", 1): self = .headless
        case ("vnc", 2): self = .vnc(address: Self.loopback, port: try Self.port(parts[1]))
        case ("vnc", 3): self = .vnc(address: try Self.address(parts[1]), port: try Self.port(parts[2]))
        default:
            throw ValueError(
                problem: "\"\(text.prefix(40))\" is not a display",
                mend: "There are none, headless, vnc:PORT and vnc:ADDRESS:PORT, such as vnc:5900.")
        }
    }

    private static func port(_ text: String) throws(ValueError) -> UInt16 {
        guard let port = UInt16(text), port > 0 else {
            throw ValueError(
                problem: "\"\(text.prefix(40))\" is not a port", mend: "Give one from 1 to 65535, such as vnc:5900.")
        }
        return port
    }

    private static func address(_ text: String) throws(ValueError) -> IPv4Address {
        guard let address = IPv4Address(text) else {
            throw ValueError(
                problem: "\"\(text.prefix(40))\" is not an address, which is four numbers",
                mend: "Give one of this computer, such as vnc:127.0.0.1:5900, or 0.0.0.0 for all of them.")
        }
        return address
    }

    public var description: String {
        switch self {
        case .none: "none"
        case .headless: "headless"
        case .vnc(Self.loopback, let port): "vnc:\(port)"
        case .vnc(let address, let port): "vnc:\(address):\(port)"
        }
    }
}

extension MachineDescription {
    /// Whether the machine has a screen, a keyboard and a tablet: where a display is asked for, and where a screenshot is.
    public var hasDisplay: Bool {
        get throws(InputError) {
            guard display == DisplayOption.none else { return display != nil || screenshot != nil }
            guard screenshot == nil else {
                throw InputError(
                    file: "--screenshot", problem: "a machine with --display none has no screen",
                    mend: "Leave --display out, or write --display headless.")
            }
            return false
        }
    }
}
