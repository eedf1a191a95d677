import Testing

@testable import ISA

#if canImport(Glibc)
import Glibc
#endif

/// A guest that is nobody's architecture: a state block, four pages of memory and a device, for testing the emitters.
///
/// From 0x1000: two pages to read and write, one to read, none, and a device's.
enum ToyGuest: GuestArchitecture {
    struct State {
        var core: CoreState
        /// A32's Thumb state.
        var thumb: UInt8 = 0
        var scratch: UInt64 = 0
    }

    static let base: UInt64 = 0x1000
    static let readOnly: UInt64 = 0x3000
    static let unmapped: UInt64 = 0x4000
    static let device: UInt64 = 0x5000
    static let end: UInt64 = 0x6000

    enum Cause {
        static let load: UInt64 = 1, store: UInt64 = 2, alignment: UInt64 = 3, undefined: UInt64 = 4
        static let helper: UInt64 = 5, protection: UInt64 = 13
    }

    /// Everything that a run may change, and what it runs on.
    final class Machine {
        let state: UnsafeMutablePointer<State>
        let memory: UnsafeMutableRawPointer
        let context: UnsafeMutablePointer<TranslationContext>
        private(set) var deviceLog: [String] = []

        init() {
            memory = .allocate(byteCount: 0x3000, alignment: 4096)
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: 0x3000)
            context = TranslationContext.make(key: .init(firstStage: 0, secondStage: 0, mode: 0))
            state = .allocate(capacity: 1)
            state.initialize(to: State(core: CoreState(context: context)))
            state.pointee.core.budget = 1000
            state.pointee.core.floatEnabled = 1
            state.pointee.core.owner = Unmanaged.passUnretained(self).toOpaque()
        }

        deinit {
            TranslationContext.deallocate(context)
            state.deallocate()
            memory.deallocate()
        }

        /// Enters the memory into the TLB, so that the interpreter's fast paths are taken.
        func warm() {
            for page in stride(from: ToyGuest.base, to: ToyGuest.unmapped, by: 4096) {
                let host = memory + Int(page - ToyGuest.base)
                context.pointee.enter(page, host: host, for: .read, superpage: 4096)
                if page != ToyGuest.readOnly {
                    context.pointee.enter(page, host: host, for: .write(code: 0), superpage: 4096)
                }
            }
        }

        static func of(_ state: UnsafeMutableRawPointer) -> Machine {
            let owner = state.assumingMemoryBound(to: CoreState.self).pointee.owner!
            // SAFETY: set in init to the machine that frees the block when it goes.
            return Unmanaged<Machine>.fromOpaque(owner).takeUnretainedValue()
        }

        /// The device answers with its address and the number of accesses so far.
        func access(_ address: UInt64, write value: UInt64?, _ width: Width) -> UInt64 {
            let budget = state.pointee.core.budget
            let what = value.map { "write \(width.zeroExtend($0))" } ?? "read"
            deviceLog.append("\(what) \(width) at \(address), budget \(budget)")
            if address & 0xff0 == 0xff0 { state.pointee.core.stopSoon() }
            return width.zeroExtend(address &* 0x0101_0101_0101_0101 &+ UInt64(deviceLog.count))
        }

        func bytes(_ address: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { memory.load(fromByteOffset: Int(address - ToyGuest.base) + $0, as: UInt8.self) }
        }

        func write<Value: FixedWidthInteger>(_ value: Value, at address: UInt64) {
            memory.storeBytes(of: value.littleEndian, toByteOffset: Int(address - ToyGuest.base), as: Value.self)
        }

        func read<Value: FixedWidthInteger>(_ address: UInt64, as type: Value.Type) -> Value {
            Value(littleEndian: memory.loadUnaligned(fromByteOffset: Int(address - ToyGuest.base), as: Value.self))
        }

        /// Whether everything is as on the other machine.
        func isSame(as other: Machine) -> Bool {
            guard memcmp(memory, other.memory, 0x3000) == 0, deviceLog == other.deviceLog else { return false }
            return image == other.image
        }

        /// The state as numbers, in which host addresses are relative.
        private var image: [UInt64] {
            let core = UnsafeMutableRawPointer(state).assumingMemoryBound(to: CoreState.self)
            var image: [UInt64] = []
            image.reserveCapacity(180)
            for index in 0..<80 { image.append(core.pointee.registers[index]) }
            for index in 0..<64 { image.append(core.pointee.vectors[index]) }
            let flags = core.pointee.flags
            image += [core.pointee.programCounter, core.pointee.budget, core.pointee.withheld]
            image += [
                UInt64(flags.kind.rawValue), UInt64(flags.width.rawValue), flags.result, flags.operand, flags.first,
            ]
            image += [relativeReservation, core.pointee.fault.cause, core.pointee.fault.value]
            image += [UInt64(core.pointee.floatFlags), UInt64(core.pointee.floatRounding)]
            image += [UInt64(core.pointee.floatEnabled), UInt64(core.pointee.floatDirty)]
            image.append(UInt64(core.pointee.saturated))
            image += [UInt64(state.pointee.thumb), state.pointee.scratch]
            return image
        }

        /// An address in the memory plus 1, or 0.
        private var relativeReservation: UInt64 {
            let reservation = state.pointee.core.reservation
            return reservation == 0 ? 0 : reservation &- UInt64(UInt(bitPattern: memory)) &+ 1
        }

        /// The whole of it as comparable text, in which host addresses are relative.
        var summary: [String] {
            let core = state.pointee.core
            var lines = (0..<80).map { "register \($0): \(core.registers[$0])" }
            lines += (0..<64).map { "vector doubleword \($0): \(core.vectors[$0])" }
            lines += [
                "program counter: \(core.programCounter)", "budget: \(core.budget) withheld \(core.withheld)",
                "flags: \(core.flags)", "reservation: \(relativeReservation)", "fault: \(core.fault)",
                "float flags: \(core.floatFlags) rounding \(core.floatRounding) enabled \(core.floatEnabled)",
                "float dirty: \(core.floatDirty)", "saturated: \(core.saturated)", "thumb: \(state.pointee.thumb)",
                "scratch: \(state.pointee.scratch)",
            ]
            lines += deviceLog.map { "device: \($0)" }
            for offset in stride(from: 0, to: 0x3000, by: 8) {
                let value = memory.load(fromByteOffset: offset, as: UInt64.self)
                if value != 0 { lines.append("memory \(Int(ToyGuest.base) + offset): \(value)") }
            }
            return lines
        }
    }

    // MARK: The guest's slow functions

    private static func fail(_ state: UnsafeMutableRawPointer, _ cause: UInt64, _ value: UInt64) -> Fault {
        state.assumingMemoryBound(to: CoreState.self).pointee.fault = FaultRecord(cause: cause, value: value)
        return Fault()
    }

    /// Checks each byte: nil for the device, else the address in host memory.
    private static func check(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ bytes: UInt64, write: Bool,
        _ attributes: MemoryAttributes
    ) throws(Fault) -> UnsafeMutableRawPointer? {
        let cause = write ? Cause.store : Cause.load
        if attributes.contains(.aligned) && address % bytes != 0 { throw fail(state, Cause.alignment, address) }
        for byte in 0..<bytes {
            let at = address &+ byte
            let isMapped = at >= base && at < end && !(at >= unmapped && at < device)
            let isForbidden = write && at >= readOnly && at < unmapped
            let isRefused = attributes.contains(.atomic) && at >= device
            if !isMapped || isForbidden || isRefused { throw fail(state, cause, at) }
        }
        return address < device ? Machine.of(state).memory + Int(address - base) : nil
    }

    static func load(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ width: Width, _ attributes: MemoryAttributes
    ) throws(Fault) -> UInt64 {
        guard let host = try check(state, address, width.bytes, write: false, attributes) else {
            return Machine.of(state).access(address, write: nil, width)
        }
        var value: UInt64 = 0
        for byte in 0..<Int(width.bytes) {
            value |= UInt64(host.load(fromByteOffset: byte, as: UInt8.self)) << UInt64(8 * byte)
        }
        return value
    }

    static func store(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, _ value: UInt64, _ width: Width,
        _ attributes: MemoryAttributes
    ) throws(Fault) {
        guard let host = try check(state, address, width.bytes, write: true, attributes) else {
            _ = Machine.of(state).access(address, write: value, width)
            return
        }
        for byte in 0..<Int(width.bytes) {
            host.storeBytes(
                of: UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)), toByteOffset: byte, as: UInt8.self)
        }
    }

    static func probe(
        _ state: UnsafeMutableRawPointer, _ address: UInt64, bytes: UInt16, write: Bool, _ attributes: MemoryAttributes
    ) throws(Fault) -> UnsafeMutableRawPointer? {
        let host = try check(state, address, UInt64(bytes), write: write, attributes)
        let last = address &+ UInt64(bytes) &- 1
        let isInOnePage = address >> 12 == last >> 12
        // Pages that lie side by side here need not do so elsewhere.
        return isInOnePage || attributes.contains(.atomic) ? host : nil
    }

    /// Helper 0 stores in the scratch field, 1 changes register 5 and the flags, 2 faults where a is odd, 3 cuts the
    /// budget, 4 sets the program counter.
    /// No handler of its own: the tests drive the executors themselves.
    static func runSlow(
        _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
        _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer
    ) {}

    static func call(
        _ helper: HelperIdentifier, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64
    ) throws(Fault) -> UInt64 {
        let toy = state.assumingMemoryBound(to: State.self)
        switch helper.rawValue {
        case 0: toy.pointee.scratch = a &+ b
        case 1:
            toy.pointee.core.registers[5] = a
            toy.pointee.core.flags = FlagsRecord(result: b & 0x8d5)
        case 2: if a & 1 == 1 { throw fail(state, Cause.helper, b) }
        case 3: toy.pointee.core.stopSoon()
        default: toy.pointee.core.programCounter = a
        }
        return toy.pointee.core.budget &* 3 &+ a
    }

    static func undefined(_ state: UnsafeMutableRawPointer) -> Fault { fail(state, Cause.undefined, 0) }
    static func disabled(_ state: UnsafeMutableRawPointer, _ unit: Unit) -> Fault { undefined(state) }

    static func enterException(_ state: UnsafeMutableRawPointer) {}

    // MARK: Floating point, by the host's, in its default rounding mode. The flags gather which operations ran.

    private static func note(_ state: UnsafeMutableRawPointer, _ bit: UInt8) {
        state.assumingMemoryBound(to: CoreState.self).pointee.floatFlags |= bit
    }

    static func float(
        _ operation: FloatOperation, _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64,
        _ c: UInt64, _ rounding: RoundingControl
    ) -> UInt64 {
        note(state, 1 << (operation.rawValue & 3))
        if operation == .toFixedSigned && b == 0 {
            return floatToInteger(format, state, a, format.width, signed: true, rounding)
        }
        if format == .double {
            let (x, y) = (Double(bitPattern: a), Double(bitPattern: b))
            switch operation {
            case .add: return (x + y).bitPattern
            case .multiply: return (x * y).bitPattern
            case .less: return x < y ? 1 : 0
            default: return a ^ b &* 3 ^ c &* 5 ^ UInt64(rounding.rawValue)
            }
        }
        let (x, y) = (
            Float(bitPattern: UInt32(truncatingIfNeeded: a)), Float(bitPattern: UInt32(truncatingIfNeeded: b))
        )
        switch operation {
        case .add: return UInt64((x + y).bitPattern)
        case .multiply: return UInt64((x * y).bitPattern)
        default: return format.width.zeroExtend(a ^ b &* 3 ^ c &* 5 ^ UInt64(rounding.rawValue))
        }
    }

    /// Out of range and NaN give x86's integer indefinite (SDM volume 1, 4.8.4 and table E-1).
    static func floatToInteger(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64 {
        note(state, 16)
        guard format != .half, signed else { return a &* 7 &+ UInt64(rounding.rawValue) }
        let value =
            format == .double
            ? Double(bitPattern: a) : Double(Float(bitPattern: UInt32(truncatingIfNeeded: a)))
        let whole = value.rounded(rounding == .towardZero ? .towardZero : .toNearestOrEven)
        switch width {
        case .double: return Int64(exactly: whole).map { UInt64(bitPattern: $0) } ?? 1 << 63
        default: return Int32(exactly: whole).map { UInt64(UInt32(bitPattern: $0)) } ?? 0x8000_0000
        }
    }

    static func integerToFloat(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64 {
        note(state, 32)
        let integer = signed ? Double(Int64(bitPattern: width.signExtend(a))) : Double(width.zeroExtend(a))
        return format == .double ? integer.bitPattern : UInt64(Float(integer).bitPattern) ^ UInt64(rounding.rawValue)
    }

    static func convertFloat(
        _ state: UnsafeMutableRawPointer, _ a: UInt64, from: FloatSize, to: FloatSize, _ rounding: RoundingControl
    ) -> UInt64 {
        note(state, 64)
        return to.width.zeroExtend(a &* 11 &+ UInt64(from.rawValue) &+ UInt64(rounding.rawValue))
    }
}

// MARK: Running one meaning on both executors

/// An instruction of no decoder: its meaning, and its length.
protocol Meaning {
    var length: UInt8 { get }
    func emit<E: Emitter>(_ e: inout E) throws(E.Failure)
}

extension Meaning {
    var length: UInt8 { 4 }
}

extension ToyGuest {
    /// Runs the instructions one after the other on the interpreter, as long as each goes on to the next; like
    /// ``Evaluator``, down to the program counter and budget that are left. False where one faulted.
    static func interpret(_ meanings: [any Meaning], on machine: Machine) -> Bool {
        let slots = UnsafeMutablePointer<DecodedSlot>.allocate(capacity: DecodedPage.slotCount + 3)
        slots.initialize(repeating: DecodedSlot(handler: 0), count: DecodedPage.slotCount + 3)
        defer { slots.deallocate() }
        for meaning in meanings {
            let address = machine.state.pointee.core.programCounter
            slots[Int(address & 4095) / 2].length = meaning.length / 2
            var interpreter = Interpreter<ToyGuest>(
                UnsafeMutableRawPointer(machine.state), slots + Int(address & 4095) / 2, address & ~4095, slots,
                machine.state.pointee.core.budget, machine.context.pointee.reads)
            let isLast: Bool
            do throws(Fault) {
                try emit(meaning, &interpreter)
            } catch {
                machine.state.pointee.core.budget = interpreter.budget
                return false
            }
            switch interpreter.flow {
            case .next, .leave:
                machine.state.pointee.core.programCounter = address &+ UInt64(meaning.length)
                isLast = interpreter.flow == .leave
            case .jumped:
                machine.state.pointee.core.programCounter = interpreter.address
                isLast = true
            case .resume: isLast = true
            }
            machine.state.pointee.core.budget = interpreter.budget &- 1
            if isLast || machine.state.pointee.core.budget == 0 { return true }
        }
        return true
    }

    private static func emit(_ meaning: some Meaning, _ interpreter: inout Interpreter<ToyGuest>) throws(Fault) {
        try meaning.emit(&interpreter)
    }

    static func record(
        _ meanings: [any Meaning], at address: UInt64, _ simplifications: Recorder.Simplifications
    ) -> Block {
        var recorder = Recorder(at: address, simplifications: simplifications)
        for meaning in meanings where !recorder.isClosed {
            recorder.begin(length: meaning.length)
            meaning.emit(&recorder)
        }
        return recorder.block
    }

    static let allSimplifications: [Recorder.Simplifications] = [
        [], .constants, .registers, .addresses, [.constants, .registers], .all,
    ]

    /// Runs on the interpreter and on the evaluator, with each set of simplifications, from the state that `prepare`
    /// makes. Gives the machine that the interpreter leaves, and what differs.
    static func compare(
        _ meanings: [any Meaning], warm: Bool = false, _ prepare: (Machine) -> Void
    ) -> (machine: Machine, completed: Bool, differences: [String]) {
        let expected = Machine()
        prepare(expected)
        if warm { expected.warm() }
        let start = expected.state.pointee.core.programCounter
        let completed = interpret(meanings, on: expected)
        var differences: [String] = []
        for simplifications in allSimplifications {
            let block = record(meanings, at: start, simplifications)
            do { try block.verify() } catch { differences.append("malformed: \(error)\n\(block)") }
            let machine = Machine()
            prepare(machine)
            let isComplete: Bool
            do throws(Fault) {
                _ = try Evaluator<ToyGuest>.run(block, machine.state)
                isComplete = true
            } catch { isComplete = false }
            guard !machine.isSame(as: expected) || isComplete != completed else { continue }
            let (summary, other) = (expected.summary, machine.summary)
            differences.append("simplifications \(simplifications.rawValue): completed \(isComplete), not \(completed)")
            differences += Set(other).subtracting(summary).sorted().map { "  evaluator: \($0)" }
            differences += Set(summary).subtracting(other).sorted().map { "  interpreter: \($0)" }
            differences.append("\(block)")
            break
        }
        return (expected, completed, differences)
    }
}
