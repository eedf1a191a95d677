/// PSCI as a guest finds it (DEN0022, chapter 5), and the SMC Calling Convention (DEN0028).
func testFirmware() {
    func error(_ name: StaticString, _ got: Int64, _ expected: Int64) {
        Test.equal(name, UInt64(bitPattern: got), UInt64(bitPattern: expected))
    }
    Test.atLeast("PSCI is version 1.0 or later", UInt64(PSCI.call(PSCI.version)), 0x1_0000)
    error("PSCI has CPU_ON", PSCI.call(PSCI.features, PSCI.on), 0)
    error("PSCI has CPU_OFF", PSCI.call(PSCI.features, PSCI.off), 0)
    error("PSCI has AFFINITY_INFO", PSCI.call(PSCI.features, PSCI.affinityInformation), 0)
    error("PSCI has SYSTEM_OFF", PSCI.call(PSCI.features, PSCI.systemOff), 0)
    error("PSCI has SYSTEM_RESET", PSCI.call(PSCI.features, PSCI.systemReset), 0)
    error("PSCI lacks what nobody has defined", PSCI.call(PSCI.features, 0x8400_00ff), PSCI.notSupported)
    error("an unknown function is not supported", PSCI.call(0x8400_00ff), PSCI.notSupported)
    error("a function of nobody's is not supported", PSCI.call(0xc600_1234), PSCI.notSupported)
    let own = Machine.hart(0).pointee.identifier, absent = Harts.absentIdentifier
    error("AFFINITY_INFO says that this CPU is on", PSCI.call(PSCI.affinityInformation, own, 0), 0)
    error(
        "AFFINITY_INFO of a CPU that is not there", PSCI.call(PSCI.affinityInformation, absent, 0),
        PSCI.invalidParameters)
    let entry = address_of_basic_hart_entry()
    error("CPU_ON of this CPU", PSCI.call(PSCI.on, own, entry, 0), PSCI.alreadyOn)
    error("CPU_ON of a CPU that is not there", PSCI.call(PSCI.on, absent, entry, 0), PSCI.invalidParameters)
    Timer.begin(0)
    error("CPU_SUSPEND ends by a pending interrupt", PSCI.call(PSCI.suspend, 0, 0, 0), 0)
    Timer.stop()
}
