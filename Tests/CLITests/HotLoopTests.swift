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

    /// Functions by the beginnings of their mangled names, of a type.
    struct SlowPaths: CustomTestStringConvertible {
        let testDescription: String
        let type: String
        let functions: [String]
    }

    @Test(
        "What guests wait for besides handlers counts no references either: TLB misses, devices, helpers, changes of level",
        .enabled(if: FileManager.default.fileExists(atPath: program), "build it first: swift build -c release"),
        arguments: [
            SlowPaths(
                testDescription: "RISC-V", type: "$s3ISA5RISCVO4HartC",
                functions: [
                    "9translatey", "4walk33", "5enter__", "9enterPage33", "4load__", "5store__", "5probe_",
                    "10callHelper33",
                    "12levelChangedyy",
                ]),
            SlowPaths(
                testDescription: "AArch64", type: "$s10AArch64ISA0A0O17ProcessingElementC",
                functions: [
                    "9translate__", "5enteryy", "9enterPage33", "4loadys", "5storeyys", "5probe_", "10callHelper33",
                    "12levelChangedyy", "19guestContextChangedyy", "13selectContext0",
                ]),
        ])
    func slowPaths(_ paths: SlowPaths) throws {
        let symbols = try output(of: "nm", ["-S", Self.program]).split(separator: "\n")
            .map { $0.split(separator: " ") }.filter { $0.count == 4 && $0[3].hasPrefix(paths.type) }
        for function in paths.functions {
            let found = symbols.filter { $0[3].dropFirst(paths.type.count).hasPrefix(function) }
            #expect(!found.isEmpty, "\(paths.type)\(function)… is not there: was it renamed?")
            for symbol in found {
                let (start, size) = (
                    try #require(UInt64(symbol[0], radix: 16)), try #require(UInt64(symbol[1], radix: 16))
                )
                let text = try output(
                    of: "objdump",
                    [
                        "-d", "--no-show-raw-insn", "--start-address=\(start)", "--stop-address=\(start + size)",
                        Self.program,
                    ])
                for line in text.split(separator: "\n") where line.contains("call") || line.contains("jmp") {
                    if let bad = Self.forbidden.first(where: { line.contains($0) }) {
                        Issue.record(
                            "\(symbol[3]) calls \(bad): keep classes, existentials and stored constants out of it")
                    }
                }
            }
        }
    }

    private static let forbidden = [
        "swift_retain", "swift_release", "swift_beginAccess", "swift_endAccess", "swift_getWitnessTable",
        "swift_getAssociatedTypeWitness", "swift_once", "swift_allocObject",
    ]

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
        // And who asks for the address of another module's constant.
        let forbidden = Self.forbidden + ["vau>"]
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
