import ISA

/// What a snapshot holds, to be looked at: its memory and CPUs are those of a machine that does not run, and needs no images.
public final class SnapshotContents {
    public let entry: SnapshotEntry
    /// What each CPU and device says of itself.
    public let state: MachineState
    private let board: any Board

    /// - Parameter description: of the machine.
    public init(_ snapshot: MachineSnapshot, _ description: MachineDescription) throws(InputError) {
        entry = snapshot.entry
        var described = description.withoutRun
        // Memory and CPUs do not depend on these.
        (described.drives, described.flash, described.net, described.display) = ([], [], nil, nil)
        (described.firmware, described.kernel, described.engine) = (nil, nil, .interpreter)
        do throws(TraceFileError) {
            state = try snapshot.store.state(of: snapshot.entry)
            board = try Self.board(described, state, snapshot)
            _ = try snapshot.restoreMemory(board.memory)
        } catch { throw error.inputError }
        do throws(StateError) { try restoreProcessors() } catch {
            throw InputError(file: snapshot.store.path, problem: printable(error.problemText), mend: error.mend)
        }
    }

    /// The board whose CPUs the state has.
    private static func board(
        _ description: MachineDescription, _ state: MachineState, _ snapshot: MachineSnapshot
    ) throws(TraceFileError) -> any Board {
        var refusal: String?
        do throws(InputError) {
            let named = try MachineCatalog.board(named: description.machine, among: MachineCatalog.boards)
            for kind in named.map({ [$0] }) ?? MachineCatalog.boards {
                let board = try kind.init(description, BoardConnections(console: ConsoleHub()))
                if board.processors.map(\.label) == state.sections.prefix(board.processors.count).map(\.name) {
                    return board
                }
            }
        } catch { refusal = error.description }
        throw TraceFileError(
            file: snapshot.store.path, .damaged(refusal ?? "its CPUs are those of no machine that there is"))
    }

    private func restoreProcessors() throws(StateError) {
        let processors = board.processors
        var reader = StateReader(MachineState(sections: Array(state.sections.prefix(processors.count))))
        for processor in processors {
            reader.begin(processor.label)
            processor.describeState(&reader, board.memory)
            processor.stateRestored()
        }
        try reader.finish()
    }

    public var processors: [any InspectableProcessor] { board.processors }
    public var architecture: ELFFile.Machine { board.architecture }
    public var memory: PhysicalMemory { board.memory }

    /// How many pages of memory are not zero.
    public var usedPages: Int {
        var count = 0
        for region in memory.regions { memory.forEachUsedPage(of: region) { _ in count += 1 } }
        return count
    }

    /// The state with its fields told apart: registers by their names.
    public var listing: [MachineState.Section] {
        let kind = board.processors.first.map { type(of: $0) }
        return state.sections.enumerated().map { index, section in
            guard let kind, index < board.processors.count else { return section.numbered { "\($0) \($1)" } }
            return section.numbered(kind.fieldName)
        }
    }
}

/// The names of physical addresses: where programs that say where they are loaded have their symbols.
public struct PhysicalSymbols {
    private let programs: [ELFFile]

    public init(_ images: [LoadableImage]) {
        programs = images.compactMap { if case .elf(let elf) = $0.contents { elf } else { nil } }
    }

    /// `vcpu_run+0x1c`; nil where no program has a symbol.
    public func name(_ address: UInt64) -> String? {
        for program in programs {
            for segment in program.segments where address >= segment.physicalAddress {
                let offset = address - segment.physicalAddress
                guard offset < segment.memorySize else { continue }
                let place = program.symbols.location(of: segment.virtualAddress &+ offset)
                if let place { return place.description }
            }
        }
        return nil
    }
}
