/// What the machine has behind VirtIO.
func testVirtIO() {
    var slots: UInt64 = 0, magical: UInt64 = 0, versioned: UInt64 = 0
    Machine.tree?.forEachNode { node in
        guard node.isCompatible(with: "virtio,mmio"), let device = Machine.device(node) else { return }
        let registers = VirtIORegisters.memory(device.base)
        slots += 1
        // MMIO device register layout.
        if registers.hasMagic { magical += 1 }
        if registers.version == 1 || registers.version == 2 { versioned += 1 }
    }
    if slots > 0 {
        Test.equal("virtio magic is in every slot", magical, slots)
        Test.equal("virtio version is 1 or 2 in every slot", versioned, slots)
    }
    guard magical == slots, versioned == slots else { return }
    var count: UInt64 = 0
    VirtIO.forEach { virtio, device in
        count += 1
        let kind = virtio.registers.kind
        Console.write("basic: virtio device ")
        Console.decimal(UInt64(kind))
        Console.write(" at ")
        Console.hexadecimal(device.base)
        Console.write("\n")
        if kind == VirtIO.block { testBlock(virtio, device) }
        if kind == VirtIO.entropy { testEntropy(virtio, device) }
    }
    if slots == 0, count == 0 { Test.skip("virtio", "the machine has none") }
}

private func testBlock(_ virtio: VirtIO, _ device: Machine.Device) {
    let header = address_of_basic_page(6), data = address_of_basic_page(7), status = header + 16
    guard virtio.setUp() else { return Test.holds("virtio block device can be set up", false) }
    // Block device, device operation: type 0 reads; the sector; a status that the device sets to zero.
    device_write64(header, 0)
    device_write64(header + 8, 0)
    device_write8(status, 0xff)
    virtio.describe(0, header, 16, next: 1)
    virtio.describe(1, data, 512, isWritten: true, next: 2)
    virtio.describe(2, status, 1, isWritten: true)
    Test.holds("virtio block device answers", virtio.transfer(device))
    Test.equal("virtio block device reads a sector", UInt64(device_read8(status)), 0)
    Test.equal("virtio block device tells how much it wrote", virtio.usedLength, 513)
    virtio.reset()
}

private func testEntropy(_ virtio: VirtIO, _ device: Machine.Device) {
    let data = address_of_basic_page(7)
    guard virtio.setUp() else { return Test.holds("virtio entropy device can be set up", false) }
    for word in 0..<UInt64(4) { device_write64(data + word * 8, 0) }
    virtio.describe(0, data, 32, isWritten: true)
    Test.holds("virtio entropy device answers", virtio.transfer(device))
    Test.atLeast("virtio entropy device writes something", virtio.usedLength, 1)
    Test.atMost("virtio entropy device writes no more than asked", virtio.usedLength, 32)
    var bits: UInt64 = 0
    for word in 0..<UInt64(4) { bits |= device_read64(data + word * 8) }
    Test.holds("virtio entropy is not all zero", bits != 0)
    virtio.reset()
}
