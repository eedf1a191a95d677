import ISA
import Testing

@testable import Machine

/// Expected values: QEMU's docs/specs/fw_cfg, and what QEMU 7.2's `virt` board answers.
@Suite("fw_cfg")
struct FirmwareConfigurationTests {
    static let ram: UInt64 = 0x8000_0000
    let memory = PhysicalMemory()
    /// A device does not hold the space that maps it.
    let space: AddressSpace
    let device: FirmwareConfiguration

    init() {
        memory.addRegion(base: Self.ram, size: 0x10000)
        space = AddressSpace(memory: memory)
        device = FirmwareConfiguration(name: "fw-cfg@10100000", space: space, cpuCount: 3)
    }

    private func select(_ key: UInt16) { device.set(8, UInt64(key.byteSwapped), 2) }
    private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(device.get(0, 1)) } }

    /// Runs a DMA structure at the start of RAM and returns its control word afterwards.
    @discardableResult
    private func dma(_ control: UInt32, _ length: UInt32, _ address: UInt64, at structure: UInt64 = ram) -> UInt32? {
        _ = memory.store(structure, control.bigEndian)
        _ = memory.store(structure + 4, length.bigEndian)
        _ = memory.store(structure + 8, address.bigEndian)
        device.set(0x10, UInt64(UInt32(structure >> 32).bigEndian))
        device.set(0x14, UInt64(UInt32(truncatingIfNeeded: structure).bigEndian))
        return memory.load(structure, as: UInt32.self)?.bigEndian
    }

    private func ramBytes(_ address: UInt64, _ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: count)
        _ = memory.read(address, into: &bytes, count: count)
        return bytes
    }

    @Test("The signature is QEMU, the id has both interfaces, and the DMA register reads QEMU CFG")
    func identification() {
        select(0)
        #expect(device.get(0, 4) == 0x554d_4551)
        #expect(device.get(0, 4) == 0, "beyond the end of an item there are zeroes")
        select(1)
        #expect(device.get(0, 4) == 3)
        #expect(device.get(0x10, 8) == 0x4746_4320_554d_4551)
        #expect(device.get(0x10) == 0x554d_4551)
        #expect(device.get(0x14) == 0x4746_4320)
        select(5)
        #expect(device.get(0, 2) == 3)
    }

    @Test("Wide reads of the data register give the item's bytes in memory order")
    func wideReads() {
        device.add(0x30, bytes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
        select(0x30)
        #expect(device.get(0, 1) == 1)
        #expect(device.get(0, 2) == 0x0302)
        #expect(device.get(0, 4) == 0x0706_0504)
        #expect(device.get(0, 8) == 0x0b0a_0908)
    }

    @Test("The directory lists files with big-endian size and key, and a name that ends with a zero")
    func directory() {
        device.add(file: "etc/table", bytes: [1, 2, 3])
        device.add(file: "opt/org.example/b", bytes: Array(repeating: 7, count: 0x102))
        select(0x19)
        #expect(bytes(4) == [0, 0, 0, 2])
        #expect(bytes(8) == [0, 0, 0, 3, 0, 0x20, 0, 0])
        #expect(bytes(56) == Array("etc/table".utf8) + Array(repeating: 0, count: 47))
        #expect(bytes(8) == [0, 0, 1, 2, 0, 0x21, 0, 0])
        #expect(bytes(56) == Array("opt/org.example/b".utf8) + Array(repeating: 0, count: 39))
        select(0x20)
        #expect(bytes(4) == [1, 2, 3, 0])
    }

    @Test("Kernel, initrd and command line are under their traditional keys, the line with its final zero")
    func kernel() {
        device.add(kernel: [1, 2, 3])
        device.add(initrd: [4, 5])
        device.add(commandLine: "quiet")
        for (key, expected): (UInt16, UInt64) in [(0x08, 3), (0x0b, 2), (0x14, 6)] {
            select(key)
            #expect(device.get(0, 4) == expected)
        }
        select(0x11)
        #expect(bytes(3) == [1, 2, 3])
        select(0x12)
        #expect(bytes(2) == [4, 5])
        select(0x15)
        #expect(bytes(6) == Array("quiet".utf8) + [0])
    }

    @Test("A DMA read selects, copies, fills up with zeroes and clears its control word")
    func dmaRead() {
        device.add(file: "f", bytes: [1, 2, 3, 4, 5])
        #expect(dma(0x20 << 16 | 8 | 2, 3, Self.ram + 0x100) == 0)
        #expect(ramBytes(Self.ram + 0x100, 3) == [1, 2, 3])
        #expect(dma(2, 4, Self.ram + 0x200) == 0)
        #expect(ramBytes(Self.ram + 0x200, 4) == [4, 5, 0, 0])
    }

    @Test("A DMA skip moves on, and one 64-bit write of the address starts it too")
    func dmaSkip() {
        device.add(file: "f", bytes: [1, 2, 3, 4, 5])
        #expect(dma(0x20 << 16 | 8 | 4, 3, 0) == 0)
        #expect(bytes(3) == [4, 5, 0])
        _ = memory.store(Self.ram, UInt32(0x20 << 16 | 8).bigEndian)
        device.set(0x10, Self.ram.byteSwapped, 8)
        #expect(memory.load(Self.ram, as: UInt32.self) == 0)
        #expect(bytes(1) == [1])
    }

    @Test("A DMA write changes a writable file within its size, and is an error elsewhere")
    func dmaWrite() {
        device.add(file: "fixed", bytes: [1, 2, 3])
        device.add(file: "free", bytes: [1, 2, 3], isWritable: true)
        _ = memory.store(Self.ram + 0x100, UInt32(0x0c0b_0a09))
        #expect(dma(0x20 << 16 | 8 | 16, 2, Self.ram + 0x100) == 1)
        #expect(dma(0x21 << 16 | 8 | 16, 2, Self.ram + 0x100) == 0)
        #expect(dma(16, 2, Self.ram + 0x100) == 1, "only one byte is left")
        select(0x21)
        #expect(bytes(3) == [9, 10, 3])
        select(0x20)
        #expect(bytes(3) == [1, 2, 3])
    }

    @Test("DMA to what is not memory sets the error bit; a structure that is not in memory is ignored")
    func dmaOutside() {
        #expect(dma(2, 16, 0x1000) == 1)
        #expect(dma(2, 16, Self.ram + 0xfff8) == 1)
        #expect(dma(2, .max, Self.ram) == 1)
        #expect(dma(2, 1, .max) == 1)
        for address: UInt64 in [0, 0x1000, Self.ram + 0xfff8, .max, .max - 8] {
            device.set(0x10, address.byteSwapped, 8)
        }
    }

    @Test("The selector is a 16-bit register, and nothing lies beyond the DMA address")
    func accessSize() {
        #expect(throws: AccessFault.self) { try device.write(8, size: 4, value: 0) }
        #expect(throws: AccessFault.self) { try device.read(8, size: 2) }
        #expect(throws: AccessFault.self) { try device.read(0x18, size: 4) }
        #expect(throws: AccessFault.self) { try device.read(2, size: 4) }
    }

    @Test("Random accesses and DMA structures do no harm, and the described state is all of it")
    func fuzz() {
        device.add(file: "free", bytes: Array(repeating: 0, count: 100), isWritable: true)
        device.fuzz(region: 0x18, hot: [0, 8, 0x10, 0x14]) { random in
            if random.next() % 4 == 0 {
                dma(
                    UInt32(random.next() % 3 * 0x10_0000 | random.next() % 64), UInt32(random.next() % 300),
                    Self.ram + random.next() % 0x10100, at: Self.ram + random.next() % 0xff00)
            }
        }
        let copy = FirmwareConfiguration(name: "fw-cfg", space: space, cpuCount: 3)
        copy.add(file: "free", bytes: Array(repeating: 0, count: 100), isWritable: true)
        expectRestores(device, into: copy) { device in
            let rest = (0..<16).map { _ in device.get(0, 8) }
            device.set(8, 0x2000, 2)
            return rest + (0..<16).map { _ in device.get(0, 8) }
        }
    }

    @Test("A damaged snapshot leaves a device that works")
    func damagedSnapshot() {
        device.add(file: "free", bytes: Array(repeating: 0, count: 100), isWritable: true)
        for seed: UInt64 in 0..<50 {
            var scrambler = StateScrambler(random: SplitMix64(seed: seed))
            device.describeState(&scrambler)
            device.fuzz(region: 0x18, hot: [0, 8, 0x10, 0x14], seed: seed, count: 200)
        }
    }
}
