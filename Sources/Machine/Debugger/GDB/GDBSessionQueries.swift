/// What is asked in words ("General Query Packets").
extension GDBSession {
    func query(_ name: String, _ argument: GDBText) throws(GDBError) -> GDBReply {
        switch name {
        case "qSupported": return agree(argument)
        case "QStartNoAckMode":
            dropsAcknowledgments = true
            return .ok
        case "qC": return .text("QC" + self.name(of: general))
        case "qfThreadInfo":
            guard !hasEnded, target.processorCount > 0 else { return .text("l") }
            return .text("m" + (0..<target.processorCount).map { self.name(of: $0) }.joined(separator: ","))
        case "qsThreadInfo": return .text("l")
        case "qThreadExtraInfo":
            let processor = try thread(argument)
            let text = "\(target.label(of: processor)): \(target.status(of: processor))"
            return .text(Hexadecimal.text(text.utf8))
        case "qXfer": return try transfer(argument)
        case "qAttached": return .text("1")
        case "qRcmd":
            return carriedOut(target.monitor(String(decoding: try argument.bytes(), as: UTF8.self)))
        case "qSearch": return try search(argument)
        case "qCRC": return try checksum(argument)
        // Nothing here asks for symbols.
        case "qSymbol": return .ok
        case "QNonStop":
            guard argument.text == "0" else { throw .refused("the CPUs stop together: set non-stop off") }
            return .ok
        case "QThreadEvents":
            guard argument.text == "0" else { throw .refused("CPUs neither come nor go") }
            return .ok
        case "qqemu.PhyMemMode": return .text(isPhysical ? "1" : "0")
        case "Qqemu.PhyMemMode":
            guard let mode = ["0", "1"].firstIndex(of: argument.text) else { throw .malformed("it is 0 or 1") }
            isPhysical = mode == 1
            return .ok
        default: return try lldbQuery(name, argument)
        }
    }

    func thread(_ argument: GDBText) throws(GDBError) -> Int {
        var text = argument
        let thread = try GDBThread(&text)
        try text.requireEnd()
        return try processor(thread)
    }

    /// Which extensions both sides know.
    private func agree(_ argument: GDBText) -> GDBReply {
        let theirs = argument.text.split(separator: ";")
        namesProcesses = theirs.contains("multiprocess+")
        knowsSoftwareBreakpoints = theirs.contains("swbreak+")
        knowsHardwareBreakpoints = theirs.contains("hwbreak+")
        if theirs.contains("error-message+") { errorForm = .text }
        var ours = [
            "PacketSize=" + String(GDBPacket.longestPayload, radix: 16), "QStartNoAckMode+", "vContSupported+",
            "swbreak+", "hwbreak+", "binary-upload+", "error-message+", "qXfer:features:read+",
            "qXfer:memory-map:read+", "qXfer:threads:read+",
        ]
        if target.executable != nil { ours.append("qXfer:exec-file:read+") }
        if namesProcesses { ours.append("multiprocess+") }
        if target.canReverse { ours += ["ReverseStep+", "ReverseContinue+"] }
        return .text(ours.joined(separator: ";"))
    }

    /// The text of a command of the monitor's. Its last part is the answer, and not OK behind it: where a person has pressed Ctrl-C
    /// meanwhile, GDB takes one packet more and no second one.
    private func carriedOut(_ text: String) -> GDBReply {
        let last = Array(text.utf8.suffix(GDBPacket.longestPayload / 4))
        // lldb prints what is not OK as it is.
        guard !last.isEmpty, !listsThreadsInStops else {
            print(text)
            return .ok
        }
        print(Array(text.utf8.dropLast(last.count)))
        return .text(Hexadecimal.text(last))
    }

    // MARK: qXfer

    /// object:read:annex:offset,length.
    private func transfer(_ argument: GDBText) throws(GDBError) -> GDBReply {
        var text = argument
        let object = String(decoding: text.upTo(anyOf: ":"), as: UTF8.self)
        try text.require(":")
        guard text.take("read:") else { return .unsupported }
        let annex = String(decoding: text.upTo(anyOf: ":"), as: UTF8.self)
        try text.require(":")
        let (offset, count) = try GDBCommand.range(&text)
        try text.requireEnd()
        guard let document = try document(object, annex) else { return .unsupported }
        guard offset <= UInt64(document.count) else { throw .malformed("the offset is behind the end") }
        // Escapes at most double it.
        let length = min(count, UInt64(GDBPacket.longestPayload / 2 - 1))
        let part = document.dropFirst(Int(offset)).prefix(Int(length))
        return .binary(Int(offset) + part.count == document.count ? "l" : "m", Array(part))
    }

    private func document(_ object: String, _ annex: String) throws(GDBError) -> [UInt8]? {
        switch object {
        case "features":
            guard annex == "target.xml" else { throw .refused("there is target.xml alone") }
            if description == nil {
                description = GDBTargetDescription(target, isForLLDB: listsThreadsInStops).document
            }
            return description
        case "memory-map": return Array(memoryMap.utf8)
        case "threads": return Array(threads.utf8)
        case "exec-file": return target.executable.map { Array($0.utf8) }
        default: return nil
        }
    }

    private var threads: String {
        let lines = (0..<target.processorCount).map { processor in
            "<thread id=\"\(name(of: processor))\" core=\"\(processor)\" name=\"\(markup(target.label(of: processor)))\">"
                + "\(markup(target.status(of: processor)))</thread>"
        }
        return "<?xml version=\"1.0\"?>\n<threads>\n" + (hasEnded ? [] : lines).joined(separator: "\n")
            + "\n</threads>\n"
    }

    /// GDB refuses what the map has not, and its addresses are virtual ones as often as not. So all that is not ROM is
    /// called RAM: where a device is, the machine itself refuses.
    private var memoryMap: String {
        var lines: [String] = []
        var next: UInt64 = 0
        func add(_ type: String, _ start: UInt64, _ size: UInt64) {
            guard size > 0 else { return }
            lines.append(
                "<memory type=\"\(type)\" start=\"\(hexadecimal(start))\" length=\"\(hexadecimal(size))\"/>")
        }
        for region in target.memoryMap where region.kind == .rom && region.size > 0 && region.start >= next {
            let (end, overflow) = region.start.addingReportingOverflow(region.size)
            guard !overflow else { break }
            add("ram", next, region.start - next)
            add("rom", region.start, region.size)
            next = end
        }
        // The size of all there is has no 64 bits; what ends at 0 ends at the top.
        if next < 1 << 63 {
            add("ram", next, 1 << 63 - next)
            next = 1 << 63
        }
        add("ram", next, 0 &- next)
        return "<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
            + "\"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n" + lines.joined(separator: "\n")
            + "\n</memory-map>\n"
    }
}
