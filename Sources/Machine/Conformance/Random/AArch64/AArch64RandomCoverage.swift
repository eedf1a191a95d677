import AArch64ISA

/// What a random program does, counted: what its blocks are made of, and the exceptions that they took.
struct AArch64RandomCoverage {
    private var counts: [String: Int] = [:]

    /// - Parameter lines: what the program printed with ``RandomProgram/full``, without end of line.
    init(_ program: AArch64RandomProgram, lines: [String]) {
        let length = AArch64RandomLayout.recordLength
        for (index, block) in program.blocks.enumerated() {
            count(block)
            let record = lines.dropFirst(index * length).prefix(length)
            if record.count == length { count(exceptions: Array(record)) }
        }
    }

    private mutating func count(_ name: String, _ amount: Int = 1) { counts[name, default: 0] += amount }

    private static let decoder = AArch64.Decoder(.all)

    private mutating func count(_ block: AArch64RandomBlock) {
        let stages =
            (block.translates(block.mode) ? "first stage" : "no first stage")
            + (block.mode.isOfGuest && block.secondStageTranslates ? ", second stage" : "")
        count("block: \(block.mode.name)\(block.isSecure ? ", Secure" : "")\(block.isHost ? ", E2H" : ""), \(stages)")
        for item in block.items {
            switch item {
            case .words(let words):
                for word in words {
                    count("instruction: " + (Self.decoder.encoding(of: word)?.mnemonic(of: word) ?? "none"))
                }
            case .branch: count("item: branch")
            case .jump: count("item: branch by register")
            case .goTo(let mode, let from, _): count("item: ERET from \(from.name) to \(mode.name)")
            }
        }
    }

    private mutating func count(exceptions record: [String]) {
        func value(_ index: Int) -> UInt64 { UInt64(record[index], radix: 16) ?? 0 }
        if value(AArch64RandomLayout.lost) != 0 { count("block: left its code") }
        let number = Int(value(AArch64RandomLayout.exceptionCount))
        for entry in 0..<min(number, AArch64RandomLayout.logEntries) {
            let start = AArch64RandomLayout.log + entry * AArch64RandomLayout.logFields
            let (syndrome, level) = (value(start), value(start + 5) >> 8)
            let kind = syndrome >> 26
            let isAbort = [0x20, 0x21, 0x24, 0x25].contains(kind)
            count(
                "exception to EL\(level): class \(hexadecimal(kind))"
                    + (isAbort ? ", status \(hexadecimal(syndrome & 0x3f))" : ""))
        }
    }

    /// The counts by name.
    var table: [String] {
        aligned(counts.sorted { $0.key < $1.key }.map { [$0.key, grouped(UInt64($0.value))] }, left: [0])
    }
}
