/// A 64-bit little-endian executable in the Executable and Linkable Format: what to load where, where to start, and
/// the names of its addresses.
///
/// The file is hostile until proven otherwise. Every offset and size is checked against the file before use, sums are
/// checked for wrapping, and nothing is allocated that the file does not pay for in bytes; a segment's zero-filled
/// tail, which may claim any size, is only ever a number here.
///
/// Names follow the System V ABI, chapters 4 and 5 (`e_phoff`, `p_paddr`, `sh_link`, ...).
public struct ELFFile: Sendable {
    /// `e_machine`.
    public struct Machine: Hashable, Sendable, CustomStringConvertible {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        public static let riscv = Machine(rawValue: 243)
        public static let aarch64 = Machine(rawValue: 183)
        public static let arm = Machine(rawValue: 40)
        public static let x86 = Machine(rawValue: 3)
        public static let x86_64 = Machine(rawValue: 62)

        public var description: String {
            switch self {
            case .riscv: "RISC-V"
            case .aarch64: "AArch64"
            case .arm: "ARM"
            case .x86: "x86"
            case .x86_64: "x86-64"
            default: "machine \(rawValue)"
            }
        }

        /// What a compiler calls the 64-bit target.
        fileprivate var target: String {
            switch self {
            case .riscv: "riscv64"
            case .aarch64: "aarch64"
            case .arm: "arm"
            default: "x86_64"
            }
        }
    }

    /// A program header of type PT_LOAD that occupies memory.
    public struct Segment: Sendable {
        /// Its place in the program header table, as `readelf -l` counts.
        public let index: Int
        public let virtualAddress: UInt64
        /// Where it is loaded. `physicalAddress + memorySize` does not wrap.
        public let physicalAddress: UInt64
        /// The bytes of the file, then zeros. At least `bytes.count`, at least 1.
        public let memorySize: UInt64
        public let bytes: ArraySlice<UInt8>
        public let isExecutable: Bool
        public let isWritable: Bool
    }

    /// More segments than this are not a program.
    static let maximumSegments = 1024

    /// The file's name, for messages.
    public let file: String
    public let machine: Machine
    /// `e_entry`: a virtual address.
    public let entry: UInt64
    /// In the order of the file. No two overlap in physical memory.
    public let segments: [Segment]
    public let symbols: SymbolTable

    public static func isELF(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46])
    }

    /// What the ELF file is for; nil where it is none, or too short to say.
    public static func machine(of input: InputFile) -> Machine? {
        guard isELF(input.bytes), let value: UInt16 = ByteReader(input.bytes).integer(at: 18) else { return nil }
        return Machine(rawValue: value)
    }

    /// - Parameter machine: what the board's CPUs are; another one's program is refused.
    public init(_ input: InputFile, machine: Machine) throws(InputError) {
        file = input.name
        let reader = ByteReader(input.bytes)
        let header = try Header(reader, file: input.name, machine: machine)
        self.machine = machine
        entry = header.entry
        segments = try Self.segments(reader, header, file: input.name)
        symbols = try SymbolTable(reader, header, file: input.name)
    }

    /// The physical address of the entry point.
    public var physicalEntry: UInt64 { physicalAddress(of: entry) ?? entry }

    /// Where the byte at a virtual address is loaded; nil when no segment holds it.
    public func physicalAddress(of virtualAddress: UInt64) -> UInt64? {
        for segment in segments where virtualAddress >= segment.virtualAddress {
            let offset = virtualAddress - segment.virtualAddress
            if offset < segment.memorySize { return segment.physicalAddress + offset }
        }
        return nil
    }

    /// Where a symbol such as `tohost` is loaded; nil when it is not there or not in a segment. The end of a segment
    /// counts as in it: that is where `end_signature` may stand.
    public func physicalAddress(ofSymbol name: String) -> UInt64? {
        guard let address = symbols.address(of: name) else { return nil }
        if let physical = physicalAddress(of: address) { return physical }
        return address == 0 ? nil : physicalAddress(of: address - 1).map { $0 + 1 }
    }

    // MARK: Program headers

    private static func segments(
        _ reader: ByteReader, _ header: Header, file: String
    ) throws(InputError) -> [Segment] {
        guard header.programHeaderCount > 0 else {
            throw InputError(
                file: file, problem: "has no program headers, so nothing says where it is loaded",
                mend: "Link it as an executable.")
        }
        guard header.programHeaderSize >= 56 else {
            throw InputError(
                file: file, offset: 54,
                problem: "program headers of \(header.programHeaderSize) bytes (e_phentsize); ELF64 has 56")
        }
        let tableSize = UInt64(header.programHeaderCount) * UInt64(header.programHeaderSize)
        guard let table = reader.slice(at: header.programHeaderOffset, count: tableSize) else {
            throw InputError(
                file: file, offset: 32,
                problem: "the program headers (\(tableSize) bytes at \(hexadecimal(header.programHeaderOffset))) lie "
                    + "outside the file of \(reader.count) bytes", mend: "The file is cut short or damaged.")
        }
        let fields = ByteReader(table)
        var segments: [Segment] = []
        for index in 0..<Int(header.programHeaderCount) {
            let base = UInt64(index) * UInt64(header.programHeaderSize)
            let offset = header.programHeaderOffset + base
            // All of the table lies in the file, so that none of these reads fails.
            guard let type: UInt32 = fields.integer(at: base), type == 1,  // PT_LOAD
                let flags: UInt32 = fields.integer(at: base + 4), let fileOffset: UInt64 = fields.integer(at: base + 8),
                let virtual: UInt64 = fields.integer(at: base + 16),
                let physical: UInt64 = fields.integer(at: base + 24),
                let fileSize: UInt64 = fields.integer(at: base + 32),
                let memorySize: UInt64 = fields.integer(at: base + 40), memorySize > 0 || fileSize > 0
            else { continue }
            func refuse(_ problem: String) -> InputError {
                InputError(file: file, offset: offset, problem: "segment \(index) \(problem)")
            }
            guard let bytes = reader.slice(at: fileOffset, count: fileSize) else {
                var error = refuse(
                    "(\(fileSize) bytes at \(hexadecimal(fileOffset))) lies outside the file of \(reader.count) bytes")
                error.mend = "The file is cut short or damaged."
                throw error
            }
            guard fileSize <= memorySize else {
                throw refuse("has more bytes in the file (\(fileSize)) than in memory (\(memorySize))")
            }
            guard physical <= UInt64.max - memorySize, virtual <= UInt64.max - (memorySize - 1) else {
                throw refuse(
                    "(\(hexadecimal(memorySize)) bytes at \(hexadecimal(physical))) wraps past the last address")
            }
            guard segments.count < maximumSegments else {
                throw refuse("is one more than the \(maximumSegments) loadable segments that a program may have")
            }
            segments.append(
                Segment(
                    index: index, virtualAddress: virtual, physicalAddress: physical, memorySize: memorySize,
                    bytes: bytes, isExecutable: flags & 1 != 0, isWritable: flags & 2 != 0))
        }
        guard !segments.isEmpty else {
            throw InputError(
                file: file, problem: "has no loadable segment", mend: "Link it as an executable with code in it.")
        }
        let sorted = segments.sorted { ($0.physicalAddress, $0.index) < ($1.physicalAddress, $1.index) }
        for (low, high) in zip(sorted, sorted.dropFirst())
        where high.physicalAddress - low.physicalAddress < low.memorySize {
            throw InputError(
                file: file, offset: header.programHeaderOffset,
                problem: "segments \(low.index) and \(high.index) overlap at \(hexadecimal(high.physicalAddress))",
                mend: "Correct the load addresses (LMA) in its linker script.")
        }
        return segments
    }
}

extension ELFFile {
    /// The ELF header: the identification, checked, and where the two tables are.
    struct Header {
        let entry: UInt64
        let programHeaderOffset: UInt64
        let programHeaderSize: UInt16
        let programHeaderCount: UInt16
        let sectionHeaderOffset: UInt64
        let sectionHeaderSize: UInt16
        let sectionHeaderCount: UInt16

        init(_ reader: ByteReader, file: String, machine: Machine) throws(InputError) {
            guard let identification = reader.slice(at: 0, count: 16), let type: UInt16 = reader.integer(at: 16),
                let fileMachine: UInt16 = reader.integer(at: 18), ELFFile.isELF(Array(identification))
            else {
                throw InputError(file: file, problem: "is not an ELF file: the header is cut short or missing")
            }
            let fileClass = identification[identification.startIndex + 4]
            let data = identification[identification.startIndex + 5]
            // e_machine has the file's own byte order, so a big-endian file is refused before its machine is named.
            guard data == 1 else {
                throw InputError(
                    file: file, offset: 5,
                    problem: data == 2 ? "is big-endian (ELFDATA2MSB)" : "has no valid byte order (EI_DATA \(data))",
                    mend: "Build it little-endian for \(machine.target).")
            }
            guard fileMachine == machine.rawValue else {
                throw InputError(
                    file: file, offset: 18,
                    problem: "is for \(Machine(rawValue: fileMachine)), and this machine is \(machine)",
                    mend: "Build it for \(machine.target), or choose another --machine.")
            }
            guard fileClass == 2 else {
                throw InputError(
                    file: file, offset: 4,
                    problem: fileClass == 1
                        ? "is a 32-bit ELF file (ELFCLASS32)" : "has no valid class (EI_CLASS \(fileClass))",
                    mend: "Build it for \(machine.target).")
            }
            guard type == 2 || type == 3 else {
                let kinds: [UInt16: String] = [1: "an object file (ET_REL)", 4: "a core dump (ET_CORE)"]
                throw InputError(
                    file: file, offset: 16,
                    problem: "is \(kinds[type] ?? "of type \(type)"), not an executable (ET_EXEC or ET_DYN)",
                    mend: type == 1 ? "Link it." : nil)
            }
            guard let entry: UInt64 = reader.integer(at: 24), let programHeaderOffset: UInt64 = reader.integer(at: 32),
                let sectionHeaderOffset: UInt64 = reader.integer(at: 40),
                let programHeaderSize: UInt16 = reader.integer(at: 54),
                let programHeaderCount: UInt16 = reader.integer(at: 56),
                let sectionHeaderSize: UInt16 = reader.integer(at: 58),
                let sectionHeaderCount: UInt16 = reader.integer(at: 60), reader.count >= 64
            else {
                throw InputError(
                    file: file, problem: "ends within its ELF header (\(reader.count) of 64 bytes)",
                    mend: "The file is cut short.")
            }
            self.entry = entry
            self.programHeaderOffset = programHeaderOffset
            self.programHeaderSize = programHeaderSize
            self.programHeaderCount = programHeaderCount
            self.sectionHeaderOffset = sectionHeaderOffset
            self.sectionHeaderSize = sectionHeaderSize
            self.sectionHeaderCount = sectionHeaderCount
        }
    }
}
