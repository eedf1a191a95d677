import RISCV

/// All harts of the tree, by HSM, IPI and RFENCE (SBI 2.0).
func testHarts() {
    testOwnCode()
    guard Machine.hartCount > 1 else { return Test.skip("other harts", "the tree has one hart") }
    testStart()
    guard Harts.startAll() else { return Test.holds("every hart is there for the other tests", false) }
    let answers = Harts.all { index in Harts.run(.answer, index) == index }
    Test.holds("an IPI reaches each hart", answers)
    var isAgreed = true
    for _ in 0..<20 {
        _ = Harts.all { index in
            let before = Clock.now
            guard let time = Harts.run(.time, index) else {
                isAgreed = false
                return false
            }
            // Harts' counters agree to a tick (Unprivileged ISA, Zicntr).
            if time + 1 < before || time > Clock.now + 1 { isAgreed = false }
            return true
        }
    }
    Test.holds("all harts have the same time", isAgreed)
    Test.holds("every hart has its timer", Harts.all { Harts.run(.timer, $0) == 0 })
    testExternal()
    testCount()
    testFences()
    if Machine.hasFloat {
        Timer.period = Clock.microseconds(300)
        _ = Harts.all { index in
            Harts.begin(.floats, index)
            return true
        }
        let own = Floats.computeInterrupted(0)
        let others = Harts.all { Harts.finish($0) && Machine.hart($0).pointee.result == 0 }
        Timer.stop()
        Test.holds("floating point registers are each hart's own", own == 0 && others)
    }
    Test.holds("every hart stops in the end", stopAll())
}

/// FENCE.I on this hart: what was written is executed.
private func testOwnCode() {
    let code = address_of_basic_page(7)
    Test.equal("code runs where it was written", patch(code, 1), 1)
    Test.equal("FENCE.I shows new code", patch(code, 2), 2)
}

/// Writes a function that returns `value`, and calls it on this hart.
private func patch(_ code: UInt64, _ value: UInt32) -> UInt64 {
    write(code, value)
    fence_instruction()
    return call_function(code)
}

private func write(_ code: UInt64, _ value: UInt32) {
    // addi a0, zero, value; ret
    device_write64(code, device_read64(address_of_basic_patch()))
    device_write32(code, 0x0000_0513 | value << 20)
}

private func stopAll() -> Bool {
    Harts.all { index in
        Harts.begin(.stop, index)
        return Clock.wait { Harts.status(index) == HartState.stopped }
    }
}

private func testStart() {
    Test.holds("other harts are stopped at first", Harts.all { Harts.status($0) == HartState.stopped })
    Test.holds("every hart starts", Harts.all { Harts.start($0).error == 0 && Harts.finish($0) })
    Test.holds("harts start as HSM says", Harts.all { Machine.hart($0).pointee.result == 0 })
    Test.holds("started harts say so", Harts.all { Harts.status($0) == HartState.started })
    Test.holds(
        "a started hart does not start again",
        Harts.all { index in
            let task = hart_task(index)
            defer { set_hart_task(index, task) }
            let error = SBI.call(
                SBI.hartState, 0, Machine.hart(index).pointee.identifier, address_of_basic_hart_entry(), index
            ).error
            return error == SBI.alreadyAvailable
        })
    Test.holds("harts stop and say so", stopAll())
    // All at once, with one mask for those whose numbers fit one.
    Test.holds(
        "harts start again, all at once", Harts.all { Harts.start($0).error == 0 } && Harts.all { Harts.finish($0) })
}

/// The UART's interrupt goes to each hart in turn.
private func testExternal() {
    guard let plic = Machine.plic, Serial.isUsed, let source = Serial.source else { return }
    plic.setPriority(source, 1)
    let reached = Harts.all { index in
        guard Machine.hart(index).pointee.context != ~0 else { return false }
        plic.setThreshold(index, 0)
        plic.setEnabled(index, source, true)
        Harts.begin(.external, index)
        raise()
        let done = Harts.finish(index)
        plic.setEnabled(index, source, false)
        Serial.write(Serial.Register.interruptEnable, 0)
        return done && Machine.hart(index).pointee.result == source
    }
    Test.holds("the PLIC interrupts each hart", reached)
}

/// Atomic counting, by AMO and by LR and SC (A extension).
private func testCount() {
    let rounds: UInt64 = 5000
    shared_counter(0).pointee = 0
    shared_counter(1).pointee = 0
    _ = Harts.all { index in
        Harts.begin(.count, index, rounds)
        return true
    }
    count_together(shared_counter(0), shared_counter(1), rounds)
    let finished = Harts.all { Harts.finish($0) }
    fence_memory()
    Test.equal("harts count together by AMO", finished ? shared_counter(0).pointee : 0, rounds * Machine.hartCount)
    Test.equal(
        "harts count together by LR and SC", finished ? shared_counter(1).pointee : 0, rounds * Machine.hartCount)
}

/// RFENCE: what one hart changes, the others see after the fence.
private func testFences() {
    let code = address_of_basic_page(7)
    var isFresh = true
    for value in UInt32(3)..<8 {
        write(code, value)
        fence_memory()
        if sbi_fence(0, 0, ~0, 0, 0, 0).error != 0 { isFresh = false }
        if !Harts.all({ Harts.run(.call, $0, code) == UInt64(value) }) { isFresh = false }
    }
    Test.holds("remote FENCE.I shows new code on each hart", isFresh)

    Paging.build(root: 1)
    device_write64(address_of_basic_page(4), 4)
    device_write64(address_of_basic_page(5), 5)
    isFresh = true
    for round in UInt64(0)..<6 {
        let page = 4 + (round & 1)
        Paging.map(0, to: page, Paging.readWrite)
        fence_memory()
        // In turns of one page and of everything.
        let size: UInt64 = round & 2 == 0 ? 4096 : ~0
        if sbi_fence(1, 0, ~0, size == ~0 ? 0 : Paging.address(0), size, 0).error != 0 { isFresh = false }
        if !Harts.all({ Harts.run(.load, $0) == page }) { isFresh = false }
    }
    Test.holds("remote SFENCE.VMA shows the new page on each hart", isFresh)
    _ = Harts.all { Harts.run(.translationOff, $0) != nil }
}
