#if arch(x86_64) && canImport(Glibc)
import Glibc
import ISA

/// The floating-point unit of the host, driven by instructions of our own.
///
/// Swift's operators are no reference for rounding modes and flags: the language assumes round-to-nearest and that nobody
/// looks at flags. So each operation is a few bytes of machine code that load MXCSR, execute one instruction on operands
/// in memory, and store MXCSR.
final class HostProcessor {
    enum Operation: Hashable {
        case add, subtract, multiply, divide, squareRoot, fusedMultiplyAdd
        case equal, lessThan, lessOrEqual
        case toInteger32, toInteger64, fromInteger32, fromInteger64
        /// CVTTSS2SI: truncates whatever MXCSR says.
        case truncateToInteger64
        case roundToInteger, roundToIntegerQuietly
        /// Single to double, or double to single.
        case convert
        /// VCVTPS2PH and VCVTPH2PS; in the single-precision set only.
        case toHalf, fromHalf
    }

    /// Where code and the operands it uses lie; offsets are those in the code below.
    private struct Operands {
        var a: UInt64 = 0
        var b: UInt64 = 0
        var c: UInt64 = 0
        var result: UInt64 = 0
        var controlIn: UInt32 = 0
        var controlOut: UInt32 = 0
        var controlOfHost: UInt32 = 0
    }

    private typealias Function = @convention(c) (UnsafeMutableRawPointer) -> Void

    private let code: UnsafeMutableRawPointer
    private let codeSize = 4096
    private var functions: [Operation: Function] = [:]
    private let operands: UnsafeMutablePointer<Operands>
    /// Leaf 1, ECX.
    private var features: UInt64 = 0

    /// - Parameter isDouble: whether operations are of double or of single precision.
    init?(isDouble: Bool) {
        let map = mmap(nil, codeSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let map, map != MAP_FAILED else { return nil }
        code = map
        operands = .allocate(capacity: 1)
        operands.initialize(to: Operands())

        var offset = 0
        var offsets: [Operation: Int] = [:]
        func emit(_ bytes: [UInt8]) -> Int {
            let start = offset
            code.advanced(by: offset).copyMemory(from: bytes, byteCount: bytes.count)
            offset += bytes.count
            return start
        }
        // push rbx; mov eax, 1; xor ecx, ecx; cpuid; mov [rdi+24], rcx; pop rbx; ret
        let identify = emit([
            0x53, 0xb8, 1, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2, 0x48, 0x89, 0x4f, 0x18, 0x5b, 0xc3,
        ])
        for (operation, bytes) in Self.instructions(isDouble: isDouble) {
            // stmxcsr [rdi+40]; ldmxcsr [rdi+32]; ...; stmxcsr [rdi+36]; ldmxcsr [rdi+40]; ret
            offsets[operation] = emit(
                [0x0f, 0xae, 0x5f, 0x28, 0x0f, 0xae, 0x57, 0x20] + bytes
                    + [0x0f, 0xae, 0x5f, 0x24, 0x0f, 0xae, 0x57, 0x28, 0xc3])
        }
        guard mprotect(code, codeSize, PROT_READ | PROT_EXEC) == 0 else { return nil }

        // SAFETY: each offset is the start of a function above: System V convention, one pointer in rdi, no other
        // effect than on the `Operands` it points to.
        func function(_ offset: Int) -> Function { unsafeBitCast(code + offset, to: Function.self) }
        function(identify)(operands)
        features = operands.pointee.result
        functions = offsets.mapValues(function)
    }

    deinit {
        operands.deallocate()
        munmap(code, codeSize)
    }

    private func hasFeatures(_ bits: Int...) -> Bool { bits.allSatisfy { features >> UInt64($0) & 1 != 0 } }

    func supports(_ operation: Operation) -> Bool {
        guard functions[operation] != nil else { return false }
        switch operation {
        case .fusedMultiplyAdd: return hasFeatures(12, 27, 28)  // FMA, OSXSAVE, AVX
        case .toHalf, .fromHalf: return hasFeatures(29, 27, 28)  // F16C, OSXSAVE, AVX
        case .roundToInteger, .roundToIntegerQuietly: return hasFeatures(19)  // SSE4.1
        default: return true
        }
    }

    /// Executes one supported operation.
    /// - Parameter mode: one of the four that SSE has.
    func execute(
        _ operation: Operation, _ a: UInt64, _ b: UInt64 = 0, _ c: UInt64 = 0, _ mode: RoundingMode,
        flushes: Bool = false
    ) -> FloatOutcome {
        let roundingControl: UInt32 =
            switch mode {
            case .down: 1
            case .up: 2
            case .towardZero: 3
            default: 0
            }
        // All exceptions masked; FTZ and DAZ.
        let control = 0x1f80 | roundingControl << 13 | (flushes ? 0x8040 : 0)
        operands.pointee = Operands(a: a, b: b, c: c, controlIn: control)
        functions[operation]!(operands)
        let status = operands.pointee.controlOut
        var flags: FloatFlags = []
        if status & 1 != 0 { flags.insert(.invalid) }
        if status & 2 != 0 { flags.insert(.inputDenormal) }
        if status & 4 != 0 { flags.insert(.divideByZero) }
        if status & 8 != 0 { flags.insert(.overflow) }
        if status & 16 != 0 { flags.insert(.underflow) }
        if status & 32 != 0 { flags.insert(.inexact) }
        return FloatOutcome(bits: operands.pointee.result, flags: flags)
    }

    /// What stands between loading and storing MXCSR (Intel SDM volume 2).
    private static func instructions(isDouble: Bool) -> [Operation: [UInt8]] {
        // Scalar prefix: F2 is double, F3 single. xmm0 is the register; [rdi], [rdi+8], [rdi+16] are a, b, c.
        let prefix: UInt8 = isDouble ? 0xf2 : 0xf3
        let load: [UInt8] = [prefix, 0x0f, 0x10, 0x07]
        let store: [UInt8] = [prefix, 0x0f, 0x11, 0x47, 0x18]
        let storeOther: [UInt8] = [isDouble ? 0xf3 : 0xf2, 0x0f, 0x11, 0x47, 0x18]
        let storeInteger: [UInt8] = [0x48, 0x89, 0x47, 0x18]
        func binary(_ opcode: UInt8) -> [UInt8] { load + [prefix, 0x0f, opcode, 0x47, 0x08] + store }
        func compare(_ predicate: UInt8) -> [UInt8] { load + [prefix, 0x0f, 0xc2, 0x47, 0x08, predicate] + store }
        func round(_ immediate: UInt8) -> [UInt8] {
            [0x66, 0x0f, 0x3a, isDouble ? 0x0b : 0x0a, 0x07, immediate] + store
        }
        var table: [Operation: [UInt8]] = [
            .add: binary(0x58), .multiply: binary(0x59), .subtract: binary(0x5c), .divide: binary(0x5e),
            .squareRoot: [prefix, 0x0f, 0x51, 0x07] + store,
            // xmm0 = b, xmm1 = a; vfmadd213 xmm0, xmm1, c = xmm1 * xmm0 + c.
            .fusedMultiplyAdd: [prefix, 0x0f, 0x10, 0x47, 0x08, prefix, 0x0f, 0x10, 0x0f]
                + [0xc4, 0xe2, isDouble ? 0xf1 : 0x71, 0xa9, 0x47, 0x10] + store,
            .equal: compare(0), .lessThan: compare(1), .lessOrEqual: compare(2),
            .toInteger32: [prefix, 0x0f, 0x2d, 0x07] + storeInteger,
            .toInteger64: [prefix, 0x48, 0x0f, 0x2d, 0x07] + storeInteger,
            .truncateToInteger64: [prefix, 0x48, 0x0f, 0x2c, 0x07] + storeInteger,
            .fromInteger32: [prefix, 0x0f, 0x2a, 0x07] + store,
            .fromInteger64: [prefix, 0x48, 0x0f, 0x2a, 0x07] + store,
            // Immediate: rounding mode of MXCSR; bit 3 suppresses inexact.
            .roundToInteger: round(4), .roundToIntegerQuietly: round(12),
            .convert: [prefix, 0x0f, 0x5a, 0x07] + storeOther,
        ]
        if !isDouble {
            // vcvtps2ph xmm0, xmm0, 4 (rounding mode of MXCSR), and the upper lanes are zeros.
            table[.toHalf] = load + [0xc4, 0xe3, 0x79, 0x1d, 0xc0, 0x04] + store
            table[.fromHalf] = [0xc4, 0xe2, 0x79, 0x13, 0x07] + store
        }
        return table
    }
}
#endif
