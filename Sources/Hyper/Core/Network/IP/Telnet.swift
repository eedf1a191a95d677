/// What a terminal and its keyboard say to each other through a connection: Telnet (RFC 854), with the server's echo (RFC
/// 857), without "go ahead" (RFC 858), and with the size of the window (RFC 1073). It does no I/O.
struct Telnet {
    private enum Command {
        static let endOfSubnegotiation: UInt8 = 240, interrupt: UInt8 = 244, areYouThere: UInt8 = 246
        static let eraseCharacter: UInt8 = 247, eraseLine: UInt8 = 248, subnegotiation: UInt8 = 250
        static let will: UInt8 = 251, wont: UInt8 = 252, `do`: UInt8 = 253, dont: UInt8 = 254, escape: UInt8 = 255
    }

    private enum Option {
        static let echo: UInt8 = 1, noGoAhead: UInt8 = 3, windowSize: UInt8 = 31
    }

    private enum State {
        case data, carriageReturn, escape
        case option(UInt8)
        case subnegotiation, subnegotiationEscape
    }

    private static let subnegotiationLimit = 32
    /// Bytes of answers that nobody has taken.
    static let answerLimit = 512

    private var state = State.data
    private var subnegotiation: [UInt8] = []
    private var endsInCarriageReturn = false
    /// What is to be answered.
    private(set) var answers: [UInt8]
    /// Columns of the window, once they are known.
    private(set) var columns: Int?

    init() {
        answers = [
            Command.escape, Command.will, Option.echo, Command.escape, Command.will, Option.noGoAhead, Command.escape,
            Command.do, Option.windowSize,
        ]
    }

    mutating func takeAnswers() -> [UInt8] {
        defer { answers = [] }
        return answers
    }

    /// The keys that were typed.
    mutating func receive(_ bytes: [UInt8]) -> [UInt8] {
        var keys: [UInt8] = []
        for byte in bytes { receive(byte, &keys) }
        return keys
    }

    private mutating func receive(_ byte: UInt8, _ keys: inout [UInt8]) {
        switch state {
        case .carriageReturn where byte == 0 || byte == 0x0a: state = .data
        case .data, .carriageReturn:
            state = .data
            if byte == Command.escape { return state = .escape }
            if byte == 0x0d { state = .carriageReturn }
            keys.append(byte)
        case .escape:
            state = .data
            switch byte {
            case Command.escape: keys.append(byte)
            case Command.will, Command.wont, Command.do, Command.dont: state = .option(byte)
            case Command.subnegotiation:
                subnegotiation = []
                state = .subnegotiation
            case Command.interrupt: keys.append(0x03)
            case Command.eraseCharacter: keys.append(0x7f)
            case Command.eraseLine: keys.append(0x15)
            case Command.areYouThere: answer([0x0d, 0x0a] + Text("[yes]").bytes + [0x0d, 0x0a])
            default: break
            }
        case .option(let verb):
            state = .data
            answer(verb, byte)
        case .subnegotiation:
            if byte == Command.escape { state = .subnegotiationEscape } else { keep(byte) }
        case .subnegotiationEscape:
            state = .subnegotiation
            if byte == Command.escape { return keep(byte) }
            state = .data
            if byte == Command.endOfSubnegotiation { endSubnegotiation() }
        }
    }

    private mutating func keep(_ byte: UInt8) {
        if subnegotiation.count < Self.subnegotiationLimit { subnegotiation.append(byte) }
    }

    private mutating func endSubnegotiation() {
        guard subnegotiation.count == 5, subnegotiation[0] == Option.windowSize else { return }
        let width = Int(subnegotiation[1]) << 8 | Int(subnegotiation[2])
        // Zero is unknown.
        if width > 0 { columns = min(max(width, 20), 1000) }
    }

    /// What we have offered or asked for is not answered again; all else is refused. A refusal needs no answer.
    private mutating func answer(_ verb: UInt8, _ option: UInt8) {
        switch verb {
        case Command.do where option != Option.echo && option != Option.noGoAhead:
            answer([Command.escape, Command.wont, option])
        case Command.will where option != Option.windowSize: answer([Command.escape, Command.dont, option])
        default: break
        }
    }

    /// Whoever only asks, and takes no answers, gets no more of them.
    private mutating func answer(_ bytes: [UInt8]) {
        if answers.count + bytes.count <= Self.answerLimit { answers += bytes }
    }

    /// What the terminal prints, as it goes through the connection: a carriage return that no line feed follows is followed by
    /// a zero.
    mutating func send(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 8)
        for byte in bytes {
            if endsInCarriageReturn, byte != 0x0a { result.append(0) }
            endsInCarriageReturn = byte == 0x0d
            result.append(byte)
            if byte == Command.escape { result.append(byte) }
        }
        return result
    }
}
