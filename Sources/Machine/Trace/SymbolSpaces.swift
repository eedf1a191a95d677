/// The names of addresses in a machine's address spaces: those of the programs that it was started with, and of files that are
/// given for guests.
public struct SymbolSpaces {
    /// Of the machine itself.
    private var own: [Source]
    private var guests: [UInt64: [Source]] = [:]
    private var anyGuest: [Source] = []

    private struct Source {
        let table: SymbolTable
        /// What is added to an address of the file, to have where it runs.
        var shift: UInt64 = 0
    }

    public init(_ own: [SymbolTable] = []) {
        self.own = own.map { Source(table: $0) }
    }

    /// Whose addresses a file is about.
    public enum Owner: Equatable, Sendable {
        case machine
        case guest(UInt64)
        /// Each guest's that has no file of its own.
        case guests
    }

    /// What the user wrote: `hyper.elf`, `guest:kernel.elf`, `2:kernel.elf`, and behind it, where it runs elsewhere than it was
    /// linked for, `@0x80200000` for its first byte.
    public struct FileName: Equatable, Sendable {
        public var owner = Owner.machine
        public var path: String
        public var start: UInt64?

        public init(owner: Owner, path: String) {
            self.owner = owner
            self.path = path
        }

        public init(_ text: String) throws(ValueError) {
            path = text
            if let colon = text.firstIndex(of: ":") {
                let word = text[..<colon]
                let rest = String(text[text.index(after: colon)...])
                if word == "guest" {
                    (owner, path) = (.guests, rest)
                } else if let number = UInt64(word) {
                    (owner, path) = (.guest(number), rest)
                }
            }
            if let at = path.lastIndex(of: "@"), path[path.index(after: at)...].hasPrefix("0x") {
                start = try Count(String(path[path.index(after: at)...])).value
                path = String(path[..<at])
            }
            if path.isEmpty {
                throw ValueError(
                    problem: "\"\(text.prefix(60))\" names no file",
                    mend: "Write hyper.elf, guest:kernel.elf, 2:kernel.elf or kernel.elf@0x80200000.")
            }
        }
    }

    public mutating func add(_ name: FileName, machine: ELFFile.Machine) throws(InputError) {
        let file = try ELFFile(try InputFile.read(name.path), machine: machine)
        guard !file.symbols.isEmpty else {
            throw InputError(
                file: name.path, problem: "has no symbols", mend: "Give the file as it was linked, not stripped.")
        }
        let linked = file.segments.map(\.virtualAddress).min() ?? 0
        let source = Source(table: file.symbols, shift: name.start.map { $0 &- linked } ?? 0)
        switch name.owner {
        // What is given comes before what was found.
        case .machine: own.insert(source, at: 0)
        case .guests: anyGuest.append(source)
        case .guest(let number): guests[number, default: []].append(source)
        }
    }

    /// The symbol that owns an address.
    /// - Parameter guest: the number of the guest whose address it is; nil for the machine's own.
    public func location(_ address: UInt64, guest: UInt64?) -> SymbolTable.Location? {
        for source in sources(guest) {
            if let location = source.table.location(of: address &- source.shift) { return location }
        }
        return nil
    }

    private func sources(_ guest: UInt64?) -> [Source] {
        guard let guest else { return own }
        return guests[guest] ?? anyGuest
    }

    /// Whether there are names in that space at all.
    public func isKnown(guest: UInt64?) -> Bool { !sources(guest).isEmpty }

    /// The function's name as a person writes it; where there is none, the page that the address is in, so that code without
    /// symbols does not become thousands of rows.
    public func function(_ address: UInt64, guest: UInt64?) -> String {
        if let location = location(address, guest: guest) { return printable(shortSymbolName(location.symbol.name)) }
        return "[\(hexadecimal(address & ~0xfff))]"
    }

    /// `vcpu_run+0x1c`, or the address.
    public func text(_ address: UInt64, guest: UInt64?) -> String {
        location(address, guest: guest)?.description ?? hexadecimal(address)
    }
}
