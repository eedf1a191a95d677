import ISA
import Testing

@testable import AArch64ISA
@testable import JIT

/// A64 code that is translated: faults, exceptions and the ends of turns within it.
@Suite(
    "Hot code of AArch64", .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct AArch64HotCodeTests {
    /// More than any program needs; then it stays where it is.
    private static let whole: UInt64 = 6000

    @Test("Each program leaves what the manual says, on both engines", arguments: AArch64HotProgram.all)
    func leaves(program: AArch64HotProgram) throws {
        for translates in [false, true] {
            let hot = try AArch64HotMachine(program, translates: translates)
            hot.machine.element.run(Self.whole)
            for (register, value) in program.leaves.sorted(by: { $0.key < $1.key }) {
                let found = hot.machine.element.core.pointee.registers[register]
                #expect(
                    found == value,
                    "x\(register) \(translates ? "translated" : "interpreted"): \(hexadecimal(found)), not \(hexadecimal(value))"
                )
            }
            guard let translator = hot.machine.translator else { continue }
            let executed = translator.statistics.executed
            #expect(executed > Self.whole * 3 / 4, "only \(executed) instructions were executed in translated code")
        }
    }

    @Test(
        "A turn may end before any instruction: the state is what the interpreter has there",
        arguments: AArch64HotProgram.all)
    func turns(program: AArch64HotProgram) throws {
        // The program's first rounds and a little of the later ones, an instruction at a time.
        let steps = 500
        let reference = try AArch64HotMachine(program, translates: false)
        var states = [reference.machine.observed]
        for _ in 0..<steps {
            reference.machine.element.run(1)
            states.append(reference.machine.observed)
        }
        reference.machine.element.run(Self.whole - UInt64(steps))
        let hot = try AArch64HotMachine(program, translates: true)
        // Makes it hot.
        hot.machine.element.run(Self.whole)
        for turn in Array(1...24) + [37, 61, 127] {
            hot.restart()
            var executed = 0
            while executed + turn <= steps {
                hot.machine.element.run(UInt64(turn))
                executed += turn
                let difference = zip(hot.machine.observed, states[executed]).first { $0.value != $1.value }
                if let (ours, theirs) = difference {
                    Issue.record(
                        """
                        After \(executed) instructions in turns of \(turn), \(ours.name) is \(hexadecimal(ours.value)) \
                        translated, and \(hexadecimal(theirs.value)) interpreted.
                        """)
                    return
                }
            }
            hot.machine.element.run(Self.whole - UInt64(executed))
            #expect(hot.machine.content == reference.machine.content, "memory differs after turns of \(turn)")
        }
    }

    private func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}
