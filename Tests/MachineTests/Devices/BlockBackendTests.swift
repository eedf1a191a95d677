import Foundation
import Testing

@testable import Machine

@Suite("Disks of the host")
struct BlockBackendTests {
    private func bytes(_ disk: any BlockBackend, _ offset: UInt64, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: count)
        try bytes.withUnsafeMutableBytes { try disk.read(at: offset, into: $0) }
        return bytes
    }

    private func write(_ disk: any BlockBackend, _ offset: UInt64, _ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try disk.write(at: offset, from: $0) }
    }

    private func withFile(_ contents: [UInt8], _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "orrery-disk-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(contents).write(to: URL(fileURLWithPath: path))
        try body(path)
    }

    @Test("A file is read and written in place; the part of a sector beyond its end reads as zero")
    func file() throws {
        try withFile((0..<700).map { UInt8(truncatingIfNeeded: $0) }) { path in
            let disk = try FileDisk(path: path, isReadOnly: false)
            #expect(disk.byteCount == 1024)
            #expect(try bytes(disk, 698, 4) == [186, 187, 0, 0])
            try write(disk, 600, [1, 2, 3])
            try disk.zero(at: 10, count: 20)
            try disk.flush()
            let now = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(Array(now[600...602]) == [1, 2, 3])
            #expect(Array(now[9...30]) == [9] + [UInt8](repeating: 0, count: 20) + [30])
            #expect(throws: BlockError.beyondEnd(offset: 1023, count: 2, size: 1024)) { try bytes(disk, 1023, 2) }
        }
    }

    @Test("A read-only file refuses writes")
    func readOnlyFile() throws {
        try withFile(Array(repeating: 7, count: 512)) { path in
            let disk = try FileDisk(path: path, isReadOnly: true)
            #expect(throws: BlockError.readOnly) { try write(disk, 0, [1]) }
            #expect(throws: BlockError.readOnly) { try disk.zero(at: 0, count: 1) }
            #expect(try bytes(disk, 0, 2) == [7, 7])
        }
    }

    @Test("A file that is not there is named in the error")
    func missingFile() {
        #expect {
            try FileDisk(path: "/nonexistent/disk.img", isReadOnly: true)
        } throws: { "\($0)".contains("/nonexistent/disk.img: No such file or directory") }
    }

    @Test("An overlay reads what was written over a base that stays as it was")
    func overlay() throws {
        let base = MemoryDisk((0..<10_240).map { UInt8(truncatingIfNeeded: $0 % 251) })
        let original = base.bytes
        var expected = original
        let disk = OverlayDisk(over: base)
        var random = SplitMix64(seed: 11)
        for _ in 0..<300 {
            let offset = Int(random.next() % 10_240)
            let count = min(Int(random.next() % 6000), 10_240 - offset)
            if random.next() % 4 == 0 {
                try disk.zero(at: UInt64(offset), count: UInt64(count))
                expected.replaceSubrange(offset..<offset + count, with: Array(repeating: 0, count: count))
            } else {
                let new = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                try write(disk, UInt64(offset), new)
                expected.replaceSubrange(offset..<offset + count, with: new)
            }
            #expect(try bytes(disk, 0, 10_240) == expected)
        }
        #expect(base.bytes == original)

        var writer = StateWriter()
        writer.begin("disk")
        disk.describeState(&writer)
        let copy = OverlayDisk(over: MemoryDisk(original))
        var reader = StateReader(MachineState(sections: writer.sections))
        reader.begin("disk")
        copy.describeState(&reader)
        try reader.finish()
        #expect(try bytes(copy, 0, 10_240) == expected, "its description holds all that was written")
    }

    @Test("An overlay at its limit refuses to hold more, and what it holds stays usable")
    func overlayLimit() throws {
        let disk = OverlayDisk(over: MemoryDisk(Array(repeating: 1, count: 40_960)), limit: 8192)
        try write(disk, 0, [2])
        try write(disk, 4096, [3])
        #expect(throws: BlockError.overlayFull(limit: 8192)) { try write(disk, 8192, [4]) }
        try write(disk, 1, [5])
        #expect(try bytes(disk, 0, 3) == [2, 5, 1])
        try disk.zero(at: 0, count: 4096)
        try write(disk, 8192, [4])
        #expect(try bytes(disk, 8192, 2) == [4, 1])
    }

    @Test("A damaged snapshot of an overlay is read as far as it makes sense")
    func damagedOverlay() throws {
        for seed: UInt64 in 0..<100 {
            let disk = OverlayDisk(over: MemoryDisk(Array(repeating: 1, count: 40_960)))
            var scrambler = StateScrambler(random: SplitMix64(seed: seed))
            disk.describeState(&scrambler)
            try write(disk, 5000, [9])
            #expect(try bytes(disk, 0, 40_960)[5000] == 9)
        }
    }
}
