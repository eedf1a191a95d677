import Foundation
import TestSupport
import Testing

@testable import Hyper

/// A disk in memory whose bytes a test makes, and reads afterwards.
final class TwinDisk {
    let memory: UnsafeMutableRawBufferPointer
    let disk: MemoryDisk

    init(_ bytes: [UInt8], name: Text = "vda", isReadOnly: Bool = false) {
        Port.start()
        memory = .allocate(byteCount: max(bytes.count, 1), alignment: 16)
        memory.copyBytes(from: bytes)
        disk = MemoryDisk(
            identifier: name, memory: UnsafeMutableRawBufferPointer(rebasing: memory[..<bytes.count]),
            isReadOnly: isReadOnly)
    }

    deinit { memory.deallocate() }

    var device: BlockDevice { BlockDevice(disk) }

    /// The same, for who does not keep the disk's bytes for as long: they stay until the test's process ends, or, which
    /// is enough, until eight others were made.
    func kept() -> BlockDevice {
        Self.kept = Self.kept.suffix(7) + [self]
        return device
    }

    // SAFETY: tests of the core run one at a time.
    nonisolated(unsafe) private static var kept: [TwinDisk] = []

    var bytes: [UInt8] { Array(memory.prefix(Int(disk.sectorCount) * 512)) }
}

/// A disk that can be made what it was.
final class JournalDisk: MemoryDisk {
    private let memory: UnsafeMutableRawBufferPointer
    private var before: [(place: Int, bytes: [UInt8])] = []

    init(_ memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
        super.init(identifier: "vda", memory: memory)
    }

    override func write(_ sector: UInt64, from source: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        let start = Int(sector) * 512
        if start + source.count <= memory.count { before.append((start, Array(memory[start..<start + source.count]))) }
        return super.write(sector, from: source, ended)
    }

    func set(_ place: Int, _ byte: UInt8) {
        before.append((place, [memory[place]]))
        memory[place] = byte
    }

    func restore() {
        for (place, bytes) in before.reversed() {
            for (index, byte) in bytes.enumerated() { memory[place + index] = byte }
        }
        before = []
    }
}

/// Images of disks, as the tools of other systems make them.
enum DiskTools {
    private static let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin:/sbin"

    /// Whether all of them are installed.
    static func are(_ names: String...) -> Bool {
        names.allSatisfy { name in
            folders.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The file `disk` after a script of bash in a folder of its own, where it is `image` before.
    static func make(_ script: String, from image: [UInt8]? = nil) throws -> [UInt8] {
        try run(script, image).image
    }

    /// What the script prints that is given the image as the file `disk`.
    static func output(_ script: String, of image: [UInt8]) throws -> String { try run(script, image).output }

    private static func run(_ script: String, _ image: [UInt8]?) throws -> (image: [UInt8], output: String) {
        try ExternalTool.withTemporaryDirectory { directory in
            let file = URL(fileURLWithPath: directory + "/disk")
            if let image { try Data(image).write(to: file) }
            let result = try ExternalTool.run(
                program: "/bin/bash",
                ["-euc", "export PATH='\(folders)' LC_ALL=C.UTF-8 TZ=UTC MTOOLS_SKIP_CHECK=1\n" + script],
                in: directory)
            guard result.status == 0 else {
                throw Failure(description: "\(script)\n\(result.outputText)\(result.errorText)")
            }
            return ([UInt8](try Data(contentsOf: file)), result.outputText)
        }
    }
}

extension HyperError: CustomStringConvertible, Equatable {
    init(_ text: String) { self.init(Text(Array(text.utf8))) }
    public static func == (a: HyperError, b: HyperError) -> Bool { a.message == b.message }

    public var description: String { String(decoding: message.bytes, as: UTF8.self) }
}

extension Text: CustomStringConvertible {
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
