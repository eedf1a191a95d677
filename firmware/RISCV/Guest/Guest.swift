import RISCV

// A guest that checks the machine it runs in from the inside. It runs in VS-mode behind two stages of translation: its
// own tables (Sv39) and the monitor's (Sv39x4). Each check is reported to the monitor, which prints it.

@c public func guest_main() -> Never {
    let description = sbi_call(Monitor.checks, Monitor.describe, 0, 0, 0)
    report("hypercalls are answered", description.error == 0)
    let hasComparator = description.value & 1 != 0

    checkTranslation()
    checkMemory()
    checkDevice()
    checkTimer("a tick by the firmware's timer", comparator: false)
    if hasComparator {
        checkTimer("a tick by stimecmp", comparator: true)
        checkTimer("another, while waiting", comparator: true)
    }
    _ = sbi_call(Monitor.checks, Monitor.finish, failures, 0, 0)
    while true { wait_for_interrupt() }
}

/// What the monitor offers: an extension in SBI's experimental range, and the Timer extension.
enum Monitor {
    static let checks: UInt64 = 0x0800_0000
    static let describe: UInt64 = 0, report: UInt64 = 1, finish: UInt64 = 2
    static let timer: UInt64 = 0x5449_4d45
}

nonisolated(unsafe) private var failures: UInt64 = 0

private func report(_ name: StaticString, _ passed: Bool) {
    if !passed { failures += 1 }
    // Guest-virtual and guest-physical addresses of the image are the same.
    let address = UInt64(UInt(bitPattern: name.utf8Start))
    _ = sbi_call(Monitor.checks, Monitor.report, address, UInt64(name.utf8CodeUnitCount), passed ? 1 : 0)
}

/// The guest's own stage: memory at its own address and again at `alias`, and the page of the serial port.
private enum FirstStage {
    static let memory: UInt64 = 0x8000_0000
    static let alias: UInt64 = 0x1_4000_0000
    static let device: UInt64 = 0x1000_0000
    static let unmapped: UInt64 = 0x4000_0000
    static let fault: UInt64 = 13

    /// V, R, W, X, A and D of a page-table entry (Privileged ISA, 12.4.1).
    static let table: UInt64 = 0x01, readWrite: UInt64 = 0xc7, readWriteExecute: UInt64 = 0xcf

    static func turnOn() {
        let start = address_of_first_stage_tables()
        guard let tables = UnsafeMutablePointer<UInt64>(bitPattern: UInt(start)) else { return }
        // SAFETY: three pages, set aside and cleared by the boot assembly: the root, and two levels for the device.
        let gigapage: UInt64 = 30, entries = 512
        tables[Int(memory >> gigapage)] = entry(memory, readWriteExecute)
        tables[Int(alias >> gigapage)] = entry(memory, readWrite)
        tables[Int(device >> gigapage)] = entry(start + 4096, table)
        tables[entries + Int(device >> 21 & 511)] = entry(start + 8192, table)
        tables[2 * entries + Int(device >> 12 & 511)] = entry(device, readWrite)
        let sv39: UInt64 = 8 << 60
        csr_write_satp(sv39 | start >> 12)
        sfence_vma_all()
    }

    private static func entry(_ address: UInt64, _ bits: UInt64) -> UInt64 { (address >> 12) << 10 | bits }
}

private func checkTranslation() {
    FirstStage.turnOn()
    let word = FirstStage.memory + 0x1f_0000
    device_write64(word, 0x1234_5678_9abc_def0)
    report("both stages translate", device_read64(word - FirstStage.memory + FirstStage.alias) == 0x1234_5678_9abc_def0)

    faultAddress = 0
    faultCause = 0
    _ = device_read32(FirstStage.unmapped)
    report("the guest takes its own page fault", faultCause == FirstStage.fault && faultAddress == FirstStage.unmapped)
}

/// Touches pages that the monitor has not mapped yet, through both views of memory.
private func checkMemory() {
    let second: UInt64 = 0x8020_0000
    var sound = true
    for page in 0..<UInt64(3) {
        let address = second + page * 0x1_1000
        sound = sound && device_read64(address) == 0
        device_write64(address - FirstStage.memory + FirstStage.alias, ~page)
        sound = sound && device_read64(address) == ~page
    }
    report("memory appears when it is touched", sound)
}

private func checkDevice() {
    let text: StaticString = "hello\n"
    for index in 0..<text.utf8CodeUnitCount {
        device_write8(FirstStage.device, text.utf8Start[index])
    }
    let transmitterEmpty: UInt8 = 0x20
    let ready = device_read8(FirstStage.device + 5) & transmitterEmpty != 0
    report("the serial port is ready", ready)
    // A register that adds one, through compressed instructions: the monitor must tell them from long ones.
    let answer = compressed_exchange(FirstStage.device + 0x100, 0x8000_0001)
    report("compressed accesses are understood", answer == 0xffff_ffff_8000_0002)
}

nonisolated(unsafe) private var ticks: UInt32 = 0
nonisolated(unsafe) private var tickTime: UInt64 = 0
nonisolated(unsafe) private var usesComparator = false
nonisolated(unsafe) private var faultAddress: UInt64 = 0
nonisolated(unsafe) private var faultCause: UInt64 = 0

private func checkTimer(_ name: StaticString, comparator: Bool) {
    let timerInterrupt: UInt64 = 1 << 5, sie: UInt64 = 2
    usesComparator = comparator
    atomic_store_word(&ticks, 0)
    let deadline = csr_read_time() + 20_000
    setTimer(deadline)
    csr_set_sie(timerInterrupt)
    while atomic_load_word(&ticks) == 0 {
        // With interrupts off, one that comes before the wait ends it at once.
        wait_for_interrupt()
        csr_set_sstatus(sie)
        csr_clear_sstatus(sie)
    }
    csr_clear_sie(timerInterrupt)
    report(name, atomic_load_word(&ticks) == 1 && tickTime >= deadline)
}

private func setTimer(_ deadline: UInt64) {
    if usesComparator { csr_write_stimecmp(deadline) } else { _ = sbi_call(Monitor.timer, 0, deadline, 0, 0) }
}

/// Returns where to go on.
@c public func guest_trap(_ cause: UInt64, _ pc: UInt64, _ value: UInt64) -> UInt64 {
    if cause == 1 << 63 | 5 {
        tickTime = csr_read_time()
        setTimer(~0)
        atomic_store_word(&ticks, atomic_load_word(&ticks) + 1)
        return pc
    }
    if cause == FirstStage.fault, value == FirstStage.unmapped {
        faultCause = cause
        faultAddress = value
        // SAFETY: the guest reads its own code to learn the length of the instruction that it skips.
        return pc + (device_read8(pc) & 3 == 3 ? 4 : 2)
    }
    report("an unexpected trap in the guest", false)
    _ = sbi_call(Monitor.checks, Monitor.finish, failures, cause, value)
    return pc
}
