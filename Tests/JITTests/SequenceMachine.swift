import ISA
import Testing

@testable import JIT
@testable import Machine

/// A machine with a guest sequence at the start of its memory, which runs with address translation off.
final class SequenceMachine {
    let board: RISCVVirt
    let hart: RISCV.Hart
    let end: UInt64
    private let sequence: GuestSequence
    static let data: UInt64 = 0x8000_8000
    private static let dataSize = 0x4000

    init(_ sequence: GuestSequence, _ engine: Engine, _ options: HotCode.Options = HotCode.Options()) throws {
        self.sequence = sequence
        var configuration = RISCVVirt.Configuration(console: NoConsole())
        configuration.memorySize = 1 << 20
        configuration.engine = engine
        configuration.jitOptions = options
        board = try RISCVVirt(configuration)
        hart = board.harts[0]
        let (bytes, end) = sequence.assembled
        self.end = end
        let memory = try #require(board.memory.host(GuestSequence.address, count: UInt64(bytes.count)))
        memory.copyMemory(from: bytes, byteCount: bytes.count)
    }

    /// Sets all registers and the memory that pointers lead to, and goes to the start.
    func begin(_ random: inout RandomNumbers) {
        let core = hart.core
        for register in 1..<32 { core.pointee.registers[register] = random.value() }
        for name in sequence.pointers {
            core.pointee.registers[GuestSequence.register(name) ?? 0] = pointer(&random)
        }
        // Where a return leads to.
        core.pointee.registers[1] = end
        let memory = board.memory.host(Self.data, count: UInt64(Self.dataSize))
        for offset in stride(from: 0, to: Self.dataSize, by: 8) {
            memory?.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
        }
        core.pointee.programCounter = GuestSequence.address
        hart.state.pointee.mtvec = end
        core.pointee.reservation = 0
    }

    /// Mostly anywhere in memory; often where an access may go over the end of a page, and sometimes where nothing is.
    private func pointer(_ random: inout RandomNumbers) -> UInt64 {
        func multiple(below bound: UInt64) -> UInt64 { random.next() % bound / sequence.alignment * sequence.alignment }
        switch random.next() % 8 {
        case 0, 1: return Self.data + 0x1fe0 + multiple(below: 0x40)
        case 2: return 0x4000_0000_0000 + multiple(below: 0x1000)
        default: return Self.data + 0x1000 + multiple(below: 0x2000)
        }
    }

    /// Registers, the program counter, instructions executed, and what lies in memory.
    var state: [UInt64] {
        let core = hart.core.pointee
        let memory = board.memory.host(Self.data, count: UInt64(Self.dataSize))
        let words = stride(from: 0, to: Self.dataSize, by: 8).map {
            memory?.load(fromByteOffset: $0, as: UInt64.self) ?? 0
        }
        return (0..<32).map { core.registers[$0] } + [core.programCounter, core.executed] + words
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
struct RandomNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// Often a value at which instructions change what they do, so that pairs are often equal, too.
    mutating func value() -> UInt64 {
        let corners: [UInt64] = [0, 1, 2, ~0, 63, 64, 1 << 31, 1 << 63, ~0 >> 1, 0x7fff_ffff, 0xffff_ffff, ~0 << 31]
        switch next() % 4 {
        case 0, 1: return corners[Int(next() % UInt64(corners.count))]
        case 2: return UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: next())))
        default: return next()
        }
    }
}
