/// Which lines and functions of a program's source a run has executed, and how often.
///
/// A compiler makes code of a line in several places: it moves parts of it, and copies it where a function is inlined. Within
/// a function, or an inlined copy of one, a line was executed as often as that of its places which was executed most often,
/// as profiles that compilers take count; copies are added up. A place is where the line table has a row (*DWARF Debugging
/// Information Format, Version 5*, 6.2), of statements or not: LLVM has is_stmt say no more than that the row before is
/// another line's. A loop that was unrolled counts for less.
public struct SourceCoverage: Sendable {
    public struct Function: Equatable, Sendable {
        /// As linkers know it: what a demangler takes.
        public let name: String
        public fileprivate(set) var line: Int
        /// How often it was entered. What was inlined was not.
        public fileprivate(set) var count: UInt64
    }

    public struct File: Sendable {
        /// As the compiler was given it, with the folder that it worked in.
        public let path: String
        /// All that have code, executed or not, in their order.
        public let lines: [(line: Int, count: UInt64)]
        /// All that have code of their own, in the order of their lines.
        public let functions: [Function]
    }
    public let files: [File]

    /// - Parameters:
    ///   - range: the program's addresses, as it was linked; a line table may have others, of code that the linker left out.
    ///   - executions: the instructions that were executed, by addresses.
    public init(
        _ information: DebugInformation, in range: Range<UInt64>, _ executions: [(address: UInt64, count: UInt64)]
    ) {
        var counter = Counter(range: range, executions: executions)
        var tables: Set<UInt64> = []
        for unit in information.units {
            counter.addFunctions(of: unit)
            if let table = unit.lineTableOffset, !tables.insert(table).inserted { continue }
            counter.addLines(of: unit)
        }
        files = Set(counter.lines.keys).union(counter.functions.keys).sorted().map { path in
            File(
                path: path, lines: (counter.lines[path] ?? [:]).map { ($0.key, $0.value) }.sorted { $0.line < $1.line },
                functions: (counter.functions[path] ?? [:]).values.sorted { ($0.line, $0.name) < ($1.line, $1.name) })
        }
    }

    public var lineCount: Int { files.reduce(0) { $0 + $1.lines.count } }
    public var executedLineCount: Int { files.reduce(0) { $0 + $1.executedLineCount } }

    /// A tracefile as lcov and genhtml read it (geninfo(1), FILES).
    /// - Parameter test: what the run is called; letters, digits and underscores.
    public func lcov(test: String) -> String {
        var text = "TN:\(test)\n"
        for file in files {
            text += "SF:\(printable(file.path))\n"
            for function in file.functions { text += "FN:\(function.line),\(printable(function.name))\n" }
            for function in file.functions { text += "FNDA:\(function.count),\(printable(function.name))\n" }
            text += "FNF:\(file.functions.count)\nFNH:\(file.functions.count { $0.count > 0 })\n"
            for (line, count) in file.lines { text += "DA:\(line),\(count)\n" }
            text += "LH:\(file.executedLineCount)\nLF:\(file.lines.count)\nend_of_record\n"
        }
        return text
    }
}

extension SourceCoverage.File {
    public var executedLineCount: Int { lines.count { $0.count > 0 } }
}

/// Goes through a program's units.
private struct Counter {
    let range: Range<UInt64>
    let executions: [(address: UInt64, count: UInt64)]
    /// By file.
    var lines: [String: [Int: UInt64]] = [:]
    /// By file and name.
    var functions: [String: [String: SourceCoverage.Function]] = [:]

    private struct Line: Hashable {
        let file: Int
        let line: Int
    }

    init(range: Range<UInt64>, executions: [(address: UInt64, count: UInt64)]) {
        self.range = range
        self.executions = executions
    }

    mutating func addLines(of unit: DebugUnit) {
        let rows = unit.lines
        var copies: [Line: [UnsafeMutableRawPointer?: UInt64]] = [:]
        for (index, row) in rows.enumerated().dropLast() where !row.isEnd && row.line > 0 {
            // A row with another one at its address has no code.
            let end = rows[index + 1].address
            guard row.address < end, range.contains(row.address) else { continue }
            let line = Line(file: row.file, line: row.line)
            let count = count(row.address..<end)
            guard count > 0 else {
                copies[line, default: [:]] = copies[line, default: [:]]
                continue
            }
            let copy = unit.copy(at: row.address)
            copies[line, default: [:]][copy] = max(count, copies[line]?[copy] ?? 0)
        }
        for (line, copies) in copies {
            lines[unit.files[line.file], default: [:]][line.line, default: 0] &+= copies.values.reduce(0, &+)
        }
    }

    mutating func addFunctions(of unit: DebugUnit) {
        for function in unit.functions {
            guard let name = function.linkageName ?? function.name, let entry = unit.entry(of: function),
                range.contains(entry)
            else { continue }
            let row = unit.line(at: entry)
            guard let place = unit.declaration(of: function) ?? row.map({ (unit.files[$0.file], $0.line) }),
                place.1 > 0
            else { continue }
            let first = firstExecution(from: entry)
            let isEntered = first < executions.count && executions[first].address == entry
            // A function of a header is compiled once for each file that includes it.
            var known =
                functions[place.0]?[name] ?? SourceCoverage.Function(name: name, line: place.1, count: 0)
            known.line = min(known.line, place.1)
            known.count &+= isEntered ? executions[first].count : 0
            functions[place.0, default: [:]][name] = known
        }
    }

    private func firstExecution(from address: UInt64) -> Int {
        executions.partitioningIndex { $0.address >= address }
    }

    /// How often a row's first instruction was executed, or, where it was jumped over, the one behind it that was most often.
    private func count(_ addresses: Range<UInt64>) -> UInt64 {
        let first = firstExecution(from: addresses.lowerBound)
        let inside = executions[first...].prefix { $0.address < addresses.upperBound }
        if let execution = inside.first, execution.address == addresses.lowerBound { return execution.count }
        return inside.map(\.count).max() ?? 0
    }
}
