import Machine

/// `orrery disassemble --jit`: guest code, what it is recorded as, and the host code that is made of it.
extension Disassemble {
    func printTranslation() throws {
        guard inputs.count == 1, symbol == nil, address == nil, count == nil, base == nil else {
            throw UsageError("--jit takes one file, and of the other flags --at and --blocks.")
        }
        let limit = try number(blocks, "blocks").map { Int(clamping: $0) } ?? .max
        let session = try Session(try description(), report: { StandardStreams.complain($0) })
        guard session.board.translator != nil else {
            throw InputError(file: "--jit", problem: "the JIT is not available on this computer")
        }
        let start = try start(session)
        guard let listing = session.board.translationListing(at: start) else {
            throw InputError(
                file: inputs[0],
                problem: "there is no code at 0x\(String(start, radix: 16)) that the JIT could translate",
                mend: "Give --at another symbol or address.")
        }
        let isColoured = StandardStreams.outputIsColoured
        let text = TranslationText(
            listing, Disassembler(symbols: SymbolFinder(session.symbols), architecture: session.board.architecture),
            halfword: { session.board.memory.host($0, count: 2)?.loadUnaligned(as: UInt16.self) },
            paint: { isColoured ? Self.painted($0, $1) : $0 })
        StandardStreams.output((text?.lines(from: start, blocks: limit) ?? []).joined(separator: "\n") + "\n")
    }

    private func description() throws -> MachineDescription {
        var description = MachineDescription()
        description.kernel = inputs[0]
        description.firmware = "none"
        description.engine = .jit
        if !jitDisable.isEmpty { try description.set(flag: .jitDisable, jitDisable) }
        return description
    }

    /// Where to begin: a physical address.
    private func start(_ session: Session) throws -> UInt64 {
        guard let at else { return session.plan.entry }
        let file = inputs[0]
        guard let address = SymbolFinder(session.symbols).address(of: at) else {
            guard at.first?.isNumber ?? false else {
                throw InputError(
                    file: file, problem: "has no symbol \"\(at.prefix(80))\"", mend: "Give --at an address instead.")
            }
            return try number(at, "at") ?? 0
        }
        let image = try LoadableImage(
            try InputFile.read(file), machine: session.board.architecture, limit: 1 << 30)
        guard case .elf(let elf) = image.contents else { return address }
        return elf.physicalAddress(of: address) ?? address
    }

    private static func painted(_ text: String, _ part: TranslationText.Part) -> String {
        let colour =
            switch part {
            case .heading: "1"
            case .guest: "33"
            case .node: "2"
            case .host: "36"
            }
        return "\u{1b}[\(colour)m\(text)\u{1b}[0m"
    }
}
