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
            #expect(translator.statistics.refusals == 0, "no code was made of a block")
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

    /// Loads of each width and extension, by immediate, register and written back; ordered, of vectors, and in pairs.
    @Test("Every kind of access to a device does the same on both engines")
    func deviceAccesses() throws {
        let program: [UInt32] = [
            0x3940_0001,  // 1: ldrb w1, [x0]
            0x8b01_0042,  // add x2, x2, x1
            0x3980_0401,  // ldrsb x1, [x0, #1]
            0x8b01_0042,  // add x2, x2, x1
            0x78c0_2401,  // ldrsh w1, [x0], #2
            0x8b01_0042,  // add x2, x2, x1
            0xb880_2001,  // ldursw x1, [x0, #2]
            0x8b01_0042,  // add x2, x2, x1
            0x7800_6c03,  // strh w3, [x0, #6]!
            0xf865_6801,  // ldr x1, [x0, x5]
            0xab01_0042,  // adds x2, x2, x1
            0xfc5f_8001,  // ldur d1, [x0, #-8]
            0x9a1f_0084,  // adc x4, x4, xzr
            0xbd00_0801,  // str s1, [x0, #8]
            0x88df_fcc1,  // ldar w1, [x6]
            0xca01_0042,  // eor x2, x2, x1
            0xc89f_fcc2,  // stlr x2, [x6]
            0x2940_20c7,  // ldp w7, w8, [x6]
            0x8b08_0c42,  // add x2, x2, x8, lsl #3
            0xd100_2000,  // sub x0, x0, #8
            0xf100_0463,  // subs x3, x3, #1
            0x54ff_fd61,  // b.ne 1b
            0x1400_0000,  // b .
        ]
        var states: [[(name: String, value: UInt64)]] = []
        for translates in [false, true] {
            let machine = try AArch64TestMachine(translates: translates)
            machine.write(program, at: AArch64TestMachine.code)
            let core = machine.element.core
            core.pointee.registers[0] = AArch64TestMachine.device + 0x100
            core.pointee.registers[3] = 1000
            core.pointee.registers[5] = 16
            core.pointee.registers[6] = AArch64TestMachine.device + 0x200
            core.pointee.programCounter = AArch64TestMachine.code
            machine.element.state.pointee.cpacr = 3 << 20
            machine.element.contextChanged()
            while core.pointee.registers[3] != 0 { machine.element.run(700) }
            states.append(machine.observed)
            guard let translator = machine.translator else { continue }
            let left = translator.statistics.exits.first { $0.reason == "interpret" }.map { $0.count } ?? 0
            #expect(left < 1500, "code was left \(left) times for the interpreter, which should be called instead")
        }
        for (interpreted, translated) in zip(states[0], states[1]) {
            #expect(interpreted.value == translated.value, "\(interpreted.name), interpreted and translated")
        }
    }

    // MARK: Devices that a hypervisor emulates

    /// A guest whose second stage has its memory as one block, and nothing where the device is; the handler at EL2 adds up
    /// what it is told, in X24 to X26, and steps over the access.
    private func guest(_ program: [UInt32], translates: Bool) throws -> AArch64TestMachine {
        let machine = try AArch64TestMachine(translates: translates)
        let handler: [UInt32] = [
            0xd53c_5216,  // mrs x22, esr_el2
            0x8b16_0318,  // add x24, x24, x22
            0xd53c_6097,  // mrs x23, hpfar_el2
            0x8b17_0339,  // add x25, x25, x23
            0xd53c_6017,  // mrs x23, far_el2
            0x8b17_035a,  // add x26, x26, x23
            0xd53c_4037,  // mrs x23, elr_el2
            0x9100_12f7,  // add x23, x23, #4
            0xd51c_4037,  // msr elr_el2, x23
            0xd69f_03e0,  // eret
        ]
        machine.write(program, at: AArch64TestMachine.code)
        machine.write(handler, at: AArch64TestMachine.vectors + 0x400)
        machine.write([0, 0, UInt32(Self.block | 0x4000_0000), 0], at: Self.stageTwoTable)
        let (element, state) = (machine.element!, machine.element.state)
        element.setMode(AArch64.PSTATE.el1h)
        state.pointee.vbar[2] = AArch64TestMachine.vectors
        state.pointee.sctlr[1] = 0x30d0_0800
        state.pointee.hcr = 1 << 31 | AArch64.HypervisorConfiguration.vm
        // 32 bits from level 1 on, granules of 4 KiB, 40 bits of output.
        state.pointee.vtcr = 32 | 1 << 6 | 1 << 8 | 1 << 10 | 3 << 12 | 2 << 16 | 1 << 31
        state.pointee.vttbr = Self.stageTwoTable | 1 << 48
        element.contextChanged()
        element.core.pointee.registers[0] = AArch64TestMachine.device
        element.core.pointee.programCounter = AArch64TestMachine.code
        return machine
    }

    /// As HPFAR_EL2 has it: bits 47 to 12 from bit 4 on.
    private static let devicePage = (AArch64TestMachine.device >> 12) << 4
    private static let stageTwoTable = AArch64TestMachine.base + 0x4000
    /// AF, inner shareable, read and write, write-back, block (D8.3).
    private static let block: UInt64 = 1 << 10 | 3 << 8 | 3 << 6 | 0xf << 2 | 1

    @Test("Accesses that a hypervisor emulates say what they are, and do not leave translated code for long")
    func emulatedAccesses() throws {
        let program: [UInt32] = [
            0xb900_0403,  // 1: str w3, [x0, #4]
            0x7980_0401,  // ldrsh x1, [x0, #2]
            0xf100_047f,  // cmp x3, #1
            0xf800_8402,  // str x2, [x0], #8
            0x9a9f_17e5,  // cset x5, eq
            0x8b05_00c6,  // add x6, x6, x5
            0xd100_0463,  // sub x3, x3, #1
            0xb5ff_ff23,  // cbnz x3, 1b
            0x1400_0000,  // b .
        ]
        let rounds: UInt64 = 2000
        // ISS of a data abort: ISV, SAS, SSE, SRT, SF; WnR; a translation fault at level 1. With write-back nothing is valid.
        let abort: UInt64 = 0x24 << 26 | 1 << 25 | 5
        let syndromes =
            (abort | 1 << 24 | 2 << 22 | 3 << 16 | 1 << 6)
            + (abort | 1 << 24 | 1 << 22 | 1 << 21 | 1 << 16 | 1 << 15) + (abort | 1 << 6)
        for translates in [false, true] {
            let machine = try guest(program, translates: translates)
            let core = machine.element.core
            core.pointee.registers[3] = rounds
            while core.pointee.registers[3] != 0 { machine.element.run(700) }
            let registers = core.pointee.registers
            #expect(registers[24] == rounds &* syndromes, "ESR_EL2, translated: \(translates)")
            #expect(registers[25] == rounds * 3 * Self.devicePage, "HPFAR_EL2")
            #expect(registers[26] == rounds * (3 * AArch64TestMachine.device + 6), "FAR_EL2")
            #expect(registers[6] == 1, "the flags of the comparison before the last access")
            // What faults writes nothing back.
            #expect(registers[0] == AArch64TestMachine.device)
            guard let translator = machine.translator else { continue }
            let left = translator.statistics.exits.first { $0.reason == "interpret" }.map { $0.count } ?? 0
            #expect(left < 400, "code was left \(left) times for the interpreter, which should be called instead")
        }
    }

    @Test("Each form of access that a hypervisor emulates says of itself what the manual has for it, translated too")
    func describedAccesses() throws {
        // Of the ISS of a data abort: ISV, SAS, SRT, SF, AR, WnR. Of two registers nothing is valid.
        let accesses: [(word: UInt32, syndrome: UInt64)] = [
            (0x7900_001f, 1 << 24 | 1 << 22 | 31 << 16 | 1 << 6),  // 1: strh wzr, [x0]
            (0x88df_fc04, 1 << 24 | 2 << 22 | 4 << 16 | 1 << 14),  // ldar w4, [x0]
            (0x3840_1809, 1 << 24 | 9 << 16),  // ldtrb w9, [x0, #1]
            (0xf868_6807, 1 << 24 | 3 << 22 | 7 << 16 | 1 << 15),  // ldr x7, [x0, x8]
            (0xa940_2c0a, 0),  // ldp x10, x11, [x0]
        ]
        let program: [UInt32] =
            accesses.map(\.word) + [
                0xd100_0463,  // sub x3, x3, #1
                0xb5ff_ff43,  // cbnz x3, 1b
                0x1400_0000,  // b .
            ]
        let rounds: UInt64 = 2000
        // A translation fault at level 1.
        let syndromes = accesses.reduce(0) { $0 + ($1.syndrome | 0x24 << 26 | 1 << 25 | 5) }
        for translates in [false, true] {
            let machine = try guest(program, translates: translates)
            let core = machine.element.core
            core.pointee.registers[3] = rounds
            while core.pointee.registers[3] != 0 { machine.element.run(700) }
            let registers = core.pointee.registers
            #expect(registers[24] == rounds &* syndromes, "ESR_EL2, translated: \(translates)")
            #expect(registers[26] == rounds * (5 * AArch64TestMachine.device + 1), "FAR_EL2")
        }
    }

    @Test("Memory that a hypervisor maps where it has emulated a device is there at once, without maintenance of TLBs")
    func mappedLater() throws {
        let program: [UInt32] = [
            0xb900_0403,  // 1: str w3, [x0, #4]
            0xf100_0463,  // subs x3, x3, #1
            0x54ff_ffc1,  // b.ne 1b
            0x1400_0000,  // b .
        ]
        for translates in [false, true] {
            let machine = try guest(program, translates: translates)
            let core = machine.element.core
            core.pointee.registers[3] = 1000
            while core.pointee.registers[3] > 200 { machine.element.run(70) }
            while core.pointee.programCounter != AArch64TestMachine.code { machine.element.run(1) }
            let (faults, left) = (core.pointee.registers[25], core.pointee.registers[3])
            #expect(faults == (1000 - left) * Self.devicePage)
            // A table of level 2 in place of nothing, whose entry leads to the memory; the page is one of data.
            let (second, third) = (Self.stageTwoTable + 0x1000, Self.stageTwoTable + 0x2000)
            let index = AArch64TestMachine.device >> 21
            machine.write([UInt32(third | 3), 0], at: second + 8 * index)
            machine.write([UInt32(AArch64TestMachine.data | Self.block | 3), 0], at: third)
            machine.write([UInt32(second | 3), 0], at: Self.stageTwoTable)
            while core.pointee.registers[3] != 0 { machine.element.run(70) }
            #expect(core.pointee.registers[25] == faults, "there is memory, and a fault; translated: \(translates)")
            #expect(machine.content[Int(AArch64TestMachine.data - AArch64TestMachine.base) / 8] == 1 << 32)
        }
    }

    @Test("A second stage that a hypervisor gives its guest is in force when that goes on, and so is the first again")
    func changedSecondStages() throws {
        let program: [UInt32] = [
            0xf940_0001,  // 1: ldr x1, [x0]
            0x8b01_0084,  // add x4, x4, x1
            0xd400_0002,  // hvc #0
            0xd100_0463,  // sub x3, x3, #1
            0xb5ff_ff83,  // cbnz x3, 1b
            0x1400_0000,  // b .
        ]
        let handler: [UInt32] = [
            0xd53c_2116,  // mrs x22, vttbr_el2
            0xca1b_02d6,  // eor x22, x22, x27
            0xd51c_2116,  // msr vttbr_el2, x22
            0xd69f_03e0,  // eret
        ]
        let (rounds, page): (UInt64, UInt64) = (1000, 0x8000_0000)
        let values: [UInt32] = [5, 7000]
        for translates in [false, true] {
            let machine = try guest(program, translates: translates)
            machine.write(handler, at: AArch64TestMachine.vectors + 0x400)
            // Tables of levels 1 to 3 of each, and the page that they lead to.
            let roots = [Self.stageTwoTable, Self.stageTwoTable + 0x2000]
            for (index, root) in roots.enumerated() {
                let third = AArch64TestMachine.base + 0xa000 + UInt64(index) << 12
                machine.write([0, 0, UInt32(Self.block | 0x4000_0000), 0], at: root)
                machine.write([UInt32(root + 0x1000 | 3), 0, 0, 0], at: root + 16)
                machine.write([UInt32(third | 3), 0], at: root + 0x1000)
                machine.write([UInt32(third + 0x2000 | Self.block | 3), 0], at: third)
                machine.write([values[index], 0], at: third + 0x2000)
            }
            let core = machine.element.core
            core.pointee.registers[0] = page
            core.pointee.registers[3] = rounds
            // VMIDs 1 and 2.
            core.pointee.registers[27] = roots[0] ^ roots[1] | 3 << 48
            while core.pointee.registers[3] != 0 { machine.element.run(700) }
            let sum = core.pointee.registers[4]
            #expect(sum == rounds / 2 * UInt64(values[0] + values[1]), "translated: \(translates)")
        }
    }

    // MARK: Turns

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
