import Testing

@testable import ISA

@Suite("Loads and stores that the TLB does not serve")
struct MemoryTests {
    /// A machine in M-mode, where nothing is translated: RAM, and one page of a device with nothing behind it.
    private let side = RecorderAgreement.Side(.all)
    private let lastBytes = RecorderAgreement.deviceBase + 0xffd

    @Test("A misaligned load that begins in a device's page and ends in another faults before the device sees it")
    func loadFromDeviceAcrossPages() {
        let hart = side.hart
        #expect(throws: Fault.self) { try hart.load(lastBytes, .word, hart.dataMode) }
        #expect(side.bus.log.isEmpty, "the device was read by a load that faulted")
        #expect(hart.state.pointee.core.fault.cause == RISCV.Cause.loadAccess)
        #expect(hart.state.pointee.core.fault.value == lastBytes)
    }

    @Test("A misaligned store that begins in RAM and ends outside leaves RAM as it was")
    func storePastMemory() {
        let hart = side.hart
        let end = RecorderAgreement.ramBase + RecorderAgreement.ramSize
        #expect(throws: Fault.self) { try hart.store(end - 3, ~0, .double, hart.dataMode) }
        #expect(hart.state.pointee.core.fault.cause == RISCV.Cause.storeAccess)
        #expect(hart.state.pointee.core.fault.value == end)
        #expect(side.ram.loadUnaligned(fromByteOffset: Int(RecorderAgreement.ramSize) - 8, as: UInt64.self) == 0)
    }

    @Test(
        "Loads and stores across two pages keep the order of bytes, wherever they are cut",
        arguments: 1...7 as ClosedRange<UInt64>)
    func acrossPages(before: UInt64) throws {
        let hart = side.hart
        let address = RecorderAgreement.ramBase + 0x1000 - before
        try hart.store(address, 0x8877_6655_4433_2211, .double, hart.dataMode)
        let stored = side.ram.loadUnaligned(fromByteOffset: Int(0x1000 - before), as: UInt64.self)
        #expect(UInt64(littleEndian: stored) == 0x8877_6655_4433_2211)
        #expect(try hart.load(address, .double, hart.dataMode) == 0x8877_6655_4433_2211)
    }
}
