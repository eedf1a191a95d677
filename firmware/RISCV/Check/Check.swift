import RISCV

// The firmware's check: an S-mode image that asks the firmware for everything it promises and compares the answers with
// the SBI specification (2.0) and the privileged architecture. It prints one line a check and powers the machine off
// with success or failure.

@c public func check_main(_ hart: UInt64, _ treeAddress: UInt64) -> Never {
    Console.write("check: boot hart ")
    Console.decimal(hart)
    Console.write("\n")
    checkBase()
    checkTree(treeAddress)
    checkRedirection()
    checkTimer()
    checkLegacy(hart)
    checkConsole()
    let others = findHarts(besides: hart)
    checkHartStates(others, own: hart)
    Console.write("check: ")
    Console.decimal(Verdict.passed)
    Console.write(" passed, ")
    Console.decimal(Verdict.failed)
    Console.write(" failed\n")
    _ = sbi_call(Extension.systemReset, 0, 0, Verdict.failed == 0 ? 0 : 1, 0)
    while true { wait_for_interrupt() }
}

/// An exception or interrupt that no check asked for.
@c public func check_unexpected_trap(_ cause: UInt64, _ pc: UInt64, _ value: UInt64) -> Never {
    Console.write("check: unexpected trap: scause ")
    Console.hexadecimal(cause)
    Console.write(" sepc ")
    Console.hexadecimal(pc)
    Console.write(" stval ")
    Console.hexadecimal(value)
    Console.write("\n")
    _ = sbi_call(Extension.systemReset, 0, 0, 1, 0)
    while true { wait_for_interrupt() }
}

enum Extension {
    static let base: UInt64 = 0x10, time: UInt64 = 0x5449_4d45, interProcessor: UInt64 = 0x73_5049
    static let remoteFence: UInt64 = 0x5246_4e43, hartState: UInt64 = 0x48_534d
    static let systemReset: UInt64 = 0x5352_5354, debugConsole: UInt64 = 0x4442_434e
    static let performance: UInt64 = 0x50_4d55, suspend: UInt64 = 0x5355_5350
}

enum Failure {
    static let notSupported: Int64 = -2, invalidParameter: Int64 = -3, invalidAddress: Int64 = -5
    static let alreadyAvailable: Int64 = -6
}

enum Console: TextSink {
    static func put(_ byte: UInt8) { _ = sbi_call(Extension.debugConsole, 2, UInt64(byte), 0, 0) }
}

enum Verdict {
    nonisolated(unsafe) static var passed: UInt64 = 0
    nonisolated(unsafe) static var failed: UInt64 = 0

    static func expect(_ what: StaticString, _ holds: Bool) {
        if holds { passed += 1 } else { failed += 1 }
        Console.write(holds ? "  ok    " : "  FAIL  ")
        Console.write(what)
        Console.write("\n")
    }
}

private func checkBase() {
    let version = sbi_call(Extension.base, 0, 0, 0, 0)
    Verdict.expect("the SBI is version 2.0", version.error == 0 && version.value == 2 << 24)
    var present = true
    for index in 0..<7 {
        let numbers: InlineArray<7, UInt64> = [
            Extension.base, Extension.time, Extension.interProcessor, Extension.remoteFence, Extension.hartState,
            Extension.systemReset, Extension.debugConsole,
        ]
        present = present && sbi_call(Extension.base, 3, numbers[index], 0, 0).value == 1
    }
    Verdict.expect("BASE, TIME, IPI, RFENCE, HSM, SRST and DBCN are there", present)
    let absent =
        sbi_call(Extension.base, 3, Extension.performance, 0, 0).value
        | sbi_call(Extension.base, 3, Extension.suspend, 0, 0).value
    Verdict.expect("PMU and SUSP are not", absent == 0)
    Verdict.expect(
        "an unknown extension is not supported",
        sbi_call(0x0800_0001, 0, 0, 0, 0).error == Failure.notSupported)
    Verdict.expect(
        "an unknown function is not supported", sbi_call(Extension.base, 99, 0, 0, 0).error == Failure.notSupported)
    Verdict.expect(
        "a reserved reset type is an invalid parameter",
        sbi_call(Extension.systemReset, 0, 3, 0, 0).error == Failure.invalidParameter)
}

private func checkTree(_ address: UInt64) {
    var reserved: MemoryRange?
    var notMapped = false
    if let tree = FlattenedDeviceTree(at: address, limit: 0x10_0000) {
        let sound = tree.forEachNode { node in
            if node.depth == 2, node.isNamed(exactly: "mmode_resv0@80000000") {
                reserved = node.range()
                notMapped = node.property("no-map") != nil
            }
        }
        Verdict.expect("the device tree is sound", sound)
    } else {
        Verdict.expect("a1 holds a device tree", false)
    }
    Verdict.expect(
        "the device tree reserves the firmware, unmapped",
        reserved?.base == 0x8000_0000 && reserved?.size == 0x8_0000 && notMapped)
}

/// Exceptions that the firmware hands on: cause and value as the hardware gives them.
private func checkRedirection() {
    let illegal: UInt64 = 2, fetchAccess: UInt64 = 1, loadAccess: UInt64 = 5, firmware: UInt64 = 0x8000_0000
    let load = attempt_load(firmware)
    Verdict.expect("a load from the firmware is an access fault", load.cause == loadAccess && load.value == firmware)
    let last = attempt_load(firmware + 0x7_fff8)
    Verdict.expect("so is one from its last doubleword", last.cause == loadAccess)
    Verdict.expect("the next one is memory", attempt_load(firmware + 0x8_0000).cause == ~0)
    let fetch = attempt_call(firmware)
    Verdict.expect("a jump into the firmware is an access fault", fetch.cause == fetchAccess && fetch.value == firmware)
    let word = attempt_illegal()
    Verdict.expect(
        "an illegal instruction comes back as one",
        word.cause == illegal && (word.value == 0xffff_ffff || word.value == 0))
    let spp: UInt64 = 1 << 8, sie: UInt64 = 1 << 1
    Verdict.expect("in the trap SPP said S-mode and SIE was off", status_at_trap() & (spp | sie) == spp)
}

private func checkTimer() {
    let timer: UInt64 = 1 << 5
    let before = csr_read_time()
    let deadline = before + 5_000
    _ = sbi_call(Extension.time, 0, deadline, 0, 0)
    let early = csr_read_sip() & timer != 0 && csr_read_time() < deadline
    csr_set_sie(timer)
    while csr_read_sip() & timer == 0 { wait_for_interrupt() }
    let after = csr_read_time()
    _ = sbi_call(Extension.time, 0, ~0, 0, 0)
    Verdict.expect("the timer is pending at its deadline, not before", !early && after >= deadline)
    Verdict.expect("setting it to -1 clears it", csr_read_sip() & timer == 0)
    csr_clear_sie(timer)
}

private func checkLegacy(_ hart: UInt64) {
    let software: UInt64 = 2
    let clearSoftware: UInt64 = 3, sendSoftware: UInt64 = 4, remoteFenceInstruction: UInt64 = 5
    var mask: UInt64 = 1 << hart
    let sent = withUnsafePointer(to: &mask) {
        sbi_call(sendSoftware, 0, UInt64(UInt(bitPattern: $0)), 0x1234, 0)
    }
    while csr_read_sip() & software == 0 {}
    Verdict.expect("legacy send_ipi reads its mask and leaves a1", sent.error == 0 && sent.value == 0x1234)
    _ = sbi_call(clearSoftware, 0, 0, 0, 0)
    Verdict.expect("legacy clear_ipi clears it", csr_read_sip() & software == 0)
    Verdict.expect("legacy remote_fence_i without a mask", sbi_call(remoteFenceInstruction, 0, 0, 0, 0).error == 0)
    let fault = attempt_ecall(sendSoftware, 0x8000_0000, 0)
    Verdict.expect("a mask that cannot be read faults at its caller", fault.cause == 5 && fault.value == 0x8000_0000)
}

private func checkConsole() {
    let refused = sbi_call(Extension.debugConsole, 0, 16, 0x8000_0000, 0)
    Verdict.expect("DBCN does not read the firmware's memory", refused.error == Failure.invalidParameter)
    let text: StaticString = "  (written through memory)\n"
    let written = sbi_call(
        Extension.debugConsole, 0, UInt64(text.utf8CodeUnitCount), UInt64(UInt(bitPattern: text.utf8Start)), 0)
    Verdict.expect(
        "DBCN writes a buffer and counts it", written.error == 0 && written.value == UInt64(text.utf8CodeUnitCount))
}
