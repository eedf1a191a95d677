import Machine

/// What two engines differ in, as a person reads it: the instruction, those before it, and both values of each place.
struct LockstepReport {
    private let options: Lockstep.Options
    private let isColoured: Bool

    private enum Colour: String {
        case first = "31"
        case second = "32"
        case emphasis = "1"
    }

    init(_ options: Lockstep.Options, isColoured: Bool) {
        self.options = options
        self.isColoured = isColoured
    }

    func text(_ outcome: Lockstep.Outcome) -> String {
        let lines =
            switch outcome {
            case .same(let conclusion, let instructions):
                ["no difference in \(grouped(instructions)) instructions, which ended so: \(conclusion)"]
            case .different(let divergence): different(divergence)
            case .overran(let engine, let overrun):
                [
                    "\(engine) executed \(grouped(overrun.executed)) instructions where \(overrun.processor) had a turn of "
                        + "\(grouped(overrun.allowed)), which began after instruction \(grouped(overrun.start))"
                ]
            case .unsteady(let differences, let instructions):
                [
                    "the engines differed within \(grouped(instructions)) instructions, but not when they were run again: "
                        + "one of them does not do the same every time", "",
                ] + table(differences)
            }
        return lines.map { $0 + "\n" }.joined()
    }

    private func different(_ divergence: Lockstep.Divergence) -> [String] {
        var place = "instruction \(grouped(divergence.instruction))"
        if divergence.instruction != divergence.instructionOfProcessor {
            place += ", which is number \(grouped(divergence.instructionOfProcessor)) of \(divergence.processor)"
        }
        var lines = [coloured("the engines differ after \(place)", .emphasis), ""]
        lines += steps(divergence)
        lines += [""] + table(divergence.differences)
        if options.first == .jit || options.second == .jit {
            lines += [
                "",
                "The JIT runs a block of code whole or not at all: what it does wrong may stand some instructions before.",
            ]
        }
        return lines
    }

    // MARK: Instructions

    /// The last instructions, and what of each still differs in the end.
    private func steps(_ divergence: Lockstep.Divergence) -> [String] {
        let place = divergence.processor
        let names = Set(divergence.differences.shown.filter { $0.place == place }.map(\.name))
        let last = divergence.steps.last?.instruction
        let rows = divergence.steps.map { step -> [String] in
            let notes =
                step.exceptions
                + (step.processor == divergence.processor ? step.changed.intersection(names).sorted() : [])
            return [
                step.instruction == last ? ">" : "", grouped(step.instruction), step.processor, step.level,
                "0x" + String(step.programCounter, radix: 16), step.symbol ?? "", step.text,
                notes.joined(separator: ", "),
            ]
        }
        let lines = aligned(rows, left: [0, 2, 3, 4, 5, 6, 7])
        return lines.enumerated().map { $0 + 1 == lines.count ? coloured($1, .emphasis) : $1 }
    }

    // MARK: Values

    /// A line for each place, with both values.
    private func table(_ differences: StateDifferences) -> [String] {
        let names =
            options.first == options.second
            ? ["\(options.first)", "\(options.second) again"] : ["\(options.first)", "\(options.second)"]
        let heading = StateDifference(place: "", name: "", first: names[0], second: names[1])
        let rows = [heading] + differences.shown
        func width(_ path: KeyPath<StateDifference, String>) -> Int { rows.map { $0[keyPath: path].count }.max() ?? 0 }
        let widths = (width(\.place), width(\.name), width(\.first))
        func padding(_ text: String, _ width: Int) -> String { String(repeating: " ", count: width - text.count) }
        var lines = rows.enumerated().map { index, row in
            let (first, second) =
                index == 0
                ? (coloured(row.first, .first), coloured(row.second, .second)) : marked(row.first, row.second)
            return row.place + padding(row.place, widths.0 + 2) + row.name + padding(row.name, widths.1 + 2) + first
                + padding(row.first, widths.2 + 2) + second
        }
        if differences.omittedBytes > 0 {
            lines.append("and \(grouped(UInt64(differences.omittedBytes))) bytes of memory more")
        }
        return lines
    }

    /// Both texts, with what is not the same in them coloured: character by character where they are of one length.
    private func marked(_ first: String, _ second: String) -> (String, String) {
        guard isColoured else { return (first, second) }
        guard first.count == second.count else { return (coloured(first, .first), coloured(second, .second)) }
        var texts = ("", "")
        for (a, b) in zip(first, second) {
            texts.0 += a == b ? String(a) : coloured(String(a), .first)
            texts.1 += a == b ? String(b) : coloured(String(b), .second)
        }
        return texts
    }

    private func coloured(_ text: String, _ colour: Colour) -> String {
        isColoured ? "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m" : text
    }
}
