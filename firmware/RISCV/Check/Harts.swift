import RISCV

// The part of the check that needs several harts, and the life of one hart by HSM.

/// What a started hart does, passed in its opaque argument.
enum Task: UInt64 {
    /// Say hello, then stop.
    case visit = 1
    /// Fence everywhere many times, while all others do the same, then stop.
    case fence = 2
    /// Wait for an IPI in a retentive suspend, then stop.
    case sleep = 3
    /// Suspend non-retentively; the resume has the next task.
    case deepSleep = 4
    /// What a non-retentive resume does: say so, then stop.
    case resumed = 5
    /// Read the time many times, in turns with all others, then stop.
    case clock = 6
}

enum State { static let started: UInt64 = 0, stopped: UInt64 = 1, suspended: UInt64 = 4 }

nonisolated(unsafe) private var visits: UInt32 = 0
nonisolated(unsafe) private var wrongArguments: UInt32 = 0

@c public func check_hart_main(_ hart: UInt64, _ opaque: UInt64) -> Never {
    let software: UInt64 = 2
    // SBI 2.0, table 9.2: translation off, interrupts off.
    if csr_read_satp() != 0 || csr_read_sstatus() & 2 != 0 { _ = atomic_or_word(&wrongArguments, 1) }
    switch Task(rawValue: opaque) {
    case .visit, .resumed:
        _ = atomic_or_word(&visits, 1 << UInt32(hart))
    case .fence:
        fenceEverywhere()
        _ = atomic_or_word(&visits, 1 << UInt32(hart))
    case .clock:
        compareClocks()
        _ = atomic_or_word(&visits, 1 << UInt32(hart))
    case .sleep:
        csr_set_sie(software)
        let result = sbi_call(Extension.hartState, 3, 0, 0, 0)
        if result.error == 0, csr_read_sip() & software != 0 { _ = atomic_or_word(&visits, 1 << UInt32(hart)) }
        csr_clear_sip(software)
    case .deepSleep:
        csr_set_sie(software)
        _ = sbi_call(Extension.hartState, 3, 0x8000_0000, address_of_check_hart_entry(), Task.resumed.rawValue)
    case nil:
        _ = atomic_or_word(&wrongArguments, 2)
    }
    _ = sbi_call(Extension.hartState, 1, 0, 0, 0)
    while true { wait_for_interrupt() }
}

/// Every fence of the extension on every hart, by address, by range and in whole.
private func fenceEverywhere() {
    for round in 0..<UInt64(20) {
        for function in 0..<UInt64(3) {
            _ = sbi_fence(function, 0, ~0, 0x8020_0000, round & 1 == 0 ? 0x3000 : ~0, 1)
        }
    }
}

nonisolated(unsafe) private var clockLock: UInt32 = 0
nonisolated(unsafe) private var latestTime: UInt64 = 0
nonisolated(unsafe) private var earlierTimes: UInt32 = 0

/// Reads the time, which may be no more than a tick less than what any hart has read before (Unprivileged ISA, section
/// "Zicntr" Extension for Base Counters and Timers).
private func compareClocks() {
    for _ in 0..<2000 {
        while atomic_exchange_word(&clockLock, 1) != 0 {}
        let time = csr_read_time()
        if time &+ 1 < latestTime { _ = atomic_or_word(&earlierTimes, 1) }
        latestTime = max(latestTime, time)
        atomic_store_word(&clockLock, 0)
    }
}

/// Harts that the firmware says are stopped.
func findHarts(besides own: UInt64) -> UInt64 {
    var found: UInt64 = 0
    for hart in 0..<UInt64(HART_LIMIT) where hart != own {
        let state = sbi_call(Extension.hartState, 2, hart, 0, 0)
        if state.error == 0, state.value == State.stopped { found |= 1 << hart }
    }
    Console.write("check: other harts: ")
    Console.decimal(UInt64(found.nonzeroBitCount))
    Console.write("\n")
    return found
}

func checkHartStates(_ others: UInt64, own: UInt64) {
    Verdict.expect(
        "this hart is started", sbi_call(Extension.hartState, 2, own, 0, 0).value == State.started)
    Verdict.expect(
        "a hart that is not there is an invalid parameter",
        sbi_call(Extension.hartState, 2, 63, 0, 0).error == Failure.invalidParameter)
    Verdict.expect(
        "starting a started hart: already available",
        sbi_call(Extension.hartState, 0, own, 0x8020_0000, 0).error == Failure.alreadyAvailable)
    Verdict.expect(
        "an IPI to nobody succeeds", sbi_call(Extension.interProcessor, 0, 0, 0, 0).error == 0)
    let fences = sbi_fence(0, 1 << own, 0, 0, 0, 0).error | sbi_fence(1, 0, ~0, 0, ~0, 0).error
    Verdict.expect("fences on this hart alone", fences == 0)
    Verdict.expect(
        "a fence whose range wraps is an invalid address",
        sbi_fence(1, 1 << own, 0, ~0xfff, 0x2000, 0).error == Failure.invalidAddress)
    // A suspend with an interrupt already pending returns at once.
    csr_set_sie(2)
    csr_set_sip(2)
    let suspended = sbi_call(Extension.hartState, 3, 0, 0, 0)
    csr_clear_sip(2)
    csr_clear_sie(2)
    Verdict.expect("a suspend with an interrupt pending returns", suspended.error == 0)
    guard others != 0 else { return }

    let first = UInt64(others.trailingZeroBitCount)
    Verdict.expect(
        "a start inside the firmware is an invalid address",
        sbi_call(Extension.hartState, 0, first, 0x8000_0000, 0).error == Failure.invalidAddress)
    Verdict.expect(
        "an IPI to a stopped hart is an invalid parameter",
        sbi_call(Extension.interProcessor, 0, 1 << first, 0, 0).error == Failure.invalidParameter)
    Verdict.expect("every hart starts and stops", run(.visit, on: others, meanwhile: {}))
    Verdict.expect("harts fence each other all at once", run(.fence, on: others, meanwhile: { fenceEverywhere() }))
    Verdict.expect(
        "an IPI ends a retentive suspend", run(.sleep, on: others, meanwhile: { wake(others) }))
    Verdict.expect(
        "an IPI ends a non-retentive suspend at its resume address",
        run(.deepSleep, on: others, meanwhile: { wake(others) }))
    Verdict.expect(
        "no hart's clock is behind another's",
        run(.clock, on: others, meanwhile: { compareClocks() }) && atomic_load_word(&earlierTimes) == 0)
    Verdict.expect("harts start with translation and interrupts off", atomic_load_word(&wrongArguments) == 0)
}

/// Starts a task on harts, does something meanwhile, and waits until all have stopped again.
private func run(_ task: Task, on harts: UInt64, meanwhile: () -> Void) -> Bool {
    atomic_store_word(&visits, 0)
    var started = true
    for hart in 0..<UInt64(HART_LIMIT) where harts >> hart & 1 != 0 {
        let entry = address_of_check_hart_entry()
        started = started && sbi_call(Extension.hartState, 0, hart, entry, task.rawValue).error == 0
    }
    meanwhile()
    for hart in 0..<UInt64(HART_LIMIT) where harts >> hart & 1 != 0 { wait(for: hart, toBe: State.stopped) }
    return started && UInt64(atomic_load_word(&visits)) == harts
}

private func wait(for hart: UInt64, toBe state: UInt64) {
    while sbi_call(Extension.hartState, 2, hart, 0, 0).value != state {}
}

private func wake(_ harts: UInt64) {
    for hart in 0..<UInt64(HART_LIMIT) where harts >> hart & 1 != 0 { wait(for: hart, toBe: State.suspended) }
    _ = sbi_call(Extension.interProcessor, 0, harts, 0, 0)
}
