/// Goes with a run from the outside: writes down what comes into the machine, or has the same come again.
public protocol RunCompanion: AnyObject {
    /// Called between rounds, before anything else happens at that time.
    /// - Returns: why the run ends here, if it does.
    func betweenRounds(_ session: Session) -> Session.Conclusion?
    /// Called where a round was stopped in the middle, before it goes on: what comes from outside while a debugger has the
    /// machine stand comes there as well.
    /// - Returns: why the run ends here, if it does.
    func inRound(_ session: Session) -> Session.Conclusion?
    /// The virtual time at which something is to be done next. It lies ahead, and where a lone CPU runs it is stopped there;
    /// rounds of several CPUs end there anyway if all is well.
    var nextTime: UInt64? { get }
    /// The instructions of all CPUs before which something is to be done next: where they lie ahead, a round is stopped there.
    var nextPosition: UInt64? { get }
    /// Whether the run may go another way than it has gone from a place where it was before.
    var mayBranch: Bool { get }
}

extension RunCompanion {
    public func inRound(_ session: Session) -> Session.Conclusion? { nil }
    public var nextPosition: UInt64? { nil }
    public var mayBranch: Bool { true }
}
