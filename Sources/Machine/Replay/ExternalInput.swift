/// What came to a machine from outside, and when: together with the description of the machine all that a run depends on.
public struct ExternalInput: Equatable, Sendable {
    /// Instructions of all CPUs that were executed before it.
    public var position: UInt64
    /// The machine's virtual time when it came, in nanoseconds: while all CPUs wait, time passes without instructions.
    public var time: UInt64
    public var event: Event

    public init(position: UInt64, time: UInt64, _ event: Event) {
        self.position = position
        self.time = time
        self.event = event
    }

    /// Consoles, cards and input devices have numbers, each kind from 0 on in the order of the machine's description.
    public enum Event: Equatable, Sendable {
        /// Bytes that were typed.
        case console(UInt64, [UInt8])
        /// A break condition on the line.
        case consoleBreak(UInt64)
        /// A frame that a network card received.
        case frame(UInt64, [UInt8])
        /// The link of a network card went up or down.
        case link(UInt64, isUp: Bool)
        /// What happened at once at a keyboard or pointer.
        case inputDevice(UInt64, [InputEvent])
        /// Nothing but that the host let an idle machine's time pass, up to ``ExternalInput/time``.
        case timeAdvance
        /// A person's command to the machine: a line of the monitor's.
        case command(String)
        /// Memory that a debugger changed, at a physical address.
        case memoryEdit(UInt64, [UInt8])
        /// A CPU's register that a debugger changed, by its name.
        case registerEdit(processor: UInt64, String, [UInt8])
    }

    /// The kinds of events as files have them. From ``Kind/firstOptional`` on are those that a reader may pass over.
    public enum Kind: UInt8, CaseIterable, Sendable {
        case console = 1
        case consoleBreak = 2
        case frame = 3
        case link = 4
        case inputDevice = 5
        case timeAdvance = 6
        case command = 7
        case memoryEdit = 8
        case registerEdit = 9

        static let firstOptional: UInt8 = 0x80

        /// As listings name it.
        public var name: String {
            switch self {
            case .console: "console"
            case .consoleBreak: "console break"
            case .frame: "network frame"
            case .link: "network link"
            case .inputDevice: "keyboard or pointer"
            case .timeAdvance: "passing of idle time"
            case .command: "monitor command"
            case .memoryEdit: "memory edit"
            case .registerEdit: "register edit"
            }
        }
    }

    public var kind: Kind { event.kind }
}

extension ExternalInput.Event {
    public var kind: ExternalInput.Kind {
        switch self {
        case .console: .console
        case .consoleBreak: .consoleBreak
        case .frame: .frame
        case .link: .link
        case .inputDevice: .inputDevice
        case .timeAdvance: .timeAdvance
        case .command: .command
        case .memoryEdit: .memoryEdit
        case .registerEdit: .registerEdit
        }
    }

    /// Appends what follows the event's kind and length.
    func append(to bytes: inout [UInt8]) {
        switch self {
        case .console(let number, let contents), .frame(let number, let contents),
            .memoryEdit(let number, let contents):
            bytes.append(number: number)
            bytes += contents
        case .consoleBreak(let number): bytes.append(number: number)
        case .link(let number, let isUp):
            bytes.append(number: number)
            bytes.append(isUp ? 1 : 0)
        case .inputDevice(let number, let events):
            bytes.append(number: number)
            for event in events { event.append(to: &bytes) }
        case .timeAdvance: break
        case .command(let line): bytes += line.utf8
        case .registerEdit(let processor, let name, let contents):
            bytes.append(number: processor)
            bytes.append(text: name)
            bytes += contents
        }
    }

    init(_ kind: ExternalInput.Kind, _ reader: inout PayloadReader) throws(PayloadError) {
        switch kind {
        case .console: self = .console(try reader.number(), Array(reader.rest()))
        case .consoleBreak: self = .consoleBreak(try reader.number())
        case .frame: self = .frame(try reader.number(), Array(reader.rest()))
        case .link:
            let number = try reader.number()
            self = .link(number, isUp: try reader.byte() != 0)
        case .inputDevice:
            let number = try reader.number()
            var events: [InputEvent] = []
            while !reader.isAtEnd {
                events.append(
                    InputEvent(
                        type: try reader.integer(), code: try reader.integer(), value: try reader.integer()))
            }
            self = .inputDevice(number, events)
        case .timeAdvance: self = .timeAdvance
        case .command:
            guard let line = String(validating: reader.rest(), as: UTF8.self) else {
                throw PayloadError("a command is not UTF-8")
            }
            self = .command(line)
        case .memoryEdit: self = .memoryEdit(try reader.number(), Array(reader.rest()))
        case .registerEdit:
            let processor = try reader.number()
            self = .registerEdit(processor: processor, try reader.text(), Array(reader.rest()))
        }
        try reader.expectEnd()
    }
}
