/// What the boot CPU asks of another.
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
    /// What is in the window's first page.
    case load
    case floats
    case stop
    /// Goes on as long as the machine does.
    case hostile
}

/// CPUs by PSCI (DEN0022).
enum Harts {
    static let on: Int64 = 0, off: Int64 = 1
    /// By which tasks are announced.
    private static let softwareInterrupt: UInt64 = 1

    /// An affinity that the tree does not have.
    static var absentIdentifier: UInt64 {
        var highest: UInt64 = 0
        for index in 0..<Machine.hartCount { highest = max(highest, Machine.hart(index).pointee.identifier) }
        return highest + 1
    }

    static func status(_ index: UInt64) -> Int64 {
        PSCI.call(PSCI.affinityInformation, Machine.hart(index).pointee.identifier, 0)
    }

    /// CPU_ON; then the CPU waits for tasks.
    static func start(_ index: UInt64) -> Int64 {
        set_hart_task(index, HartTask.answer.rawValue)
        return PSCI.call(PSCI.on, Machine.hart(index).pointee.identifier, address_of_basic_hart_entry(), index)
    }

    static func begin(_ task: HartTask, _ index: UInt64, _ argument: UInt64 = 0) {
        Machine.hart(index).pointee.argument = argument
        set_hart_task(index, task.rawValue)
        Machine.gic?.send(softwareInterrupt, to: 1 << index)
    }

    static func finish(_ index: UInt64) -> Bool { Clock.wait { hart_task(index) == 0 } }

    /// A task from beginning to end; nil where the CPU does not finish.
    static func run(_ task: HartTask, _ index: UInt64, _ argument: UInt64 = 0) -> UInt64? {
        begin(task, index, argument)
        return finish(index) ? Machine.hart(index).pointee.result : nil
    }

    /// Whether something is so of every CPU but the boot CPU.
    static func all(_ holds: (UInt64) -> Bool) -> Bool {
        var result = true
        for index in 1..<Machine.hartCount where !holds(index) { result = false }
        return result
    }

    /// Starts those that are off, for a command.
    static func startAll() -> Bool {
        guard Machine.hartCount > 1 else { return true }
        return all { status($0) == on || start($0) == 0 } && all { finish($0) }
    }
}

/// A CPU from CPU_ON to CPU_OFF.
@c public func basic_hart_main(_ identifier: UInt64, _ index: UInt64) -> Never {
    let hart = Machine.hart(index)
    // 6.4: the CPU is the one that was meant, at EL1, with interrupts masked.
    var wrong: UInt64 = hart.pointee.identifier == identifier ? 0 : 1
    if read_currentel() >> 2 != 1 { wrong |= 2 }
    if read_daif() & 0x3c0 != 0x3c0 { wrong |= 4 }
    hart.pointee.result = wrong
    Machine.gic?.setUpInterface()
    set_hart_task(index, 0)
    while true {
        while hart_task(index) == 0 {
            wait()
            let claimed = External.isPending ? Machine.gic?.acknowledge() ?? 1023 : 1023
            if claimed & 0x3ff < 1020 { Machine.gic?.complete(claimed) }
        }
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
        Timer.begin(deadline)
        let came = Interrupt.take { hart_timer_interrupts(index) != before }
        Timer.stop()
        return !came ? 2 : Machine.hart(index).pointee.timer_time < deadline ? 1 : 0
    case .external:
        // The one that has announced the task may still be pending.
        var source: UInt64 = 0
        _ = Clock.wait {
            let claimed = External.claim(index)
            if claimed >= GIC.firstShared { source = claimed }
            if claimed != 0, claimed < GIC.firstShared { External.complete(index, claimed) }
            return source != 0
        }
        Serial.lower()
        External.complete(index, source)
        return source
    case .count:
        count_together(shared_counter(), argument)
        return 0
    case .call:
        instruction_barrier()
        return call_function(argument)
    case .load:
        Paging.turnOn()
        return device_read64(Paging.address(0))
    case .floats:
        let wrong = Floats.computeInterrupted(index)
        Timer.stop()
        return wrong
    case .stop:
        // From here on AFFINITY_INFO tells, not the task.
        set_hart_task(index, 0)
        return UInt64(bitPattern: PSCI.call(PSCI.off))
    case .hostile: Hostile(seed: argument).run(actions: nil)
    }
    return 0
}
