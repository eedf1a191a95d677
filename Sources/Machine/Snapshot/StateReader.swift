/// Replaces the fields of parts of a machine by what a ``StateWriter`` has written down.
///
/// A state may come out of a damaged file, or be another machine's. So each field is checked for its name and kind, and
/// whoever is described checks the value. What is wrong first is kept (``error``), and from there on nothing is replaced.
public struct StateReader: StateVisitor {
    private let state: MachineState
    /// The place of the section after the current one, and of the current one's next field.
    private var nextSection = 0
    private var nextField = 0
    private var lastField: StaticString?
    public private(set) var error: StateError?

    public var replacesFields: Bool { true }

    public init(_ state: MachineState) {
        self.state = state
    }

    /// What follows belongs to a section of this name.
    public mutating func begin(_ name: String) {
        endSection()
        let found = nextSection < state.sections.count ? state.sections[nextSection].name : nil
        if found != name { fail(section: name, nil, .missing(found: found)) }
        (nextSection, nextField, lastField) = (nextSection + 1, 0, nil)
    }

    /// Everything that the machine has was read.
    /// - Throws: what was wrong first.
    public mutating func finish() throws(StateError) {
        endSection()
        if nextSection < state.sections.count { fail(section: state.sections[nextSection].name, nil, .unknown) }
        if let error { throw error }
    }

    private var section: MachineState.Section? { nextSection > 0 ? state.sections[nextSection - 1] : nil }

    private mutating func endSection() {
        guard error == nil, let section, nextField < section.fields.count else { return }
        fail(section: section.name, section.fields[nextField].name, .unknown)
    }

    private mutating func fail(section: String, _ field: String?, _ problem: StateError.Problem) {
        if error == nil { error = StateError(section: section, field: field, problem: problem) }
    }

    // MARK: Fields

    private mutating func take(_ name: StaticString) -> MachineState.Value? {
        guard error == nil, let section else { return nil }
        let field = nextField < section.fields.count ? section.fields[nextField] : nil
        guard let field, field.name == "\(name)" else {
            fail(section: section.name, "\(name)", .missing(found: field?.name))
            return nil
        }
        nextField += 1
        lastField = name
        return field.value
    }

    public mutating func field(_ name: StaticString, _ value: inout UInt64) {
        guard let found = take(name) else { return }
        if case .word(let word) = found {
            value = word
        } else {
            refuse("a number")
        }
    }

    public mutating func field(_ name: StaticString, _ bytes: inout [UInt8]) {
        guard let found = take(name) else { return }
        if case .bytes(let new) = found {
            bytes = new
        } else {
            refuse("bytes")
        }
    }

    public mutating func refuse(_ expected: @autoclosure () -> String, of name: StaticString?) {
        guard error == nil, let section else { return }
        fail(section: section.name, (name ?? lastField).map { "\($0)" }, .impossible(expected: expected()))
    }
}

/// Why a state cannot be a machine's.
public struct StateError: Error, Equatable, Sendable {
    public enum Problem: Equatable, Sendable {
        /// The machine has it, and the state has something else there, or nothing.
        case missing(found: String?)
        /// The state has it, and the machine has nothing of the kind.
        case unknown
        /// It is no value of that field.
        case impossible(expected: String)
    }

    /// The part of the machine: `hart 0`, the name of a device.
    public let section: String
    /// Nil where it is about the section as a whole.
    public let field: String?
    public let problem: Problem

    public init(section: String, field: String?, problem: Problem) {
        self.section = section
        self.field = field
        self.problem = problem
    }
}

extension StateError: CustomStringConvertible {
    public var problemText: String {
        let what = field.map { "\(section): field \"\($0)\"" } ?? "section \"\(section)\""
        switch problem {
        case .missing(let found?): return "\(what) is missing; \"\(found)\" is in its place"
        case .missing(nil): return "\(what) is missing"
        case .unknown: return "\(what) is nothing that this machine has"
        case .impossible(let expected): return "\(what) is damaged: it should be \(expected)"
        }
    }

    /// What to do about it.
    public var mend: String {
        switch problem {
        case .missing, .unknown:
            "The snapshot is another machine's or another version's: use the description and the version it was taken with"
        case .impossible: "Take the snapshot anew, or use another one"
        }
    }

    public var description: String { printable("\(problemText). \(mend).") }
}
