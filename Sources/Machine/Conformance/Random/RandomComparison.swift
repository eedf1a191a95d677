/// What a program printed of one block: see ``RandomProgram/full``.
public struct RandomLine: Sendable {
    /// Of all that is compared; or in full, one value.
    public let hash: String
    /// Instructions that the block executed, traps among them, as the guest counted them: only here is that right.
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
    public static func shrink<Block: RandomBlock>(
        _ block: Block, differ: ([Block]) throws -> [Bool]
    ) rethrows -> Block {
        var best = block
        // What comes after the first difference does not matter: the shortest beginning that differs.
        let beginnings = (0..<best.items.count).map { count -> Block in
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
    private static func removing<Block: RandomBlock>(
        _ block: Block, _ differ: ([Block]) throws -> [Bool]
    ) rethrows -> Block {
        var best = block
        var size = max(best.items.count / 2, 1)
        while !best.items.isEmpty {
            let starts = Array(stride(from: 0, to: best.items.count, by: size))
            let candidates = starts.map { start -> Block in
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

    /// With every part of the state zero that does not matter.
    private static func clearing<Block: RandomBlock>(
        _ block: Block, _ differ: ([Block]) throws -> [Bool]
    ) rethrows -> Block {
        func cleared(_ block: Block, _ part: Int) -> Block {
            var result = block
            result.clear(part)
            return result
        }
        let numbers = Block.clearable
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
    ///   - fields: ``RandomProgram/lines``.
    ///   - ours, theirs: what the block printed: see ``RandomProgram/full``.
    public init(_ fields: [String], ours: [String], theirs: [String], names: (ours: String, theirs: String)) {
        guard ours.count >= fields.count, theirs.count >= fields.count else {
            lines = [
                "\(names.ours) printed \(ours.count) lines, \(names.theirs) \(theirs.count), "
                    + "and \(fields.count) were expected"
            ]
            return
        }
        var rows = [["", names.ours, names.theirs]]
        for index in fields.indices where ours[index] != theirs[index] {
            rows.append([fields[index], ours[index], theirs[index]])
        }
        lines = aligned(rows, left: [0])
    }
}
