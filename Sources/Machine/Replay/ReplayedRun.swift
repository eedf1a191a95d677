/// A run that is a recorded one, and may leave the recording to go on as a run of its own; which may be recorded as a branch.
///
/// It leaves where it is told to, and where somebody changes something by hand.
public final class ReplayedRun: RunCompanion {
    public let replayer: RunReplayer
    /// Writes the branch down: what comes from the recording as well, so that the branch can be replayed without it.
    private let recorder: RunRecorder?
    /// The run is no more the recorded one.
    public private(set) var isLive = false
    /// Told when it leaves the recording.
    public var didGoLive: () -> Void = {}

    public init(_ session: Session, _ replayer: RunReplayer, recorder: RunRecorder? = nil) {
        self.replayer = replayer
        self.recorder = recorder
        session.companion = self
        session.replay = self
        session.port.addObserver { [weak self] event in
            guard let self, !isLive, !replayer.isDelivering else { return }
            switch event {
            // Nothing else comes from outside before.
            case .memoryEdit, .registerEdit: goLive()
            default: break
            }
        }
    }

    /// Leaves the recording here.
    public func goLive() {
        guard !isLive else { return }
        isLive = true
        replayer.end()
        didGoLive()
    }

    public func betweenRounds(_ session: Session) -> Session.Conclusion? {
        // A hash is of the state before inputs, which the replayer delivers.
        if let conclusion = recorder?.betweenRounds(session) { return conclusion }
        return isLive ? nil : replayer.betweenRounds(session)
    }

    public func inRound(_ session: Session) -> Session.Conclusion? { isLive ? nil : replayer.inRound(session) }
    public var nextTime: UInt64? { isLive ? nil : replayer.nextTime }
    public var nextPosition: UInt64? { isLive ? nil : replayer.nextPosition }
    public var mayBranch: Bool { recorder?.mayBranch ?? true }
}
