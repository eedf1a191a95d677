import CDW

/// One source file that was compiled, with what it includes: its lines and functions, read when they are asked for.
final class DebugUnit {
    /// Its entry in .debug_info.
    var die: Dwarf_Die
    private(set) lazy var table = readLines()
    /// Of all code that it has, by addresses.
    var lines: [SourceLine] { table.lines }
    /// Those that a line is of.
    var files: [String] { table.files }
    private(set) lazy var functions = readFunctions()
    /// By their first addresses.
    private lazy var functionRanges: [(range: Range<UInt64>, function: Int)] =
        functions.enumerated().flatMap { number, function in function.ranges.map { ($0, number) } }
        .sorted { $0.range.lowerBound < $1.range.lowerBound }
    /// Entries that may still be looked at in one walk: a hostile file's lead in circles.
    private static let mostEntries = 1 << 22
    /// Scopes in scopes.
    private static let deepest = 128

    struct Function {
        let name: String?
        let linkageName: String?
        let ranges: [Range<UInt64>]
        let die: Dwarf_Die
    }

    init(_ die: Dwarf_Die) { self.die = die }

    // MARK: Lines

    private func readLines() -> (lines: [SourceLine], files: [String]) {
        var table: OpaquePointer?
        var count = 0
        guard dwarf_getsrclines(&die, &table, &count) == 0, let table else { return ([], []) }
        var lines: [SourceLine] = []
        var files: [String] = []
        // The names are libdw's own, one string a file.
        var numbers: [UnsafePointer<CChar>: Int] = [:]
        lines.reserveCapacity(count)
        for index in 0..<count {
            guard let row = dwarf_onesrcline(table, index) else { break }
            var address: Dwarf_Addr = 0
            var (line, column): (Int32, Int32) = (0, 0)
            var (isStatement, isPrologueEnd, isEnd) = (false, false, false)
            dwarf_lineaddr(row, &address)
            dwarf_lineno(row, &line)
            dwarf_linecol(row, &column)
            dwarf_linebeginstatement(row, &isStatement)
            dwarf_lineprologueend(row, &isPrologueEnd)
            dwarf_lineendsequence(row, &isEnd)
            var file = 0
            if let name = dwarf_linesrc(row, nil, nil) {
                if let number = numbers[name] {
                    file = number
                } else {
                    file = files.count
                    numbers[name] = file
                    files.append(String(cString: name))
                }
            } else if !isEnd {
                continue
            }
            lines.append(
                SourceLine(
                    address: address, file: file, line: Int(line), column: Int(column), isStatement: isStatement,
                    isPrologueEnd: isPrologueEnd, isEnd: isEnd))
        }
        // libdw sorts them, but for those of hostile files.
        if !zip(lines, lines.dropFirst()).allSatisfy({ $0.address <= $1.address }) {
            lines.sort { $0.address < $1.address }
        }
        return (lines, files)
    }

    private func row(at address: UInt64) -> Int? {
        let after = lines.partitioningIndex { $0.address > address }
        guard after > 0, !lines[after - 1].isEnd else { return nil }
        return after - 1
    }

    func line(at address: UInt64) -> SourceLine? { row(at: address).map { lines[$0] } }

    /// From the row on that the address is in, all that follow of the same line.
    func statement(at address: UInt64) -> Range<UInt64>? {
        guard let row = row(at: address) else { return nil }
        let (file, line) = (lines[row].file, lines[row].line)
        var first = row
        while first > 0, lines[first - 1].line == line, lines[first - 1].file == file, !lines[first - 1].isEnd {
            first -= 1
        }
        var end = row + 1
        while end < lines.count, !lines[end].isEnd, lines[end].line == line, lines[end].file == file { end += 1 }
        guard end < lines.count, lines[first].address < lines[end].address else { return nil }
        return lines[first].address..<lines[end].address
    }

    /// The first address of the line in each function, and in each copy of one that was inlined.
    func beginnings(of line: Int, in files: Set<Int>) -> [UInt64] {
        var addresses: [UInt64] = []
        var seen: Set<UnsafeMutableRawPointer> = []
        for (index, row) in lines.enumerated()
        where !row.isEnd && row.isStatement && row.line == line && files.contains(row.file) {
            // A row with another line's at the same address behind it stands for no code.
            if index + 1 < lines.count, lines[index + 1].address == row.address, lines[index + 1].isStatement,
                lines[index + 1].line != line
            {
                continue
            }
            guard let copy = copy(at: row.address) else {
                // Assembly: a line may be a macro of many instructions.
                let isSame = index > 0 && lines[index - 1].line == line && lines[index - 1].file == row.file
                if !isSame || lines[index - 1].isEnd { addresses.append(row.address) }
                continue
            }
            if seen.insert(copy).inserted { addresses.append(row.address) }
        }
        return addresses
    }

    /// The address itself, or, at the first one of a function, where its frame is set up: where the compiler says so (6.2.2,
    /// prologue_end), or else at its second line.
    func pastPrologue(_ address: UInt64) -> UInt64 {
        guard let range = function(at: address)?.ranges.first, range.lowerBound == address, let row = row(at: address)
        else { return address }
        let rest = lines[row...].prefix { !$0.isEnd && range.contains($0.address) }
        if let end = rest.first(where: { $0.isPrologueEnd }) { return end.address }
        let first = lines[row]
        // Two rows of one line: the second is behind the frame's set-up.
        return rest.dropFirst().first { $0.isStatement && $0.address > first.address && $0.line != 0 }?.address
            ?? address
    }

    /// The name of a file by its number in the unit's line table, which attributes give.
    func fileName(_ number: UInt64?) -> String? {
        var table: OpaquePointer?
        var count = 0
        guard let number, dwarf_getsrcfiles(&die, &table, &count) == 0, let table, number < count else { return nil }
        return dwarf_filesrc(table, Int(number), nil, nil).map { String(cString: $0) }
    }

    // MARK: Functions

    private func readFunctions() -> [Function] {
        var functions: [Function] = []
        var budget = Self.mostEntries
        func walk(_ die: Dwarf_Die, depth: Int) {
            guard depth < Self.deepest else { return }
            var next = die.firstChild
            while var child = next {
                budget -= 1
                if budget < 0 { return }
                next = child.sibling
                switch child.tag {
                case DW_TAG_subprogram.raw:
                    let ranges = child.ranges
                    if !ranges.isEmpty {
                        functions.append(
                            Function(
                                name: child.name, linkageName: child.string(DW_AT_linkage_name), ranges: ranges,
                                die: child))
                    }
                    // Functions in functions are in scopes of theirs.
                    walk(child, depth: depth + 1)
                case DW_TAG_namespace.raw, DW_TAG_module.raw, DW_TAG_structure_type.raw, DW_TAG_class_type.raw,
                    DW_TAG_enumeration_type.raw, DW_TAG_union_type.raw, DW_TAG_lexical_block.raw:
                    walk(child, depth: depth + 1)
                default: break
                }
            }
        }
        walk(die, depth: 0)
        return functions
    }

    func function(at address: UInt64) -> Function? {
        let after = functionRanges.partitioningIndex { $0.range.lowerBound > address }
        guard after > 0, functionRanges[after - 1].range.contains(address) else { return nil }
        return functions[functionRanges[after - 1].function]
    }

    /// The entries of calls that were inlined at the address, the outermost first (3.3.8.2).
    func inlinedCalls(at address: UInt64, in function: Function) -> [Dwarf_Die] {
        scopes(at: address, in: function).filter { $0.tag == DW_TAG_inlined_subroutine.raw }
    }

    /// Which copy of a function's code an address is in: where in .debug_info the function itself is, or the call that it was
    /// inlined for. Nil where no function is known, as in assembly.
    func copy(at address: UInt64) -> UnsafeMutableRawPointer? {
        guard let function = function(at: address) else { return nil }
        return (inlinedCalls(at: address, in: function).last ?? function.die).addr
    }

    /// Where a function is written.
    func declaration(of function: Function) -> (file: String, line: Int)? {
        // libdw's own dwarf_decl_file takes the first file of DWARF 5, number 0, for none.
        var die = function.die
        guard let file = fileName(die.number(DW_AT_decl_file)), let line = die.number(DW_AT_decl_line), line > 0 else {
            return nil
        }
        return (file, Int(clamping: line))
    }

    /// Where a function is entered (2.18).
    func entry(of function: Function) -> UInt64? {
        var die = function.die
        var address: Dwarf_Addr = 0
        guard dwarf_entrypc(&die, &address) == 0, function.ranges.contains(where: { $0.contains(address) }) else {
            return function.ranges.first?.lowerBound
        }
        return address
    }

    /// Where its line table begins in .debug_line; units may share one (3.1.1, DW_AT_stmt_list).
    var lineTableOffset: UInt64? { die.number(DW_AT_stmt_list) }

    /// The blocks and inlined calls that an address is in, the outermost first.
    func scopes(at address: UInt64, in function: Function) -> [Dwarf_Die] {
        var scopes: [Dwarf_Die] = []
        var budget = Self.mostEntries
        var parent = function.die
        while scopes.count < Self.deepest {
            var inner: Dwarf_Die?
            var next = parent.firstChild
            while inner == nil, var child = next {
                budget -= 1
                if budget < 0 { return scopes }
                next = child.sibling
                switch child.tag {
                case DW_TAG_lexical_block.raw, DW_TAG_inlined_subroutine.raw, DW_TAG_try_block.raw,
                    DW_TAG_catch_block.raw:
                    if dwarf_haspc(&child, address) == 1 { inner = child }
                default: break
                }
            }
            guard let inner else { return scopes }
            scopes.append(inner)
            parent = inner
        }
        return scopes
    }
}
