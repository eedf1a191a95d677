/// Running, stopping and the places to stop at (c, s, vCont, bc, bs, Z and z, "Stop Reply Packets").
extension GDBSession {
    // MARK: Running

    func resume(isStep: Bool, address: UInt64?) throws(GDBError) -> GDBReply {
        if let address, let counter = programCounter {
            guard target.writeRegister(counter, of: running, address.littleEndianBytes(8)) else {
                throw .refused("the program counter cannot be written")
            }
        }
        return try start(Resumption(isStep ? .step(processor: running) : .run))
    }

    /// Of each thread the leftmost action that names it holds. The CPUs of a machine run together: where one is stepped, the
    /// others take their turns.
    func resume(_ actions: [GDBCommand.Action]) throws(GDBError) -> GDBReply {
        var amount: Resumption.Amount?
        // The debugger's own first.
        let order = [running] + (0..<target.processorCount).filter { $0 != running }
        for processor in order {
            guard let action = actions.first(where: { $0.thread?.contains(processor) ?? true }) else { continue }
            switch action.kind {
            case .run: amount = amount ?? .run
            case .step: amount = .step(processor: processor)
            case .stepOutOf(let range):
                amount =
                    range.isEmpty ? .step(processor: processor) : .stepOutOf(processor: processor, range: range)
            }
            if let amount, amount != .run { break }
        }
        guard let amount else { throw .refused("there is no such thread") }
        return try start(Resumption(amount))
    }

    func reverse(isStep: Bool) throws(GDBError) -> GDBReply {
        guard target.canReverse else { return .unsupported }
        return try start(Resumption(isStep ? .step(processor: running) : .run, isReverse: true))
    }

    private func start(_ resumption: Resumption) throws(GDBError) -> GDBReply {
        guard !hasEnded else { throw .refused("the guest has ended. Start it again by run, in extended mode") }
        guard target.processorCount > 0 else { throw .refused("there is no CPU") }
        isRunning = true
        target.resume(resumption)
        return .none
    }

    func stopped(_ stop: DebugStop) {
        lastStop = stop
        general = stop.processor
        running = stop.processor
        if let text = stop.text { print(text) }
        switch stop.reason {
        case .exited: hasEnded = true
        case .ended(let text): print("orrery: \(text)\n")
        case .startOfHistory, .endOfHistory, .stepped, .breakpoint, .watchpoint, .interrupted: break
        }
        send(stopReply())
    }

    /// Has the debugger print a text (O packets).
    func print(_ text: String) { print(Array(text.utf8)) }

    func print(_ text: [UInt8]) {
        var bytes = text[...]
        while !bytes.isEmpty {
            let piece = bytes.prefix(GDBPacket.longestPayload / 4)
            bytes = bytes.dropFirst(piece.count)
            send(.text("O" + Hexadecimal.text(piece)))
        }
    }

    // MARK: Stop replies

    func stopReply() -> GDBReply {
        guard !hasEnded else {
            let status: UInt64 = if case .exited(let status)? = lastStop?.reason { min(status, 0xff) } else { 0 }
            return .text(
                "W" + Hexadecimal.text([UInt8(status)]) + (namesProcesses ? ";process:1" : ""))
        }
        let processor = lastStop?.processor ?? general
        return stopReply(lastStop?.reason, of: processor)
    }

    func stopReply(_ reason: DebugStop.Reason?, of processor: Int) -> GDBReply {
        // GDB's numbers of signals: SIGINT is 2, SIGTRAP 5.
        let signal: UInt8 = reason == .interrupted ? 2 : 5
        var text = "T" + Hexadecimal.text([signal])
        switch reason {
        case .breakpoint:
            let kind = breakpointKind(at: programCounter(of: processor))
            if kind == .softwareBreakpoint, knowsSoftwareBreakpoints { text += "swbreak:;" }
            if kind == .hardwareBreakpoint, knowsHardwareBreakpoints { text += "hwbreak:;" }
        // One that GDB does not know of it takes for none, and goes on.
        case .watchpoint(let kind, _) where lastStop?.text != nil && !points.values.contains { $0.kind == kind }: break
        case .watchpoint(let kind, let address):
            let name =
                switch kind {
                case .read: "rwatch"
                case .access: "awatch"
                case .write, .execution: "watch"
                }
            text += "\(name):\(String(address, radix: 16));"
        case .startOfHistory: text += "replaylog:begin;"
        case .endOfHistory: text += "replaylog:end;"
        case .stepped, .interrupted, .exited, .ended, nil: break
        }
        text += "thread:\(name(of: processor));core:\(String(processor, radix: 16));"
        if listsThreadsInStops { text += lldbStopDetails(reason, of: processor) }
        return .text(text)
    }

    func breakpointKind(at address: UInt64?) -> GDBCommand.PointType? {
        let kinds: [GDBCommand.PointType] = [.softwareBreakpoint, .hardwareBreakpoint]
        return kinds.first { kind in points.keys.contains { $0.type == kind.rawValue && $0.address == address } }
    }

    // MARK: Places to stop at

    /// Inserting what is there already, and removing what is not, does nothing.
    func insert(_ type: GDBCommand.PointType, _ address: UInt64, count: UInt64) throws(GDBError) -> GDBReply {
        let point = InsertedPoint(type: type.rawValue, address: address, count: count)
        guard points[point] == nil else { return .ok }
        let kind: StopPoint.Kind
        switch type {
        case .softwareBreakpoint, .hardwareBreakpoint: kind = .execution
        case .writeWatchpoint: kind = .write(count: count)
        case .readWatchpoint: kind = .read(count: count)
        case .accessWatchpoint: kind = .access(count: count)
        }
        guard kind == .execution || count > 0 else { throw .malformed("nothing is watched of no bytes") }
        guard points.count < Self.mostPoints else { throw .refused("there are \(Self.mostPoints) of them already") }
        let inserted = StopPoint(kind, at: place(address))
        do throws(DebugRefusal) { try target.insert(inserted) } catch { throw .refused(error.description) }
        points[point] = inserted
        return .ok
    }

    /// More than any person sets: memory is bounded.
    private static let mostPoints = 1 << 16

    func remove(_ type: GDBCommand.PointType, _ address: UInt64, count: UInt64) -> GDBReply {
        let point = InsertedPoint(type: type.rawValue, address: address, count: count)
        if let inserted = points.removeValue(forKey: point) { target.remove(inserted) }
        return .ok
    }

    func removeAllPoints() {
        for point in points.values { target.remove(point) }
        points = [:]
    }

    // MARK: The end, and another beginning

    func killProcess() -> GDBReply {
        guard isExtended else {
            send(.ok)
            ending = .killed
            return .none
        }
        hasEnded = true
        lastStop = nil
        return .ok
    }

    func restart(answersStop: Bool) -> GDBReply {
        guard isExtended else { return answersStop ? .error(.refused("that is for extended mode")) : .none }
        do throws(DebugRefusal) { try target.restart() } catch {
            return answersStop ? .error(.refused(error.description)) : .none
        }
        hasEnded = false
        lastStop = nil
        general = target.currentProcessor
        running = target.currentProcessor
        return answersStop ? stopReply() : .none
    }
}
