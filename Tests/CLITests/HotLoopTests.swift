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

    /// The handlers of an architecture: closures in the initial values of its tables.
    struct Handlers: CustomTestStringConvertible {
        let testDescription: String
        /// The tables' names, mangled.
        let tables: [String]
        /// How many go on to the next one by themselves, at least.
        let least: Int

        func contains(_ symbol: some StringProtocol) -> Bool { tables.contains { symbol.contains($0) } }
    }

    @Test(
        "No handler counts references, checks exclusivity, looks up a witness, or calls where it should jump",
        .enabled(if: FileManager.default.fileExists(atPath: program), "build it first: swift build -c release"),
        arguments: [
            Handlers(testDescription: "RISC-V", tables: ["RISCVO8handlers", "RISCVO18compressedHandlers"], least: 250),
            Handlers(
                testDescription: "AArch64",
                tables: ["AArch64ISA0A0O17computingHandlers", "AArch64ISA0A0O14memoryHandlers"],
                least: 150),
        ])
    func handlers(_ handlers: Handlers) throws {
        let symbols = try output(of: "nm", ["-S", Self.program]).split(separator: "\n")
            .filter { handlers.contains($0) && $0.contains("cfU") }
            .map { $0.split(separator: " ") }
        let addresses = symbols.compactMap { UInt64($0[0], radix: 16) }.sorted()
        let (first, last) = (try #require(addresses.first), try #require(addresses.last))
        let text = try output(
            of: "objdump",
            ["-d", "--no-show-raw-insn", "--start-address=\(first)", "--stop-address=\(last + 256)", Self.program])
        let forbidden = [
            "swift_retain", "swift_release", "swift_beginAccess", "swift_endAccess", "swift_getWitnessTable",
            "swift_getAssociatedTypeWitness", "swift_once", "swift_allocObject",
            // Who asks for the address of another module's constant.
            "vau>",
        ]
        var name: Substring = ""
        var jumpsOn: Set<Substring> = []
        for line in text.split(separator: "\n") {
            if line.hasSuffix(">:") {
                name = line
                continue
            }
            // Other functions lie between the handlers.
            guard handlers.contains(name) else { continue }
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
        #expect(jumpsOn.count > handlers.least, "of \(addresses.count) handlers, \(jumpsOn.count) jump to the next one")
    }
}
