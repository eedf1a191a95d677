/// The one way into a machine: all that comes from outside passes here, between rounds; or where a debugger has a machine stand
/// in the middle of one, there.
///
/// A run is a function of the machine's description and of this. Whoever listens here can have the run again, by
/// delivering the same inputs at the same places.
public final class HostPort {
    private let console: ConsoleInput
    private let network: NetworkInput?
    private let display: Display?
    private unowned let board: any Board
    private let edits: MachineEdits
    private var observers: [(ExternalInput.Event) -> Void] = []
    /// What comes now came before.
    private var isRepeating = false

    /// The numbers of a display's devices.
    private static let keyboard: UInt64 = 0
    private static let tablet: UInt64 = 1

    init(_ board: any Board, console: ConsoleInput, network: NetworkInput?) {
        self.board = board
        self.console = console
        self.network = network
        display = board.display
        edits = MachineEdits(board)
        console.observer = { [unowned self] in tell(.console(0, $0)) }
        network?.observer = { [unowned self] in tell(.frame(0, $0)) }
        display?.keyboard.observer = { [unowned self] in tell(.inputDevice(Self.keyboard, $0)) }
        display?.tablet.observer = { [unowned self] in tell(.inputDevice(Self.tablet, $0)) }
    }

    /// Has `observer` told of each input from now on, before it takes effect.
    public func addObserver(_ observer: @escaping (ExternalInput.Event) -> Void) { observers.append(observer) }

    private func tell(_ event: ExternalInput.Event) {
        guard !isRepeating else { return }
        // So that there is one place that it comes at.
        board.scheduler.settle()
        for observer in observers { observer(event) }
    }

    /// Hands an input to the device that it is for.
    /// - Returns: false where there is none.
    public func deliver(_ event: ExternalInput.Event) -> Bool {
        switch event {
        case .console(0, let bytes): console.receive(bytes)
        case .consoleBreak(0): sendBreak()
        case .frame(0, let frame):
            guard let network else { return false }
            network.receive(frame)
        case .inputDevice(let number, let events):
            guard let display, number <= Self.tablet else { return false }
            (number == Self.keyboard ? display.keyboard : display.tablet).receive(events)
        case .timeAdvance: break
        case .memoryEdit, .registerEdit:
            board.scheduler.settle()
            // Nobody is told of what cannot be.
            guard edits.make(event) else { return false }
            tell(event)
        case .console, .consoleBreak, .frame, .link, .command: return false
        }
        return true
    }

    /// The same for what has come before, in a run that was put back: nobody is told of it.
    func `repeat`(_ event: ExternalInput.Event) -> Bool {
        board.scheduler.settle()
        isRepeating = true
        defer { isRepeating = false }
        return deliver(event)
    }

    public func sendBreak() {
        tell(.consoleBreak(0))
        board.receiveBreak()
    }
}
