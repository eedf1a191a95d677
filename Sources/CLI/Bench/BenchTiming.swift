/// How long the rounds of a program take, without the start and the end of the process that runs them.
///
/// A process takes tens of milliseconds to start and to end, and an event of a hypervisor may take nanoseconds. So each
/// measurement runs the program twice, without any round and with ``rounds`` of them, and what counts is the difference
/// between the least times. Where it is too small, the rounds are multiplied: each emulator gets as many as it needs,
/// and times are compared for one round.
struct BenchTiming: Equatable {
    /// In one run.
    private(set) var rounds: Int
    /// Of a run without rounds and of one with them: the least so far, in seconds of processor time.
    private(set) var start = Double.infinity
    private(set) var whole = Double.infinity

    init(rounds: Int) { self.rounds = rounds }

    var perRound: Double { (whole - start) / Double(rounds) }

    /// Measures once more. `run` runs so many rounds and returns the seconds that it took; the rounds must come to
    /// `least` seconds.
    mutating func measure(least: Double, _ run: (Int) throws -> Double) rethrows {
        start = min(start, try run(0))
        whole = min(whole, try run(rounds))
        while whole - start < least {
            // By up to a hundred, as the first times say little: aim at twice what is wanted.
            rounds *= Int((2 * least / max(whole - start, least / 50)).rounded(.up))
            whole = try run(rounds)
        }
    }
}
