import ISA

/// From an operation of vectors to its meaning, as Dispatch.swift does for the others.
extension AArch64 {
    static func executeVector<E: Emitter>(
        _ operation: Operation, _ e: inout E, _ i: Operands
    ) throws(E.Failure) {
        switch operation {
        default: try e.undefined()
        }
    }
}
