import ISA

/// An event that a machine is to stop at.
///
/// It stops behind it: at the first instruction of the handler of an exception, or of the guest that was entered, or behind the
/// instruction that has written a register. Backwards it comes to the same place.
public struct EventPoint: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// A guest is entered.
        case entry
        /// A guest leaves; for what, as `--exits` calls it, or a part of that.
        case exit(reason: String?)
        /// The level changes, to that of the name.
        case level(String?)
        /// A guest's access finds no way through the second stage; to one of these guest-physical addresses.
        case stageTwoFault(ClosedRange<UInt64>?)
        /// An instruction writes the system register of that name.
        case write(register: String)
        /// Named by a number or words, or any.
        case interrupt(String?)
        case exception(String?)
    }
    public var kind: Kind
    /// Only where the CPU is at this level afterwards.
    public var level: String?
    /// Only of the guest of this number (VMID).
    public var guest: UInt64?
    /// Only of this CPU.
    public var processor: Int?

    public init(_ kind: Kind, level: String? = nil, guest: UInt64? = nil) {
        self.kind = kind
        self.level = level
        self.guest = guest
    }

    func matches(_ event: ProcessorEvent, _ processor: any EventfulProcessor) -> Bool {
        if let level, level != processor.privilege.name { return false }
        if let guest, guest != processor.guest { return false }
        if let wanted = self.processor, wanted != processor.identifier { return false }
        switch (kind, event) {
        case (.entry, .returned(_, let entersGuest)): return entersGuest
        case (.exit(let reason), .exception(_, let exit)):
            guard exit.leavesGuest else { return false }
            guard let reason else { return true }
            let name = type(of: processor).exitName(exit.cause, detail: exit.detail, function: exit.function)
            return name.lowercased().contains(reason.lowercased())
        case (.level(let name), .exception(let record, _)):
            return record.from.name != record.to.name && (name ?? record.to.name) == record.to.name
        case (.level(let name), .returned(let from, _)):
            let to = processor.privilege.name
            return from.name != to && (name ?? to) == to
        case (.stageTwoFault(let range), .exception(let record, _)):
            guard let address = record.guestPhysical else { return false }
            return range?.contains(address) ?? true
        case (.write(let register), .write(let written, _)):
            return register == written && (guest == nil || processor.privilege.isGuests)
        case (.interrupt(let name), .exception(let record, _)):
            return record.kind == .interrupt && isNamed(name, record, processor)
        case (.exception(let name), .exception(let record, _)):
            return record.kind != .interrupt && isNamed(name, record, processor)
        default: return false
        }
    }

    private func isNamed(_ name: String?, _ record: ExceptionRecord, _ processor: any EventfulProcessor) -> Bool {
        if guest != nil, !record.from.isGuests, !record.to.isGuests { return false }
        guard let name else { return true }
        if let number = try? Count(name).value { return number == type(of: processor).number(of: record) }
        return record.name.lowercased().contains(name.lowercased())
    }

    /// As it is typed behind `catch`.
    public var text: String {
        let main =
            switch kind {
            case .entry: "entry"
            case .exit(let reason): "exit" + (reason.map { " \($0)" } ?? "")
            case .level(let name): "level" + (name.map { " \($0)" } ?? "")
            case .stageTwoFault(let range):
                "fault stage2"
                    + (range.map { " gpa \(hexadecimal($0.lowerBound))-\(hexadecimal($0.upperBound))" } ?? "")
            case .write(let register): "write \(register)"
            case .interrupt(let name): "interrupt" + (name.map { " \($0)" } ?? "")
            case .exception(let name): "exception" + (name.map { " \($0)" } ?? "")
            }
        return main + (level.map { " level \($0)" } ?? "") + (guest.map { " vmid \($0)" } ?? "")
    }
}

/// What has happened, for people.
struct EventText {
    let event: ProcessorEvent
    let processor: any EventfulProcessor
    let symbols: SymbolFinder
    let memory: PhysicalMemory

    /// One line, and where a translation failed, each step of it: both stages.
    var lines: [String] {
        let name = processor.label
        switch event {
        case .exception(let record, let exit):
            let from = "\(record.from.name) \(symbols.text(record.programCounter, inGuest: record.from.isGuests))"
            let to = "\(record.to.name) \(symbols.text(processor.programCounter, inGuest: record.to.isGuests))"
            let subject = exit.leavesGuest ? "guest \(processor.guest) leaves: " : ""
            return ["\(name): \(subject)\(record.name)\(record.detail), \(from) -> \(to)"] + translation(record)
        case .returned(let from, let entersGuest):
            let to = processor.privilege
            let place = symbols.text(processor.programCounter, inGuest: to.isGuests)
            let subject = entersGuest ? "guest \(processor.guest) is entered: " : ""
            return ["\(name): \(subject)\(from.name) -> \(to.name) \(place)"]
        case .write(let register, let value):
            let level = processor.privilege
            let place = symbols.text(processor.programCounter, inGuest: level.isGuests)
            return ["\(name): \(register) = \(hexadecimal(value)), by \(level.name) \(place)"]
        }
    }

    private func translation(_ record: ExceptionRecord) -> [String] {
        guard record.guestPhysical != nil, let access = type(of: processor).accessKind(of: record) else { return [] }
        return processor.translationLines(record.value, for: access, as: record.from.name, memory).map { "  " + $0 }
    }
}
