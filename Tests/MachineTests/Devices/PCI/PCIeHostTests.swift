import ISA
import Testing

@testable import Machine

/// Expected values: PCI Local Bus Specification 3.0, chapter 6; ECAM: PCI Express Base Specification, 7.2.2.
@Suite("PCI Express host bridge")
struct PCIeHostTests {
    let driver = PCIDriverTwin([ReversingDevice(), VirtIOEntropy(seed: 1)])

    @Test("Functions are at their ECAM offsets, and where there is none all ones are read")
    func enumeration() {
        #expect(driver.get(0, 0x00) == 0x0008_1b36)
        #expect(driver.get(0, 0x08) == 0x0600_0000)
        #expect(driver.get(1, 0x00) == 0x106a_1af4)  // 0x1040 + 42
        #expect(driver.get(2, 0x00) == 0x1044_1af4)
        #expect(driver.get(2, 0x08) >> 8 == 0xff0000)
        #expect(driver.get(2, 0x0e, 1) == 0)  // header type 0, one function
        for nobody: UInt64 in [3 << 15, 1 << 15 | 1 << 12, 1 << 20, 0xff << 20 | 0x1f << 15 | 7 << 12] {
            #expect(driver.host.get(nobody) == 0xffff_ffff)
            driver.host.set(nobody, 0)
        }
        #expect(driver.get(1, 0x100) == 0)
        #expect(throws: AccessFault.self) { try driver.host.read(2, size: 4) }
    }

    @Test("A base address register tells the size of its memory, and keeps its kind (6.2.5.1)")
    func sizing() {
        for register: UInt64 in [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24] { driver.set(1, register, 0xffff_ffff) }
        #expect(driver.get(1, 0x14) == 0xffff_f000)
        #expect(driver.get(1, 0x20) == 0xffff_c00c && driver.get(1, 0x24) == 0xffff_ffff)
        for register: UInt64 in [0x10, 0x18, 0x1c] { #expect(driver.get(1, register) == 0) }
        driver.set(1, 0x15, 0x12, 1)
        #expect(driver.get(1, 0x14) == 0xffff_1000)
    }

    @Test("Capabilities are linked: PCI Express, MSI-X, and one for each structure of VirtIO")
    func capabilities() throws {
        #expect(driver.get(1, 0x06, 2) & 1 << 4 != 0)
        let express = try #require(driver.capability(1, 0x10))
        #expect(driver.get(1, express + 2, 2) == 0x92)  // version 2, Root Complex Integrated Endpoint
        let messages = try #require(driver.capability(1, 0x11))
        #expect(driver.get(1, messages + 2, 2) == 2)  // three vectors: two queues, and the configuration
        #expect(driver.get(1, messages + 4) & 7 == 1 && driver.get(1, messages + 8) & 7 == 1)
        for structure: UInt64 in 1...5 {
            let place = try #require(driver.capability(1, 9, structure: structure))
            #expect(driver.get(1, place + 2, 1) == [2: 20, 5: 20, 1: 16, 3: 16, 4: 16][structure])
            #expect(driver.get(1, place + 4, 1) == (structure == 5 ? 0 : 4))
        }
        #expect(driver.capability(1, 9, structure: 6) == nil)
    }

    @Test("Registers answer where they are placed, once memory is enabled")
    func placement() {
        driver.set(1, 0x20, 0x4444_0000)
        driver.set(1, 0x24, 0)
        let count: UInt64 = 0x4444_0012  // num_queues
        #expect(driver.load(count, 2) == 0xffff)
        driver.set(1, 0x04, 2, 2)
        #expect(driver.load(count, 2) == 2)
        #expect(driver.load(count + 0x4000, 2) == 0xffff)
        driver.set(1, 0x20, 0)
        driver.set(1, 0x24, 5)
        #expect(driver.load(count, 2) == 0xffff)
        #expect(driver.load(0x5_0000_0012, 2) == 2)
        // I/O space has nobody.
        #expect(driver.load(0x300_0000, 4) == 0xffff_ffff)
        driver.store(0x300_0000, 0)
    }

    @Test("INTA# of a device is the wire that its number turns it to, and devices share wires")
    func wires() {
        #expect((0..<8).map { PCIeHost.wire(device: $0, pin: 0) } == [0, 1, 2, 3, 0, 1, 2, 3])
        #expect(PCIeHost.wire(device: 3, pin: 2) == 1)
    }

    @Test("Random accesses do no harm, and the described state is all of it")
    func fuzz() {
        for device: UInt64 in 1...2 { driver.place(device) }
        var random = SplitMix64(seed: 7)
        for _ in 0..<100_000 {
            let size = [1, 2, 4, 8][Int(random.next() % 4)]
            var value = random.next()
            if random.next() % 2 == 0 { value %= 16 }
            let place =
                switch random.next() % 4 {
                case 0: 0x3000_0000 | random.next() % 4 << 15 | random.next() % 0x108
                case 1: PCIDriverTwin.messages | random.next() % 0x40
                default: PCIDriverTwin.structures | random.next() % 4 << 12 | random.next() % 0x40
                }
            if random.next() % 2 == 0 {
                _ = driver.rings.space.read(place, size: size)
            } else {
                _ = driver.rings.space.write(place, size: size, value: value)
            }
            if random.next() % 64 == 0 { for device: UInt64 in 1...2 { driver.place(device) } }
        }
        let copy = PCIDriverTwin([ReversingDevice(), VirtIOEntropy(seed: 1)])
        expectRestores(driver.host, into: copy.host) { host in
            stride(from: UInt64(0), to: 0x100, by: 4).map { host.get(1 << 15 | $0) }
        }
        var scrambler = StateScrambler(random: random)
        driver.host.describeState(&scrambler)
        #expect(driver.get(1, 0x00) == 0x106a_1af4 && driver.get(1, 0x20) & 0xf == 0xc)
    }
}
