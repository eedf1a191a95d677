import Machine
import Testing

@testable import ISA

/// Random meanings: every operation of the emitter, in every order that its rules allow, on both executors.
///
/// RISC-V uses neither flags nor vectors nor side regions, so its instructions alone would leave half of the recorder
/// untried.
@Suite("Random meanings mean the same on both executors")
struct IRRandomTests {
    #if DEBUG
    static let programs = 1500
    #else
    static let programs = 8000
    #endif

    @Test("Programs of random meanings leave the same state, memory, device accesses and faults")
    func agree() {
        for seed in 0..<UInt64(Self.programs) {
            if let difference = Self.difference(seed) {
                Issue.record("seed \(seed):\n\(difference)")
                return
            }
        }
    }

    static func difference(_ seed: UInt64) -> String? {
        var random = SplitMix64(seed: seed &* 0x1_0001)
        let meanings: [any Meaning] = (0..<1 + random.below(4)).map { _ in
            RandomMeaning(seed: random.next(), length: random.bool() ? 4 : 2)
        }
        let (warm, preparation) = (random.bool(), random.next())
        let result = ToyGuest.compare(meanings, warm: warm) { prepare($0, seed: preparation) }
        return result.differences.isEmpty ? nil : result.differences.joined(separator: "\n")
    }

    private static func prepare(_ machine: ToyGuest.Machine, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let core = UnsafeMutableRawPointer(machine.state).assumingMemoryBound(to: CoreState.self)
        for index in 0..<80 {
            let places: [UInt64] = [
                0x1000, 0x1100, 0x1ff8, 0x1ffc, 0x2010, 0x2ff8, 0x3000, 0x3ff0, 0x5000, 0x5ff0, 0x100,
            ]
            let near = random.pick(places)
            let (offset, any, small) = (UInt64(random.below(9)), random.next(), UInt64(random.below(3)))
            let value = random.pick([near, near + offset, any, small, ~0])
            core.pointee.registers[index] = value
        }
        for index in 0..<64 { core.pointee.vectors[index] = random.next() }
        core.pointee.programCounter = 0x8000
        core.pointee.budget = random.pick([1, 2, 3, 1000])
        core.pointee.turnEnd = 5000
        core.pointee.floatEnabled = random.below(4) == 0 ? 0 : 1
        core.pointee.floatRounding = UInt8(random.below(6))
        let kind = random.pick(FlagsKind.allCases)
        core.pointee.flags = FlagsRecord(
            kind: kind, width: random.pick(Width.allCases), result: random.next(), operand: random.next(),
            first: random.next())
        for offset in stride(from: 0, to: 0x3000, by: 8) {
            machine.memory.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
        }
    }
}

/// A meaning drawn from a seed: the same operations whoever the emitter is.
struct RandomMeaning: Meaning {
    var seed: UInt64
    var length: UInt8

    func emit<E: Emitter>(_ e: inout E) throws(E.Failure) {
        var draw = Draw<E>(random: SplitMix64(seed: seed))
        draw.begin(&e)
        try draw.faulting(&e)
        try draw.effects(&e, depth: 0)
        draw.observe(&e)
        try draw.control(&e)
    }
}

/// What was emitted so far, to draw operands from.
private struct Draw<E: Emitter> {
    var random: SplitMix64
    var values: [E.Value] = []
    var conditions: [E.Condition] = []
    var vectors: [E.Vector] = []
    var handles: [Held] = []

    struct Held {
        let handle: E.Handle
        let bytes: Int
        let isForWriting: Bool
    }

    init(random: SplitMix64) { self.random = random }

    mutating func value() -> E.Value { random.pick(values) }
    mutating func condition() -> E.Condition { random.pick(conditions) }
    mutating func vector() -> E.Vector { random.pick(vectors) }
    mutating func width() -> Width { random.pick(Width.allCases) }
    mutating func register() -> UInt8 { UInt8(random.below(8)) }
    mutating func format() -> FloatSize { random.pick([.half, .single, .double]) }
    mutating func rounding() -> RoundingControl { random.pick([.nearestEven, .towardZero, .down, .up, .dynamic]) }

    mutating func begin(_ e: inout E) {
        values = [e.constant(0), e.constant(random.next()), e.constant(UInt64(random.below(70)))]
        values.append(e.register(register()))
        conditions = [e.condition(random.pick(ConditionCode.allCases))]
        vectors = [e.vectorRegister(UInt8(random.below(32)))]
        for index in 0..<6 as Range<UInt8> where random.below(3) == 0 { values.append(e.register(index)) }
        for _ in 0..<random.below(6) { pure(&e) }
    }

    /// One operation without effect.
    mutating func pure(_ e: inout E) {
        switch random.below(20) {
        case 0: values.append(e.constant(random.pick([0, 1, ~0, 1 << 63, 0xff, random.next()])))
        case 1: values.append(e.programCounter(plus: Int64(random.below(64)) - 32))
        case 2, 3: values.append(e.register(register()))
        case 4:
            let offset = random.pick([0, 8, 12, 640, MemoryLayout<ToyGuest.State>.offset(of: \.scratch)!])
            values.append(e.state(offset, width()))
        case 5, 6: values.append(e.binary(random.pick(BinaryOperation.allCases), width(), value(), value()))
        case 7:
            // Neutral operands, at every width.
            let (zero, isFirst, a) = (e.constant(0), random.bool(), value())
            let operation = random.pick(BinaryOperation.allCases)
            values.append(e.binary(operation, width(), isFirst ? zero : a, isFirst ? a : zero))
        case 8: values.append(e.unary(random.pick(UnaryOperation.allCases), width(), value()))
        case 9: values.append(e.extend(random.pick(Extension.allCases), value()))
        case 10:
            let carry = e.value(of: condition())
            let isSubtraction = random.bool()
            let (width, a, b) = (width(), value(), value())
            values.append(
                isSubtraction ? e.subtractWithBorrow(width, a, b, carry) : e.addWithCarry(width, a, b, carry))
        case 11, 12: conditions.append(e.compare(random.pick(Comparison.allCases), width(), value(), value()))
        case 13: values.append(e.select(condition(), value(), value()))
        case 14: values.append(e.value(of: condition()))
        case 15:
            let (a, b) = (condition(), condition())
            switch random.below(3) {
            case 0: conditions.append(e.not(a))
            case 1: conditions.append(e.and(a, b))
            default: conditions.append(e.or(a, b))
            }
        case 16: conditions.append(e.condition(random.pick(ConditionCode.allCases)))
        case 17: values.append(e.flags())
        case 18: vectors.append(pureVector(&e))
        default:
            vectors.append(
                random.bool() ? e.vector(low: value(), high: value()) : e.vectorRegister(UInt8(random.below(4))))
            values.append(e.doubleword(UInt8(random.below(2)), of: vector()))
        }
    }

    private mutating func pureVector(_ e: inout E) -> E.Vector {
        switch random.below(5) {
        case 0: e.vectorUnary(random.pick(VectorUnaryOperation.allCases), lane: width(), vector())
        case 1:
            e.vectorShift(
                random.pick(VectorShiftOperation.allCases), lane: width(), vector(), by: UInt8(random.below(65)))
        case 2: e.vectorExtract(vector(), vector(), from: UInt8(random.below(16)))
        case 3: e.cryptographic(random.pick(CryptographicOperation.allCases), vector(), vector(), vector())
        default: e.vectorBinary(random.pick(VectorOperation.allCases), lane: width(), vector(), vector())
        }
    }

    /// What can fault, with pure operations between.
    mutating func faulting(_ e: inout E) throws(E.Failure) {
        for _ in 0..<random.below(4) {
            switch random.below(9) {
            case 0, 1, 2:
                let bytes = random.pick([1, 2, 4, 8, 8, 16, 16])
                let (isAtomic, isForWriting) = (random.bool(), random.bool())
                let address = e.register(register())
                let handle = try e.probe(
                    address, bytes: UInt16(bytes), write: isForWriting, isAtomic ? [.aligned, .atomic] : [])
                handles.append(Held(handle: handle, bytes: bytes, isForWriting: isForWriting))
            case 3, 4:
                let address = e.register(register())
                values.append(try e.load(address, width(), random.bool() ? [.aligned] : []))
            case 5:
                let rare = e.and(condition(), condition())
                try e.trap(if: rare, cause: UInt64(random.below(9)), value: value())
            case 6: try e.require(random.pick([.floatingPoint, .dynamicRounding]))
            case 7: values.append(try e.call(HelperIdentifier(rawValue: UInt16(random.below(4))), value(), value()))
            default: if random.below(20) == 0 { try e.undefined() }
            }
            for _ in 0..<random.below(4) { pure(&e) }
        }
        if random.below(5) == 0 {
            let address = e.register(register())
            try e.store(address, value(), width(), random.bool() ? [.aligned] : [])
        }
    }

    mutating func effects(_ e: inout E, depth: Int) throws(E.Failure) {
        for _ in 0..<1 + random.below(6) {
            try effect(&e, depth: depth)
            for _ in 0..<random.below(3) { pure(&e) }
        }
    }

    private mutating func effect(_ e: inout E, depth: Int) throws(E.Failure) {
        switch random.below(14) {
        case 0, 1: e.setRegister(register(), value())
        case 2: e.setRegister(register(), bit: random.pick([0, 8]), random.pick([.byte, .half]), value())
        case 3:
            let flags = MemoryLayout<CoreState>.offset(of: \.flags.result)!
            let scratch = MemoryLayout<ToyGuest.State>.offset(of: \.scratch)!
            e.setState(random.pick([0, 8, 12, 17, 640, flags, scratch]), width(), value())
        case 4, 5:
            e.setFlags(random.pick(FlagsKind.allCases), width(), result: value(), value(), value())
        case 6:
            e.setFlags(
                if: condition(), random.pick(FlagsKind.allCases), width(), result: value(), value(), value(),
                otherwise: random.bool() ? random.next() & 0x8d5 : nil)
        case 7: e.setFlags(raw: value())
        case 8, 9: heldEffect(&e)
        case 10: floatEffect(&e)
        case 11:
            e.setVectorRegister(UInt8(random.below(4)), vector())
            if random.bool() {
                let operation = random.pick(FloatOperation.allCases)
                vectors.append(
                    e.vectorFloat(
                        operation, format(), lanes: UInt8(random.below(9)), vector(), vector(), vector(), rounding()))
            } else {
                let operation = random.pick(VectorSaturatingOperation.allCases)
                vectors.append(e.vectorSaturating(operation, lane: width(), vector(), vector(), vector()))
            }
        default:
            guard depth < 2 else { return }
            // What is defined inside stays inside.
            var inner = self
            let condition = condition()
            try e.whenever(condition) { e throws(E.Failure) in try inner.effects(&e, depth: depth + 1) }
            random = SplitMix64(seed: random.next())
        }
    }

    private mutating func heldEffect(_ e: inout E) {
        guard !handles.isEmpty else { return }
        let held = random.pick(handles)
        let width = random.pick(Width.allCases.filter { Int($0.bytes) <= held.bytes })
        let offset = UInt16(random.below(held.bytes - Int(width.bytes) + 1))
        guard held.isForWriting else {
            if random.below(4) == 0 { return e.reserve(held.handle) }
            values.append(e.load(held.handle, offset: offset, width))
            return
        }
        switch random.below(8) {
        case 0: values.append(e.load(held.handle, offset: offset, width))
        case 1, 2: e.store(held.handle, offset: offset, value(), width)
        case 3: e.store(if: condition(), held.handle, offset: offset, value(), width)
        case 4:
            values.append(e.atomicUpdate(random.pick(AtomicOperation.allCases), held.handle, value(), width))
        case 5:
            let old = e.load(held.handle, offset: 0, width)
            let expected = random.bool() ? old : value()
            values.append(e.compareAndSwap(held.handle, expected: expected, new: value(), width))
        case 6 where held.bytes == 16:
            let (low, high) = (e.load(held.handle, offset: 0, .double), e.load(held.handle, offset: 8, .double))
            let expected = random.bool() ? (low, high) : (low, value())
            let old = e.compareAndSwapPair(held.handle, expected: expected, new: (value(), value()))
            values += [old.0, old.1]
        default: conditions.append(e.consumeReservation(held.handle))
        }
    }

    private mutating func floatEffect(_ e: inout E) {
        switch random.below(4) {
        case 0:
            values.append(
                e.float(random.pick(FloatOperation.allCases), format(), value(), value(), value(), rounding()))
        case 1:
            values.append(
                e.floatToInteger(
                    format(), value(), random.pick([.word, .double]), signed: random.bool(), rounding()))
        case 2:
            values.append(
                e.integerToFloat(
                    format(), value(), random.pick([.word, .double]), signed: random.bool(), rounding()))
        default: values.append(e.convertFloat(value(), from: format(), to: format(), rounding()))
        }
    }

    /// Reads what the operations before may have changed, so that wrong knowledge of it shows.
    mutating func observe(_ e: inout E) {
        guard random.bool() else { return }
        var mixed = e.flags()
        for index in 0..<6 as Range<UInt8> {
            let rotated = e.binary(.rotateLeft, .double, mixed, e.constant(7))
            mixed = e.binary(.add, .double, rotated, e.register(index))
        }
        e.setRegister(7, mixed)
    }

    mutating func control(_ e: inout E) throws(E.Failure) {
        let offset = Int64(random.below(256)) * 2 - 256
        switch random.below(12) {
        case 0: e.branch(if: condition(), offset: offset)
        case 1: e.jump(offset: offset)
        case 2:
            let even = e.constant(~1)
            let address = e.binary(.and, .double, value(), even)
            e.jump(to: address, .plain)
        case 3: e.endBlock()
        case 4:
            e.setState(MemoryLayout<CoreState>.offset(of: \.programCounter)!, .double, value())
            e.resume()
        case 5:
            let target = e.constant(0x8200)
            try e.whenever(condition()) { e throws(E.Failure) in e.jump(to: target, .return) }
        default: break
        }
    }
}
