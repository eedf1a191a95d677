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

    /// x2 = the sum of what a device's register reads, which a store to it moves on.
    @Test("Accesses to a device do not leave translated code for long")
    func devices() throws {
        let program: [UInt32] = [
            0xb940_0001,  // 1: ldr w1, [x0]
            0x8b01_0042,  // add x2, x2, x1
            0xb900_0403,  // str w3, [x0, #4]
            0xf100_0463,  // subs x3, x3, #1
            0x54ff_ff81,  // b.ne 1b
            0x1400_0000,  // b .
        ]
        var sums: [UInt64] = []
        for translates in [false, true] {
            let machine = try AArch64TestMachine(translates: translates)
            machine.write(program, at: AArch64TestMachine.code)
            let core = machine.element.core
            core.pointee.registers[0] = AArch64TestMachine.device
            core.pointee.registers[3] = 2000
            core.pointee.programCounter = AArch64TestMachine.code
            while core.pointee.registers[3] != 0 { machine.element.run(700) }
            sums.append(core.pointee.registers[2])
            guard let translator = machine.translator else { continue }
            let exits = translator.statistics.exits
            let left = exits.first { $0.reason == "interpret" }.map { $0.count } ?? 0
            #expect(left < 300, "code was left \(left) times for the interpreter, which should be called instead")
        }
        var (accesses, sum): (UInt64, UInt64) = (0, 0)
        for round in 0..<2000 as Range<UInt64> {
            accesses += 1
            sum += accesses
            accesses += (2000 - round) & 0xff
        }
        #expect(sums == [sum, sum], "interpreted, translated")
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
