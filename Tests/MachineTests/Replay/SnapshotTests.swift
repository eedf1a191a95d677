import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Snapshots in trace files")
struct SnapshotTests {
    /// A machine of a few pages that changes at random.
    private struct Memory {
        var random: SplitMix64
        var spaces: [String: [UInt64: [UInt8]]] = ["memory": [:], "flash0": [:]]

        /// Changes some pages of each space, and says which.
        mutating func change() -> [String: [UInt64]] {
            var changed: [String: Set<UInt64>] = [:]
            for space in spaces.keys.sorted() {
                for _ in 0..<random.below(400) {
                    let page = random.chance(50) ? random.below(600 as UInt64) : 0x80000 + random.below(100 as UInt64)
                    let contents: [UInt8]
                    switch random.below(4) {
                    case 0: contents = SampleRecording.page(0)
                    case 1: contents = SampleRecording.page(UInt8(random.below(3)))
                    default: contents = (0..<4096).map { UInt8(truncatingIfNeeded: $0) }.shuffledOnce(by: random.next())
                    }
                    spaces[space]![page] = contents
                    changed[space, default: []].insert(page)
                }
            }
            return changed.mapValues { $0.sorted() }
        }
    }

    /// What is not zero.
    private func withoutZeros(_ spaces: [String: [UInt64: [UInt8]]]) -> [String: [UInt64: [UInt8]]] {
        spaces.mapValues { $0.filter { $0.value.contains { $0 != 0 } } }.filter { !$0.value.isEmpty }
    }

    @Test(
        "Snapshots that build on each other, in any tree, give back what the memory was, and each page once",
        arguments: 0..<4)
    func chains(_ seed: UInt64) throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            var memories: [Memory] = [], states: [MachineState] = [], parents: [Int?] = []
            let file = try TraceFileWriter(creating: path, program: "")
            var random = SplitMix64(seed: seed)
            for number in 0..<12 {
                let parent = number == 0 || random.chance(10) ? nil : random.below(number)
                var memory = parent.map { memories[$0] } ?? Memory(random: SplitMix64(seed: random.next()))
                memory.random = SplitMix64(seed: random.next())
                let changed = memory.change()
                let writer = SnapshotWriter(
                    file, identifier: UInt64(number) + 1, parent: parent.map { UInt64($0) + 1 },
                    position: UInt64(number) * 100, time: 0)
                for (space, pages) in changed {
                    for page in pages {
                        try memory.spaces[space]![page]!.withUnsafeBytes {
                            try writer.append(page: page, $0, in: space)
                        }
                    }
                }
                // Other chunks may come between.
                try file.append(.inputs, position: 0, [1])
                let state = MachineState(sections: [
                    .init(
                        name: "clock",
                        fields: [
                            .init(name: "time", value: .word(random.next())),
                            .init(name: "flash", value: .bytes([UInt8](repeating: UInt8(number), count: 3_000_000))),
                        ])
                ])
                try writer.finish(state)
                memories.append(memory)
                states.append(state)
                parents.append(parent)
            }
            try file.close()
            let store = try SnapshotStore(TraceFileReader(path))
            #expect(store.nextIdentifier == 13)
            for (number, memory) in memories.enumerated() {
                let (state, spaces) = try SampleRecording.restore(UInt64(number) + 1, store)
                #expect(state == states[number])
                #expect(withoutZeros(spaces) == withoutZeros(memory.spaces), "snapshot \(number + 1)")
            }
            #expect(store.snapshot(at: 250)?.identifier == 3)
            #expect(store.snapshot(at: 0)?.identifier == 1)
            #expect(throws: TraceFileError.self) { try store.restore(99) { _ in } }
        }
    }

    @Test("A page is given out as the newest snapshot has it, before what its parents have")
    func newestFirst() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let file = try TraceFileWriter(creating: path, program: "")
            let first = SnapshotWriter(file, identifier: 1, position: 0, time: 0)
            for page in 0..<5 as Range<UInt64> {
                try SampleRecording.page(1).withUnsafeBytes { try first.append(page: page, $0) }
            }
            try first.finish(MachineState())
            let second = SnapshotWriter(file, identifier: 2, parent: 1, position: 1, time: 1)
            try SampleRecording.page(2).withUnsafeBytes { try second.append(page: 2, $0) }
            try second.finish(MachineState())
            try file.close()
            var order: [Range<UInt64>] = []
            _ = try SnapshotStore(TraceFileReader(path)).restore(2) { order.append($0.range) }
            #expect(order.first == 2..<3)
            #expect(order.dropFirst().flatMap { Array($0) } == [0, 1, 3, 4])
        }
    }

    @Test("A snapshot whose writing was cut short is not there, and those before it are")
    func cutShort() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let file = try TraceFileWriter(creating: path, program: "")
            for identifier in 1...2 as ClosedRange<UInt64> {
                let writer = SnapshotWriter(file, identifier: identifier, position: 0, time: 0)
                try SampleRecording.page(1).withUnsafeBytes { try writer.append(page: 0, $0) }
                try writer.finish(MachineState())
            }
            let chunks = try TraceFileReader(path).chunks
            try TraceFiles.write(Array(try TraceFiles.read(path)[..<Int(try #require(chunks.last).offset)]), path)
            let store = try SnapshotStore(TraceFileReader(path))
            #expect(store.snapshots.map(\.identifier) == [1])
        }
    }

    @Test("Pages out of their order, of another size, or behind the end of memory, are a fault of the caller")
    func misuse() throws {
        try TraceFiles.inFolder { folder in
            let file = try TraceFileWriter(creating: folder + "/t.orrery", program: "")
            let writer = SnapshotWriter(file, identifier: 1, position: 0, time: 0)
            let page = SampleRecording.page(1)
            try page.withUnsafeBytes { try writer.append(page: 5, $0) }
            for number in [0, 5, 1 << 52, .max] as [UInt64] {
                #expect(throws: TraceFileError.self) {
                    try page.withUnsafeBytes { try writer.append(page: number, $0) }
                }
            }
            #expect(throws: TraceFileError.self) { try page[1...].withUnsafeBytes { try writer.append(page: 6, $0) } }
            #expect(throws: TraceFileError.self) { try writer.append(zeroPages: 4..<7) }
            // Each space has an order of its own, also when it is come back to.
            try page.withUnsafeBytes { try writer.append(page: 1, $0, in: "flash0") }
            #expect(throws: TraceFileError.self) { try page.withUnsafeBytes { try writer.append(page: 5, $0) } }
            try page.withUnsafeBytes { try writer.append(page: 6, $0) }
            try writer.finish(MachineState())
            #expect(throws: TraceFileError.self) { try writer.finish(MachineState()) }
        }
    }

    @Test("A snapshot of zeros and of pages that are like each other takes little room")
    func cheapPages() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let file = try TraceFileWriter(creating: path, program: "")
            let writer = SnapshotWriter(file, identifier: 1, position: 0, time: 0)
            // 64 MiB: a page of random bytes over and over, then zeros.
            let random = (0..<4096).map { UInt8(truncatingIfNeeded: $0) }.shuffledOnce(by: 1)
            try random.withUnsafeBytes { bytes in
                for page in 0..<8192 as Range<UInt64> { try writer.append(page: page, bytes) }
            }
            let zero = SampleRecording.page(0)
            try zero.withUnsafeBytes { bytes in
                for page in 8192..<16384 as Range<UInt64> { try writer.append(page: page, bytes) }
            }
            try writer.finish(MachineState())
            try file.close()
            #expect(try TraceFileReader(path).byteCount < 6000)
        }
    }

    @Test("Two pages whose hashes are the same, as a guest can make them, are still two")
    func collision() throws {
        try TraceFiles.inFolder { folder in
            func page(_ first: UInt64, _ second: UInt64) -> [UInt8] {
                var bytes: [UInt8] = []
                bytes.append(littleEndian: first)
                bytes.append(littleEndian: second)
                return bytes + [UInt8](repeating: 7, count: 4080)
            }
            func hash(_ words: [UInt64]) -> UInt64 {
                var hasher = StateHasher()
                for word in words { hasher.add(word) }
                return hasher.value
            }
            // The second word takes back what the first one changed.
            let second = 2 ^ hash([1]) ^ hash([5])
            try #require(hash([1, 2]) == hash([5, second]))
            let path = folder + "/t.orrery"
            let file = try TraceFileWriter(creating: path, program: "")
            let writer = SnapshotWriter(file, identifier: 1, position: 0, time: 0)
            let pages = [page(1, 2), page(5, second)]
            for (number, page) in pages.enumerated() {
                try page.withUnsafeBytes { try writer.append(page: UInt64(number), $0) }
            }
            try writer.finish(MachineState())
            try file.close()
            let (_, spaces) = try SampleRecording.restore(1, SnapshotStore(TraceFileReader(path)))
            #expect(spaces == ["memory": [0: pages[0], 1: pages[1]]])
        }
    }

    @Test("A snapshot that is there twice, or builds on one that is not, is refused")
    func impossibleParents() throws {
        try TraceFiles.inFolder { folder in
            for (name, snapshots) in [
                ("twice", [(UInt64(1), UInt64?.none), (1, nil)]), ("missing", [(1, 7)]), ("itself", [(1, 1)]),
                ("later", [(1, 2), (2, 1)]), ("none", [(0, nil)]),
            ] {
                let path = folder + "/" + name
                let file = try TraceFileWriter(creating: path, program: "")
                for (identifier, parent) in snapshots {
                    let entry = SnapshotEntry(
                        identifier: identifier, parent: parent, position: 0, time: 0, inputCount: 0, name: "")
                    try file.append(.snapshot, position: 0, entry.payload)
                }
                try file.close()
                #expect(throws: TraceFileError.self, "\(name)") { try SnapshotStore(TraceFileReader(path)) }
            }
        }
    }

    @Test("Sets of pages are united and compared as sets are")
    func pageRanges() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<500 {
            func some() -> (Set<UInt64>, PageRanges) {
                var ranges = PageRanges()
                var (set, place) = (Set<UInt64>(), UInt64(0))
                for _ in 0..<random.below(6) {
                    let start = place + random.below(4 as UInt64), end = start + random.below(5 as UInt64)
                    ranges.append(start..<end)
                    set.formUnion(start..<end)
                    place = end
                }
                return (set, ranges)
            }
            let (a, rangesA) = some(), (b, rangesB) = some()
            let union = rangesA.union(rangesB)
            #expect(union.ranges.flatMap { Array($0) } == a.union(b).sorted())
            for (one, next) in zip(union.ranges, union.ranges.dropFirst()) { #expect(one.upperBound < next.lowerBound) }
            let start = random.below(20 as UInt64)
            let range = start..<start + random.below(20 as UInt64)
            #expect(rangesA.missing(from: range).flatMap { Array($0) } == Set(range).subtracting(a).sorted())
        }
    }
}

extension [UInt8] {
    /// In an order that one number decides.
    fileprivate func shuffledOnce(by seed: UInt64) -> [UInt8] {
        var random = SplitMix64(seed: seed)
        return map { $0 ^ UInt8(truncatingIfNeeded: random.next()) }
    }
}
