import CDW

/// What a compiler says of a program's source in its DWARF sections: the functions, files and lines of addresses, the addresses
/// of lines, and how a function's frame is left.
///
/// It is read by libdw, of elfutils, and only as far as it is asked for. Addresses are those that the program was linked at.
/// Sections in comments are of *DWARF Debugging Information Format, Version 5*.
public final class DebugInformation {
    /// The bytes that libelf reads in place; they stay where they are.
    private let image: UnsafeMutableRawBufferPointer
    private let elf: OpaquePointer
    /// Nil where the file has no DWARF. It may have call frame information then still, in .eh_frame.
    let dwarf: OpaquePointer?
    /// The file's name.
    public let file: String
    public let machine: ELFFile.Machine
    private(set) var units: [DebugUnit] = []
    /// By their first addresses; no two overlap.
    private var unitRanges: [(range: Range<UInt64>, unit: Int)] = []
    private(set) lazy var frames = CallFrames(elf: elf, dwarf: dwarf, machine)

    /// No program has more; a hostile one claims to.
    private static let mostUnits = 1 << 20

    /// - Throws: when the file is no ELF file. One without debug information is read as one that knows nothing.
    public init(_ input: InputFile) throws(InputError) {
        file = input.name
        guard let machine = ELFFile.machine(of: input) else {
            throw InputError(file: input.name, problem: "is no ELF file, which debug information is read from")
        }
        self.machine = machine
        elf_version(1)  // EV_CURRENT
        image = .allocate(byteCount: max(input.bytes.count, 1), alignment: 16)
        image.copyBytes(from: input.bytes)
        // SAFETY: the image is not freed before `elf` is ended.
        let opened = elf_memory(image.baseAddress?.assumingMemoryBound(to: CChar.self), input.bytes.count)
        guard let opened, elf_kind(opened) == ELF_K_ELF else {
            if let opened { elf_end(opened) }
            image.deallocate()
            throw InputError(
                file: input.name, problem: "is damaged: \(String(cString: elf_errmsg(-1)))",
                mend: "Build it again.")
        }
        elf = opened
        dwarf = dwarf_begin_elf(opened, DWARF_C_READ, nil)
        // Else libdw would open the file that .gnu_debugaltlink names, which may be anything on the host.
        if let dwarf { dwarf_setalt(dwarf, dwarf) }
        readUnits()
    }

    deinit {
        frames.end()
        if let dwarf { dwarf_end(dwarf) }
        elf_end(elf)
        image.deallocate()
    }

    /// Nothing is known of the program's source.
    public var isEmpty: Bool { units.isEmpty }

    private func readUnits() {
        guard let dwarf else { return }
        var unit: OpaquePointer?
        while units.count < Self.mostUnits {
            var next: OpaquePointer?
            var die = Dwarf_Die()
            guard dwarf_get_units(dwarf, unit, &next, nil, nil, &die, nil) == 0, let next else { break }
            unit = next
            guard die.tag == DW_TAG_compile_unit.raw else { continue }
            for range in die.ranges { unitRanges.append((range, units.count)) }
            units.append(DebugUnit(die))
        }
        unitRanges.sort { $0.range.lowerBound < $1.range.lowerBound }
    }

    /// The unit that an address is of.
    func unit(at address: UInt64) -> DebugUnit? {
        let after = unitRanges.partitioningIndex { $0.range.lowerBound > address }
        // Hostile ranges overlap: only the nearest is looked at.
        guard after > 0, unitRanges[after - 1].range.contains(address) else { return nil }
        return units[unitRanges[after - 1].unit]
    }

    // MARK: From addresses to source

    /// The functions that an address is in, the innermost first: those that were inlined there, then the one whose code it is.
    /// Each with the line there that is executed, or calls the function before it. None where nothing is known.
    public func frames(at address: UInt64) -> [SourceFrame] {
        guard let unit = unit(at: address) else { return [] }
        var place = unit.line(at: address).map { (unit.files[$0.file], $0.line, $0.column) }
        guard let function = unit.function(at: address) else {
            return place.map { [SourceFrame(function: nil, file: $0.0, line: $0.1, column: $0.2, isInlined: false)] }
                ?? []
        }
        var frames: [SourceFrame] = []
        for var call in unit.inlinedCalls(at: address, in: function).reversed() {
            frames.append(
                SourceFrame(
                    function: call.name, file: place?.0, line: place?.1 ?? 0, column: place?.2 ?? 0, isInlined: true))
            place = (
                unit.fileName(call.number(DW_AT_call_file)) ?? "", Int(call.number(DW_AT_call_line) ?? 0),
                Int(call.number(DW_AT_call_column) ?? 0)
            )
        }
        frames.append(
            SourceFrame(
                function: function.name, file: place?.0, line: place?.1 ?? 0, column: place?.2 ?? 0, isInlined: false))
        return frames
    }

    /// The lines that an address's instruction and those behind it are of, up to the next line's: what one step over a
    /// statement passes.
    public func statement(at address: UInt64) -> Range<UInt64>? { unit(at: address)?.statement(at: address) }

    /// The addresses of the function that an address is in, where they are together.
    public func functionRange(at address: UInt64) -> Range<UInt64>? {
        unit(at: address)?.function(at: address)?.ranges.first { $0.contains(address) }
    }

    // MARK: From source to addresses

    /// All source files that code was made from.
    public var sourceFiles: [String] {
        var names: Set<String> = []
        for unit in units { names.formUnion(unit.files) }
        return names.sorted()
    }

    /// Every row of the line tables that code is behind, by addresses: each says of which line the instructions are from its
    /// address on, up to the next one's. A file is a number of ``DebugUnit/files``' of its unit.
    public func forEachLine(_ body: (_ file: String, _ line: SourceLine) -> Void) {
        for unit in units {
            for row in unit.lines where !row.isEnd { body(unit.files[row.file], row) }
        }
    }

    /// Where the code of a line begins: one address for each copy of it.
    ///
    /// A file is named by as much of the end of its path as tells it from others: of those that have the name, those are meant
    /// that have most folders in common with it. A line without code stands for the next one that has some.
    /// - Returns: the line that was found, and its addresses; nil where there is none.
    public func addresses(file: String, line: Int) -> (line: Int, addresses: [UInt64])? {
        let wanted = PathEnd(file)
        var best = 0
        var meant: [(unit: DebugUnit, files: Set<Int>)] = []
        for unit in units {
            for (number, name) in unit.files.enumerated() {
                let count = wanted.commonCount(PathEnd(name))
                if count == 0 || count < best { continue }
                if count > best { (best, meant) = (count, []) }
                if meant.last?.unit === unit {
                    meant[meant.count - 1].files.insert(number)
                } else {
                    meant.append((unit, [number]))
                }
            }
        }
        var found = Int.max
        for (unit, files) in meant {
            for row in unit.lines where !row.isEnd && row.isStatement && row.line >= line && files.contains(row.file) {
                found = min(found, row.line)
            }
        }
        guard found != .max else { return nil }
        let wantedLine = found
        var addresses: Set<UInt64> = []
        for (unit, files) in meant {
            for beginning in unit.beginnings(of: wantedLine, in: files) {
                let address = unit.pastPrologue(beginning)
                // It may be another line's behind a function's first one.
                if addresses.isEmpty, let line = unit.line(at: address)?.line { found = line }
                addresses.insert(address)
            }
        }
        return (found, addresses.sorted())
    }

    /// Where the functions of that name do their work: behind what sets up their frames.
    public func addresses(function name: String) -> [UInt64] {
        var addresses: Set<UInt64> = []
        for unit in units {
            for function in unit.functions where function.name == name || function.linkageName == name {
                for range in function.ranges.prefix(1) { addresses.insert(unit.pastPrologue(range.lowerBound)) }
            }
        }
        return addresses.sorted()
    }
}

/// A function that an address is in, and where in it.
public struct SourceFrame: Equatable, Sendable {
    /// As the source has it; nil for code without one, such as assembly's.
    public var function: String?
    /// As the compiler was given it.
    public var file: String?
    /// From 1; 0 where the compiler names none.
    public var line: Int
    public var column: Int
    /// Its code is in the next frame's function.
    public var isInlined: Bool
}

/// Of which line the instructions are from an address on (6.2.2).
public struct SourceLine: Equatable, Sendable {
    public var address: UInt64
    /// A number of its unit's files.
    public var file: Int
    public var line: Int
    public var column: Int
    /// A good place for a breakpoint.
    public var isStatement: Bool
    /// A function's frame is set up before it.
    public var isPrologueEnd: Bool
    /// No line: the first address behind a sequence of instructions.
    public var isEnd: Bool
}

/// The end of a file's path, to be compared with another's.
struct PathEnd {
    /// From the last one on.
    private let parts: [Substring]

    init(_ path: String) {
        var parts: [Substring] = []
        for part in path.split(whereSeparator: { $0 == "/" || $0 == "\\" }) where part != "." {
            if part == "..", !parts.isEmpty { parts.removeLast() } else { parts.append(part) }
        }
        self.parts = parts.reversed()
    }

    /// How many names at the end are the same.
    func commonCount(_ other: PathEnd) -> Int { zip(parts, other.parts).prefix { $0 == $1 }.count }
}

extension Array {
    /// The first place from which on all elements satisfy the condition, of an array that has those behind the others.
    func partitioningIndex(where condition: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if condition(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
