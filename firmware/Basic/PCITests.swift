/// What the machine has on PCI: of virtio's devices, which each machine has that has any.
func testPCI() {
    var hosts: UInt64 = 0
    PCIHost.forEach { host in
        hosts += 1
        testAbsence(host)
        host.assign()
        host.forEachFunction { function in
            guard let kind = VirtIOStructures.kind(function) else { return }
            Console.write("basic: PCI function ")
            Console.hexadecimal(function.base)
            Console.write("\n")
            testHeader(function)
            testCapabilities(function)
            guard let structures = VirtIOStructures(function) else { return }
            let virtio = VirtIO(.pci(structures))
            testRegisters(virtio, structures)
            testAccess(function, virtio, structures)
            testPlace(function, host, structures)
            if kind == VirtIO.entropy {
                testPin(function, virtio, Machine.Device(base: structures.common, source: host.source(function)))
            }
        }
    }
    if hosts == 0 { Test.skip("PCI", "the tree has none") }
}

/// Bus operation: Master Abort is ones for the one who reads.
private func testAbsence(_ host: PCIHost) {
    let nobody = PCIFunction(base: host.base + 31 << 15 + 7 << 12, device: 31)
    nobody.write32(0, 0)
    Test.equal("PCI function that is not there is all ones", UInt64(nobody.read32(0)), 0xffff_ffff)
    Test.equal("PCI register of a byte is read by itself", UInt64(nobody.read8(1)), 0xff)
}

private func testHeader(_ function: PCIFunction) {
    Test.equal("PCI header is of type 0", UInt64(function.read8(PCIFunction.headerType) & 0x7f), 0)
    let identity = function.read32(0)
    function.write32(0, ~identity)
    Test.equal("PCI vendor and device are read-only", UInt64(function.read32(0)), UInt64(identity))
    Test.equal("PCI pin is INTA", UInt64(function.read8(PCIFunction.pin)), 1)
    let line: UInt64 = 0x3c
    function.write8(line, 0x5a)
    Test.equal("PCI interrupt line keeps what is written", UInt64(function.read8(line)), 0x5a)
    Test.equal("PCI pin is read-only, whatever is written beside it", UInt64(function.read16(line)), 0x015a)
    var count: UInt64 = 0, powers: UInt64 = 0
    for bar in 0..<UInt64(6) {
        guard let size = function.size(bar) else { continue }
        count += 1
        // Of memory: sixteen bytes at least (6.2.5.1).
        if size >= 16, size & (size - 1) == 0 { powers += 1 }
        if function.address(bar).isWide { break }
    }
    Test.atLeast("PCI function has memory", count, 1)
    Test.equal("PCI memory's size is a power of two", powers, count)
}

/// Virtio Structure PCI Capabilities.
private func testCapabilities(_ function: PCIFunction) {
    var found: UInt64 = 0, isInside = true
    let ends = function.forEachCapability(VirtIOStructures.capability) { place in
        let type = function.read8(place + VirtIOStructures.type)
        found |= 1 << UInt64(type & 63)
        guard type != VirtIOStructures.access else { return }
        let bar = UInt64(function.read8(place + VirtIOStructures.bar))
        let end =
            UInt64(function.read32(place + VirtIOStructures.offset))
            + UInt64(function.read32(place + VirtIOStructures.length))
        if bar > 5 || function.size(bar) ?? 0 < end { isInside = false }
    }
    Test.holds("PCI capabilities have an end", ends)
    Test.equal("virtio has all its structures on PCI", found & 0x3e, 0x3e)
    Test.holds("virtio's structures lie in the function's memory", isInside)
}

/// Common configuration structure layout.
private func testRegisters(_ virtio: VirtIO, _ structures: VirtIOStructures) {
    typealias Common = VirtIORegisters.Common
    virtio.reset()
    Test.equal("virtio status on PCI is 0 after a reset", UInt64(virtio.registers.status), 0)
    let count = device_read16(structures.common + Common.queueCount)
    Test.atLeast("virtio device on PCI has a queue", UInt64(count), 1)
    Test.equal("virtio queue on PCI that is not there has no room", UInt64(virtio.registers.select(UInt32(count))), 0)
    // Whatever is written of a queue that is not there, nothing comes of it for those that are.
    device_write16(structures.common + Common.queueSize, 1)
    device_write16(structures.common + Common.queueEnable, 1)
    device_write32(structures.common + Common.descriptorArea, ~0)
    device_write16(structures.notification + UInt64(count) * structures.multiplier, count)
    Test.holds("virtio queue on PCI that is there has room", virtio.registers.select(0) > 0)
    Test.holds("virtio queue on PCI is not enabled after a reset", !virtio.isSelectedEnabled(structures))
    Test.equal("virtio status on PCI is still 0", UInt64(virtio.registers.status), 0)
}

extension VirtIO {
    fileprivate func isSelectedEnabled(_ structures: VirtIOStructures) -> Bool {
        device_read16(structures.common + VirtIORegisters.Common.queueEnable) != 0
    }
}

/// PCI configuration access capability.
private func testAccess(_ function: PCIFunction, _ virtio: VirtIO, _ structures: VirtIOStructures) {
    var access: UInt64 = 0, common: UInt64 = 0
    function.forEachCapability(VirtIOStructures.capability) { place in
        let type = function.read8(place + VirtIOStructures.type)
        if type == VirtIOStructures.access, access == 0 { access = place }
        if type == VirtIOStructures.common, common == 0 { common = place }
    }
    guard access != 0, common != 0 else { return }
    func choose(_ register: UInt64, _ width: UInt32) {
        function.write8(access + VirtIOStructures.bar, function.read8(common + VirtIOStructures.bar))
        function.write32(
            access + VirtIOStructures.offset,
            function.read32(common + VirtIOStructures.offset) + UInt32(register))
        function.write32(access + VirtIOStructures.length, width)
    }
    choose(VirtIORegisters.Common.queueCount, 2)
    Test.equal(
        "virtio register on PCI is read through the configuration space",
        UInt64(function.read16(access + VirtIOStructures.more)),
        UInt64(device_read16(structures.common + VirtIORegisters.Common.queueCount)))
    choose(VirtIORegisters.Common.status, 1)
    function.write8(access + VirtIOStructures.more, 1)
    Test.equal("virtio register on PCI is written through it", UInt64(virtio.registers.status), 1)
    function.write32(access + VirtIOStructures.offset, ~0)
    function.write8(access + VirtIOStructures.more, 3)
    Test.equal("what lies outside memory is not", UInt64(virtio.registers.status), 1)
    virtio.reset()
}

/// Base Addresses (6.2.5), and Command Register (6.2.2).
private func testPlace(_ function: PCIFunction, _ host: PCIHost, _ structures: VirtIOStructures) {
    // The common structure's register.
    var bar: UInt64 = 0
    while bar < 5, function.size(bar).map({ structures.common - function.address(bar).address < $0 }) != true {
        bar += 1
    }
    let (address, isWide) = function.address(bar)
    guard let size = function.size(bar) else { return }
    let count = structures.common + VirtIORegisters.Common.queueCount
    let queues = device_read16(count)
    func move(_ place: UInt64) {
        function.allow(0)
        function.write32(PCIFunction.bars + bar * 4, UInt32(truncatingIfNeeded: place))
        if isWide { function.write32(PCIFunction.bars + bar * 4 + 4, UInt32(truncatingIfNeeded: place >> 32)) }
        function.allow(PCIFunction.memorySpace | PCIFunction.busMaster)
    }
    function.allow(0)
    Test.holds("PCI memory does not answer before it may", device_read16(count) != queues)
    // Memory stays memory, and interrupt controllers what they are.
    let page = address_of_basic_page(7), serial = Serial.base
    let ram = page & ~(size - 1)
    device_write64(page, 0x1122_3344_5566_7788)
    move(ram)
    Test.equal("PCI memory at that of the machine's does not hide it", device_read64(page), 0x1122_3344_5566_7788)
    device_write64(page, 0x8877_6655_4433_2211)
    Test.equal("what is written there is in memory", device_read64(page), 0x8877_6655_4433_2211)
    Test.holds("PCI memory is not where it was", device_read16(count) != queues)
    if serial != 0 { move(serial & ~(size - 1)) }
    // Half within the window, and at the end of all addresses.
    move(host.window.base + host.window.size - size / 2 & ~(size - 1))
    move(0xffff_ffff & ~(size - 1))
    Test.holds("PCI memory at the end of addresses is nowhere", device_read16(count) != queues)
    let other = host.window.base + host.window.size - size & ~(size - 1)
    move(other)
    Test.equal("PCI memory is where it was moved to", UInt64(device_read16(other + (count - address))), UInt64(queues))
    move(address)
    Test.equal("PCI memory is back", UInt64(device_read16(count)), UInt64(queues))
}

/// INTx interrupts, and ISR status capability.
private func testPin(_ function: PCIFunction, _ virtio: VirtIO, _ device: Machine.Device) {
    let hart = Machine.thisHart, data = address_of_basic_page(7)
    guard External.isPresent(hart), let source = device.source, virtio.setUp() else { return }
    func isHeld() -> Bool { function.read16(PCIFunction.status) & PCIFunction.interruptStatus != 0 }
    External.turnOn(hart, source)
    Test.holds("PCI function holds no pin at first", !isHeld())
    // With the pin disabled the function says that it would hold it (6.2.3: Interrupt Status).
    function.allow(PCIFunction.memorySpace | PCIFunction.busMaster | PCIFunction.interruptDisable)
    virtio.describe(0, data, 32, isWritten: true)
    virtio.offer()
    Test.holds("virtio device on PCI answers", Clock.wait { virtio.isIdle })
    Test.holds("PCI status shows that the pin is wanted", Clock.wait(milliseconds: 1000) { isHeld() })
    Test.equal("PCI pin that is disabled interrupts nobody", External.claim(hart), 0)
    function.allow(PCIFunction.memorySpace | PCIFunction.busMaster)
    Test.equal("PCI pin interrupts once it may", External.claim(hart), source)
    Test.equal("virtio's ISR on PCI says why", UInt64(virtio.registers.causes), 1)
    Test.equal("virtio's ISR on PCI is clear once it was read", UInt64(virtio.registers.causes), 0)
    Test.holds("PCI pin is let go by that", !isHeld())
    External.complete(hart, source)
    Test.equal("PCI pin interrupts no more", External.claim(hart), 0)
    virtio.reset()
    // What may not access memory does nothing (6.2.2: Bus Master).
    guard virtio.setUp() else { return }
    function.allow(PCIFunction.memorySpace)
    virtio.describe(0, data, 32, isWritten: true)
    virtio.offer()
    Test.holds("PCI function that is no bus master does not answer", !Clock.wait(milliseconds: 20) { virtio.isIdle })
    virtio.reset()
    function.allow(PCIFunction.memorySpace | PCIFunction.busMaster)
    External.turnOff(hart, source)
}
