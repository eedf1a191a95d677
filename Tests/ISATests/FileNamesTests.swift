import Foundation
import Testing

/// Who knows one architecture's folder finds the way in the other's.
@Suite("File names of the architectures")
struct FileNamesTests {
    /// What AArch64 has nothing like: compressed encodings, physical memory protection, and instructions put into words, and
    /// their encodings given to makers of programs, by our own tables.
    private static let riscvAlone: Set<String> = [
        "EncodingsCompressed.swift", "Protection.swift", "DisassemblyWriter.swift", "Template.swift",
    ]

    private func names(_ folder: String) throws -> Set<String> {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return Set(try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path))
    }

    @Test("what both instruction sets have is in files of the same names")
    func instructionSets() throws {
        let (riscv, aarch64) = (try names("Sources/ISA/RISCV"), try names("Sources/ISA/AArch64"))
        #expect(
            riscv.subtracting(aarch64).sorted() == Self.riscvAlone.sorted(),
            "Give the file the name that the other architecture's has, or say above why it has none.")
    }

    @Test("Hyper's ports have files of the same names")
    func ports() throws {
        let (riscv, aarch64) = (try names("Sources/Hyper/Arch/RISCV"), try names("Sources/Hyper/Arch/AArch64"))
        #expect(riscv.subtracting(aarch64).sorted() == [], "What a port needs is for each port to have.")
    }
}
