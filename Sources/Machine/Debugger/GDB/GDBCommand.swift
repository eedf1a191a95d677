/// What a packet asks for ("Packets").
enum GDBCommand: Equatable {
    /// ?
    case stopReason
    /// g, G, p, P; a thread is named in lldb's dialect.
    case readRegisters(GDBThread?)
    case writeRegisters(digits: [UInt8], GDBThread?)
    case readRegister(UInt64, GDBThread?)
    case writeRegister(UInt64, [UInt8], GDBThread?)
    /// m and x, M and X.
    case readMemory(UInt64, count: UInt64, isBinary: Bool)
    case writeMemory(UInt64, [UInt8])
    /// c, C, s and S.
    case resume(isStep: Bool, address: UInt64?)
    /// vCont.
    case resumeThreads([Action])
    /// bc and bs.
    case reverse(isStep: Bool)
    /// Hg and Hc.
    case selectThread(GDBThread, isForRunning: Bool)
    /// T.
    case isAlive(GDBThread)
    /// Z and z.
    case insert(PointType, UInt64, count: UInt64)
    case remove(PointType, UInt64, count: UInt64)
    /// D, k and vKill, R, vRun, vAttach, !.
    case detach, kill, killProcess, restart, run, attach(UInt64)
    case useExtendedMode
    /// q and Q, up to the first separator, and what comes behind that.
    case query(String, GDBText)
    /// vCont?, vMustReplyEmpty, and what there is not.
    case canResumeThreads
    case unknown

    enum PointType: UInt8, Equatable {
        case softwareBreakpoint, hardwareBreakpoint, writeWatchpoint, readWatchpoint, accessWatchpoint
    }

    /// One action of vCont, and whose it is: that of all others where it names none.
    struct Action: Equatable {
        enum Kind: Equatable {
            case run, step
            case stepOutOf(Range<UInt64>)
        }
        var kind: Kind
        var thread: GDBThread?
    }

    init(_ payload: [UInt8]) throws(GDBError) {
        var text = GDBText(payload)
        guard let letter = text.next() else {
            self = .unknown
            return
        }
        switch letter {
        case UInt8(ascii: "?"): self = .stopReason
        case UInt8(ascii: "!"): self = .useExtendedMode
        case UInt8(ascii: "g"): self = .readRegisters(try Self.suffix(&text))
        case UInt8(ascii: "G"):
            let digits = text.upTo(anyOf: ";")
            self = .writeRegisters(digits: Array(digits), try Self.suffix(&text))
        case UInt8(ascii: "p"): self = .readRegister(try text.number(), try Self.suffix(&text))
        case UInt8(ascii: "P"):
            let number = try text.number()
            try text.require("=")
            let bytes = try GDBText(text.upTo(anyOf: ";")).bytes()
            self = .writeRegister(number, bytes, try Self.suffix(&text))
        case UInt8(ascii: "m"), UInt8(ascii: "x"):
            let (address, count) = try Self.range(&text)
            try text.requireEnd()
            self = .readMemory(address, count: count, isBinary: letter == UInt8(ascii: "x"))
        case UInt8(ascii: "M"), UInt8(ascii: "X"):
            let (address, count) = try Self.range(&text)
            try text.require(":")
            let bytes = letter == UInt8(ascii: "M") ? try text.bytes() : try text.binary()
            guard UInt64(bytes.count) == count else { throw .malformed("it has not as many bytes as it says") }
            self = .writeMemory(address, bytes)
        case UInt8(ascii: "c"), UInt8(ascii: "s"):
            let address = text.isEmpty ? nil : try text.number()
            try text.requireEnd()
            self = .resume(isStep: letter == UInt8(ascii: "s"), address: address)
        case UInt8(ascii: "C"), UInt8(ascii: "S"):
            // There is nobody to give the signal to.
            _ = try text.number()
            let address = text.take(";") ? try text.number() : nil
            try text.requireEnd()
            self = .resume(isStep: letter == UInt8(ascii: "S"), address: address)
        case UInt8(ascii: "b"):
            switch text.text {
            case "c": self = .reverse(isStep: false)
            case "s": self = .reverse(isStep: true)
            default: self = .unknown
            }
        case UInt8(ascii: "H"):
            guard let operation = text.next() else { throw .malformed("H of what?") }
            let thread = try GDBThread(&text)
            try text.requireEnd()
            self = .selectThread(thread, isForRunning: operation != UInt8(ascii: "g"))
        case UInt8(ascii: "T"):
            let thread = try GDBThread(&text)
            try text.requireEnd()
            self = .isAlive(thread)
        case UInt8(ascii: "Z"), UInt8(ascii: "z"):
            self = try Self.point(&text, isInserted: letter == UInt8(ascii: "Z"))
        case UInt8(ascii: "D"): self = .detach
        case UInt8(ascii: "k"): self = .kill
        case UInt8(ascii: "R"), UInt8(ascii: "r"): self = .restart
        case UInt8(ascii: "q"), UInt8(ascii: "Q"):
            let name =
                String(decoding: [letter], as: UTF8.self)
                + String(decoding: text.upTo(anyOf: ":,;"), as: UTF8.self)
            _ = text.next()
            self = .query(name, text)
        case UInt8(ascii: "v"): self = try Self.verbose(&text)
        default: self = .unknown
        }
    }

    /// `;thread:1;`, where lldb says of which one ("QThreadSuffixSupported" of its documents).
    private static func suffix(_ text: inout GDBText) throws(GDBError) -> GDBThread? {
        if text.isEmpty { return nil }
        try text.require(";")
        if text.isEmpty { return nil }
        try text.require("thread:")
        let thread = try GDBThread(&text)
        _ = text.take(";")
        try text.requireEnd()
        return thread
    }

    /// `address,length`.
    static func range(_ text: inout GDBText) throws(GDBError) -> (address: UInt64, count: UInt64) {
        let address = try text.number()
        try text.require(",")
        return (address, try text.number())
    }

    private static func point(_ text: inout GDBText, isInserted: Bool) throws(GDBError) -> GDBCommand {
        let number = try text.number()
        guard let type = UInt8(exactly: number).flatMap({ PointType(rawValue: $0) }) else { return .unknown }
        try text.require(",")
        let (address, count) = try range(&text)
        guard text.isEmpty else { throw .refused("conditions and commands of breakpoints are the debugger's own") }
        return isInserted ? .insert(type, address, count: count) : .remove(type, address, count: count)
    }

    private static func verbose(_ text: inout GDBText) throws(GDBError) -> GDBCommand {
        let name = String(decoding: text.upTo(anyOf: ";:"), as: UTF8.self)
        switch name {
        case "Cont?": return .canResumeThreads
        case "Cont": return .resumeThreads(try actions(&text))
        case "Kill": return .killProcess
        case "Run": return .run
        case "Attach":
            try text.require(";")
            return .attach(try text.number())
        default: return .unknown
        }
    }

    private static func actions(_ text: inout GDBText) throws(GDBError) -> [Action] {
        var actions: [Action] = []
        while text.take(";") {
            let kind: Action.Kind
            switch text.next() {
            case UInt8(ascii: "c"): kind = .run
            case UInt8(ascii: "s"): kind = .step
            case UInt8(ascii: "C"):
                _ = try text.number()
                kind = .run
            case UInt8(ascii: "S"):
                _ = try text.number()
                kind = .step
            case UInt8(ascii: "r"):
                let start = try text.number()
                try text.require(",")
                let end = try text.number()
                guard start <= end else { throw .malformed("the range ends before it starts") }
                kind = .stepOutOf(start..<end)
            default: throw .malformed("vCont knows c, C, s, S and r")
            }
            actions.append(Action(kind: kind, thread: text.take(":") ? try GDBThread(&text) : nil))
        }
        try text.requireEnd()
        guard !actions.isEmpty else { throw .malformed("vCont without an action") }
        return actions
    }
}
