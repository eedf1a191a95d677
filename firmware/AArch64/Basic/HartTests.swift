/// All CPUs of the tree, by PSCI and software interrupts.
func testHarts() {
    testOwnCode()
    guard Machine.hartCount > 1 else { return Test.skip("other CPUs", "the tree has one CPU") }
    testStart()
    guard Harts.startAll() else { return Test.holds("every CPU is there for the other tests", false) }
    let answers = Harts.all { index in Harts.run(.answer, index) == index }
    Test.holds("a software interrupt reaches each CPU", answers)
    var isAgreed = true
    for _ in 0..<20 {
        _ = Harts.all { index in
            let before = Clock.now
            guard let time = Harts.run(.time, index) else {
                isAgreed = false
                return false
            }
            // Counters agree (D11.1.2).
            if time < before || time > Clock.now { isAgreed = false }
            return true
        }
    }
    Test.holds("all CPUs have the same time", isAgreed)
    Test.holds("every CPU has its timer", Harts.all { Harts.run(.timer, $0) == 0 })
    testExternal()
    testCount()
    testMaintenance()
    Timer.period = Clock.microseconds(300)
    _ = Harts.all { index in
        Harts.begin(.floats, index)
        return true
    }
    let own = Floats.computeInterrupted(0)
    let others = Harts.all { Harts.finish($0) && Machine.hart($0).pointee.result == 0 }
    Timer.stop()
    Test.holds("floating point registers are each CPU's own", own == 0 && others)
    Test.holds("every CPU stops in the end", stopAll())
}

/// What was written is executed on this CPU.
private func testOwnCode() {
    let code = address_of_basic_page(7)
    Test.equal("code runs where it was written", patch(code, 1), 1)
    Test.equal("IC IVAU shows new code", patch(code, 2), 2)
}

/// Writes a function that returns `value`, and calls it on this CPU.
private func patch(_ code: UInt64, _ value: UInt32) -> UInt64 {
    write(code, value)
    return call_function(code)
}

private func write(_ code: UInt64, _ value: UInt32) {
    // mov x0, #value; ret
    device_write64(code, device_read64(address_of_basic_patch()))
    device_write32(code, 0xd280_0000 | value << 5)
    publish_code(code)
}

private func stopAll() -> Bool {
    Harts.all { index in
        Harts.begin(.stop, index)
        return Clock.wait { Harts.status(index) == Harts.off }
    }
}

private func testStart() {
    Test.holds("other CPUs are off at first", Harts.all { Harts.status($0) == Harts.off })
    Test.holds("every CPU starts", Harts.all { Harts.start($0) == 0 && Harts.finish($0) })
    Test.holds("CPUs start as PSCI says", Harts.all { Machine.hart($0).pointee.result == 0 })
    Test.holds("started CPUs say so", Harts.all { Harts.status($0) == Harts.on })
    Test.holds(
        "a started CPU does not start again",
        Harts.all { index in
            let task = hart_task(index)
            defer { set_hart_task(index, task) }
            let entry = address_of_basic_hart_entry()
            return PSCI.call(PSCI.on, Machine.hart(index).pointee.identifier, entry, index) == PSCI.alreadyOn
        })
    Test.holds("CPUs stop and say so", stopAll())
    Test.holds("CPUs start again, all at once", Harts.all { Harts.start($0) == 0 } && Harts.all { Harts.finish($0) })
}

/// The UART's interrupt goes to each CPU in turn.
private func testExternal() {
    guard Machine.gic != nil, Serial.isUsed, let source = Serial.source else { return }
    let reached = Harts.all { index in
        External.turnOn(index, source)
        Harts.begin(.external, index)
        Serial.raise()
        let done = Harts.finish(index)
        External.turnOff(index, source)
        Serial.lower()
        return done && Machine.hart(index).pointee.result == source
    }
    Test.holds("the GIC interrupts each CPU", reached)
}

/// Counting by exclusive accesses.
private func testCount() {
    let rounds: UInt64 = 5000
    shared_counter().pointee = 0
    _ = Harts.all { index in
        Harts.begin(.count, index, rounds)
        return true
    }
    count_together(shared_counter(), rounds)
    let finished = Harts.all { Harts.finish($0) }
    fence_memory()
    Test.equal("CPUs count together", finished ? shared_counter().pointee : 0, rounds * Machine.hartCount)
}

/// What one CPU changes, the others see after what is broadcast.
private func testMaintenance() {
    let code = address_of_basic_page(7)
    var isFresh = true
    for value in UInt32(3)..<8 {
        write(code, value)
        if !Harts.all({ Harts.run(.call, $0, code) == UInt64(value) }) { isFresh = false }
    }
    Test.holds("IC IVAU shows new code on each CPU", isFresh)
    Paging.build(root: 1)
    device_write64(address_of_basic_page(4), 4)
    device_write64(address_of_basic_page(5), 5)
    isFresh = true
    for round in UInt64(0)..<6 {
        let page = 4 + (round & 1)
        Paging.map(0, to: page, Paging.readWrite)
        // In turns of one page and of everything.
        if round & 2 == 0 { Paging.forget(0) } else { forget_translations() }
        if !Harts.all({ Harts.run(.load, $0) == page }) { isFresh = false }
    }
    Test.holds("TLBI shows the new page on each CPU", isFresh)
}
