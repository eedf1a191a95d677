/// Where a run that is repeated is found not to be the one that was recorded.
public struct Divergence: Equatable, Sendable, CustomStringConvertible {
    /// Instructions of all CPUs. The runs part here, or since ``lastEqual``.
    public var position: UInt64
    public var time: UInt64
    /// Where the runs were compared last as a whole, and were equal.
    public var lastEqual: UInt64
    /// Where the CPUs were compared last, and were equal: memory, which was not looked at there, may have differed already.
    public var lastEqualProcessors: UInt64
    /// What is not as it was, in a few words: `hart 0: a0 is 0x5, and was 0x4`.
    public var differences: [String]
    /// The CPU that ran last, and where it is: `hart 0 at vcpu_run+0x1c`.
    public var place: String
    /// Which machine made the recording.
    public var revision: MachineRevision

    public var description: String {
        "between instructions \(grouped(lastEqual)) and \(grouped(position))"
            + (lastEqualProcessors > lastEqual ? " (the CPUs were as recorded at \(grouped(lastEqualProcessors)))" : "")
            + ", \(place): " + differences.joined(separator: "; ") + (revision.warning.map { ". \($0)" } ?? "")
    }
}
