/// Which machine made a recording: what its CPUs and devices did, as far as a guest or a hash of the state can tell.
///
/// The version of the format says how a file is read; this, whether what is read can happen again. A recording of another
/// revision is replayed and compared all the same, since most changes are none to most guests. Where it then is another run,
/// who looks at it is told that the machine may be why, and which program to replay it with.
public struct MachineRevision: Equatable, Sendable {
    /// Of this program's machine.
    ///
    /// Raise it by one with a change after which what was recorded before can run otherwise: of an instruction, of a register of
    /// a CPU or a device, of when time passes or an interrupt comes, of the order in which CPUs have their turns, of what
    /// `describeState` goes through. Not for what a recording holds itself, as the device tree and the firmware, and not
    /// for what only a host sees, as speed. A line in CHANGELOG.md says what is otherwise.
    /// testsuites/traces tells when that was forgotten.
    public static let current: UInt64 = 1

    /// Recordings that do not say it are of the first.
    public var number: UInt64
    /// The program and its version, for people.
    public var program: String

    public init(_ number: UInt64 = current, program: String) {
        (self.number, self.program) = (number, program)
    }

    var payload: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: number)
        bytes.append(text: program)
        return bytes
    }

    /// Reads a chunk's payload. Later minor versions may have more at its end.
    init(_ reader: inout PayloadReader) throws(PayloadError) {
        number = try reader.number()
        program = try reader.text()
    }
}

extension MachineRevision {
    /// Why a replay by this program may differ, and what to do; nil of a recording that this program's machine has made.
    public var warning: String? {
        guard number != Self.current else { return nil }
        let age = number < Self.current ? "an older" : "a newer"
        return "The recording is of \(age) machine, revision \(number), and this one is "
            + "revision \(Self.current): that alone may be why. "
            + "Replay it with the program that made it: \(printable(program))"
    }
}

extension TraceFileReader {
    /// Which machine made what this file begins with.
    func revision() throws(TraceFileError) -> MachineRevision {
        guard let chunk = chunks(of: .revision).first else { return MachineRevision(1, program: program) }
        return try decode(chunk) { (reader) throws(PayloadError) in try MachineRevision(&reader) }
    }
}
