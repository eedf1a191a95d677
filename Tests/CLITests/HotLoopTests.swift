import Foundation
import TestSupport
import Testing

/// The release build's handlers, disassembled: what they may not contain costs time in every guest instruction.
@Suite("HotLoop")
struct HotLoopTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    private static let program = root + "/.build/release/orrery"

    private func output(of tool: String, _ arguments: [String]) throws -> String {
        let path = try #require(ExternalTool.path(tool), "\(tool) is missing: install binutils")
        return try ExternalTool.run(program: path, arguments, in: Self.root).outputText
    }

    @Test(
        "No handler counts references, checks exclusivity, looks up a witness, or calls where it should jump",
        .enabled(if: FileManager.default.fileExists(atPath: program), "build it first: swift build -c release"))
    func handlers() throws {
        let symbols = try output(of: "nm", ["-S", Self.program]).split(separator: "\n")
            // Mangled: closures in the initial values of RISCV.handlers and RISCV.compressedHandlers.
            .filter {
                ($0.contains("RISCVO8handlers") || $0.contains("RISCVO18compressedHandlers")) && $0.contains("cfU")
            }
            .map { $0.split(separator: " ") }
        let addresses = symbols.compactMap { UInt64($0[0], radix: 16) }.sorted()
        let (first, last) = (try #require(addresses.first), try #require(addresses.last))
        let text = try output(
            of: "objdump",
            ["-d", "--no-show-raw-insn", "--start-address=\(first)", "--stop-address=\(last + 256)", Self.program])
        let forbidden = [
            "swift_retain", "swift_release", "swift_beginAccess", "swift_endAccess", "swift_getWitnessTable",
            "swift_getAssociatedTypeWitness", "swift_once", "swift_allocObject",
        ]
        var name: Substring = ""
        var jumpsOn: Set<Substring> = []
        for line in text.split(separator: "\n") {
            if line.hasSuffix(">:") {
                name = line
                continue
            }
            // Other functions lie between the handlers.
            guard name.contains("RISCVO8handlers") || name.contains("RISCVO18compressedHandlers") else { continue }
            if line.contains("jmp") && line.contains("*") { jumpsOn.insert(name) }
            guard line.contains("call") else { continue }
            if let bad = forbidden.first(where: { line.contains($0) }) {
                Issue.record("\(name) calls \(bad): keep classes, existentials and throws out of emitter operations")
            }
            if line.contains("*") {
                Issue.record("\(name) calls through a pointer: its jump to the next handler is no tail call")
            }
        }
        // Others end by a jump to one shared end: those that call a helper, which may have changed anything.
        #expect(jumpsOn.count > 250, "of \(addresses.count) handlers, \(jumpsOn.count) jump to the next one")
    }
}
