import Foundation
import TestSupport

@testable import Machine

/// A small recording with something of everything that version 1.0 of the format has. It is never changed: what it says
/// is what the committed file has to be read as.
struct SampleRecording: Equatable {
    var description = "machine: riscv-virt\nharts: 2\nmemory: 16M\nkernel: vmm.elf\n"
    var inputs: [ExternalInput] = [
        ExternalInput(position: 0, time: 0, .console(0, Array("root\n".utf8))),
        ExternalInput(position: 0, time: 1_000_000, .timeAdvance),
        ExternalInput(position: 12_345, time: 1_006_173, .frame(1, [UInt8](0..<60))),
        ExternalInput(position: 12_345, time: 1_006_173, .link(1, isUp: false)),
        ExternalInput(position: 99_999, time: 1_050_000, .consoleBreak(1)),
        ExternalInput(
            position: 100_000, time: 1_050_001,
            .inputDevice(0, [InputEvent(type: 1, code: 30, value: 1), InputEvent(type: 0, code: 0, value: 0)])),
        ExternalInput(position: 1 << 40, time: 1 << 41, .command("info registers")),
        ExternalInput(position: 1 << 40, time: 1 << 41, .memoryEdit(0x8000_0000, [0x13, 0, 0, 0])),
        ExternalInput(position: 1 << 40, time: 1 << 41, .registerEdit(processor: 1, "a0", [1, 2, 3, 4, 5, 6, 7, 8])),
    ]
    var hashes: [RecordedHash] = (0..<40).map {
        RecordedHash(position: $0 * 1_000_000, time: $0 * 500_000 + 7, value: 0x9e37_79b9_7f4a_7c15 &* ($0 + 1))
    }
    var resources: [(role: String, path: String, bytes: [UInt8])] = [
        ("kernel", "vmm.elf", Array("the kernel".utf8)), ("drive", "disk.img", []),
    ]
    var states: [MachineState] = [
        MachineState(sections: [
            .init(name: "clock", fields: [.init(name: "time", value: .word(1_006_173))]),
            .init(
                name: "hart 0",
                fields: (0..<8).map { .init(name: "x", value: .word(UInt64.max >> (8 * $0))) }
                    + [.init(name: "pc", value: .word(0x8000_0000)), .init(name: "queue", value: .bytes([1, 2, 3]))]),
        ]),
        MachineState(sections: [.init(name: "clock", fields: [.init(name: "time", value: .word(1 << 41))])]),
    ]
    /// Of both snapshots together: the second has pages of the first, and others, and one of them zero.
    var memory: [UInt64: [UInt8]] = [
        0x80000: page(1), 0x80001: page(2), 0x80002: page(1), 0x80010: page(0), 0x80011: page(4),
    ]
    var flash: [UInt64: [UInt8]] = [3: page(7)]
    var conclusion = RunConclusion(
        position: 1 << 40, time: 1 << 41, hash: .whole(0x1234_5678_9abc_def0), text: "you quit")

    static func page(_ value: UInt8) -> [UInt8] { [UInt8](repeating: value, count: 4096) }

    static func == (a: SampleRecording, b: SampleRecording) -> Bool {
        a.description == b.description && a.inputs == b.inputs && a.hashes == b.hashes && a.states == b.states
            && a.memory == b.memory && a.flash == b.flash && a.conclusion == b.conclusion
            && a.resources.map(\.role) == b.resources.map(\.role) && a.resources.map(\.path) == b.resources.map(\.path)
            && a.resources.map(\.bytes) == b.resources.map(\.bytes)
    }

    /// Writes it.
    func write(to path: String, program: String = "orrery 0.1") throws {
        let file = try TraceFileWriter(creating: path, program: program)
        let recording = try RecordingWriter(file, description: description)
        var list = resources.map {
            TraceResource(
                role: $0.role, path: $0.path, size: UInt64($0.bytes.count), digest: SHA256Digest(of: $0.bytes))
        }
        let content = try file.append(.resourceContent, position: 0, resources[0].bytes)
        list[0].contentChunks = [content..<content + 1]
        try recording.append(list)
        for input in inputs[..<4] { try recording.append(input) }
        for hash in hashes[..<20] { try recording.append(hash) }
        let first = try recording.snapshot(position: 12_345, time: 1_006_173, name: "booted", hash: 42)
        try Self.page(1).withUnsafeBytes { try first.append(page: 0x80000, $0) }
        try Self.page(9).withUnsafeBytes { try first.append(page: 0x80001, $0) }
        try Self.page(1).withUnsafeBytes { try first.append(page: 0x80002, $0) }
        try Self.page(3).withUnsafeBytes { try first.append(page: 0x80010, $0) }
        try first.finish(states[0])
        for input in inputs[4...] { try recording.append(input) }
        for hash in hashes[20...] { try recording.append(hash) }
        let second = try recording.snapshot(position: 1 << 40, time: 1 << 41, parent: 1)
        try Self.page(2).withUnsafeBytes { try second.append(page: 0x80001, $0) }
        try second.append(zeroPages: 0x80010..<0x80011)
        try Self.page(4).withUnsafeBytes { try second.append(page: 0x80011, $0) }
        try Self.page(7).withUnsafeBytes { try second.append(page: 3, $0, in: "flash") }
        try second.finish(states[1])
        try recording.conclude(conclusion)
    }

    init() {}

    /// Reads one that is like it; where one is cut short, as much as there is.
    init(reading path: String) throws {
        let recording = try Recording(path)
        description = recording.description
        var next = recording.inputs()
        inputs = []
        while let input = try next.next() { inputs.append(input) }
        var nextHash = recording.hashes()
        hashes = []
        while let hash = try nextHash.next() { hashes.append(hash) }
        resources = []
        for resource in recording.resources {
            var bytes: [UInt8] = []
            _ = try recording.content(of: resource) { bytes += $0 }
            resources.append((resource.role, resource.path, bytes))
        }
        states = []
        memory = [:]
        flash = [:]
        for snapshot in recording.snapshots.snapshots {
            let (state, spaces) = try Self.restore(snapshot.identifier, recording.snapshots)
            states.append(state)
            memory = spaces["memory"] ?? [:]
            flash = spaces["flash"] ?? [:]
        }
        guard let conclusion = recording.conclusion else { throw TraceFileError(file: path, .missing("conclusion")) }
        self.conclusion = conclusion
    }

    /// All pages of a snapshot, by their space.
    static func restore(
        _ identifier: UInt64, _ store: SnapshotStore
    ) throws -> (state: MachineState, spaces: [String: [UInt64: [UInt8]]]) {
        var spaces: [String: [UInt64: [UInt8]]] = [:]
        var twice: UInt64?
        let state = try store.restore(identifier) { (pages) throws(TraceFileError) in
            guard pages.range.count < 1 << 16 else {
                throw TraceFileError(file: "", .tooLarge("a test has no such memory"))
            }
            for page in pages.range {
                let bytes: [UInt8]
                switch pages.contents {
                case .zero: bytes = [UInt8](repeating: 0, count: 4096)
                case .each(let one): bytes = Array(one)
                case .bytes(let all):
                    let start = Int(page - pages.range.lowerBound) * 4096
                    bytes = Array(all[start..<start + 4096])
                }
                if spaces[pages.space, default: [:]].updateValue(bytes, forKey: page) != nil { twice = page }
            }
        }
        if let twice { try require(false, "page \(twice) was given out twice") }
        return (state, spaces)
    }
}

/// Files of the tests of one suite, in a folder that goes away.
enum TraceFiles {
    static func inFolder(_ body: (String) throws -> Void) throws {
        try ExternalTool.withTemporaryDirectory { try body($0) }
    }

    /// Copies a recording with another content of its chunks of one type.
    static func copy(_ path: String, to copy: String, _ type: ChunkType, _ change: ([UInt8]) -> [UInt8]) throws {
        let reader = try TraceFileReader(path)
        let writer = try TraceFileWriter(creating: copy, program: reader.program)
        for chunk in reader.chunks where chunk.type != .index && chunk.type != .footer {
            let payload = try reader.payload(of: chunk)
            try writer.append(
                chunk.type, position: chunk.position, isOptional: chunk.isOptional,
                chunk.type == type ? change(payload) : payload)
        }
        try writer.close()
    }

    static func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    static func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    /// A file of so many chunks of random bytes, and what they hold.
    static func random(_ path: String, seed: UInt64, chunks: Int, closes: Bool = true) throws -> [[UInt8]] {
        var random = SplitMix64(seed: seed)
        let writer = try TraceFileWriter(creating: path, program: "a test")
        let contents = (0..<chunks).map { _ in Self.contents(&random) }
        for (place, bytes) in contents.enumerated() {
            try writer.append(.inputs, position: UInt64(place) * 10, level: Int32(random.below(4)), bytes)
        }
        if closes { try writer.close() }
        return contents
    }

    /// Some bytes, now and then none, that can be compressed or cannot.
    static func contents(_ random: inout SplitMix64) -> [UInt8] {
        let mask: UInt8 = random.chance(50) ? 0xff : 3
        return (0..<random.below(random.below(200) + 1)).map { _ in UInt8(truncatingIfNeeded: random.next()) & mask }
    }
}
