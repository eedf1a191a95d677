/// Exceptions that a CPU takes by itself: ESR_EL1, FAR_EL1 and ELR_EL1 (D13.2.37 to D13.2.40).
func testExceptions() {
    Test.equal("the guest is at EL1", read_currentel() >> 2, 1)
    let undefined = Attempt.run { try_illegal($0) }
    Test.exception("undefined instruction", undefined, cause: Cause.unknown, value: undefined.value)
    Test.equal("undefined instruction has no syndrome", undefined.status, 0)
    let breakpoint = Attempt.run { try_breakpoint($0) }
    Test.exception("BRK", breakpoint, cause: Cause.breakpoint, value: breakpoint.value)
    Test.equal("BRK has its comment as its syndrome", breakpoint.status, 0x123)
    let register = Attempt.run { try_hypervisor_register($0) }
    Test.exception("a register of EL2", register, cause: Cause.unknown, value: register.value)
    // Synchronous external aborts: DFSC and IFSC 0b010000; WnR is bit 6.
    let externalAbort: UInt64 = 0x10, isWrite: UInt64 = 0x40
    let hole = Memory.hole
    let load = Attempt.load(hole)
    Test.exception("load where nothing is", load, cause: Cause.data, value: hole)
    Test.equal("load where nothing is, its syndrome", load.status & 0x7f, externalAbort)
    let store = Attempt.store(hole, 0)
    Test.exception("store where nothing is", store, cause: Cause.data, value: hole)
    Test.equal("store where nothing is, its syndrome", store.status & 0x7f, externalAbort | isWrite)
    let pair = Attempt.run { try_load_pair($0, hole + 8) }
    Test.exception("pair of loads where nothing is", pair, cause: Cause.data, value: hole + 8)
    let jump = Attempt.call(hole)
    Test.exception("jump to where nothing is", jump, cause: Cause.fetch, value: hole, pc: hole)
    Test.equal("jump to where nothing is, its syndrome", jump.status & 0x3f, externalAbort)
    testMisaligned()
}

/// Misaligned accesses to memory are made; those that are exclusive are alignment faults, with FEAT_LSE2 only where they go
/// over 16 bytes (B2.5.2).
private func testMisaligned() {
    let page = address_of_basic_page(0)
    for offset in 0..<UInt64(16) { device_write8(page + offset, UInt8(offset)) }
    Test.equal("misaligned load", Attempt.load(page + 1).result, 0x0807_0605_0403_0201)
    _ = Attempt.store(page + 3, 0x1716_1514_1312_1110)
    Test.equal("misaligned store", device_read64(page), 0x1413_1211_1002_0100)
    Test.equal("misaligned store, its second half", device_read64(page + 8), 0x0f0e_0d0c_0b17_1615)
    let exclusive = Attempt.run { try_load_exclusive($0, page + 12) }
    Test.exception("misaligned exclusive load", exclusive, cause: Cause.data, value: page + 12)
    let alignment: UInt64 = 0x21
    Test.equal("misaligned exclusive load, its syndrome", exclusive.status & 0x3f, alignment)
}
