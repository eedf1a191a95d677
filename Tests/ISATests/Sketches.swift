import Testing

@testable import ISA

/// Four instructions of architectures to come, each among the hardest for the emitter of its kind, written in its
/// operations. They are run on both executors against values from the manuals.
enum Sketches {
    /// x86 `adc [base + displacement], source`: one probe for both halves, which may find a device or two pages; CF is
    /// both read and written; a fault leaves everything as it was.
    struct AddWithCarryToMemory: Meaning {
        var base: UInt8, displacement: UInt64, source: UInt8, width: Width

        func emit<E: Emitter>(_ e: inout E) throws(E.Failure) {
            let base = e.register(base)
            let displacement = e.constant(displacement)
            let address = e.binary(.add, .double, base, displacement)
            let b = e.register(source)
            let below = e.condition(.below)
            let carry = e.value(of: below)
            let handle = try e.probe(address, bytes: UInt16(width.bytes), write: true, [])
            let a = e.load(handle, offset: 0, width)
            let result = e.addWithCarry(width, a, b, carry)
            e.store(handle, offset: 0, result, width)
            e.setFlags(.addWithCarry, width, result: result, a, b)
        }
    }

    /// A32 `ldmne r1!, {r2, pc}`: all of it under a condition; words in order, the base written back after the last
    /// that may fault; bit 0 of what goes to the PC selects Thumb, and another decoder is the run loop's affair.
    struct LoadMultipleNotEqual: Meaning {
        func emit<E: Emitter>(_ e: inout E) throws(E.Failure) {
            let notEqual = e.condition(.notEqual)
            try e.whenever(notEqual) { e throws(E.Failure) in
                let (base, three, zero) = (e.register(1), e.constant(3), e.constant(0))
                let low = e.binary(.and, .word, base, three)
                let misaligned = e.compare(.notEqual, .word, low, zero)
                try e.trap(if: misaligned, cause: ToyGuest.Cause.alignment, value: base)
                let handle = try e.probe(base, bytes: 8, write: false, [])
                let first = e.load(handle, offset: 0, .word)
                let target = e.load(handle, offset: 4, .word)
                let (eight, one) = (e.constant(8), e.constant(1))
                let next = e.binary(.add, .word, base, eight)
                e.setRegister(1, next)
                e.setRegister(2, first)
                let address = e.binary(.andNot, .word, target, one)
                let thumb = e.binary(.and, .word, target, one)
                let changes = e.compare(.notEqual, .word, thumb, zero)
                let stays = e.not(changes)
                try e.whenever(changes) { e throws(E.Failure) in
                    e.setState(MemoryLayout<ToyGuest.State>.offset(of: \.thumb)!, .byte, one)
                    e.setState(MemoryLayout<CoreState>.offset(of: \.programCounter)!, .double, address)
                    e.resume()
                }
                try e.whenever(stays) { e throws(E.Failure) in e.jump(to: address, .return) }
            }
        }
    }

    /// AArch64 `ldaxp x0, x1, [x2]`: 16 bytes at once, aligned to 16 and in memory, and a reservation of them.
    struct LoadAcquireExclusivePair: Meaning {
        func emit<E: Emitter>(_ e: inout E) throws(E.Failure) {
            let address = e.register(2)
            let handle = try e.probe(address, bytes: 16, write: false, [.aligned, .acquire, .atomic])
            let low = e.load(handle, offset: 0, .double)
            let high = e.load(handle, offset: 8, .double)
            e.reserve(handle)
            e.setRegister(0, low)
            e.setRegister(1, high)
        }
    }

    /// AArch64 `stlxp w3, x0, x1, [x2]`: both or neither, and 0 or 1 to say which.
    struct StoreReleaseExclusivePair: Meaning {
        func emit<E: Emitter>(_ e: inout E) throws(E.Failure) {
            let (address, low, high) = (e.register(2), e.register(0), e.register(1))
            let handle = try e.probe(address, bytes: 16, write: true, [.aligned, .release, .atomic])
            let held = e.consumeReservation(handle)
            e.store(if: held, handle, offset: 0, low, .double)
            e.store(if: held, handle, offset: 8, high, .double)
            let failed = e.not(held)
            let status = e.value(of: failed)
            e.setRegister(3, status)
        }
    }

    /// SSE2 `cvttps2dq xmm1, [base]`: four lanes truncated, #GP where the operand is not aligned.
    struct ConvertTruncatedSinglesToIntegers: Meaning {
        var base: UInt8

        func emit<E: Emitter>(_ e: inout E) throws(E.Failure) {
            let (address, fifteen, zero) = (e.register(base), e.constant(15), e.constant(0))
            let low = e.binary(.and, .double, address, fifteen)
            let misaligned = e.compare(.notEqual, .double, low, zero)
            try e.trap(if: misaligned, cause: ToyGuest.Cause.protection, value: zero)
            let handle = try e.probe(address, bytes: 16, write: false, [])
            let (first, second) = (e.load(handle, offset: 0, .double), e.load(handle, offset: 8, .double))
            let singles = e.vector(low: first, high: second)
            let zeros = e.vector(low: zero, high: zero)
            let bits = e.constant(32 << 32 | 32)
            let widths = e.vector(low: bits, high: bits)
            let integers = e.vectorFloat(.toFixedSigned, .single, lanes: 4, singles, zeros, widths, .towardZero)
            e.setVectorRegister(1, integers)
        }
    }
}

@Suite("Sketches of instructions to come")
struct SketchTests {
    typealias Machine = ToyGuest.Machine

    /// Runs on both executors, cold and warm, and gives the interpreter's machine.
    func run(_ meanings: [any Meaning], _ prepare: (Machine) -> Void) -> (machine: Machine, completed: Bool) {
        let cold = ToyGuest.compare(meanings, prepare)
        let warm = ToyGuest.compare(meanings, warm: true, prepare)
        #expect(cold.differences == [], "with a cold TLB")
        #expect(warm.differences == [], "with a warm TLB")
        return (cold.machine, cold.completed)
    }

    @Test("ADC to memory adds the carry and leaves the carry, zero and auxiliary flags of the sum")
    func addWithCarry() {
        let adc = Sketches.AddWithCarryToMemory(base: 3, displacement: 0x10, source: 1, width: .byte)
        let (machine, completed) = run([adc]) { machine in
            machine.state.pointee.core.registers[3] = 0x1200
            machine.state.pointee.core.registers[1] = 0xabcd_ef00
            machine.state.pointee.core.flags = FlagsRecord(result: ConditionCode.carryBit)
            machine.write(0xff as UInt8, at: 0x1210)
        }
        #expect(completed)
        #expect(machine.read(0x1210, as: UInt16.self) == 0, "0xff + 0x00 + 1, one byte and no more")
        // SDM volume 2, ADC: CF, AF and ZF set, SF and OF clear; PF set for a zero byte.
        #expect(machine.state.pointee.core.flags.raw == 0x55)
    }

    @Test("ADC to two pages writes both; to a read-only second page it faults there and writes nothing")
    func addWithCarryAcrossPages() {
        let adc = Sketches.AddWithCarryToMemory(base: 3, displacement: 0, source: 1, width: .double)
        func prepare(_ machine: Machine, _ address: UInt64) {
            machine.state.pointee.core.registers[3] = address
            machine.state.pointee.core.registers[1] = 0x0102_0304_0506_0708
            machine.write(0x1011_1213_1415_1617 as UInt64, at: address)
        }
        let (across, _) = run([adc]) { prepare($0, 0x1ffc) }
        #expect(across.read(0x1ffc, as: UInt64.self) == 0x1113_1517_191b_1d1f)
        let (refused, completed) = run([adc]) { prepare($0, 0x2ffc) }
        #expect(!completed)
        #expect(refused.state.pointee.core.fault.value == 0x3000, "the first byte that may not be written")
        #expect(refused.read(0x2ffc, as: UInt64.self) == 0x1011_1213_1415_1617)
    }

    @Test("ADC to a device reads it once and writes it once, in this order")
    func addWithCarryToDevice() {
        let adc = Sketches.AddWithCarryToMemory(base: 3, displacement: 0, source: 1, width: .word)
        let (machine, _) = run([adc]) { machine in
            machine.state.pointee.core.registers[3] = 0x5000
            machine.state.pointee.core.registers[1] = 2
        }
        let read = UInt32(truncatingIfNeeded: 0x5000 &* 0x0101_0101 + 1)
        #expect(
            machine.summary.filter { $0.hasPrefix("device") } == [
                "device: read word at 20480, budget 1000", "device: write \(read &+ 2) word at 20480, budget 1000",
            ])
    }

    @Test("LDMNE does nothing when Z is set, else loads, writes back and jumps")
    func loadMultiple() {
        func prepare(_ machine: Machine, flags: UInt64, target: UInt32) {
            machine.state.pointee.core.programCounter = 0x8000
            machine.state.pointee.core.registers[1] = 0x1ffc
            machine.state.pointee.core.flags = FlagsRecord(result: flags)
            machine.write(0x1234_5678 as UInt32, at: 0x1ffc)
            machine.write(target, at: 0x2000)
        }
        let ldm = Sketches.LoadMultipleNotEqual()
        let (skipped, _) = run([ldm]) { prepare($0, flags: ConditionCode.zeroBit, target: 0x8100) }
        #expect(skipped.state.pointee.core.programCounter == 0x8004)
        #expect(skipped.state.pointee.core.registers[1] == 0x1ffc)

        let (taken, _) = run([ldm]) { prepare($0, flags: 0, target: 0x8100) }
        #expect(taken.state.pointee.core.programCounter == 0x8100)
        #expect(taken.state.pointee.core.registers[1] == 0x2004)
        #expect(taken.state.pointee.core.registers[2] == 0x1234_5678)
        #expect(taken.state.pointee.thumb == 0)

        let (thumb, _) = run([ldm]) { prepare($0, flags: 0, target: 0x8101) }
        #expect(thumb.state.pointee.core.programCounter == 0x8100, "bit 0 is not part of the address")
        #expect(thumb.state.pointee.thumb == 1)
    }

    @Test("LDMNE of a misaligned base, or half of it unmapped, faults and leaves base and registers alone")
    func loadMultipleFaults() {
        let cases: [(base: UInt64, cause: UInt64, value: UInt64)] = [
            (0x1002, ToyGuest.Cause.alignment, 0x1002), (0x3ffc, ToyGuest.Cause.load, 0x4000),
        ]
        for (base, cause, value) in cases {
            let (machine, completed) = run([Sketches.LoadMultipleNotEqual()]) { machine in
                machine.state.pointee.core.registers[1] = base
                machine.state.pointee.core.registers[2] = 7
            }
            #expect(!completed)
            #expect(machine.state.pointee.core.fault.cause == cause)
            #expect(machine.state.pointee.core.fault.value == value)
            #expect(machine.state.pointee.core.registers[1] == base)
            #expect(machine.state.pointee.core.registers[2] == 7)
        }
    }

    @Test("STLXP stores after an LDAXP of the same address, and neither twice nor to another address")
    func exclusivePair() {
        func prepare(_ machine: Machine) {
            machine.state.pointee.core.registers[2] = 0x1100
            machine.write(0x11 as UInt64, at: 0x1100)
            machine.write(0x22 as UInt64, at: 0x1108)
        }
        let (load, store) = (Sketches.LoadAcquireExclusivePair(), Sketches.StoreReleaseExclusivePair())
        let (first, _) = run([load, Swap(a: 0, b: 1), store]) { prepare($0) }
        #expect(first.state.pointee.core.registers[3] == 0, "0 says that it stored (DDI 0487, STLXP)")
        #expect(first.read(0x1100, as: UInt64.self) == 0x22)
        #expect(first.read(0x1108, as: UInt64.self) == 0x11)

        let (second, _) = run([load, store, Swap(a: 0, b: 1), store]) { prepare($0) }
        #expect(second.state.pointee.core.registers[3] == 1)
        #expect(second.read(0x1100, as: UInt64.self) == 0x11)

        let (other, _) = run([load, Add(register: 2, amount: 16), store]) { prepare($0) }
        #expect(other.state.pointee.core.registers[3] == 1)
        #expect(other.read(0x1110, as: UInt64.self) == 0)
    }

    @Test("LDAXP faults unless its address is a multiple of 16, and on a device")
    func exclusiveFaults() {
        for (address, cause) in [(0x1108, ToyGuest.Cause.alignment), (0x5000, ToyGuest.Cause.load)]
            as [(UInt64, UInt64)]
        {
            let (machine, completed) = run([Sketches.LoadAcquireExclusivePair()]) { machine in
                machine.state.pointee.core.registers[2] = address
            }
            #expect(!completed)
            #expect(machine.state.pointee.core.fault.cause == cause)
            #expect(machine.state.pointee.core.reservation == 0)
        }
    }

    @Test("CVTTPS2DQ truncates, and gives the integer indefinite for what does not fit")
    func convert() {
        let (machine, _) = run([Sketches.ConvertTruncatedSinglesToIntegers(base: 0)]) { machine in
            machine.state.pointee.core.registers[0] = 0x1230
            for (lane, value) in ([1.9, -2.9, 3e9, .nan] as [Float]).enumerated() {
                machine.write(value.bitPattern, at: 0x1230 + 4 * UInt64(lane))
            }
        }
        // SDM volume 2, CVTTPS2DQ: 80000000H for NaN and out of range.
        #expect(machine.state.pointee.core.vectors[2] == 0xffff_fffe_0000_0001)
        #expect(machine.state.pointee.core.vectors[3] == 0x8000_0000_8000_0000)
        let (refused, completed) = run([Sketches.ConvertTruncatedSinglesToIntegers(base: 0)]) { machine in
            machine.state.pointee.core.registers[0] = 0x1238
        }
        #expect(!completed)
        #expect(refused.state.pointee.core.fault.cause == 13, "#GP")
    }

    struct Swap: Meaning {
        var a: UInt8, b: UInt8
        func emit<E: Emitter>(_ e: inout E) {
            let (x, y) = (e.register(a), e.register(b))
            e.setRegister(a, y)
            e.setRegister(b, x)
        }
    }

    struct Add: Meaning {
        var register: UInt8, amount: UInt64
        func emit<E: Emitter>(_ e: inout E) {
            let (x, y) = (e.register(register), e.constant(amount))
            let sum = e.binary(.add, .double, x, y)
            e.setRegister(register, sum)
        }
    }
}
