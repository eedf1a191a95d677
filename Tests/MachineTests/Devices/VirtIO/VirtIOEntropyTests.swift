import Testing

@testable import Machine

/// Expected values: VirtIO 1.2, section 5.4, and the published first outputs of SplitMix64.
@Suite("VirtIO entropy device")
struct VirtIOEntropyTests {
    let driver = DriverTwin(VirtIOEntropy(seed: 1_234_567))
    let buffer = DriverTwin.ram + 0x8_0000

    @Test("Its bytes are SplitMix64 of the seed")
    func bytes() {
        driver.start()
        #expect(driver.get(.deviceID) == 4)
        #expect(driver.send([.write(buffer, 24)]) == 24)
        #expect(driver.memory.load(buffer, as: UInt64.self) == 6_457_827_717_110_365_317)
        #expect(driver.memory.load(buffer + 8, as: UInt64.self) == 3_203_168_211_198_807_973)
        #expect(driver.memory.load(buffer + 16, as: UInt64.self) == 9_817_491_932_198_370_423)
    }

    @Test("A driver's reset does not repeat them; a machine's does")
    func reset() {
        driver.start()
        driver.send([.write(buffer, 8)])
        driver.start()
        driver.send([.write(buffer, 8)])
        #expect(driver.memory.load(buffer, as: UInt64.self) == 3_203_168_211_198_807_973)
        driver.mmio.reset()
        driver.start()
        driver.send([.write(buffer, 8)])
        #expect(driver.memory.load(buffer, as: UInt64.self) == 6_457_827_717_110_365_317)
    }

    @Test("A buffer of megabytes is filled in part")
    func largeBuffer() {
        driver.start()
        driver.memory.addRegion(base: 0x1_0000_0000, size: 0x1000_0000)
        #expect(driver.send([.write(0x1_0000_0000, 0x1000_0000)]) == 65536)
    }

    @Test("Random registers, rings and buffers do no harm, and the described state is all of it")
    func fuzz() {
        driver.fuzz(seed: 5)
        let copy = DriverTwin(VirtIOEntropy(seed: 0))
        expectRestores(driver.mmio, into: copy.mmio) { mmio in [0x44, 0x60, 0x70].map { mmio.get($0) } }
    }
}
