import Machine
import Testing

@testable import ISA

#if canImport(Glibc)
import Glibc
#endif

/// The recorder against the interpreter: for every encoding, random operands and random states, one hart runs the
/// instruction from memory, and on an equal one its recorded block is evaluated. State, memory, devices and the trap that
/// was taken have to be the same to the bit.
///
/// A case is its seed. A failure prints the encoding, the word, the seed, and the registers that matter; to run one case
/// alone, call `RecorderAgreement.run` with the encoding's index and the seed.
@Suite("The recorder agrees with the interpreter")
struct RecorderAgreesTests {
    #if DEBUG
    static let casesOfEach = 100
    static let blocks = 4000
    #else
    static let casesOfEach = 1000
    static let blocks = 40_000
    #endif

    @Test("For every encoding of RISC-V, with random operands and states")
    func everyEncoding() {
        let agreement = RecorderAgreement()
        var failures = 0
        for index in RISCV.Encoding.all.indices {
            for number in 0..<Self.casesOfEach {
                let seed = UInt64(index) << 32 | UInt64(number)
                guard let difference = agreement.run([index], seed: seed) else { continue }
                Issue.record("\(agreement.shrunk([index], seed: seed) ?? difference)")
                failures += 1
                if failures == 10 { return }
                break
            }
        }
    }

    @Test("For blocks of several RISC-V instructions")
    func blocks() {
        let agreement = RecorderAgreement()
        var random = SplitMix64(seed: 0xb10c)
        let indices = Array(RISCV.Encoding.all.indices)
        var failures = 0
        for _ in 0..<Self.blocks {
            let seed = random.next()
            let block = (0..<2 + random.below(6)).map { _ in random.pick(indices) }
            guard let difference = agreement.run(block, seed: seed) else { continue }
            Issue.record("\(agreement.shrunk(block, seed: seed) ?? difference)")
            failures += 1
            if failures == 10 { return }
        }
    }

    @Test("Every recorded encoding keeps the emitter's rules: what can fault comes first, control last")
    func wellFormed() {
        var random = SplitMix64(seed: 0xf0f0)
        let decoder = RISCV.Decoder(.all)
        for encoding in RISCV.Encoding.all {
            for _ in 0..<16 {
                let word = encoding.match | (UInt32(truncatingIfNeeded: random.next()) & ~encoding.mask)
                // Not the encoding alone: it leaves reserved rounding modes to the decoder.
                let (operation, slot) = decoder.decode(word)
                for simplifications in ToyGuest.allSimplifications {
                    var recorder = RecorderAgreement.recorder(at: 0x8000_0000, simplifications)
                    RecorderAgreement.record(operation, slot, &recorder)
                    do { try recorder.block.verify() } catch {
                        Issue.record("\(encoding.pattern), 0x\(String(word, radix: 16)): \(error)\n\(recorder.block)")
                        return
                    }
                }
            }
        }
    }

    @Test("What the translator may put under a condition sets one register, last of all, and can do nothing else")
    func simple() {
        var random = SplitMix64(seed: 0x51e)
        let decoder = RISCV.Decoder(.all)
        for encoding in RISCV.Encoding.all where encoding.operation.isSimple {
            for _ in 0..<16 {
                let word = encoding.match | (UInt32(truncatingIfNeeded: random.next()) & ~encoding.mask)
                let (operation, slot) = decoder.decode(word)
                // An encoding of fewer registers or immediates may be reserved.
                guard operation.isSimple, slot.rd != DecodedSlot.sink else { continue }
                for simplifications in ToyGuest.allSimplifications {
                    var recorder = RecorderAgreement.recorder(at: 0x8000_0000, simplifications)
                    RecorderAgreement.record(operation, slot, &recorder)
                    let nodes = recorder.block.nodes
                    let isSet = nodes.last?.operation == .setRegister && nodes.last?.immediate == UInt64(slot.rd)
                    if !isSet || !nodes.dropLast().allSatisfy({ $0.operation == .register || $0.operation.isPure }) {
                        Issue.record("\(encoding.pattern), 0x\(String(word, radix: 16)):\n\(recorder.block)")
                        return
                    }
                }
            }
        }
    }
}

/// Two equal machines of one hart, and the random states they are put into.
final class RecorderAgreement {
    static let ramBase: UInt64 = 0x8000_0000
    static let ramSize: UInt64 = 0x10000
    static let codePage: UInt64 = 0x8000_2000
    static let rootTable: UInt64 = 0x8000_8000
    static let deviceBase: UInt64 = 0x1000_0000

    final class Bus: PhysicalBus, RISCVEnvironment {
        var log: [UInt64] = []
        var time: UInt64 { 123_456_789 }
        func timersChanged(_ hart: RISCV.Hart) {}

        func read(_ address: UInt64, size: Int) -> UInt64? {
            guard address >= deviceBase && address < deviceBase + 0x1000 else { return nil }
            log.append(address << 8 | UInt64(size))
            return Width(rawValue: UInt8(size.trailingZeroBitCount))!.zeroExtend(address &* 0x9e37_79b9_7f4a_7c15)
        }

        func write(_ address: UInt64, size: Int, value: UInt64) -> Bool {
            guard address >= deviceBase && address < deviceBase + 0x1000 else { return false }
            log.append(address << 8 | UInt64(size) | 1 << 63)
            log.append(value)
            return true
        }
    }

    final class Side {
        let bus = Bus()
        let memory = PhysicalMemory()
        let hart: RISCV.Hart
        let ram: UnsafeMutableRawPointer

        init(_ features: RISCV.Features) {
            ram = memory.addRegion(base: ramBase, size: ramSize)!
            memory.addRegion(base: 0x2000_0000, size: 4096, isReadOnly: true)
            let cluster = RISCV.Cluster(features: features, memory: memory)
            hart = RISCV.Hart(identifier: 0, cluster: cluster, bus: bus, environment: bus)
        }
    }

    private let sides: [(expected: Side, recorded: Side)]
    private let pristine: UnsafeMutableRawPointer

    init() {
        let strict = RISCV.Features.all.subtracting([.misaligned, .svadu])
        sides = [(Side(.all), Side(.all)), (Side(strict), Side(strict))]
        pristine = .allocate(byteCount: Int(Self.ramSize), alignment: 16)
        var random = SplitMix64(seed: 0x3e3)
        for offset in stride(from: 0, to: Int(Self.ramSize), by: 8) {
            pristine.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
        }
    }

    deinit {
        pristine.deallocate()
    }

    // MARK: Cases

    private static let hostile: [UInt64] = [
        0, 1, 2, 3, 7, 31, 32, 63, 64, ~0, ~1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000,
        0xffff_ffff, 0xffff_ffff_8000_0000, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0x8000_0000_0000_0001,
    ]

    /// Places in memory: mapped and not, at the end of pages and of RAM, the device, read-only memory, and virtual ones.
    private static func address(_ random: inout SplitMix64) -> UInt64 {
        let base = random.pick([
            0x8000_0000, 0x8000_4000, 0x8000_4000, 0x8000_6000, 0x8000_5000, 0x8001_0000, deviceBase, 0x2000_0000,
            0x4000_0000, 0x4000_1000, 0x4000_2000, 0x4000_3000, 0x4000_4000, 0x3000_0000, 0xffff_ffff_ffff_f000,
        ])
        let offset = random.pick([
            0, 0, 8, 16, 64, 128, UInt64(bitPattern: -1), UInt64(bitPattern: -4), 0xffc, 0xff8, 0xff0,
        ])
        return base &+ offset &+ (random.below(4) == 0 ? UInt64(random.below(16)) : 0)
    }

    private static func integer(_ random: inout SplitMix64) -> UInt64 {
        switch random.below(8) {
        case 0, 1: return hostile[random.below(hostile.count)]
        case 2: return random.next()
        case 3: return random.next() >> UInt64(random.below(64))
        default: return address(&random)
        }
    }

    private static let singles: [UInt32] = [
        0, 0x8000_0000, 1, 0x007f_ffff, 0x0080_0000, 0x3f80_0000, 0xbf80_0000, 0x4f00_0000, 0xcf00_0000, 0x7f7f_ffff,
        0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x7fa0_0000, 0x4020_0000, 0x3eff_ffff,
    ]

    private static func float(_ random: inout SplitMix64) -> UInt64 {
        switch random.below(6) {
        case 0: return random.next()
        case 1: return 0xffff_ffff_0000_0000 | random.next() & 0xffff_ffff
        case 2: return 0xffff_ffff_ffff_0000 | random.next() & 0xffff
        case 3: return Double(Float(bitPattern: random.pick(singles))).bitPattern
        case 4: return 0xffff_ffff_ffff_0000 | random.pick([0, 0x8000, 1, 0x3c00, 0x7bff, 0x7c00, 0x7e00, 0x7d00])
        default: return 0xffff_ffff_0000_0000 | UInt64(random.pick(singles))
        }
    }

    /// Puts both sides into the state of a seed, except for the integer registers that `cleared` names.
    private func prepare(_ side: Side, seed: UInt64, cleared: Set<Int>, words: [UInt32]) {
        var random = SplitMix64(seed: seed)
        let hart = side.hart
        hart.reset()
        side.bus.log = []
        side.ram.copyMemory(from: pristine, byteCount: Int(Self.ramSize))
        let state = hart.state
        for index in 1..<32 {
            let value = Self.integer(&random)
            state.pointee.core.registers[index] = cleared.contains(index) ? 0 : value
        }
        for index in 0..<32 {
            state.pointee.core.registers[Int(RISCV.firstFloatRegister) + index] = Self.float(&random)
        }
        state.pointee.core.floatRounding = UInt8(random.below(8))
        state.pointee.core.floatFlags = UInt8(random.below(32))

        state.pointee.privilege = random.pick([.machine, .machine, .supervisor, .user])
        state.pointee.virtual = state.pointee.privilege != .machine && random.bool()
        let status = random.next()
        typealias Status = RISCV.State.Status
        state.pointee.mstatus |= status & (Status.sie | Status.mie | Status.spie | Status.mpie | Status.spp)
        state.pointee.mstatus |= status & (Status.sum | Status.mxr | Status.tvm | Status.tw | Status.tsr)
        state.pointee.mstatus |= random.pick([0, 1, 3]) << 11
        if random.below(4) != 0 { state.pointee.mstatus |= Status.fs }
        if random.below(4) != 0 { state.pointee.vsstatus |= Status.fs }
        if random.below(4) == 0 { state.pointee.mstatus |= Status.mprv }
        if random.below(4) == 0 { state.pointee.mstatus |= Status.mpv }
        typealias HypervisorStatus = RISCV.State.HypervisorStatus
        state.pointee.hstatus |=
            random.next() & (HypervisorStatus.hu | HypervisorStatus.vtvm | HypervisorStatus.vtw | HypervisorStatus.vtsr)
        state.pointee.medeleg = random.bool() ? random.next() & 0xf0_b3ff : 0
        state.pointee.hedeleg = random.bool() ? random.next() & 0xb1ff : 0
        state.pointee.mtvec = 0x8000_3000
        state.pointee.stvec = 0x8000_3100
        state.pointee.vstvec = 0x8000_3200
        state.pointee.mepc = Self.address(&random) & ~1
        state.pointee.sepc = Self.address(&random) & ~1
        state.pointee.vsepc = Self.address(&random) & ~1
        state.pointee.mcounteren = random.next() & 0xffff_ffff
        state.pointee.scounteren = random.next() & 0xffff_ffff
        state.pointee.hcounteren = random.next() & 0xffff_ffff
        let environment = RISCV.State.EnvironmentConfiguration.self
        let caching = environment.cbie | environment.cbcfe | environment.cbze
        state.pointee.menvcfg = random.next() & caching
        state.pointee.senvcfg = random.next() & caching
        state.pointee.henvcfg = random.next() & caching
        state.pointee.pmpcfg[0] = 0x1f
        state.pointee.pmpaddr[0] = ~0 >> 10
        makeTables(side, userCode: state.pointee.privilege == .user, &random)
        let paged: UInt64 = 8 << 60 | Self.rootTable >> 12
        if random.below(3) == 0 { state.pointee.satp = paged }
        if random.below(3) == 0 { state.pointee.vsatp = paged }
        state.pointee.core.programCounter = Self.codePage + UInt64(random.below(64)) * 2
        hart.protection.update(state)
        hart.privilegeChanged()

        var address = state.pointee.core.programCounter
        for word in words {
            var bits = word
            let size = word & 3 == 3 ? 4 : 2
            _ = side.memory.write(address, from: &bits, count: size)
            address += UInt64(size)
        }
        // Half of the instructions find an address that serves whatever their offset is.
        for word in words where random.bool() {
            let base = Int(hart.decoder.decode(word).slot.rs1)
            let value = 0x8000_4800 + UInt64(random.below(128)) * 16
            if base > 0 && base < 32 && !cleared.contains(base) { state.pointee.core.registers[base] = value }
        }
        // Sometimes the reservation is there: LR's own tests set it, but SC's would never find it.
        if random.bool() {
            let reserved = state.pointee.core.registers[Int(words[0] >> 15 & 31)]
            if reserved >= Self.ramBase, let host = side.memory.host(reserved, count: 8) {
                state.pointee.core.reservation = UInt64(UInt(bitPattern: host))
            }
        }
    }

    /// Sv39: RAM and the device as they are, and from 0x40000000 four pages with random permissions.
    private func makeTables(_ side: Side, userCode: Bool, _ random: inout SplitMix64) {
        func entry(_ physical: UInt64, _ bits: UInt64) -> UInt64 { (physical >> 12) << 10 | bits }
        func set(_ table: UInt64, _ index: Int, _ value: UInt64) {
            side.ram.storeBytes(of: value, toByteOffset: Int(table - Self.ramBase) + index * 8, as: UInt64.self)
        }
        for table in [Self.rootTable, Self.rootTable + 0x1000, Self.rootTable + 0x2000] {
            for index in 0..<512 { set(table, index, 0) }
        }
        let user: UInt64 = userCode ? 16 : 0
        set(Self.rootTable, 0, entry(0, 0xc7 | user))
        set(Self.rootTable, 2, entry(Self.ramBase, 0x4f | user | (random.below(4) == 0 ? 0 : 0x80)))
        set(Self.rootTable, 1, entry(Self.rootTable + 0x1000, 1))
        set(Self.rootTable + 0x1000, 0, entry(Self.rootTable + 0x2000, 1))
        for page in 0..<4 {
            let target = page == 3 ? 0x3000_0000 : 0x8000_4000 + UInt64(page) * 0x1000
            set(Self.rootTable + 0x2000, page, entry(target, random.next() & 0xff | (random.bool() ? 0xc7 : 0)))
        }
    }

    // MARK: Running

    static func recorder(at address: UInt64, _ simplifications: Recorder.Simplifications) -> Recorder {
        Recorder(
            at: address, simplifications: simplifications, zeroRegister: 0, sinkRegister: DecodedSlot.sink)
    }

    static func record(_ operation: RISCV.Operation, _ slot: DecodedSlot, _ recorder: inout Recorder) {
        recorder.begin(length: slot.length * 2)
        withUnsafePointer(to: slot) { RISCV.execute(operation, &recorder, Operands($0)) }
    }

    /// Numbers of CSRs, so that not nearly all accesses find none: volume II, "CSR Listing".
    private static let registers: [UInt32] = [
        0x001, 0x002, 0x003, 0x100, 0x104, 0x105, 0x140, 0x141, 0x142, 0x14d, 0x180, 0x200, 0x24d, 0x280, 0x300, 0x301,
        0x302, 0x304, 0x305, 0x306, 0x30a, 0x320, 0x323, 0x340, 0x341, 0x344, 0x3a0, 0x3b0, 0x600, 0x602, 0x603, 0x605,
        0x680, 0xb00, 0xb02, 0xb03, 0xc00, 0xc01, 0xc02, 0xf14,
    ]

    private static func word(_ encoding: RISCV.Encoding, _ random: inout SplitMix64) -> UInt32 {
        var word = encoding.match | (UInt32(truncatingIfNeeded: random.next()) & ~encoding.mask)
        switch encoding.operation {
        case .csrrw, .csrrs, .csrrc, .csrrwi, .csrrsi, .csrrci:
            if random.below(4) != 0 { word = word & 0xf_ffff | random.pick(registers) << 20 }
        default: break
        }
        return word
    }

    /// Runs the encodings of the indices, with operands from the seed. Nil, or what differs.
    func run(_ encodings: [Int], seed: UInt64, cleared: Set<Int> = []) -> String? {
        var random = SplitMix64(seed: ~seed)
        let words = encodings.map { Self.word(RISCV.Encoding.all[$0], &random) }
        let (expected, recorded) = sides[random.below(4) == 0 ? 1 : 0]
        let simplifications = random.pick(ToyGuest.allSimplifications)
        prepare(expected, seed: seed, cleared: cleared, words: words)
        prepare(recorded, seed: seed, cleared: cleared, words: words)
        let before = expected.hart.state.pointee.core.registers

        let (count, block) = evaluate(recorded, words, simplifications)
        let ran = expected.hart.run(count)
        var differences: [String] = []
        if ran != count { differences.append("the interpreter executed \(ran) instructions, not \(count)") }
        differences += compare(expected, recorded)
        guard !differences.isEmpty else { return nil }
        let shown = encodings.map { "  \(RISCV.Encoding.all[$0].pattern): \(RISCV.Encoding.all[$0].operation)" }
        let hexadecimal = words.map { "0x" + String($0, radix: 16) }.joined(separator: " ")
        let registers = (1..<32).filter { before[$0] != 0 }.map { "x\($0) = 0x\(String(before[$0], radix: 16))" }
        return """
            encodings \(encodings), seed \(seed), words \(hexadecimal), simplifications \(simplifications.rawValue)
            \(shown.joined(separator: "\n"))
              \(registers.joined(separator: ", "))
            \(differences.joined(separator: "\n"))
            \(block)
            """
    }

    /// The same failure with as many registers cleared as it survives.
    func shrunk(_ encodings: [Int], seed: UInt64) -> String? {
        var cleared: Set<Int> = []
        for register in 1..<32 where run(encodings, seed: seed, cleared: cleared.union([register])) != nil {
            cleared.insert(register)
        }
        return run(encodings, seed: seed, cleared: cleared)
    }

    /// Records the words and runs the block, as ``RISCV/Hart/run(_:)`` runs them. Gives how many were executed.
    private func evaluate(
        _ side: Side, _ words: [UInt32], _ simplifications: Recorder.Simplifications
    ) -> (count: UInt64, block: Block) {
        let hart = side.hart
        let core = UnsafeMutableRawPointer(hart.state).assumingMemoryBound(to: CoreState.self)
        var recorder = Self.recorder(at: core.pointee.programCounter, simplifications)
        for word in words where !recorder.isClosed {
            let (operation, slot) = hart.decoder.decode(word)
            Self.record(operation, slot, &recorder)
        }
        let start = core.pointee.executed
        let budget = UInt64(recorder.block.instructions.count)
        core.pointee.turnEnd = start &+ budget
        core.pointee.budget = budget
        core.pointee.withheld = 0
        do throws(Fault) {
            _ = try Evaluator<RISCV>.run(recorder.block, hart.state)
        } catch {
            leaveByException(RISCV.self, hart.state, core.pointee.programCounter, core.pointee.budget)
        }
        if hart.counterIsActive { hart.updateCounters() }
        let count = core.pointee.executed &- start
        core.pointee.turnEnd = core.pointee.executed
        core.pointee.budget = 0
        core.pointee.withheld = 0
        return (count, recorder.block)
    }

    // MARK: Comparing

    private func compare(_ expected: Side, _ recorded: Side) -> [String] {
        var differences: [String] = []
        // What may differ: where things are in the host, and the sink, which takes what nobody reads.
        for side in [expected, recorded] {
            let core = UnsafeMutableRawPointer(side.hart.state).assumingMemoryBound(to: CoreState.self)
            core.pointee.registers[Int(DecodedSlot.sink)] = 0
            for region in side.memory.regions {
                let offset = core.pointee.reservation &- UInt64(UInt(bitPattern: region.host))
                if offset < region.size { core.pointee.reservation = region.base + offset }
            }
            #if DEBUG
            core.pointee.successor = nil
            #endif
        }
        let (x, y) = (expected.hart.state.pointee, recorded.hart.state.pointee)
        if x.core.context.pointee.key != y.core.context.pointee.key {
            differences.append("translation contexts differ")
        }
        for index in 0..<80 where x.core.registers[index] != y.core.registers[index] {
            differences.append(
                "register \(index): evaluator 0x\(String(y.core.registers[index], radix: 16)), "
                    + "interpreter 0x\(String(x.core.registers[index], radix: 16))")
        }
        differences += Self.fields(x, y)
        if expected.bus.log != recorded.bus.log { differences.append("the devices saw different accesses") }
        if memcmp(expected.ram, recorded.ram, Int(Self.ramSize)) != 0 {
            for offset in stride(from: 0, to: Int(Self.ramSize), by: 8) {
                let (a, b) = (
                    expected.ram.load(fromByteOffset: offset, as: UInt64.self),
                    recorded.ram.load(fromByteOffset: offset, as: UInt64.self)
                )
                if a != b {
                    let address = String(Self.ramBase + UInt64(offset), radix: 16)
                    differences.append(
                        "memory 0x\(address): evaluator 0x\(String(b, radix: 16)), interpreter 0x\(String(a, radix: 16))"
                    )
                }
            }
        }
        return differences
    }

    /// The scalar fields that differ, by name. Bytes are compared first: names are slow.
    private static func fields(_ x: RISCV.State, _ y: RISCV.State) -> [String] {
        let head = MemoryLayout<CoreState>.stride
        let isSame = withUnsafeBytes(of: x) { x in
            withUnsafeBytes(of: y) { y in
                memcmp(x.baseAddress! + head, y.baseAddress! + head, MemoryLayout<RISCV.State>.size - head) == 0
            }
        }
        var differences = isSame ? [] : named(x, y)
        let (a, b) = (x.core, y.core)
        func check(_ name: String, _ a: some Equatable, _ b: some Equatable) {
            if "\(a)" != "\(b)" { differences.append("\(name): evaluator \(b), interpreter \(a)") }
        }
        if a.programCounter != b.programCounter || a.executed != b.executed || a.trapped != b.trapped
            || a.reservation != b.reservation || a.floatFlags != b.floatFlags || a.floatRounding != b.floatRounding
            || a.floatEnabled != b.floatEnabled || a.floatDirty != b.floatDirty || a.flags.raw != b.flags.raw
            || a.fault.cause != b.fault.cause || a.fault.value != b.fault.value
            || a.fault.guestPhysical != b.fault.guestPhysical || a.fault.detail != b.fault.detail
        {
            check("program counter", a.programCounter, b.programCounter)
            check("executed", a.executed, b.executed)
            check("trapped", a.trapped, b.trapped)
            check("reservation", a.reservation, b.reservation)
            check("float flags", a.floatFlags, b.floatFlags)
            check("float rounding", a.floatRounding, b.floatRounding)
            check("float enabled", a.floatEnabled, b.floatEnabled)
            check("float dirty", a.floatDirty, b.floatDirty)
            check("fault cause", a.fault.cause, b.fault.cause)
            check("fault value", a.fault.value, b.fault.value)
            check("fault guest-physical", a.fault.guestPhysical, b.fault.guestPhysical)
            check("fault detail", a.fault.detail, b.fault.detail)
        }
        return differences
    }

    private static func named(_ x: RISCV.State, _ y: RISCV.State) -> [String] {
        zip(Mirror(reflecting: x).children, Mirror(reflecting: y).children).compactMap { a, b in
            guard let name = a.label, name != "core", "\(a.value)" != "\(b.value)" else { return nil }
            return "\(name): evaluator \(b.value), interpreter \(a.value)"
        }
    }
}
