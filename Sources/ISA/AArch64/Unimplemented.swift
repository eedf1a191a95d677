import ISA
extension AArch64.ProcessingElement {
    func readSystemRegister(_ key: UInt16, target: UInt8) throws(Fault) -> UInt64 { throw undefinedInstruction() }
    func writeSystemRegister(_ key: UInt16, _ value: UInt64, target: UInt8) throws(Fault) {
        throw undefinedInstruction()
    }
    func resetSystemRegisters() {}
}
