/// One debugger that is connected by GDB's remote serial protocol, as bytes in and bytes out.
///
/// It does no input or output. What came goes into ``receive(_:)``, what ``takeOutput()`` gives is to be sent, and while
/// ``isRunning`` says so, ``advance()`` is to be called again and again: the machine runs in it. CPUs are threads, from 1,
/// of process 1.
///
/// Manual: *Debugging with GDB*, appendix "GDB Remote Serial Protocol". Section names in comments are its.
public final class GDBSession {
    let target: any DebugTarget

    /// How the debugger has left, or wants the machine to go on without it.
    public enum Ending: Equatable, Sendable {
        /// The machine runs on.
        case detached
        case killed
    }

    /// Set once; nothing is answered from then on.
    public internal(set) var ending: Ending?
    /// The machine runs: ``advance()`` is to be called.
    public internal(set) var isRunning = false

    // MARK: What was agreed on

    private var acknowledges = true
    /// QStartNoAckMode was answered: what comes from now on is not acknowledged.
    var dropsAcknowledgments = false
    /// Thread numbers have their process before them.
    var namesProcesses = false
    var knowsSoftwareBreakpoints = false
    var knowsHardwareBreakpoints = false
    var errorForm = GDBReply.ErrorForm.number
    /// Stop replies name all threads, for lldb.
    var listsThreadsInStops = false
    /// Another program is started after the end of one.
    var isExtended = false
    /// Addresses are physical ones, as QEMU has it.
    var isPhysical = false

    // MARK: Where the debugger is

    /// The CPU that registers and memory are of, and the one that runs by itself.
    var general: Int
    var running: Int
    var lastStop: DebugStop?
    /// The guest has ended, or was killed.
    var hasEnded = false
    /// Breakpoints and watchpoints, by what the debugger calls them.
    var points: [InsertedPoint: StopPoint] = [:]
    /// Made when it is asked for.
    var description: [UInt8]?

    struct InsertedPoint: Hashable {
        var type: UInt8
        var address: UInt64
        var count: UInt64
    }

    // MARK: The stream

    private var reader = GDBFrameReader()
    /// What has come and was not looked at yet: nothing is while the machine runs, but for an interrupt, and while a lot
    /// waits to be sent.
    private var held: ArraySlice<GDBFrameReader.Item> = []
    /// There is more of what ``receive(_:)`` was given.
    private var hasMore = false
    /// A packet is being answered; which may take long, where it is a command of the monitor's.
    private var isAnswering = false
    /// The debugger does not wait for the answer any more: it has sent Ctrl-C, or its next packet.
    public private(set) var hasGivenUp = false
    /// Nor would it know what the answer is one to.
    private var dropsAnswer = false
    private var output: [UInt8] = []
    private var lastPacket: [UInt8] = []
    /// Beyond so many bytes no packet is answered until they are sent.
    private static let mostOutput = 1 << 18

    public init(_ target: any DebugTarget) {
        self.target = target
        general = target.currentProcessor
        running = target.currentProcessor
    }

    /// Takes what the debugger has sent.
    ///
    /// While something is answered that takes long, more may be received, for ``hasGivenUp``.
    public func receive(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        for (place, byte) in bytes.enumerated() {
            guard let item = reader.take(byte) else { continue }
            hasMore = place + 1 < bytes.count
            if isAnswering {
                giveUp(item)
            } else if item == .interrupt, isRunning {
                target.interrupt()
            } else {
                held.append(item)
            }
            work()
        }
        hasMore = false
    }

    /// Something has come before an answer. GDB sends nothing then while it waits for one; where a person presses Ctrl-C, it waits
    /// no more, tells nobody, and takes the next packet that it gets for the answer to the next that it sends.
    private func giveUp(_ item: GDBFrameReader.Item) {
        switch item {
        case .interrupt: hasGivenUp = true
        case .packet:
            (hasGivenUp, dropsAnswer) = (true, true)
            held.append(item)
        case .damaged, .tooLong, .refused, .acknowledged: held.append(item)
        }
    }

    /// More may be received: what came before is dealt with.
    public var wantsInput: Bool { !hasMore && (held.isEmpty || isRunning && held.count < 16) }

    /// What is to be sent, which it is taken for.
    public func takeOutput() -> [UInt8] {
        defer {
            output = []
            work()
        }
        return output
    }

    /// Lets the machine run for a short while.
    public func advance() {
        guard isRunning, let stop = target.advance() else { return }
        isRunning = false
        stopped(stop)
        work()
    }

    /// The connection is gone: the machine is left as if nobody had been there, and stands.
    public func close() {
        removeAllPoints()
        if isRunning {
            isRunning = false
            target.interrupt()
            // It may come to something else first, and either is an end.
            while target.advance() == nil {}
        }
    }

    private func work() {
        while !isAnswering, !isRunning, ending == nil, output.count < Self.mostOutput, let item = held.popFirst() {
            switch item {
            case .packet(let payload):
                if acknowledges { output.append(UInt8(ascii: "+")) }
                let count = output.count
                (isAnswering, hasGivenUp, dropsAnswer) = (true, false, false)
                let reply = answer(payload)
                isAnswering = false
                if dropsAnswer { output.removeSubrange(count...) } else { send(reply) }
                if dropsAcknowledgments { acknowledges = false }
            case .tooLong:
                if acknowledges { output.append(UInt8(ascii: "+")) }
                send(.error(.malformed("it is longer than \(GDBPacket.longestPayload) bytes")))
            case .damaged: if acknowledges { output.append(UInt8(ascii: "-")) }
            case .refused: if acknowledges { output += lastPacket }
            // It stands already.
            case .interrupt, .acknowledged: break
            }
        }
    }

    func send(_ reply: GDBReply) {
        guard let payload = reply.payload(errorForm) else { return }
        lastPacket = GDBPacket.frame(payload)
        output += lastPacket
    }

    // MARK: Commands

    private func answer(_ payload: [UInt8]) -> GDBReply {
        do throws(GDBError) {
            return try carryOut(try GDBCommand(payload))
        } catch {
            // Packets whose errors GDB 13 shows as text; the others it takes for data.
            let shown = "ZzPvqQHDMX".utf8
            if errorForm == .number, let letter = payload.first, shown.contains(letter), case .refused = error {
                return .text(String(decoding: GDBReply.error(error).payload(.text) ?? [], as: UTF8.self))
            }
            return .error(error)
        }
    }

    private func carryOut(_ command: GDBCommand) throws(GDBError) -> GDBReply {
        switch command {
        case .stopReason: return stopReply()
        case .readRegisters(let thread): return readRegisters(of: try processor(thread))
        case .writeRegisters(let digits, let thread): return try writeRegisters(digits, of: try processor(thread))
        case .readRegister(let number, let thread): return try readRegister(number, of: try processor(thread))
        case .writeRegister(let number, let bytes, let thread):
            return try writeRegister(number, bytes, of: try processor(thread))
        case .readMemory(let address, let count, let isBinary):
            return try readMemory(address, count: count, isBinary: isBinary)
        case .writeMemory(let address, let bytes): return try writeMemory(address, bytes)
        case .resume(let isStep, let address): return try resume(isStep: isStep, address: address)
        case .resumeThreads(let actions): return try resume(actions)
        case .reverse(let isStep): return try reverse(isStep: isStep)
        case .selectThread(let thread, let isForRunning): return try select(thread, isForRunning: isForRunning)
        case .isAlive(let thread):
            guard !hasEnded, number(of: thread) != nil else { throw .refused("there is no such thread") }
            return .ok
        case .insert(let type, let address, let count): return try insert(type, address, count: count)
        case .remove(let type, let address, let count): return remove(type, address, count: count)
        case .detach:
            removeAllPoints()
            send(.ok)
            ending = .detached
            return .none
        case .kill:
            // GDB waits for no answer, and lldb for one.
            if listsThreadsInStops { send(.text("X09")) }
            ending = .killed
            return .none
        case .killProcess: return killProcess()
        case .restart: return restart(answersStop: false)
        case .run: return restart(answersStop: true)
        case .attach(let process):
            guard process == GDBThread.onlyProcess else { throw .refused("the machine is process 1") }
            return stopReply()
        case .useExtendedMode:
            isExtended = true
            return .ok
        case .canResumeThreads: return .text("vCont;c;C;s;S;r")
        case .query(let name, let argument): return try query(name, argument)
        case .unknown: return .unsupported
        }
    }

    // MARK: Threads

    /// The CPU that a thread's number is of, as the debugger would have it printed.
    func name(of processor: Int) -> String {
        let number = String(processor + 1, radix: 16)
        return namesProcesses ? "p1.\(number)" : number
    }

    /// The first CPU of those that are meant: the last one of the debugger's, if it is one. Nil where there is none.
    func number(of thread: GDBThread) -> Int? {
        if thread.contains(general), general < target.processorCount { return general }
        return (0..<target.processorCount).first { thread.contains($0) }
    }

    /// The CPU of a packet that names one, or else that of Hg.
    func processor(_ thread: GDBThread?) throws(GDBError) -> Int {
        guard let thread else { return general }
        guard let number = number(of: thread) else { throw .refused("there is no such thread") }
        return number
    }

    private func select(_ thread: GDBThread, isForRunning: Bool) throws(GDBError) -> GDBReply {
        guard let number = number(of: thread) else { throw .refused("there is no such thread") }
        if isForRunning { running = number } else { general = number }
        return .ok
    }
}
