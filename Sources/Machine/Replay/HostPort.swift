/// Something that comes into a machine from outside.
public enum HostInput: Equatable, Sendable {
    /// Typed at the console.
    case console([UInt8])
    /// The line of the console is broken for longer than a character takes.
    case lineBreak
    /// A frame for the network card.
    case frame([UInt8])
    /// What happened at once at the keyboard, or with the pointer.
    case keyboard([InputEvent])
    case tablet([InputEvent])
}

/// The one way into a machine: all that comes from outside passes here, between rounds.
///
/// A run is a function of the machine's description and of this. Whoever listens here can have the run again, by
/// delivering the same inputs at the same places.
public final class HostPort {
    private let console: ConsoleInput
    private let network: NetworkInput?
    private let display: Display?
    private let breakLine: () -> Void
    /// Told of each input before it takes effect.
    public var observer: ((HostInput) -> Void)? {
        didSet {
            let observer = observer
            console.observer = observer.map { observer in { observer(.console($0)) } }
            network?.observer = observer.map { observer in { observer(.frame($0)) } }
            display?.keyboard.observer = observer.map { observer in { observer(.keyboard($0)) } }
            display?.tablet.observer = observer.map { observer in { observer(.tablet($0)) } }
        }
    }

    init(console: ConsoleInput, network: NetworkInput?, display: Display?, breakLine: @escaping () -> Void) {
        self.console = console
        self.network = network
        self.display = display
        self.breakLine = breakLine
    }

    /// Hands `input` to the device that it is for; there is no effect where the machine has none.
    public func deliver(_ input: HostInput) {
        switch input {
        case .console(let bytes): console.receive(bytes)
        case .lineBreak: sendBreak()
        case .frame(let frame): network?.receive(frame)
        case .keyboard(let events): display?.keyboard.receive(events)
        case .tablet(let events): display?.tablet.receive(events)
        }
    }

    public func sendBreak() {
        observer?(.lineBreak)
        breakLine()
    }
}
