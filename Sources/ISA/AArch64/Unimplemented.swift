import ISA
extension AArch64.ProcessingElement {
    func readSystemRegister(_ key: UInt16, target: UInt8) throws(Fault) -> UInt64 { throw undefinedInstruction() }
    func writeSystemRegister(_ key: UInt16, _ value: UInt64, target: UInt8) throws(Fault) {
        throw undefinedInstruction()
    }
    func performSystemInstruction(_ key: UInt16, _ value: UInt64, target: UInt8) throws(Fault) {
        throw undefinedInstruction()
    }
    func resetSystemRegisters() {}
}
extension AArch64 {
    public static func float(
        _ operation: FloatOperation, _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64,
        _ c: UInt64, _ rounding: RoundingControl
    ) -> UInt64 { 0 }
    public static func floatToInteger(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64 { 0 }
    public static func integerToFloat(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64 { 0 }
    public static func convertFloat(
        _ state: UnsafeMutableRawPointer, _ a: UInt64, from: FloatSize, to: FloatSize, _ rounding: RoundingControl
    ) -> UInt64 { 0 }
}
