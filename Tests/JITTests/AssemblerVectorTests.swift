import ISA
import Testing

@testable import JIT

/// Instructions on vector registers.
extension AssemblerTests {
    @Test("Scalar floating point", arguments: [Width.word, .double])
    func scalars(width: Width) throws {
        let suffix = width == .double ? "d" : "s"
        let operations: [(X64.Scalar, String)] = [
            (.squareRoot, "sqrt"), (.add, "add"), (.multiply, "mul"), (.subtract, "sub"), (.minimum, "min"),
            (.divide, "div"), (.maximum, "max"),
        ]
        for target in X64.VectorRegister.allCases {
            for (operation, mnemonic) in operations {
                try expect("\(mnemonic)s\(suffix) \(target), xmm9") { $0.scalar(operation, target, .xmm9, width) }
                try expect("\(mnemonic)s\(suffix) xmm2, \(target)") { $0.scalar(operation, .xmm2, target, width) }
            }
            try expect("ucomis\(suffix) \(target), xmm12") { $0.compareQuiet(target, .xmm12, width) }
            try expect("comis\(suffix) xmm1, \(target)") { $0.compareSignaling(.xmm1, target, width) }
            let memory = Memory(.rbp, -8)
            try expect("movs\(suffix) \(target), \(name(memory, width))") { $0.load(target, memory, width) }
            try expect("movs\(suffix) \(name(memory, width)), \(target)") { $0.store(memory, target, width) }
            let mnemonic = width == .double ? "movq" : "movd"
            try expect("\(mnemonic) \(target), \(name(.r15, width))") { $0.move(target, .r15, width) }
            try expect("\(mnemonic) \(name(.rdx, width)), \(target)") { $0.move(.rdx, target, width) }
        }
        try expect("ldmxcsr dword ptr [rbp + 4]") { $0.loadControl(Memory(.rbp, 4)) }
        try expect("stmxcsr dword ptr [rbp + 4]") { $0.storeControl(Memory(.rbp, 4)) }
    }
}
