import RISCV

/// The calls of the SBI that are used everywhere (SBI 2.0; chapters by name).
enum SBI {
    static let base: UInt64 = 0x10, time: UInt64 = 0x5449_4d45, interProcessor: UInt64 = 0x73_5049
    static let remoteFence: UInt64 = 0x5246_4e43, hartState: UInt64 = 0x48_534d
    static let systemReset: UInt64 = 0x5352_5354, debugConsole: UInt64 = 0x4442_434e
    static let notSupported: Int64 = -2, invalidParameter: Int64 = -3, alreadyAvailable: Int64 = -6

    static func call(_ extension: UInt64, _ function: UInt64, _ a0: UInt64 = 0, _ a1: UInt64 = 0, _ a2: UInt64 = 0)
        -> sbi_result
    { sbi_call(`extension`, function, a0, a1, a2) }

    static func has(_ extension: UInt64) -> Bool { call(base, 3, `extension`).value != 0 }
    static func setTimer(_ deadline: UInt64) { _ = call(time, 0, deadline) }

    /// sbi_get_impl_id: OpenSBI is 1.
    static var isOpenSBI: Bool { call(base, 1).value == 1 }

    /// To harts by their index.
    static func interrupt(_ index: UInt64) {
        _ = call(interProcessor, 0, 1, Machine.hart(index).pointee.identifier)
    }

    /// Debug Console, or where it is missing the legacy console_putchar.
    static func put(_ byte: UInt8) {
        if call(debugConsole, 2, UInt64(byte)).error == notSupported { _ = call(1, 0, UInt64(byte)) }
    }

    static func read() -> UInt8 {
        while true {
            var byte: UInt8 = 0
            let result = withUnsafeMutablePointer(to: &byte) {
                call(debugConsole, 1, 1, UInt64(UInt(bitPattern: $0)), 0)
            }
            if result.error == 0, result.value == 1 { return byte }
            if result.error == notSupported {
                // The legacy console_getchar: the byte, or -1.
                let answer = call(2, 0).error
                if answer >= 0 { return UInt8(truncatingIfNeeded: answer) }
            }
            Clock.sleep(milliseconds: 10)
        }
    }

    static func shutDown(failed: Bool) -> Never {
        _ = call(systemReset, 0, 0, failed ? 1 : 0)
        _ = call(8, 0)  // legacy
        while true { wait_for_interrupt() }
    }
}
