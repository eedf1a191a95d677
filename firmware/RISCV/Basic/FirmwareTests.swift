import RISCV

/// The SBI, by its specification 2.0. Version 1.0 is enough, as long as what is there keeps to it.
func testFirmware() {
    let version = SBI.call(SBI.base, 0)
    // Base, sbi_get_spec_version: bit 31 is zero, bits 30 to 24 are the major number.
    Test.error("SBI version is told without error", version, 0)
    Test.atLeast("SBI version has HSM and SRST", version.value, 3)
    Test.atMost("SBI version has bit 31 clear", version.value, 0x7fff_ffff)
    Test.equal("SBI has BASE", SBI.call(SBI.base, 3, SBI.base).value == 0 ? 0 : 1, 1)
    Test.holds("SBI has TIME", SBI.has(SBI.time))
    Test.holds("SBI has IPI", SBI.has(SBI.interProcessor))
    Test.holds("SBI has RFENCE", SBI.has(SBI.remoteFence))
    Test.holds("SBI has HSM", SBI.has(SBI.hartState))
    Test.holds("SBI has SRST", SBI.has(SBI.systemReset))
    // Binary encoding: an EID or FID that is not there is not supported.
    let experimental: UInt64 = 0x0800_0001, unknown: UInt64 = 0x7f
    Test.equal("SBI lacks an experimental extension", SBI.call(SBI.base, 3, experimental).value, 0)
    Test.error("SBI call of an unknown extension", SBI.call(experimental, 0), SBI.notSupported)
    Test.error("SBI call of an unknown function of BASE", SBI.call(SBI.base, unknown), SBI.notSupported)
    Test.error("SBI call of an unknown function of TIME", SBI.call(SBI.time, unknown), SBI.notSupported)
    Test.error("SBI call of an unknown function of IPI", SBI.call(SBI.interProcessor, unknown), SBI.notSupported)
    Test.error("SBI call of an unknown function of RFENCE", SBI.call(SBI.remoteFence, unknown), SBI.notSupported)
    Test.error("SBI call of an unknown function of HSM", SBI.call(SBI.hartState, unknown), SBI.notSupported)
    testMasks()
    testOwnHart()
    testDebugConsole(version.value)
}

/// IPI and RFENCE: hart masks (Binary encoding, hart list parameter).
private func testMasks() {
    let own = Machine.hart(0).pointee.identifier
    csr_clear_sip(Interrupt.software)
    Test.error("SBI IPI to this hart", SBI.call(SBI.interProcessor, 0, 1, own), 0)
    Test.holds("SBI IPI to this hart arrives", Clock.wait { csr_read_sip() & Interrupt.software != 0 })
    csr_clear_sip(Interrupt.software)
    Test.equal("SBI IPI is cleared in sip", csr_read_sip() & Interrupt.software, 0)
    Test.error("SBI IPI to nobody", SBI.call(SBI.interProcessor, 0, 0, 0), 0)
    let absent = Harts.absentIdentifier
    Test.error(
        "SBI IPI to a hart that is not there", SBI.call(SBI.interProcessor, 0, 1, absent), SBI.invalidParameter,
        openSBI: 0)
    Test.error("SBI IPI to all harts", SBI.call(SBI.interProcessor, 0, 0, ~0), 0)
    Test.holds("SBI IPI to all harts arrives here", Clock.wait { csr_read_sip() & Interrupt.software != 0 })
    csr_clear_sip(Interrupt.software)
    Test.error("SBI remote_fence_i on this hart", sbi_fence(0, 1, own, 0, 0, 0), 0)
    Test.error("SBI remote_sfence_vma on all harts", sbi_fence(1, 0, ~0, 0, ~0, 0), 0)
    Test.error("SBI remote_sfence_vma of a range", sbi_fence(1, 1, own, 0x8020_0000, 0x3000, 0), 0)
    Test.error("SBI remote_sfence_vma_asid", sbi_fence(2, 1, own, 0x8020_0000, 0x3000, 1), 0)
    Test.error(
        "SBI fence on a hart that is not there", sbi_fence(0, 1, absent, 0, 0, 0), SBI.invalidParameter, openSBI: 0)
}

/// HSM, as far as it needs no other hart.
private func testOwnHart() {
    let own = Machine.hart(0).pointee.identifier, start: UInt64 = 0, status: UInt64 = 2, suspend: UInt64 = 3
    let state = SBI.call(SBI.hartState, status, own)
    Test.error("SBI hart_get_status of this hart", state, 0)
    Test.equal("SBI says that this hart is started", state.value, HartState.started)
    let absent = Harts.absentIdentifier
    Test.error("SBI status of a hart that is not there", SBI.call(SBI.hartState, status, absent), SBI.invalidParameter)
    let entry = address_of_basic_hart_entry()
    Test.error(
        "SBI hart_start of a hart that is not there", SBI.call(SBI.hartState, start, absent, entry),
        SBI.invalidParameter)
    Test.error("SBI hart_start of this hart", SBI.call(SBI.hartState, start, own, entry), SBI.alreadyAvailable)
    let reserved: UInt64 = 1
    Test.error("SBI hart_suspend of a reserved type", SBI.call(SBI.hartState, suspend, reserved), SBI.invalidParameter)
    csr_set_sie(Interrupt.software)
    SBI.interrupt(0)
    let suspended = SBI.call(SBI.hartState, suspend, 0)
    csr_clear_sip(Interrupt.software)
    csr_clear_sie(Interrupt.software)
    if suspended.error == SBI.notSupported {
        Test.skip("SBI hart_suspend ends by a pending IPI", "the firmware does not suspend")
    } else {
        Test.error("SBI hart_suspend ends by a pending IPI", suspended, 0)
    }
}

/// Debug Console, new in 2.0.
private func testDebugConsole(_ version: UInt64) {
    guard version >= 2 << 24, SBI.has(SBI.debugConsole) else {
        return Test.skip("SBI DBCN", "the firmware has none")
    }
    let write: UInt64 = 0, read: UInt64 = 1, writeByte: UInt64 = 2
    let text: StaticString = "basic: this line was written by DBCN\r\n"
    let address = UInt64(UInt(bitPattern: text.utf8Start)), count = UInt64(text.utf8CodeUnitCount)
    var done: UInt64 = 0
    var result = sbi_result(error: 0, value: 0)
    // It may write less than it was given, but not nothing for ever.
    while result.error == 0, done < count,
        Clock.wait(until: {
            result = SBI.call(SBI.debugConsole, write, count - done, address + done, 0)
            return result.error != 0 || result.value != 0
        })
    { done += result.value }
    Test.error("SBI DBCN writes", result, 0)
    Test.equal("SBI DBCN counts what it writes", done, count)
    Test.error("SBI DBCN writes a byte", SBI.call(SBI.debugConsole, writeByte, 0x0d), 0)
    Test.error("SBI DBCN call of an unknown function", SBI.call(SBI.debugConsole, 0x7f), SBI.notSupported)
    let high = SBI.call(SBI.debugConsole, write, 16, address, 1 << 32)
    Test.error("SBI DBCN write from beyond the address space", high, SBI.invalidParameter, openSBI: -1)
    if SBI.isOpenSBI {
        Test.skip("SBI DBCN read to where nothing is", "OpenSBI would die of it")
    } else {
        Test.error(
            "SBI DBCN read to where nothing is", SBI.call(SBI.debugConsole, read, 16, Memory.hole, 0),
            SBI.invalidParameter)
    }
}

extension Test {
    /// The error of an SBI call; and what OpenSBI, which says that it is OpenSBI, answers against the specification.
    static func error(_ name: StaticString, _ result: sbi_result, _ expected: Int64, openSBI: Int64? = nil) {
        if let openSBI, result.error == openSBI, SBI.isOpenSBI {
            return skip(name, "OpenSBI's answer is not the specification's")
        }
        equal(name, UInt64(bitPattern: result.error), UInt64(bitPattern: expected))
    }
}
