import ISA
import TestSupport
import Testing

@testable import Machine

@Suite("Reading states")
struct StateReaderTests {
    /// Fields of every kind.
    private final class Sample: Device {
        let name = "sample"
        var word: UInt64 = 1
        var byte: UInt8 = 2
        var flag = true
        var list: [UInt8] = [1, 2, 3]
        var fixed: [UInt8] = [4, 5]
        enum Kind: UInt8 { case one, two }
        var kind = Kind.one

        func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 { 0 }
        func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {}
        func reset() {}
        func describeState(_ visitor: inout some StateVisitor) {
            visitor.field("word", &word)
            visitor.field("byte", &byte)
            visitor.field("flag", &flag)
            visitor.field("list", &list, parts: 1, limit: 4)
            visitor.field("fixed", &fixed, count: 2)
            visitor.field("kind", &kind, otherwise: .one)
        }
    }

    /// What reading the sample's state says, after `change` was made to it.
    private func error(_ change: (inout MachineState) -> Void) -> StateError? {
        var state = MachineState(sections: [MachineState.Section(Sample())])
        change(&state)
        let device = Sample()
        var reader = StateReader(state)
        reader.begin("sample")
        device.describeState(&reader)
        do throws(StateError) {
            try reader.finish()
            return nil
        } catch {
            return error
        }
    }

    private func problem(_ field: String?, _ problem: StateError.Problem, section: String = "sample") -> StateError {
        StateError(section: section, field: field, problem: problem)
    }

    @Test("A state that was written is read, field by field")
    func roundTrip() throws {
        let original = Sample()
        (original.word, original.byte, original.flag) = (~0, 0xff, false)
        (original.list, original.fixed, original.kind) = ([], [8, 9], .two)
        let copy = Sample()
        copy.restore(original.snapshot())
        #expect((copy.word, copy.byte, copy.flag) == (~0, 0xff, false))
        #expect((copy.list, copy.fixed, copy.kind) == ([], [8, 9], .two))
    }

    @Test("What is missing, and what is there too much, is named")
    func places() {
        #expect(error { _ in } == nil)
        #expect(error { $0.sections[0].fields.remove(at: 1) } == problem("byte", .missing(found: "flag")))
        #expect(error { $0.sections[0].fields.removeLast() } == problem("kind", .missing(found: nil)))
        #expect(error { $0.sections[0].fields.swapAt(0, 1) } == problem("word", .missing(found: "byte")))
        #expect(error { $0.sections = [] } == problem(nil, .missing(found: nil)))
        #expect(error { $0.sections[0].name = "other" } == problem(nil, .missing(found: "other")))
        #expect(
            error { $0.sections[0].fields.append(MachineState.Field(name: "new", value: .word(0))) }
                == problem("new", .unknown))
        #expect(
            error { $0.sections.append(MachineState.Section(name: "more")) } == problem(nil, .unknown, section: "more"))
    }

    @Test(
        "A value that the field cannot have is refused",
        arguments: [
            (0, MachineState.Value.bytes([]), "a number"), (1, .word(256), "a number of 8 bits"),
            (2, .word(2), "0 or 1"),
            (3, .word(1), "bytes"), (3, .bytes([1, 2, 3, 4, 5]), "no more than 4 times 1 bytes"),
            (4, .bytes([1]), "2 bytes"), (5, .word(2), "the number of a Kind"),
        ])
    func values(place: Int, value: MachineState.Value, expected: String) {
        let names = ["word", "byte", "flag", "list", "fixed", "kind"]
        #expect(
            error { $0.sections[0].fields[place].value = value }
                == problem(names[place], .impossible(expected: expected)))
    }

    @Test("An error says where it is, what was expected, and what to do, on one line")
    func texts() {
        let missing = problem("pc", .missing(found: "sp\n"), section: "hart 0")
        #expect(
            missing.description
                == #"hart 0: field "pc" is missing; "sp\u{a}" is in its place. The snapshot is another "#
                + "machine's or another version's: use the description and the version it was taken with.")
        #expect(
            problem("flag", .impossible(expected: "0 or 1")).description
                == #"sample: field "flag" is damaged: it should be 0 or 1. Take the snapshot anew, or use another one."#
        )
        #expect(
            problem(nil, .unknown).description.hasPrefix(#"section "sample" is nothing that this machine has. "#))
    }

    @Test("A state of another machine is refused with the name of what is not alike")
    func otherMachine() throws {
        func board(_ harts: Int, _ display: Bool) throws -> RISCVVirt {
            var configuration = RISCVVirt.Configuration(console: MemoryConsole())
            configuration.cpus = harts
            configuration.hasDisplay = display
            configuration.memorySize = 1 << 20
            return try RISCVVirt(configuration)
        }
        let state = try board(2, false).state()
        let one = try board(1, false)
        #expect(throws: StateError(section: "board", field: nil, problem: .missing(found: "hart 1"))) {
            try one.restore(state)
        }
        let three = try board(3, false)
        #expect(throws: StateError(section: "hart 2", field: nil, problem: .missing(found: "board"))) {
            try three.restore(state)
        }
        let screen = try board(2, true)
        var found: StateError?
        do throws(StateError) { try screen.restore(state) } catch { found = error }
        #expect(found?.section.hasPrefix("virtio_mmio@") ?? false)
        try board(2, false).restore(state)
    }

    @Test(
        "What a guest has asked of its machine is part of the state", arguments: [MachineRequest.reset, .fail(code: 7)])
    func requests(request: MachineRequest) throws {
        func board() throws -> RISCVVirt {
            var configuration = RISCVVirt.Configuration(console: MemoryConsole())
            configuration.memorySize = 1 << 20
            return try RISCVVirt(configuration)
        }
        let first = try board()
        let value: UInt64 = request == .reset ? 0x7777 : 7 << 16 | 0x3333
        #expect(first.space.write(0x10_0000, size: 4, value: value))
        #expect(first.request == request)
        let second = try board()
        try second.restore(first.state())
        #expect(second.request == request)
    }
}
