/// Memory and instructions (readMemory, writeMemory, disassemble).
extension DAPSession {
    /// More than an editor shows at once.
    private static let mostBytes = 1 << 20
    private static let mostInstructions = 1 << 14

    private func place(_ arguments: JSON) throws(Failure) -> UInt64 {
        let base = try address(arguments["memoryReference"]?.string)
        return base &+ UInt64(bitPattern: Int64(arguments["offset"]?.integer ?? 0))
    }

    func readMemory(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try standing
        let address = try place(arguments)
        guard let count = arguments["count"]?.integer, count >= 0 else {
            throw Failure("how many bytes are to be read?")
        }
        let wanted = min(count, Self.mostBytes)
        let bytes = program.target.readMemory(DebugAddress(address), count: wanted, of: selected(program.target))
        var members: [(String, JSON)] = [("address", .string(hexadecimal(address)))]
        if bytes.count < count { members.append(("unreadableBytes", .number(UInt64(count - bytes.count)))) }
        if !bytes.isEmpty { members.append(("data", .string(Base64.text(bytes)))) }
        return members
    }

    func writeMemory(_ arguments: JSON, _ after: inout [() -> Void]) throws(Failure) -> [(String, JSON)] {
        let program = try standing
        let address = try place(arguments)
        guard let text = arguments["data"]?.string, let bytes = Base64.bytes(text) else {
            throw Failure("the data is not what base64 makes of bytes")
        }
        if !bytes.isEmpty {
            guard program.target.writeMemory(DebugAddress(address), bytes, of: selected(program.target)) else {
                throw Failure(
                    "not all of the \(bytes.count) bytes at \(hexadecimal(address)) are memory; none was written")
            }
        }
        if knowsMemoryEvents {
            after.append { [unowned self] in
                event(
                    "memory",
                    [
                        ("memoryReference", .string(hexadecimal(address))), ("offset", .number(0)),
                        ("count", .number(UInt64(bytes.count))),
                    ])
            }
        }
        return [("bytesWritten", .number(UInt64(bytes.count)))]
    }

    /// The CPU that memory is seen by: the protocol names none.
    private func selected(_ target: any DebugTarget) -> Int { target.currentProcessor }

    // MARK: Instructions

    private struct Instruction {
        let address: UInt64
        let bytes: [UInt8]
        let text: String?
    }

    func disassemble(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        let program = try standing
        let address = try place(arguments)
        guard let count = arguments["instructionCount"]?.integer, 0...Self.mostInstructions ~= count else {
            throw Failure("instructionCount is 0 to \(Self.mostInstructions)")
        }
        let offset = arguments["instructionOffset"]?.integer ?? 0
        guard abs(offset) <= Self.mostInstructions else { throw Failure("instructionOffset is too far away") }
        let disassembler = Disassembler(symbols: program.symbols, architecture: program.target.architecture)
        var instructions: [Instruction] = []
        if offset < 0 { instructions = before(address, -offset, program, disassembler) }
        let missing = max(count + max(offset, 0) + min(offset, 0), 0)
        instructions += listing(from: address, missing, program, disassembler)
        if offset > 0 { instructions.removeFirst(min(offset, instructions.count)) }
        let isResolved = arguments["resolveSymbols"]?.bool ?? false
        var last: SourceFrame?
        let list = instructions.prefix(count).map { instruction -> JSON in
            var members: [(String, JSON)] = [("address", .string(hexadecimal(instruction.address)))]
            guard let text = instruction.text else {
                members += [("instruction", .string("(no memory)")), ("presentationHint", .string("invalid"))]
                return .object(members)
            }
            let digits = instruction.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            members += [
                ("instructionBytes", .string(digits.joined(separator: " "))), ("instruction", .string(printable(text))),
            ]
            if isResolved, let name = program.symbols.name(instruction.address) {
                members.append(("symbol", .string(name)))
            }
            let frame = program.sources.frames(at: instruction.address).first
            if let frame, let file = frame.file, frame.line > 0 {
                if last?.file != file { members.append(("location", source(file))) }
                if last != frame { members.append(("line", .number(UInt64(frame.line - (linesStartAt1 ? 0 : 1))))) }
            }
            last = frame
            return .object(members)
        }
        return [("instructions", .array(list))]
    }

    private func listing(
        from start: UInt64, _ count: Int, _ program: DebuggedProgram, _ disassembler: Disassembler
    ) -> [Instruction] {
        var instructions: [Instruction] = []
        var address = start
        while instructions.count < count {
            let instruction = instruction(at: address, program, disassembler)
            instructions.append(instruction)
            address &+= UInt64(max(instruction.bytes.count, step(program)))
        }
        return instructions
    }

    private func step(_ program: DebuggedProgram) -> Int { program.target.architecture == .riscv ? 2 : 4 }

    private func instruction(
        at address: UInt64, _ program: DebuggedProgram, _ disassembler: Disassembler
    ) -> Instruction {
        let bytes = program.target.readMemory(DebugAddress(address), count: 4, of: selected(program.target))
        guard bytes.count >= step(program) else { return Instruction(address: address, bytes: [], text: nil) }
        let word = UInt32(truncatingIfNeeded: UInt64(littleEndianBytes: bytes))
        let line = disassembler.line(word, at: address)
        guard line.length <= bytes.count else { return Instruction(address: address, bytes: [], text: nil) }
        return Instruction(address: address, bytes: Array(bytes.prefix(line.length)), text: line.text)
    }

    /// So many instructions before an address. RISC-V's have two lengths, so that they are read on from the beginning of a
    /// function; where none is known, from so far before that all are found in step.
    private func before(
        _ address: UInt64, _ count: Int, _ program: DebuggedProgram, _ disassembler: Disassembler
    ) -> [Instruction] {
        let step = UInt64(step(program))
        var found: [Instruction] = []
        var end = address
        while found.count < count {
            guard end >= step else { break }
            let start = beginning(of: end - 1, program)
            let isNear = start.map { end - $0 <= 1 << 16 && $0 < end } ?? false
            var piece: [Instruction] = []
            var place = isNear ? start ?? end : end - step
            while place < end {
                let instruction = instruction(at: place, program, disassembler)
                let length = UInt64(max(instruction.bytes.count, Int(step)))
                // One that reaches over the end is none of this piece.
                if length > end - place {
                    piece.append(Instruction(address: place, bytes: [], text: nil))
                    break
                }
                piece.append(instruction)
                place += length
            }
            found = piece.suffix(count) + found
            end = isNear ? start ?? end : end - step
        }
        found = Array(found.suffix(count))
        // Nothing is before the first address.
        while found.count < count { found.insert(Instruction(address: 0, bytes: [], text: nil), at: 0) }
        return found
    }

    private func beginning(of address: UInt64, _ program: DebuggedProgram) -> UInt64? {
        if let range = program.sources.functionRange(at: address) { return range.lowerBound }
        guard let name = program.symbols.name(address) else { return nil }
        guard let plus = name.range(of: "+0x"), let offset = UInt64(name[plus.upperBound...], radix: 16) else {
            return address
        }
        return address &- offset
    }
}

extension String {
    /// Where a text stands in this one, last.
    fileprivate func range(of text: String) -> Range<String.Index>? {
        var place = endIndex
        while place > startIndex {
            place = index(before: place)
            if self[place...].hasPrefix(text) { return place..<index(place, offsetBy: text.count) }
        }
        return nil
    }
}
