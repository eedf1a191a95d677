/// The state of a machine without its memory: what every CPU and device says of itself, field by field.
///
/// It is the one description of a machine's state that snapshots, comparisons and people go by. Two machines built from one
/// description have the same sections with the same fields, as long as what varies in length comes as bytes.
public struct MachineState: Equatable, Sendable {
    /// The CPUs (`hart 0`), `board`, the devices by their names, in the order of their addresses, and `clock`.
    public var sections: [Section]

    public init(sections: [Section] = []) {
        self.sections = sections
    }

    /// What one part of the machine says of itself, in the order of its ``Device/describeState(_:)``.
    public struct Section: Equatable, Sendable {
        public var name: String
        public var fields: [Field]

        public init(name: String, fields: [Field] = []) {
            self.name = name
            self.fields = fields
        }
    }

    public struct Field: Equatable, Sendable {
        /// Several fields of a section may have the same: they are an array.
        public var name: String
        public var value: Value

        public init(name: String, value: Value) {
            self.name = name
            self.value = value
        }
    }

    public enum Value: Equatable, Sendable {
        case word(UInt64)
        case bytes([UInt8])
    }
}
