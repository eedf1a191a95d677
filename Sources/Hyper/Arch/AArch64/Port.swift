import AArch64

/// AArch64 at EL2. Hyper runs behind a boot loader, under a firmware that has PSCI, with memory translated one to one.
public enum AArch64Port: Architecture {
    // SAFETY: written while one CPU runs, at boot.
    nonisolated(unsafe) public internal(set) static var counterFrequency: UInt64 = 62_500_000

    /// Of the timer that is Hyper's (D11.2.4), as the tree has it.
    nonisolated(unsafe) static var alarmInterrupt = 26

    // MARK: This CPU

    @inline(__always)
    public static var cpu: CPUReference {
        // SAFETY: TPIDR_EL2 holds the CPU's record from its first instruction in Swift on.
        CPUReference(bitPattern: UInt(read_tpidr_el2())).unsafelyUnwrapped
    }

    @inline(__always)
    public static func disableInterrupts() -> Bool { disable_interrupts() }
    @inline(__always)
    public static func restoreInterrupts(_ enabled: Bool) { restore_interrupts(enabled) }
    public static func waitForInterrupt() { wait_for_interrupt() }
    @inline(__always)
    public static func relax() { AArch64.relax() }

    public static func interrupt(_ cpu: CPUReference) { HostGIC.interrupt(cpu) }

    public static func write(_ byte: UInt8) { EarlyConsole.write(byte) }

    public static func panic(_ message: UnsafeBufferPointer<UInt8>) -> Never {
        _ = disable_interrupts()
        EarlyConsole.write("\nhyper: ")
        for byte in message { EarlyConsole.write(byte) }
        EarlyConsole.write("\n")
        Firmware.powerOff()
    }

    public static var drivers: [Driver] { ArmDevices.drivers }
    public static var emulators: [Emulator] { ArmDevices.emulators }
    public static func powerOff() -> Never { Firmware.powerOff() }
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

    /// The type, and the number among interrupts of the type (Devicetree bindings, arm,gic).
    public static func interruptNumber(_ specifier: [UInt32]) -> Int? {
        guard specifier.count >= 2 else { return nil }
        return Int(specifier[1]) + (specifier[0] == 0 ? HostGIC.firstShared : HostGIC.firstPrivate)
    }

    public static func synchroniseInstructions() { forget_instructions() }

    // MARK: Time

    @inline(__always)
    public static var counter: UInt64 { AArch64.counter() }

    /// The timer of EL2 (D11.2.4): it interrupts for as long as the counter is not below.
    public static func setAlarm(_ counter: UInt64) {
        write_cnthp_cval_el2(counter)
        write_cnthp_ctl_el2(1)
    }

    // MARK: Threads

    public static func makeContext(
        stack: UnsafeMutableRawPointer, entry: @escaping @convention(c) () -> Void
    ) -> UnsafeMutableRawPointer {
        let size = Int(CONTEXT_SIZE)
        // SAFETY: the stack is the caller's, and larger than a context, which ``hyper_switch`` takes off it.
        let context = stack - size
        context.initializeMemory(as: UInt64.self, repeating: 0, count: size / 8)
        context.storeBytes(
            of: UInt64(UInt(bitPattern: unsafeBitCast(entry, to: UnsafeRawPointer.self))),
            toByteOffset: Int(CONTEXT_START), as: UInt64.self)
        return context
    }

    @inline(__always)
    public static func switchContext(
        from old: UnsafeMutablePointer<UnsafeMutableRawPointer?>, to new: UnsafeMutableRawPointer
    ) {
        hyper_switch(old, new)
    }
}

public typealias Port = AArch64Port

/// PSCI as Hyper uses it (DEN0022, chapter 5), by SMC.
enum Firmware {
    private enum Function {
        static let processorOff: UInt64 = 0x8400_0002, processorOn: UInt64 = 0xc400_0003
        static let affinityInformation: UInt64 = 0xc400_0004
        static let systemOff: UInt64 = 0x8400_0008, systemReset: UInt64 = 0x8400_0009
    }

    /// Starts a CPU in ``hyper_secondary_entry`` with `argument` in x0.
    static func start(_ affinity: UInt64, argument: UInt64) -> Bool {
        firmware_call(Function.processorOn, affinity, address_of_hyper_secondary_entry(), argument) == 0
    }

    /// Stops this CPU; it begins anew at its next start.
    static func stop() -> Never {
        while true { _ = firmware_call(Function.processorOff, 0, 0, 0) }
    }

    static func isStopped(_ affinity: UInt64) -> Bool {
        let off: UInt64 = 1
        return firmware_call(Function.affinityInformation, affinity, 0, 0) == off
    }

    static func powerOff() -> Never {
        while true {
            _ = firmware_call(Function.systemOff, 0, 0, 0)
            wait_for_interrupt()
        }
    }

    static func reboot() -> Never {
        while true {
            _ = firmware_call(Function.systemReset, 0, 0, 0)
            wait_for_interrupt()
        }
    }
}

/// A PL011 that the tree has, as its boot loader left it: before Hyper's own driver runs, and when nothing else can be
/// trusted any more.
enum EarlyConsole {
    private static let data: UInt64 = 0x00, flags: UInt64 = 0x18, isFull: UInt32 = 1 << 5
    // SAFETY: written once, at boot.
    nonisolated(unsafe) static var base: UInt64 = 0

    static func write(_ byte: UInt8) {
        guard base != 0 else { return }
        while device_read32(base + flags) & isFull != 0 {}
        device_write32(base + data, UInt32(byte))
    }

    static func write(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { write(text.utf8Start[index]) }
    }
}
