import ISA

/// What a program printed of one block: see ``RandomProgram/full``.
public struct RandomLine: Sendable {
    /// Of all that is compared; or in full, one value.
    public let hash: String
    /// Instructions that the block executed, traps among them, as the guest counted by instret: only here is that right.
    public let executed: Int

    public init(_ line: Substring) {
        let words = line.split { $0 == " " || $0 == "\r" }
        hash = words.first.map(String.init) ?? ""
        executed = words.count > 1 ? Int(words[1], radix: 16) ?? 0 : 0
    }
}

/// Makes a block that fails smaller, and tells what differs.
public enum RandomShrinker {
    /// The smallest block found that still differs.
    /// - Parameter differ: says of each candidate whether it differs; asked for many at a time, as each question costs a
    ///   run of two emulators.
    public static func shrink(
        _ block: RandomBlock, differ: ([RandomBlock]) throws -> [Bool]
    ) rethrows -> RandomBlock {
        var best = block
        // What comes after the first difference does not matter: the shortest beginning that differs.
        let beginnings = (0..<best.items.count).map { count -> RandomBlock in
            var candidate = block
            candidate.items = Array(block.items.prefix(count))
            return candidate
        }
        if !beginnings.isEmpty, let first = try differ(beginnings).firstIndex(of: true) { best = beginnings[first] }
        best = try removing(best, differ)
        best = try clearing(best, differ)
        return best
    }

    /// Without every item that can be spared, in pieces of half the length each time.
    private static func removing(
        _ block: RandomBlock, _ differ: ([RandomBlock]) throws -> [Bool]
    ) rethrows -> RandomBlock {
        var best = block
        var size = max(best.items.count / 2, 1)
        while !best.items.isEmpty {
            let starts = Array(stride(from: 0, to: best.items.count, by: size))
            let candidates = starts.map { start -> RandomBlock in
                var candidate = best
                candidate.items.removeSubrange(start..<min(start + size, best.items.count))
                return candidate
            }
            let answers = try differ(candidates)
            guard let found = answers.firstIndex(of: true) else {
                if size == 1 { break }
                size /= 2
                continue
            }
            // Often all that can be spared alone can be spared together.
            var together = best
            for (start, answer) in zip(starts, answers).reversed() where answer {
                together.items.removeSubrange(start..<min(start + size, together.items.count))
            }
            best = try differ([together])[0] ? together : candidates[found]
            size = min(size, max(best.items.count, 1))
        }
        return best
    }

    /// With every register zero that does not matter, except those that point to memory.
    private static func clearing(
        _ block: RandomBlock, _ differ: ([RandomBlock]) throws -> [Bool]
    ) rethrows -> RandomBlock {
        func cleared(_ block: RandomBlock, _ number: Int) -> RandomBlock {
            var result = block
            if number < 32 { result.registers[number] = 0 } else { result.floatRegisters[number - 32] = 0 }
            return result
        }
        let numbers = Array(0..<64).filter { !(2...4).contains($0) }
        let answers = try differ(numbers.map { cleared(block, $0) })
        let spared = zip(numbers, answers).filter(\.1).map(\.0)
        let together = spared.reduce(block, cleared)
        if try differ([together])[0] { return together }
        var best = block
        for number in spared {
            let candidate = cleared(best, number)
            if try differ([candidate])[0] { best = candidate }
        }
        return best
    }
}

/// The full records of one block on two emulators, compared.
public struct RandomDifference: Sendable {
    /// The places of the record that differ, in words, with both values.
    public let lines: [String]

    /// - Parameters:
    ///   - ours, theirs: what the block printed: see ``RandomProgram/full``.
    public init(ours: [String], theirs: [String], names: (ours: String, theirs: String)) {
        guard ours.count >= RandomProgram.fullLines, theirs.count >= RandomProgram.fullLines else {
            lines = [
                "\(names.ours) printed \(ours.count) lines, \(names.theirs) \(theirs.count), "
                    + "and \(RandomProgram.fullLines) were expected"
            ]
            return
        }
        var rows = [["", names.ours, names.theirs]]
        for index in 0..<RandomProgram.fullLines where ours[index] != theirs[index] {
            rows.append([Self.name(index), ours[index], theirs[index]])
        }
        lines = aligned(rows, left: [0])
    }

    private static func name(_ index: Int) -> String {
        switch index {
        case ..<32: return "x\(index)"
        case ..<64: return "f\(index - 32)"
        case RandomLayout.fcsr: return "fcsr"
        case RandomLayout.memoryHash: return "memory"
        case RandomLayout.trapCount: return "traps"
        case RandomLayout.lost: return "left its code"
        default:
            let entry = (index - RandomLayout.log) / RandomLayout.logFields
            let field = (index - RandomLayout.log) % RandomLayout.logFields
            return "trap \(entry) " + ["cause", "pc", "value", "guest address", "", "levels"][field]
        }
    }
}

extension RandomBlock {
    private static func name(_ mode: UInt64) -> String {
        switch mode {
        case 0: "Bare"
        case 8: "Sv39"
        case 9: "Sv48"
        default: "Sv57"
        }
    }

    /// The block as a person reads it: its state where that is not zero, and its code.
    public var report: [String] {
        var lines = [
            "\(mode.name)-mode, satp \(Self.name(satpMode)), vsatp \(Self.name(vsatpMode)), "
                + "hgatp \(Self.name(hgatpMode)), fcsr \(hexadecimal(fcsr)), medeleg \(hexadecimal(medeleg)), "
                + "hedeleg \(hexadecimal(hedeleg))",
            "set in mstatus: \(hexadecimal(statusBits)), vsstatus: \(hexadecimal(guestStatusBits)), "
                + "hstatus: \(hexadecimal(hypervisorStatusBits))",
        ]
        var values: [String] = []
        for number in 1..<32 where registers[number] != 0 {
            values.append("x\(number) = \(hexadecimal(registers[number]))")
        }
        for number in 0..<32 where floatRegisters[number] != 0 {
            values.append("f\(number) = \(hexadecimal(floatRegisters[number]))")
        }
        for start in stride(from: 0, to: values.count, by: 4) {
            lines.append(values[start..<min(start + 4, values.count)].joined(separator: "  "))
        }
        return lines + listing.map { "    " + $0 }
    }
}
