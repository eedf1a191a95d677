import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

/// Damaged input scripts, drive words, disks and flash images: refused in one line, or taken as they are.
@Suite("Session files that are damaged")
struct SessionFuzzTests {
    @Test("Input scripts")
    func inputScripts() {
        let corpus = [
            "# Log in and leave.\nwait login:\nsend \"root\\n\"\nexpect '# $' within 5s\npause 100ms\nsend \"poweroff\\n\"\n",
            "expect \"a\\x41\\u{42}\\t\" within 1.5ms\r\n\n  wait ^[a-z]+(b|c)*$\n", "send 'x'\npause 0\nwait \"\"\n",
        ].map { Array($0.utf8) }
        fuzz("input script", cases: 10_000, corpus: corpus) { bytes, _ in
            let script: InputScript
            do throws(InputError) {
                script = try InputScript(InputFile(name: "file", bytes: bytes))
            } catch {
                let text = error.description
                try require(text.hasPrefix("file") && text.utf8.count < 2000, "bad error: \(text)")
                return
            }
            let lines = bytes.split(separator: 10, omittingEmptySubsequences: false).count
            try require(script.steps.count <= lines, "more steps than lines")
            try require(script.steps.allSatisfy { 1...lines ~= $0.line }, "a step on no line")
        }
    }

    @Test("The words of --drive and --flash")
    func driveWords() {
        let corpus = ["disk.img", "disk.img,ro", "a,b.img,snapshot", "x,readonly=on", ",", "a,,snapshot,ro"].map {
            Array($0.utf8)
        }
        fuzz("drive", cases: 10_000, corpus: corpus) { bytes, _ in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let drive = try? MachineDescription.Drive(text) else { return }
            let again = try? MachineDescription.Drive(drive.description)
            try require(again == drive, "\(text) reads back differently")
        }
    }

    @Test("Disk and flash images of any length, on a machine that reads and writes them")
    func images() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let path = directory + "/image"
            let corpus = [[UInt8](repeating: 0xff, count: 4096), Array("fLaSh".utf8), [0]]
            fuzz("image", cases: 300, corpus: corpus) { bytes, random in
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                var configuration = RISCVVirt.Configuration(console: MemoryConsole())
                configuration.memorySize = 1 << 20
                configuration.drives = [.init(path: path, isSnapshot: true)]
                configuration.flash = [.init(path: path, isSnapshot: true)]
                let board: RISCVVirt
                do throws(InputError) {
                    board = try RISCVVirt(configuration)
                } catch {
                    try require(error.description.hasPrefix(path), "bad error: \(error)")
                    return
                }
                for _ in 0..<64 {
                    let address = RISCVVirtLayout.flash.base + random.next() % 0x3000
                    _ = board.space.write(address, size: 4, value: random.next() & 0xffff_ffff)
                    _ = board.space.read(address, size: 4)
                }
                _ = board.stateHash
                try require(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(bytes), "the file was written to")
            }
        }
    }
}
