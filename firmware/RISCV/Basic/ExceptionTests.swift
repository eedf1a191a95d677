import RISCV

/// The causes of scause (Privileged ISA, supervisor cause register).
enum Cause {
    static let fetchAccess: UInt64 = 1, illegal: UInt64 = 2, breakpoint: UInt64 = 3
    static let loadMisaligned: UInt64 = 4, loadAccess: UInt64 = 5, storeMisaligned: UInt64 = 6, storeAccess: UInt64 = 7
    static let userCall: UInt64 = 8, fetchPage: UInt64 = 12, loadPage: UInt64 = 13, storePage: UInt64 = 15
}

/// Exceptions that a hart takes by itself: scause, stval and sepc (Privileged ISA, 12.1.7 to 12.1.9).
func testExceptions() {
    Test.exception(
        "illegal instruction", Attempt.run { try_illegal($0) }, cause: Cause.illegal, value: 0xffff_ffff,
        orZero: true)
    let breakpoint = Attempt.run { try_breakpoint($0) }
    Test.exception("breakpoint", breakpoint, cause: Cause.breakpoint, value: breakpoint.instruction, orZero: true)
    let hole = Memory.hole
    let load = Attempt.load(hole)
    Test.exception("load where nothing is", load, cause: Cause.loadAccess, value: hole)
    let spp: UInt64 = 1 << 8
    Test.equal("a trap remembers supervisor mode, interrupts off", load.status & (spp | Interrupt.enable), spp)
    Test.exception("store where nothing is", Attempt.store(hole, 0), cause: Cause.storeAccess, value: hole)
    // A store/AMO access fault; QEMU up to 7.2 at least reports the load of it.
    let atomic = Attempt.run { try_atomic_add($0, hole, 1) }
    Test.either("AMO where nothing is", atomic.cause, Cause.storeAccess, Cause.loadAccess)
    Test.equal("AMO where nothing is, its stval", atomic.value, hole)
    Test.exception("jump to where nothing is", Attempt.call(hole), cause: Cause.fetchAccess, value: hole, pc: hole)
    testMisaligned()
}

/// Misaligned accesses to memory are made, or trap: the execution environment decides (Unprivileged ISA, loads and
/// stores). Misaligned AMOs trap unless the hart makes them whole (A extension); emulators differ in the cause.
private func testMisaligned() {
    let page = address_of_basic_page(0)
    for offset in 0..<UInt64(16) { device_write8(page + offset, UInt8(offset)) }
    let load = Attempt.load(page + 1)
    if load.didTrap {
        Test.exception("misaligned load", load, cause: Cause.loadMisaligned, value: page + 1)
    } else {
        Test.equal("misaligned load", load.result, 0x0807_0605_0403_0201)
    }
    let store = Attempt.store(page + 3, 0x1716_1514_1312_1110)
    if store.didTrap {
        Test.exception("misaligned store", store, cause: Cause.storeMisaligned, value: page + 3)
    } else {
        Test.equal("misaligned store", device_read64(page), 0x1413_1211_1002_0100)
        Test.equal("misaligned store, its second half", device_read64(page + 8), 0x0f0e_0d0c_0b17_1615)
    }
    let atomic = Attempt.run { try_atomic_add($0, page + 1, 1) }
    if atomic.didTrap {
        Test.equal("misaligned AMO traps where it is", atomic.value, page + 1)
    } else {
        Test.equal("misaligned AMO reads what was there", atomic.result, 0x10020100 >> 8 | 0x11 << 24)
    }
}
