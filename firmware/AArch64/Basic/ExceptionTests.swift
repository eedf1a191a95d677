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
    testDeviceAccesses()
}

/// Loads and stores of a device's registers whose syndrome does not describe them (ISS encoding for a Data Abort, ISV): of
/// priorities of interrupts, where any four bytes are a register.
private func testDeviceAccesses() {
    guard let gic = Machine.gic else { return Test.skip("accesses of devices", "the tree has no GIC") }
    // Those of interrupts 32 to 47.
    let device = gic.distributor + 0x420
    let values = UnsafeMutablePointer<UInt32>(bitPattern: UInt(address_of_basic_page(0))).unsafelyUnwrapped
    func set(_ first: UInt32) { for place in 0..<4 { values[place] = first &+ UInt32(place) * 0x0808_0808 } }
    func registers(_ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 &* 31 &+ UInt64(device_read32(device + UInt64($1 * 4))) }
    }
    func expected(_ count: Int) -> UInt64 { (0..<count).reduce(0) { $0 &* 31 &+ UInt64(values[$1]) } }
    func test(
        _ name: StaticString, _ count: Int, at address: UInt64, leaves base: UInt64,
        _ access: (UnsafeMutablePointer<basic_trap>, UInt64, UnsafeMutablePointer<UInt32>) -> Void
    ) {
        let attempt = Attempt.run { access($0, address, values) }
        Test.equal(name, attempt.result, base)
        Test.equal(name, registers(count), expected(count))
    }
    set(0x1020_3040)
    test("STP to a device", 2, at: device, leaves: device) { try_store_pair($0, $1, $2) }
    set(0x4050_6070)
    test("STP to a device, base changed before", 2, at: device + 8, leaves: device) { try_store_before($0, $1, $2) }
    set(0x2030_4050)
    test("STR to a device, base changed after", 1, at: device, leaves: device + 4) { try_store_after($0, $1, $2) }
    set(0x1828_3848)
    test("STR of a vector register to a device", 1, at: device, leaves: device) { try_store_single($0, $1, $2) }
    set(0x5868_7888)
    test("ST1 to a device", 4, at: device, leaves: device) { try_store_structure($0, $1, $2) }
    test("LD1 of a device, base changed after", 4, at: device, leaves: device + 16) {
        for place in 0..<4 { $2[place] = 0 }
        try_load_structure($0, $1, $2)
    }
    test("LDP of a device", 2, at: device, leaves: device) {
        for place in 0..<4 { $2[place] = 0 }
        try_load_two($0, $1, $2)
    }
    Test.equal(
        "LDR of a vector register of a device", Attempt.run { try_load_single($0, device, values) }.result, device)
    Test.equal("LDR of a vector register of a device", UInt64(values[0]), UInt64(device_read32(device + 4)))
    Test.equal("LDR of a vector register clears the rest of it", UInt64(values[1] | values[2] | values[3]), 0)
    device_write32(device, 0x8090_a0b0)
    _ = Attempt.run { try_load_signed($0, device, values) }
    Test.equal("LDPSW of a device", UInt64(values[0]), 0x8090_a0b0)
    Test.equal("LDPSW of a device keeps the sign", UInt64(values[1]), 0xffff_ffff)
    let byte = Attempt.run { try_load_before($0, device, values) }
    Test.equal("LDRB of a device, base changed before", byte.result, device + 1)
    Test.equal("LDRB of a device, base changed before", UInt64(values[0]), 0xa0)
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
