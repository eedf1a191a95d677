import ISA

/// One region as it was translated: guest instructions, what they were recorded as, and the host code of each.
public struct TranslationListing: Sendable {
    /// What host code was made for.
    public enum Origin: Equatable, Sendable {
        /// Takes so many instructions out of the budget.
        case budget(instructions: Int)
        /// Carries out the instruction of that number in its block.
        case instruction(Int)
        /// Goes on to the block at the address.
        case next(UInt64)
        /// Leaves the instruction at the address to the interpreter.
        case interpreted(UInt64)
        /// Serves what is rare about the guest instruction at the address.
        case stub(name: String, address: UInt64)
    }

    /// Host code that was made for one thing.
    public struct Piece: Sendable {
        public let origin: Origin
        /// Counted from the start of the region.
        public let offset: Int
        public let code: [UInt8]
    }

    public struct Section: Sendable {
        /// The guest's instructions and their nodes.
        public let block: Block
        /// What is run where nothing rare happens, in order.
        public let pieces: [Piece]
    }

    public let sections: [Section]
    public let stubs: [Piece]
    /// The fixed code that jumps and calls lead to, by its distance from the start of the region.
    public let fixedCode: [Int: String]
    /// Bytes of all of it.
    public let count: Int
}

extension X64 {
    /// What a generator notes for a ``TranslationListing``.
    struct CodeRecord {
        private(set) var blocks: [Block] = []
        /// Pieces and the blocks they belong to, in order; each ends where the next begins.
        private(set) var pieces: [(block: Int, origin: TranslationListing.Origin, offset: Int)] = []

        mutating func begin(_ block: Block) { blocks.append(block) }

        mutating func begin(_ origin: TranslationListing.Origin, at offset: Int) {
            pieces.append((blocks.count - 1, origin, offset))
        }

        mutating func begin(_ ending: Generator.Ending?, at offset: Int) {
            switch ending {
            case .next(let address): begin(.next(address), at: offset)
            case .interpreted(let address): begin(.interpreted(address), at: offset)
            case nil: break
            }
        }

        mutating func begin(_ stub: Generator.Stub, at offset: Int) {
            // The name of the case, without what is associated with it.
            let name = String(String(describing: stub.kind).prefix { $0 != "(" })
            begin(.stub(name: name, address: stub.programCounter), at: offset)
        }
    }
}

extension TranslationListing {
    /// - Parameter code: of the region, which begins at the address `base`.
    init(
        _ record: X64.CodeRecord, _ code: UnsafeBufferPointer<UInt8>, at base: UInt, _ trampolines: X64.Trampolines
    ) {
        var main = record.blocks.map { _ in [Piece]() }
        var stubs: [Piece] = []
        for (index, piece) in record.pieces.enumerated() {
            let end = index + 1 < record.pieces.count ? record.pieces[index + 1].offset : code.count
            let bytes = Piece(origin: piece.origin, offset: piece.offset, code: Array(code[piece.offset..<end]))
            if case .stub = piece.origin { stubs.append(bytes) } else { main[piece.block].append(bytes) }
        }
        sections = zip(record.blocks, main).map { Section(block: $0, pieces: $1) }
        self.stubs = stubs
        count = code.count
        fixedCode = Dictionary(
            trampolines.names.map { (Int(bitPattern: $0.address &- base), $0.name) },
            uniquingKeysWith: { first, _ in first })
    }
}

extension HotCode {
    /// How translated code is entered and left.
    public var fixedCode: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: code.executable, count: trampolines.count)
    }

    /// Translates the code at `address` without running it, whether it is translated already or not.
    /// - Returns: nil where no code can be fetched, or it is not to be translated.
    public func listing(at address: UInt64, of processor: any TranslatableProcessor) -> TranslationListing? {
        guard let page = processor.codePage(at: address) else { return nil }
        let key = TranslatedPage.Key(
            virtual: address & ~4095, physical: page.physical, mode: processor.core.pointee.context.pointee.codeMode)
        let start = code.used
        let base = code.freeAddress
        record = X64.CodeRecord()
        defer { record = nil }
        // A page that nobody else knows: the code is never run.
        let count = translate(address, page, TranslatedPage(key), processor)
        guard count > 0, let record else { return nil }
        // SAFETY: so many bytes behind `start` have been committed.
        return TranslationListing(
            record, UnsafeBufferPointer(start: code.writable + start, count: count), at: base, trampolines)
    }
}
