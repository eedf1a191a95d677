import Foundation
import Machine
import TestSupport
import Testing

@testable import AArch64ISA
@testable import ISA

/// Registers and some memory, before or after an instruction: what the program that QEMU runs and the tests exchange.
struct AArch64Case: Equatable {
    static let vectorCount = 12
    static let registerCount = 8
    static let memoryCount = 160
    static let bytes = 288 + memoryCount
    /// Where the first one lies when QEMU runs; one follows the other.
    static let start: UInt64 = 0x1000_0000

    var fpcr: UInt64 = 0
    var fpsr: UInt64 = 0
    var nzcv: UInt64 = 0
    var registers = [UInt64](repeating: 0, count: registerCount)
    /// Low and high doublewords.
    var vectors = [UInt64](repeating: 0, count: 2 * vectorCount)
    var memory = [UInt64](repeating: 0, count: memoryCount / 8)

    init() {}

    /// - Parameter instruction: its number among the program's.
    func encoded(instruction: Int) -> [UInt64] {
        [fpcr, fpsr, nzcv, UInt64(instruction)] + registers + vectors + memory
    }

    init(_ words: ArraySlice<UInt64>) {
        let first = words.startIndex
        (fpcr, fpsr, nzcv) = (words[first], words[first + 1], words[first + 2])
        registers = Array(words[first + 4..<first + 12])
        vectors = Array(words[first + 12..<first + 12 + 2 * Self.vectorCount])
        memory = Array(words[first + 12 + 2 * Self.vectorCount..<first + Self.bytes / 8])
    }
}

/// Arm's instructions as QEMU's user mode carries them out, on a CPU that has all of them.
enum AArch64Processor {
    static let isInstalled = ["qemu-aarch64", "clang", "ld.lld"].allSatisfy { ExternalTool.path($0) != nil }
    static let tools: Comment = "needs qemu-aarch64, and clang and ld.lld, which are in Swift's toolchain"

    struct Failure: Error, CustomStringConvertible { let description: String }

    /// What each instruction leaves, in a case of its own.
    static func run(_ cases: [(word: UInt32, before: AArch64Case)]) throws -> [AArch64Case] {
        guard let clang = ExternalTool.path("clang"), let qemu = ExternalTool.path("qemu-aarch64") else {
            throw Failure(description: "QEMU and clang are not there")
        }
        let blocks = cases.indices.flatMap { cases[$0].before.encoded(instruction: $0) }
        return try ExternalTool.withTemporaryDirectory { directory in
            try blocks.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: directory + "/cases")) }
            // Each instruction is followed by a return.
            let code = cases.flatMap { each in [each.word, 0xd65f_03c0] as [UInt32] }
            try code.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: directory + "/code")) }
            try program(count: cases.count).write(toFile: directory + "/program.s", atomically: true, encoding: .utf8)
            let address = String(AArch64Case.start, radix: 16)
            let link = try ExternalTool.run(
                program: clang,
                [
                    "--target=aarch64-none-elf", "-nostdlib", "-static", "-fuse-ld=lld",
                    "-Wl,--section-start=.cases=0x\(address)", "program.s", "-o", "program",
                ], in: directory)
            guard link.status == 0 else { throw Failure(description: link.errorText) }
            let result = try ExternalTool.run(program: qemu, ["-cpu", "max", "./program"], in: directory)
            guard result.status == 0, result.output.count == cases.count * AArch64Case.bytes else {
                throw Failure(
                    description: "QEMU ends with \(result.status) and \(result.output.count) bytes: \(result.errorText)"
                )
            }
            let words = result.output.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
            let size = AArch64Case.bytes / 8
            return (0..<cases.count).map { AArch64Case(words[$0 * size..<($0 + 1) * size]) }
        }
    }

    /// For each case: loads the registers, calls the instruction, and stores them. Then writes all cases to standard output
    /// (system call 64) and exits (93).
    private static func program(count: Int) -> String {
        let pairs = stride(from: 0, to: AArch64Case.vectorCount, by: 2)
        let loads = pairs.map { "ldp q\($0), q\($0 + 1), [x20, #\(96 + 16 * $0)]" }
        let stores = pairs.map { "stp q\($0), q\($0 + 1), [x20, #\(96 + 16 * $0)]" }
        return """
            .globl _start
            _start:
                adrp x20, cases
                add x20, x20, :lo12:cases
                ldr x21, =\(count)
                adrp x22, code
                add x22, x22, :lo12:code
            next:
                ldp x0, x1, [x20]
                msr fpcr, x0
                msr fpsr, x1
                ldp x2, x3, [x20, #16]
                msr nzcv, x2
                add x23, x22, x3, lsl #3
                \(loads.joined(separator: "\n"))
                ldp x0, x1, [x20, #32]
                ldp x2, x3, [x20, #48]
                ldp x4, x5, [x20, #64]
                ldp x6, x7, [x20, #80]
                blr x23
                stp x0, x1, [x20, #32]
                stp x2, x3, [x20, #48]
                stp x4, x5, [x20, #64]
                stp x6, x7, [x20, #80]
                \(stores.joined(separator: "\n"))
                mrs x0, fpcr
                mrs x1, fpsr
                stp x0, x1, [x20]
                mrs x2, nzcv
                str x2, [x20, #16]
                add x20, x20, #\(AArch64Case.bytes)
                sub x21, x21, #1
                cbnz x21, next
                adrp x19, cases
                add x19, x19, :lo12:cases
            more:
                mov x0, #1
                mov x1, x19
                sub x2, x20, x19
                mov x8, #64
                svc #0
                cmp x0, #0
                b.le end
                add x19, x19, x0
                cmp x19, x20
                b.ne more
            end:
                mov x0, #0
                mov x8, #93
                svc #0
            .ltorg
            code:
            .incbin "code"
            .section .cases, "aw"
            .balign 16
            cases:
            .incbin "cases"

            """
    }
}

/// The same by the meaning that the instruction has here.
enum AArch64Meaning {
    /// A CPU without exceptions: memory that a case has, and nothing else.
    enum Guest: GuestArchitecture {
        static func host(_ state: UnsafeMutableRawPointer, _ address: UInt64, _ count: UInt64) throws(Fault)
            -> UnsafeMutableRawPointer
        {
            let core = state.assumingMemoryBound(to: CoreState.self)
            let offset = address &- core.pointee.clockOffset
            guard let memory = core.pointee.owner, offset <= UInt64(AArch64Case.memoryCount) - count else {
                throw Fault()
            }
            return memory + Int(offset)
        }

        static func load(
            _ state: UnsafeMutableRawPointer, _ address: UInt64, _ width: Width, _ attributes: MemoryAttributes
        ) throws(Fault) -> UInt64 {
            try host(state, address, width.bytes).read(width)
        }

        static func store(
            _ state: UnsafeMutableRawPointer, _ address: UInt64, _ value: UInt64, _ width: Width,
            _ attributes: MemoryAttributes
        ) throws(Fault) {
            try host(state, address, width.bytes).write(value, width)
        }

        static func probe(
            _ state: UnsafeMutableRawPointer, _ address: UInt64, bytes: UInt16, write: Bool,
            _ attributes: MemoryAttributes
        ) throws(Fault) -> UnsafeMutableRawPointer? {
            try host(state, address, UInt64(bytes))
        }

        static func runSlow(
            _ state: UnsafeMutableRawPointer, _ slot: UnsafeMutableRawPointer, _ page: UInt64,
            _ slots: UnsafeMutableRawPointer, _ budget: UInt64, _ tlb: UnsafeMutableRawPointer
        ) {}

        static func call(
            _ helper: HelperIdentifier, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64
        ) throws(Fault) -> UInt64 {
            guard let which = AArch64.Helper(rawValue: helper.rawValue),
                (AArch64.Helper.crc32b.rawValue...AArch64.Helper.crc32cx.rawValue).contains(which.rawValue)
            else { throw Fault() }
            return AArch64.checksum(which, a, b)
        }

        static func undefined(_ state: UnsafeMutableRawPointer) -> Fault { Fault() }
        static func disabled(_ state: UnsafeMutableRawPointer, _ unit: ISA.Unit) -> Fault { Fault() }
        static func enterException(_ state: UnsafeMutableRawPointer) {}

        static func float(
            _ operation: FloatOperation, _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64,
            _ b: UInt64, _ c: UInt64, _ rounding: RoundingControl
        ) -> UInt64 {
            AArch64.float(operation, format, state, a, b, c, rounding)
        }

        static func floatToInteger(
            _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
            _ rounding: RoundingControl
        ) -> UInt64 {
            AArch64.floatToInteger(format, state, a, width, signed: signed, rounding)
        }

        static func integerToFloat(
            _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
            _ rounding: RoundingControl
        ) -> UInt64 {
            AArch64.integerToFloat(format, state, a, width, signed: signed, rounding)
        }

        static func convertFloat(
            _ state: UnsafeMutableRawPointer, _ a: UInt64, from: FloatSize, to: FloatSize, _ rounding: RoundingControl
        ) -> UInt64 {
            AArch64.convertFloat(state, a, from: from, to: to, rounding)
        }
    }

    enum Engine { case interpreter, recorder }

    /// What each instruction leaves; nil for one that is undefined or faults. The memory of a case lies where it does in
    /// QEMU.
    static func run(_ cases: [(word: UInt32, before: AArch64Case)], on engine: Engine) -> [AArch64Case?] {
        let decoder = AArch64.Decoder(.all)
        let context = TranslationContext.make(key: .init(firstStage: 0, secondStage: 0, mode: 0))
        defer { TranslationContext.deallocate(context) }
        let state = UnsafeMutablePointer<CoreState>.allocate(capacity: 1)
        state.initialize(to: CoreState(context: context))
        let slots = UnsafeMutablePointer<DecodedSlot>.allocate(capacity: 4)
        slots.initialize(repeating: DecodedSlot(handler: 0), count: 4)
        defer {
            slots.deallocate()
            state.deallocate()
        }
        return cases.enumerated().map { number, each in
            let (operation, isWide, slot) = decoder.decode(each.word)
            slots.pointee = slot
            let before = each.before
            ArmFloat.setControl(&state.pointee, before.fpcr)
            ArmFloat.setStatus(&state.pointee, before.fpsr)
            state.pointee.floatEnabled = 1
            state.pointee.flags = FlagsRecord(result: AArch64.rawFlags(before.nzcv >> 28))
            for (index, value) in before.registers.enumerated() { state.pointee.registers[index] = value }
            for (index, value) in before.vectors.enumerated() { state.pointee.vectors[index] = value }
            var after = before
            let completed = after.memory.withUnsafeMutableBytes { memory in
                state.pointee.owner = memory.baseAddress
                state.pointee.clockOffset = address(ofMemory: number)
                let width = isWide ? Width.double : .word
                do throws(Fault) {
                    switch engine {
                    case .interpreter:
                        var interpreter = Interpreter<Guest>(state, slots, 0, slots, 100, context.pointee.reads)
                        try AArch64.execute(operation, width, &interpreter, Operands(slots))
                    case .recorder:
                        var recorder = Recorder(
                            at: 0, zeroRegister: AArch64.zeroRegister, sinkRegister: DecodedSlot.sink)
                        recorder.begin(length: 4)
                        AArch64.execute(operation, width, &recorder, Operands(slots))
                        state.pointee.budget = 100
                        _ = try Evaluator<Guest>.run(recorder.block, state)
                    }
                } catch { return false }
                return true
            }
            guard completed else { return nil }
            after.fpsr = ArmFloat.status(state.pointee)
            after.nzcv = AArch64.nzcv(raw: state.pointee.flags.raw) << 28
            for index in before.registers.indices { after.registers[index] = state.pointee.registers[index] }
            for index in before.vectors.indices { after.vectors[index] = state.pointee.vectors[index] }
            return after
        }
    }

    static func address(ofMemory number: Int) -> UInt64 {
        AArch64Case.start + UInt64(number * AArch64Case.bytes + 288)
    }
}
