import RISCV

/// States of HSM (SBI 2.0, Hart State Management).
enum HartState { static let started: UInt64 = 0, stopped: UInt64 = 1 }

/// What the boot hart asks of another.
enum HartTask: UInt32 {
    /// Nothing but an answer.
    case answer = 1
    /// The time.
    case time
    /// A timer interrupt after 2 ms; whether it was early, or did not come.
    case timer
    /// The source of the external interrupt that is to come.
    case external
    /// To count with the others.
    case count
    /// What the function at the argument returns.
    case call
    /// What is in the window's first page, with translation on from now on.
    case load
    case translationOff
    case floats
    case stop
    /// Goes on as long as the machine does.
    case hostile
}

enum Harts {
    /// A hart number that the tree does not have.
    static var absentIdentifier: UInt64 {
        var highest: UInt64 = 0
        for index in 0..<Machine.hartCount { highest = max(highest, Machine.hart(index).pointee.identifier) }
        return highest + 1
    }

    static func status(_ index: UInt64) -> UInt64 {
        let result = SBI.call(SBI.hartState, 2, Machine.hart(index).pointee.identifier)
        return result.error == 0 ? result.value : ~0
    }

    /// hart_start; whether the hart then waits for tasks.
    static func start(_ index: UInt64) -> sbi_result {
        set_hart_task(index, HartTask.answer.rawValue)
        return SBI.call(
            SBI.hartState, 0, Machine.hart(index).pointee.identifier, address_of_basic_hart_entry(), index)
    }

    static func begin(_ task: HartTask, _ index: UInt64, _ argument: UInt64 = 0) {
        Machine.hart(index).pointee.argument = argument
        set_hart_task(index, task.rawValue)
        SBI.interrupt(index)
    }

    static func finish(_ index: UInt64) -> Bool { Clock.wait { hart_task(index) == 0 } }

    /// A task from beginning to end; nil where the hart does not finish.
    static func run(_ task: HartTask, _ index: UInt64, _ argument: UInt64 = 0) -> UInt64? {
        begin(task, index, argument)
        return finish(index) ? Machine.hart(index).pointee.result : nil
    }

    /// Whether something is so of every hart but the boot hart.
    static func all(_ holds: (UInt64) -> Bool) -> Bool {
        var result = true
        for index in 1..<Machine.hartCount where !holds(index) { result = false }
        return result
    }

    /// Starts those that are stopped, for a command.
    static func startAll() -> Bool {
        guard Machine.hartCount > 1 else { return true }
        return all { status($0) == HartState.started || start($0).error == 0 } && all { finish($0) }
    }
}

/// A hart from hart_start to hart_stop.
@c public func basic_hart_main(_ identifier: UInt64, _ index: UInt64) -> Never {
    let hart = Machine.hart(index)
    // HSM, hart start: a0 is the hart, a1 the opaque value; satp and sstatus.SIE are zero.
    var wrong: UInt64 = hart.pointee.identifier == identifier ? 0 : 1
    if csr_read_satp() != 0 { wrong |= 2 }
    if csr_read_sstatus() & Interrupt.enable != 0 { wrong |= 4 }
    csr_write_sie(0)
    hart.pointee.result = wrong
    setUpFloats()
    set_hart_task(index, 0)
    while true {
        csr_set_sie(Interrupt.software)
        while hart_task(index) == 0 {
            wait_for_interrupt()
            csr_clear_sip(Interrupt.software)
            fence_memory()
        }
        csr_clear_sie(Interrupt.software)
        guard let task = HartTask(rawValue: hart_task(index)) else { continue }
        hart.pointee.result = perform(task, index, hart.pointee.argument)
        set_hart_task(index, 0)
    }
}

private func perform(_ task: HartTask, _ index: UInt64, _ argument: UInt64) -> UInt64 {
    switch task {
    case .answer: return index
    case .time: return Clock.now
    case .timer:
        let deadline = Clock.now + Clock.milliseconds(2), before = hart_timer_interrupts(index)
        SBI.setTimer(deadline)
        csr_set_sie(Interrupt.timer)
        let came = Interrupt.take { hart_timer_interrupts(index) != before }
        csr_clear_sie(Interrupt.timer)
        return !came ? 2 : Machine.hart(index).pointee.timer_time < deadline ? 1 : 0
    case .external:
        guard let plic = Machine.plic else { return 0 }
        _ = Interrupt.sleep(Interrupt.external) { csr_read_sip() & Interrupt.external != 0 }
        let source = plic.claim(index)
        _ = Serial.read(Serial.Register.identification)
        plic.complete(index, source)
        return source
    case .count:
        count_together(shared_counter(0), shared_counter(1), argument)
        return 0
    case .call: return call_function(argument)
    case .load:
        Paging.turnOn()
        return device_read64(Paging.address(0))
    case .translationOff:
        Paging.turnOff()
        return 0
    case .floats:
        let wrong = Floats.computeInterrupted(index)
        csr_clear_sie(Interrupt.timer)
        SBI.setTimer(~0)
        return wrong
    case .stop:
        // From here on hart_get_status tells, not the task.
        set_hart_task(index, 0)
        return UInt64(bitPattern: SBI.call(SBI.hartState, 1).error)
    case .hostile: Hostile(seed: argument).run(actions: nil)
    }
    return 0
}
