import ISA

/// Writes down what parts of a machine say of themselves.
public struct StateWriter: StateVisitor {
    public private(set) var sections: [MachineState.Section] = []

    public init() {}

    /// What follows belongs to a section of this name.
    public mutating func begin(_ name: String) {
        sections.append(MachineState.Section(name: name))
    }

    public mutating func field(_ name: StaticString, _ value: inout UInt64) { add(name, .word(value)) }

    public mutating func field(_ name: StaticString, _ bytes: inout [UInt8]) { add(name, .bytes(bytes)) }

    private mutating func add(_ name: StaticString, _ value: MachineState.Value) {
        if sections.isEmpty { begin("") }
        sections[sections.count - 1].fields.append(MachineState.Field(name: "\(name)", value: value))
    }
}

extension MachineState.Section {
    /// What a CPU says of itself.
    init(_ processor: any InspectableProcessor, _ memory: PhysicalMemory) {
        var writer = StateWriter()
        writer.begin(processor.label)
        processor.describeState(&writer, memory)
        self = writer.sections[0]
    }

    /// What a device says of itself.
    init(_ device: any Device) {
        var writer = StateWriter()
        writer.begin(device.name)
        device.describeState(&writer)
        self = writer.sections[0]
    }
}
