import ISA

/// Saving and restoring the state of a whole machine, without its memory.
///
/// Both go between rounds. Memory is for whoever has it to put back: RAM, and with it ROM and flash, which are regions of it.
/// What is written there has to be noted (``PhysicalMemory/noteWrite(_:count:)``), as decoded and translated code stays where
/// memory stays as it is; what was translated of addresses goes in any case.
extension Board {
    /// What each part of the machine says of itself.
    /// - Precondition: it is between rounds (``Scheduler/isBetweenRounds``).
    public func state() -> MachineState {
        var writer = StateWriter()
        describeState(&writer) { $1.begin($0) }
        return MachineState(sections: writer.sections)
    }

    /// Makes this machine's state another one's, which was built from the same description. Where a round is in progress, that
    /// is given up.
    /// - Throws: what is wrong with the state. The machine has some of it then, and may be reset or let go.
    public func restore(_ state: MachineState) throws(StateError) {
        var reader = StateReader(state)
        describeState(&reader) { $1.begin($0) }
        // Whatever was read: the machine holds together.
        ownStateRestored()
        memory.forgetTranslations()
        for processor in processors { processor.stateRestored() }
        try reader.finish()
    }

    /// Walks the state of all parts of the machine. This is the one list of them.
    /// - Parameter begin: told the name of each part, before its state is walked.
    func describeState<Visitor: StateVisitor>(_ visitor: inout Visitor, begin: (String, inout Visitor) -> Void) {
        for processor in processors {
            begin(processor.label, &visitor)
            processor.describeState(&visitor, memory)
        }
        begin("board", &visitor)
        describeOwnState(&visitor)
        for device in devices {
            begin(device.name, &visitor)
            device.describeState(&visitor)
        }
        // Last, since it says in which order the timers of all others go off.
        begin("clock", &visitor)
        scheduler.describeState(&visitor)
        clock.describeState(&visitor)
    }
}

extension StateVisitor {
    /// What a guest has asked of its machine.
    mutating func field(_ request: inout MachineRequest?) {
        var (kind, code): (UInt8, UInt16) =
            switch request {
            case nil: (0, 0)
            case .powerOff(let status): (1, status)
            case .reset: (2, 0)
            case .fail(let code): (3, code)
            }
        field("request", &kind)
        field("request code", &code)
        switch kind {
        case 0: request = nil
        case 1: request = .powerOff(status: code)
        case 2: request = .reset
        case 3: request = .fail(code: code)
        default:
            request = nil
            refuse("a request of code 0 to 3")
        }
    }
}
