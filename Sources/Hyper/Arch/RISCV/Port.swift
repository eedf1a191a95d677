import RISCV

/// RISC-V with the hypervisor extension. Hyper runs in HS-mode under an SBI firmware, untranslated.
public enum RISCVPort: Architecture {
    // SAFETY: written while one hart runs, at boot.
    nonisolated(unsafe) public internal(set) static var counterFrequency: UInt64 = 10_000_000
    /// Whether harts have a timer of their own (Sstc), so that an alarm is one CSR and no call of the firmware.
    nonisolated(unsafe) static var hasSupervisorTimer = false
    /// Whether what guests may use of a hart's state is to be said (Smstateen).
    nonisolated(unsafe) static var hasStateEnable = false

    // MARK: This CPU

    @inline(__always)
    public static var cpu: CPUReference {
        // SAFETY: tp holds the hart's record from its first instruction in Swift on.
        CPUReference(bitPattern: UInt(thread_pointer())).unsafelyUnwrapped
    }

    @inline(__always)
    public static func disableInterrupts() -> Bool { disable_interrupts() }
    @inline(__always)
    public static func restoreInterrupts(_ enabled: Bool) { restore_interrupts(enabled) }
    public static func waitForInterrupt() { wait_for_interrupt() }
    @inline(__always)
    public static func relax() {}

    public static func interrupt(_ cpu: CPUReference) { Firmware.interrupt(cpu.pointee.hardwareIdentifier) }

    public static func write(_ byte: UInt8) { Firmware.write(byte) }

    public static func panic(_ message: UnsafeBufferPointer<UInt8>) -> Never {
        _ = disable_interrupts()
        Firmware.write("\nhyper: ")
        for byte in message { Firmware.write(byte) }
        Firmware.write("\n")
        Firmware.powerOff(failed: true)
    }

    public static var drivers: [Driver] { [] }
    public static var emulators: [Emulator] { [] }
    public static func powerOff() -> Never { Firmware.powerOff(failed: false) }
    public static func reboot() -> Never { Firmware.reboot() }

    public static func readDevice(_ address: UInt64, width: Int) -> UInt64 {
        switch width {
        case 1: UInt64(device_read8(address))
        case 2: UInt64(device_read16(address))
        case 4: UInt64(device_read32(address))
        default: device_read64(address)
        }
    }

    public static func writeDevice(_ address: UInt64, width: Int, _ value: UInt64) {
        switch width {
        case 1: device_write8(address, UInt8(truncatingIfNeeded: value))
        case 2: device_write16(address, UInt16(truncatingIfNeeded: value))
        case 4: device_write32(address, UInt32(truncatingIfNeeded: value))
        default: device_write64(address, value)
        }
    }

    /// The PLIC's specifiers are numbers.
    public static func interruptNumber(_ specifier: [UInt32]) -> Int? { specifier.first.map { Int($0) } }

    public static func synchroniseInstructions() {
        fence_instruction()
        // The other harts' part is the firmware's (SBI 2.0, 8.1).
        let remoteInstructionFence: UInt64 = 0, allHarts = ~UInt64(0)
        if CPUs.count > 1 { _ = sbi_fence(remoteInstructionFence, 0, allHarts, 0, 0, 0) }
    }

    // MARK: Time

    @inline(__always)
    public static var counter: UInt64 { csr_read_time() }

    public static func setAlarm(_ counter: UInt64) {
        if hasSupervisorTimer { csr_write_stimecmp(counter) } else { Firmware.setTimer(counter) }
    }

    // MARK: Threads

    public static func makeContext(
        stack: UnsafeMutableRawPointer, entry: @escaping @convention(c) () -> Void
    ) -> UnsafeMutableRawPointer {
        context(stack: stack, start: UInt64(UInt(bitPattern: unsafeBitCast(entry, to: UnsafeRawPointer.self))), s0: 0)
    }

    /// What ``hyper_switch`` takes off the stack: ra, then s0 to s11.
    static func context(stack: UnsafeMutableRawPointer, start: UInt64, s0: UInt64) -> UnsafeMutableRawPointer {
        let size = Int(CONTEXT_SIZE)
        // SAFETY: the stack is the caller's, and larger than a context.
        let context = stack - size
        context.initializeMemory(as: UInt64.self, repeating: 0, count: size / 8)
        context.storeBytes(of: start, as: UInt64.self)
        context.storeBytes(of: s0, toByteOffset: 8, as: UInt64.self)
        return context
    }

    @inline(__always)
    public static func switchContext(
        from old: UnsafeMutablePointer<UnsafeMutableRawPointer?>, to new: UnsafeMutableRawPointer
    ) {
        hyper_switch(old, new)
    }
}

public typealias Port = RISCVPort

/// The SBI as Hyper uses it (SBI 2.0).
enum Firmware {
    private static let timer: UInt64 = 0x5449_4d45
    private static let interProcessorInterrupt: UInt64 = 0x0073_5049
    private static let reset: UInt64 = 0x5352_5354
    private static let hartState: UInt64 = 0x48_534d
    private static let legacyPutCharacter: UInt64 = 1
    private static let debugConsole: UInt64 = 0x4442_434e, writeByte: UInt64 = 2

    static func setTimer(_ deadline: UInt64) { _ = sbi_call(timer, 0, deadline, 0, 0) }
    static func interrupt(_ hart: UInt64) { _ = sbi_call(interProcessorInterrupt, 0, 1, hart, 0) }

    /// Starts a hart in ``hyper_secondary_entry`` with `opaque` in a1.
    static func start(_ hart: UInt64, opaque: UInt64) -> Bool {
        sbi_call(hartState, 0, hart, address_of_hyper_secondary_entry(), opaque).error == 0
    }

    /// Stops this hart (SBI 2.0, 9.2); it begins anew at its next start.
    static func stop() -> Never {
        let hartStop: UInt64 = 1
        while true { _ = sbi_call(hartState, hartStop, 0, 0, 0) }
    }

    static func isStopped(_ hart: UInt64) -> Bool {
        let status: UInt64 = 2, stopped: UInt64 = 1
        let answer = sbi_call(hartState, status, hart, 0, 0)
        return answer.error == 0 && answer.value == stopped
    }

    static func powerOff(failed: Bool) -> Never {
        _ = sbi_call(reset, 0, 0, failed ? 1 : 0, 0)
        while true { wait_for_interrupt() }
    }

    static func reboot() -> Never {
        let coldReboot: UInt64 = 1
        _ = sbi_call(reset, 0, coldReboot, 0, 0)
        while true { wait_for_interrupt() }
    }

    /// One byte to whatever console the firmware has: before Hyper's own driver runs, and when nothing else can be
    /// trusted any more.
    static func write(_ byte: UInt8) {
        if sbi_call(debugConsole, writeByte, UInt64(byte), 0, 0).error != 0 {
            _ = sbi_call(legacyPutCharacter, 0, UInt64(byte), 0, 0)
        }
    }

    static func write(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { write(text.utf8Start[index]) }
    }
}
