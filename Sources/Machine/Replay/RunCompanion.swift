/// Goes with a run from the outside: writes down what comes into the machine, or has the same come again.
public protocol RunCompanion: AnyObject {
    /// Called between rounds, before anything else happens at that time.
    /// - Returns: why the run ends here, if it does.
    func betweenRounds(_ session: Session) -> Session.Conclusion?
    /// The virtual time at which something is to be done next. It lies ahead, and where a lone CPU runs it is stopped there;
    /// rounds of several CPUs end there anyway if all is well.
    var nextTime: UInt64? { get }
}
