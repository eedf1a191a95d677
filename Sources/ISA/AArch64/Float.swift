import ISA

/// Floating point as the interpreter asks for it: Arm's, out of line.
extension AArch64 {
    public static func float(
        _ operation: FloatOperation, _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64,
        _ c: UInt64, _ rounding: RoundingControl
    ) -> UInt64 {
        ArmFloat.float(operation, format, state, a, b, c, rounding)
    }

    public static func floatToInteger(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64 {
        ArmFloat.floatToInteger(format, state, a, width, signed: signed, rounding)
    }

    public static func integerToFloat(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64 {
        ArmFloat.integerToFloat(format, state, a, width, signed: signed, rounding)
    }

    public static func convertFloat(
        _ state: UnsafeMutableRawPointer, _ a: UInt64, from: FloatSize, to: FloatSize, _ rounding: RoundingControl
    ) -> UInt64 {
        ArmFloat.convertFloat(state, a, from: from, to: to, rounding)
    }
}
