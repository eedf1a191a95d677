import ISA

/// One snapshot of a file, from which a machine can start.
public struct MachineSnapshot {
    public let store: SnapshotStore
    public let entry: SnapshotEntry
    /// What the machine was made from that is no file of the user's.
    public let images: RecordedImages

    public init(_ entry: SnapshotEntry, of store: SnapshotStore, images: RecordedImages = RecordedImages()) {
        self.store = store
        self.entry = entry
        self.images = images
    }

    /// Makes a machine what it was when the snapshot was taken.
    ///
    /// It is made from the same description, and stands. Where it is refused, it has some of that state, and may be let go or
    /// put back otherwise.
    public func restore(_ board: any Board) throws(InputError) {
        let state: MachineState
        do throws(TraceFileError) { state = try restoreMemory(board.memory) } catch { throw error.inputError }
        do throws(StateError) { try board.restore(state) } catch {
            throw InputError(file: store.path, problem: printable(error.problemText), mend: error.mend)
        }
        guard board.executed == entry.position, board.scheduler.time == entry.time else {
            throw damaged(
                "snapshot \(entry.identifier) is said to be of instruction \(grouped(entry.position)), and is of "
                    + grouped(board.executed))
        }
        if let hash = entry.hash, board.stateHash != hash {
            throw damaged("snapshot \(entry.identifier) is not the machine whose state was hashed when it was taken")
        }
    }

    private func damaged(_ what: String) -> InputError { TraceFileError(file: store.path, .damaged(what)).inputError }

    /// - Returns: the state of all else.
    func restoreMemory(_ memory: PhysicalMemory) throws(TraceFileError) -> MachineState {
        let size = PhysicalMemory.pageSize
        let regions = memory.regions
        // Pages that are given out by nobody are zero.
        var isGiven = regions.map { [Bool](repeating: false, count: Int($0.size / size)) }
        let state = try store.restore(entry.identifier) { (pages) throws(TraceFileError) in
            guard pages.space == SnapshotWriter.physicalMemory else { throw foreign("pages of \"\(pages.space)\"") }
            var next = pages.range.lowerBound
            while next < pages.range.upperBound {
                // Numbers of pages are below 2^52, so that addresses do not wrap.
                guard let index = regions.firstIndex(where: { next &- $0.base / size < $0.size / size }) else {
                    throw foreign("memory at \(hexadecimal(next * size))")
                }
                let region = regions[index]
                let first = Int(next - region.base / size)
                let count = Int(min(UInt64(isGiven[index].count - first), pages.range.upperBound - next))
                let skipped = Int(next - pages.range.lowerBound)
                for page in 0..<count {
                    isGiven[index][first + page] = true
                    switch pages.contents {
                    case .zero: memory.clear(page: first + page, of: region)
                    case .bytes(let bytes):
                        // SAFETY: there are the bytes of all pages of the range.
                        let content = bytes.baseAddress! + (skipped + page) * Int(size)
                        memory.replace(page: first + page, of: region, by: content)
                    case .each(let bytes):
                        memory.replace(page: first + page, of: region, by: bytes.baseAddress!)
                    }
                }
                next += UInt64(count)
            }
        }
        for (region, given) in zip(regions, isGiven) {
            memory.forEachUsedPage(of: region) { page in if !given[page] { memory.clear(page: page, of: region) } }
        }
        return state
    }

    private func foreign(_ what: String) -> TraceFileError {
        TraceFileError(
            file: store.path,
            .damaged("snapshot \(entry.identifier) has \(what), where the machine that it names has none"))
    }
}

extension SnapshotStore {
    /// The snapshot that a user means: by its name, or by its number in the file, as `#3`; of a file with only one, or
    /// where nothing is said, the last.
    public func snapshot(meaning text: String?) throws(InputError) -> SnapshotEntry {
        guard let last = snapshots.last else {
            throw InputError(
                file: path, problem: "has no snapshots",
                mend: "`orrery snapshot` makes one, and so does `orrery run --record FILE --snapshot-interval N`.")
        }
        guard let text else { return last }
        if let entry = snapshot(named: text) { return entry }
        if text.hasPrefix("#"), let number = UInt64(text.dropFirst()), let entry = snapshot(number) { return entry }
        let names = snapshots.map(\.name).filter { !$0.isEmpty }
        let all = names.isEmpty ? "#\(snapshots[0].identifier) to #\(last.identifier)" : enumeration(names.suffix(8))
        throw InputError(
            file: path, problem: "has no snapshot \"\(text.prefix(80))\"",
            mend: nearestWord(to: text, among: names).map { "Did you mean \($0)?" } ?? "It has \(all).")
    }
}
