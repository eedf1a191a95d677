import TestSupport
import Testing

@testable import Machine

/// An editor looks at variables of a small program in Embedded Swift, on each machine: what is expected is in its source.
@Suite(
    "An editor at a program in Swift",
    .enabled(if: SwiftProgram.isPossible, "needs the Swift toolchain"))
struct DAPSwiftTests {
    @Test(
        "Numbers, structures, tuples, enumerations, objects, pointers and optional values are shown as the source has them",
        arguments: CompiledProgram.Target.allCases)
    func variables(target: CompiledProgram.Target) throws {
        try SwiftProgram.compile(for: target) { path in
            let client = try DAPTestClient(debugging: path, on: target)
            let point = try client.body(
                "setBreakpoints", #"{"source":{"path":"/somewhere/t.swift"},"breakpoints":[{"line":17}]}"#)
            #expect(point["breakpoints"]?.array?.first?["line"]?.integer == 17)
            _ = try client.go("continue")
            #expect(try client.places().first == "look:17")

            let frame = try #require(try client.frames().first)
            var found: [String: (type: String, value: String)] = [:]
            for variable in try client.variables(ofFrame: frame.identifier) {
                found[variable["name"]?.string ?? ""] =
                    (variable["type"]?.string ?? "", variable["value"]?.string ?? "")
            }
            for (name, type, value) in [
                ("value", "Int", "-2"), ("flag", "Bool", "true"), ("pair", "(Int8, Color)", "{0 = -1, 1 = blue}"),
                ("some", "UInt32?", "11"), ("none", "UInt32?", "nil"), ("missing", "UnsafePointer<Point>?", "nil"),
                ("noFlag", "Bool?", "nil"), ("noColor", "Color?", "nil"), ("yes", "Bool?", "true"),
                ("green", "Color?", "green"), ("noNode", "Node?", "nil"),
                (
                    "reading", "Reading",
                    "{raw = 5, point = {x = -3, y = 40, isSet = true}, color = green, level = 4660, mode = fast}"
                ),
            ] {
                #expect(found[name]?.type == type, "the type of \(name)")
                #expect(found[name]?.value == value, "the value of \(name)")
            }
            // How its cases are told apart is not known of it: its bytes, and not a guess.
            #expect(found["shape"]?.type == "Shape")
            #expect(found["shape"]?.value.contains("circle") == false)

            for (expression, value) in [
                ("node.value", "7"), ("node.first", "4"), ("node.color", "blue"), ("node.next.value", "7"),
                ("node.next.next", "nil"), ("pointer->y", "40"), ("there->x", "-3"), ("reading.point.isSet", "true"),
                ("some + 1", "0xc"), ("raw == pointer", "0x1"),
            ] {
                #expect(try client.value(expression) == value, "\(expression) on \(target)")
            }
        }
    }
}
