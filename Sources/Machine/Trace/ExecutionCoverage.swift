/// Which instructions of programs a run has executed.
///
/// Each CPU runs instruction by instruction, so that none is missed, and what was executed is told by address: a program is
/// where it runs, in the machine's own address space or in guests'.
public final class ExecutionCoverage {
    /// A program in an address space.
    public struct Module: Sendable {
        public let path: String
        public let owner: SymbolSpaces.Owner
        public let range: Range<UInt64>
        /// What is added to an address that it was linked at, to have where it runs.
        public let bias: UInt64

        /// - Parameter name: as ``SymbolSpaces`` takes it.
        public init(_ name: SymbolSpaces.FileName, machine: ELFFile.Machine) throws(InputError) {
            let file = try ELFFile(try InputFile.read(name.path), machine: machine)
            let segments = file.segments.filter { $0.memorySize > 0 }
            let first = segments.map(\.virtualAddress).min() ?? 0
            let last = segments.map { $0.virtualAddress &+ $0.memorySize }.max() ?? 0
            let base = name.start ?? first
            guard first < last, last - first <= ExecutionCoverage.largestModule,
                base.addingReportingOverflow(last - first).overflow == false
            else {
                throw InputError(
                    file: name.path, problem: "has its segments further apart than coverage is counted for, 256 MiB",
                    mend: "Give a file of the program's code alone.")
            }
            path = name.path
            owner = name.owner
            range = base..<base + (last - first)
            bias = base &- first
        }
    }

    /// Instructions that follow one another, the first of which was jumped to, or comes behind what was not executed.
    public struct Block: Equatable, Sendable {
        /// From the start of its module.
        public let start: UInt32
        public let size: UInt16
    }

    fileprivate static let largestModule: UInt64 = 256 << 20

    public let modules: [Module]
    /// Instructions that belong to no module.
    public private(set) var elsewhere: UInt64 = 0
    public private(set) var executed: UInt64 = 0

    private let session: Session
    /// Of each two bytes of a module: whether an instruction that was executed begins there, whether it has four bytes, and
    /// whether it was jumped to.
    private var marks: [[UInt8]]
    private static let isExecuted: UInt8 = 1
    private static let isLong: UInt8 = 2
    private static let isEntered: UInt8 = 4
    /// How often instructions were executed: of each module pages of so many bytes, empty until something in them is.
    private var counts: [[[UInt64]]]
    private static let pageSize = 4096

    /// What a CPU is about to execute, and what would follow the instruction before it.
    private struct Step {
        var counter: UInt64 = 0
        var guest: UInt64?
        var next: UInt64 = 1
        /// The module of the instruction before; most often it is the same.
        var module = 0
    }
    private var steps: [Step]

    public init(_ session: Session, _ modules: [Module]) {
        self.session = session
        self.modules = modules
        marks = modules.map { Array(repeating: 0, count: Int($0.range.upperBound - $0.range.lowerBound) / 2 + 1) }
        counts = marks.map { Array(repeating: [], count: $0.count * 2 / Self.pageSize + 1) }
        steps = Array(repeating: Step(), count: session.board.processors.count)
        for (index, processor) in session.board.processors.enumerated() {
            processor.observeExceptions { [unowned self, unowned processor] in
                // The instruction that was to come does not; the handler's first does.
                if $0.kind == .interrupt { willExecute(processor, index) }
            }
        }
        let processors = session.board.processors
        session.board.scheduler.substitute { [unowned self] processor in
            guard let index = processors.firstIndex(where: { $0 === processor }) else { return processor }
            return CoveredProcessor(processors[index], index, self)
        }
    }

    fileprivate func willExecute(_ processor: any InspectableProcessor, _ index: Int) {
        let level = processor.privilege
        steps[index].counter = processor.programCounter
        steps[index].guest = level.isGuests ? processor.guest : nil
    }

    /// The instruction that was to come has been executed.
    fileprivate func didExecute(_ processor: any InspectableProcessor, _ index: Int) {
        let step = steps[index]
        executed &+= 1
        guard let module = module(of: step) else {
            elsewhere &+= 1
            steps[index].next = 1
            return
        }
        let place = Int((step.counter - modules[module].range.lowerBound) / 2)
        var mark = marks[module][place]
        if mark & Self.isExecuted == 0 {
            // It has just been fetched: one that goes back where it was has its bits still there.
            let bytes = processor.physicalAddress(of: DebugAddress(step.counter), session.board.memory)
                .flatMap { session.board.memory.host($0, count: 2) }?.loadUnaligned(as: UInt16.self)
            let isShort = session.board.architecture == .riscv && (bytes.map { $0 & 3 != 3 } ?? false)
            mark |= isShort ? Self.isExecuted : Self.isExecuted | Self.isLong
        }
        if step.next != step.counter { mark |= Self.isEntered }
        marks[module][place] = mark
        let (page, placeInPage) = (place / (Self.pageSize / 2), place % (Self.pageSize / 2))
        if counts[module][page].isEmpty { counts[module][page] = Array(repeating: 0, count: Self.pageSize / 2) }
        counts[module][page][placeInPage] &+= 1
        steps[index].next = step.counter &+ (mark & Self.isLong != 0 ? 4 : 2)
        steps[index].module = module
    }

    private func module(of step: Step) -> Int? {
        func has(_ module: Module) -> Bool {
            guard module.range.contains(step.counter) else { return false }
            switch module.owner {
            case .machine: return step.guest == nil
            case .guests: return step.guest != nil
            case .guest(let number): return step.guest == number
            }
        }
        if step.module < modules.count, has(modules[step.module]) { return step.module }
        return modules.firstIndex(where: has)
    }

    // MARK: What came of it

    /// The addresses of instructions of a module that were executed, from its start on.
    public func offsets(of module: Int) -> [UInt64] {
        marks[module].indices.filter { marks[module][$0] & Self.isExecuted != 0 }.map { UInt64($0) * 2 }
    }

    /// Those of a module, by the addresses that they were linked at, and how often each was executed.
    public func executions(of module: Int) -> [(address: UInt64, count: UInt64)] {
        let start = modules[module].range.lowerBound &- modules[module].bias
        return offsets(of: module).map { offset in
            let place = Int(offset) / 2
            let count = counts[module][place / (Self.pageSize / 2)][place % (Self.pageSize / 2)]
            return (start &+ offset, count)
        }
    }

    public func blocks(of module: Int) -> [Block] {
        var blocks: [Block] = []
        var start = 0
        var end = 0
        func close() {
            if end > start { blocks.append(Block(start: UInt32(start), size: UInt16(end - start))) }
        }
        for (place, mark) in marks[module].enumerated() where mark & Self.isExecuted != 0 {
            let offset = place * 2
            let size = mark & Self.isLong != 0 ? 4 : 2
            if offset != end || mark & Self.isEntered != 0 || offset + size - start > Int(UInt16.max) {
                close()
                start = offset
            }
            end = offset + size
        }
        close()
        return blocks
    }

    /// DynamoRIO's format, version 2: a table of modules in words, and one of blocks in binary.
    public var drcov: [UInt8] {
        let lists = modules.indices.map(blocks)
        var text = "DRCOV VERSION: 2\nDRCOV FLAVOR: orrery\nModule Table: version 2, count \(modules.count)\n"
        text += "Columns: id, base, end, entry, path\n"
        for (number, module) in modules.enumerated() {
            text +=
                "\(number), 0x\(hexadecimalDigits(module.range.lowerBound)), 0x\(hexadecimalDigits(module.range.upperBound)), "
            text += "0x\(hexadecimalDigits(0)), \(printable(module.path))\n"
        }
        text += "BB Table: \(lists.reduce(0) { $0 + $1.count }) bbs\n"
        var bytes = Array(text.utf8)
        for (number, blocks) in lists.enumerated() {
            for block in blocks {
                bytes.append(littleEndian: block.start)
                bytes.append(littleEndian: block.size)
                bytes.append(littleEndian: UInt16(truncatingIfNeeded: number))
            }
        }
        return bytes
    }
}

/// A CPU that runs instruction by instruction.
private final class CoveredProcessor: StandInProcessor {
    private let index: Int
    private unowned let coverage: ExecutionCoverage

    init(_ base: any InspectableProcessor, _ index: Int, _ coverage: ExecutionCoverage) {
        self.index = index
        self.coverage = coverage
        super.init(base)
    }

    override func run(_ count: UInt64) -> UInt64 {
        run(count) { _ in
            coverage.willExecute(base, index)
            let executed = base.run(1)
            if executed > 0 { coverage.didExecute(base, index) }
            return executed > 0
        }
    }
}
