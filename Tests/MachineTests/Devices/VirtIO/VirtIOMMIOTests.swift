import ISA
import Testing

@testable import Machine

/// A device that returns what it reads, reversed, and can change its configuration.
final class ReversingDevice: VirtIODevice {
    let id: UInt32 = 42
    let hasLegacyInterface = true
    let features = VirtIOFeatures(rawValue: 0b101)
    let queueSizes: [UInt16] = [8, 4]
    var configuration: [UInt8] = [1, 2, 3, 4, 5, 6]
    weak var transport: VirtIOTransport?
    var resets = 0

    func writeConfiguration(_ bytes: [UInt8], at offset: Int) {
        configuration.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
    func serve(_ index: Int) {
        transport?.process(index) { chain in
            // The tests' driver offers buffers of 4 GiB: a copy of each would do nothing for the test.
            guard chain.readable.count < 1 << 20 else { return .malformed("too long for this device") }
            return .used(UInt64(chain.writable.fill(chain.readable.bytes().reversed())))
        }
    }
    func reset() { resets += 1 }
    func describeState(_ visitor: inout some StateVisitor) { visitor.field("configuration", &configuration) }
}

/// Expected values: VirtIO 1.2, chapters 2, 3 and 4.2.
@Suite("VirtIO over MMIO")
struct VirtIOMMIOTests {
    let device = ReversingDevice()
    let driver: DriverTwin
    let buffer = DriverTwin.ram + 0x8_0000

    init() {
        driver = DriverTwin(device)
    }

    @Test("The identification registers read as section 4.2.2 gives them")
    func identification() {
        #expect(driver.get(.magicValue) == 0x7472_6976)
        #expect(driver.get(.version) == 2)
        #expect(driver.get(.deviceID) == 42)
        #expect(driver.get(.status) == 0)
        #expect(driver.get(.configurationGeneration) == 0)
    }

    @Test("A slot without a device has ID 0 and nothing else")
    func emptySlot() {
        let empty = DriverTwin(nil)
        #expect(empty.get(.magicValue) == 0x7472_6976)
        #expect(empty.get(.version) == 2)
        #expect(empty.get(.deviceID) == 0)
        empty.set(.status, 1)
        #expect(empty.get(.status) == 0)
        #expect(empty.mmio.get(0x100) == 0)
        empty.mmio.fuzz(region: 0x1000, hot: [0x10, 0x44, 0x50, 0x70, 0x100])
    }

    @Test("The device offers its own features, VERSION_1, INDIRECT_DESC and EVENT_IDX")
    func features() {
        #expect(driver.deviceFeatures() == 1 << 32 | 1 << 29 | 1 << 28 | 0b101)
        driver.set(.deviceFeaturesSelect, 2)
        #expect(driver.get(.deviceFeatures) == 0)
    }

    @Test("A driver that accepts the low half alone, as xv6's does, is taken")
    func lowHalfAlone() {
        driver.set(.status, 3)
        driver.set(.driverFeaturesSelect, 0)
        driver.set(.driverFeatures, 0b101)
        driver.set(.status, 11)
        #expect(driver.status == 11)
    }

    @Test(
        "FEATURES_OK does not stay set with a feature that was not offered",
        arguments: [1 << 32 | 0b010, 1 << 33 | 1 << 32, 0b010] as [UInt64])
    func refusedFeatures(features: UInt64) {
        driver.set(.status, 3)
        driver.set(.driverFeaturesSelect, 0)
        driver.set(.driverFeatures, features & 0xffff_ffff)
        driver.set(.driverFeaturesSelect, 1)
        driver.set(.driverFeatures, features >> 32)
        driver.set(.status, 11)
        #expect(driver.status == 3)
        driver.set(.status, 15)
        #expect(driver.status == 3, "and DRIVER_OK needs FEATURES_OK")
    }

    @Test("A queue that does not exist has maximum size 0")
    func queueSizes() {
        for (queue, expected): (UInt64, UInt64) in [(0, 8), (1, 4), (2, 0), (0xffff_ffff, 0)] {
            driver.set(.queueSelect, queue)
            #expect(driver.get(.queueSizeMaximum) == expected)
            #expect(driver.get(.queueReady) == 0)
        }
    }

    @Test("A chain comes back used, filled and with an interrupt; acknowledging that lowers the line")
    func roundTrip() {
        driver.start()
        driver.put([1, 2, 3, 4, 5], at: buffer)
        let length = driver.send([
            .read(buffer, 2), .read(buffer + 2, 3), .write(buffer + 16, 3), .write(buffer + 32, 9),
        ])
        #expect(length == 5)
        #expect(driver.take(3, at: buffer + 16) == [5, 4, 3])
        #expect(driver.take(3, at: buffer + 32) == [2, 1, 0])
        #expect(driver.sink.isHigh())
        #expect(driver.get(.interruptStatus) == 1)
        driver.set(.interruptAcknowledge, 1)
        #expect(driver.get(.interruptStatus) == 0)
        #expect(!driver.sink.isHigh())
    }

    @Test("The indices run past the end of the ring and past 65535")
    func wrapAround() {
        driver.start()
        driver.put([9], at: buffer)
        for round in 0..<70_000 {
            guard driver.send([.read(buffer, 1), .write(buffer + 1, 1)]) == 1 else {
                Issue.record("entry \(round) was not used")
                return
            }
        }
    }

    @Test("Nothing is consumed before DRIVER_OK; what waits is taken then")
    func notBeforeDriverOK() {
        driver.start()
        driver.set(.status, 0)
        #expect(driver.usedIndex() == 0)
        driver.set(.status, 3)
        driver.set(.driverFeaturesSelect, 1)
        driver.set(.driverFeatures, 1)
        driver.set(.status, 11)
        driver.setUpQueue(0)
        driver.put([7], at: buffer)
        driver.setChain([.read(buffer, 1), .write(buffer + 1, 1)], in: driver.descriptorTable(0))
        driver.offer(0)
        driver.notify()
        #expect(driver.usedIndex() == 0)
        driver.set(.status, 15)
        #expect(driver.usedIndex() == 1)
    }

    @Test("A driver that sets NO_INTERRUPT is not interrupted")
    func noInterrupt() {
        driver.start()
        _ = driver.memory.store(driver.availableRing(0), UInt16(1))
        #expect(driver.send([.write(buffer, 1)]) == 0)
        #expect(driver.get(.interruptStatus) == 0)
    }

    @Test("With EVENT_IDX the interrupt comes with the entry that used_event names, and avail_event names the next one")
    func eventIndex() {
        driver.start(features: 1 << 32 | 1 << 29)
        let usedEvent = driver.availableRing(0) + 4 + 2 * driver.queueSize
        let availableEvent = driver.usedRing(0) + 4 + 8 * driver.queueSize
        _ = driver.memory.store(usedEvent, UInt16(2))
        _ = driver.memory.store(driver.availableRing(0), UInt16(1))  // flags are ignored
        for expected: UInt64 in [0, 0, 1] {
            driver.send([.write(buffer, 1)])
            #expect(driver.get(.interruptStatus) == expected)
        }
        #expect(driver.memory.load(availableEvent, as: UInt16.self) == 3)
        driver.set(.interruptAcknowledge, 1)
        driver.send([.write(buffer, 1)])
        #expect(driver.get(.interruptStatus) == 0, "used_event lies behind")
    }

    @Test("An indirect table is followed, alone or at the end of a chain")
    func indirect() {
        driver.start(features: 1 << 32 | 1 << 28)
        let table = DriverTwin.ram + 0x9_0000
        driver.put([1, 2, 3], at: buffer)
        driver.setChain([.read(buffer + 1, 2), .write(buffer + 8, 3)], in: table)
        driver.setDescriptor(0, in: driver.descriptorTable(0), buffer, 1, DriverTwin.Flags.next, next: 1)
        driver.setDescriptor(1, in: driver.descriptorTable(0), table, 32, DriverTwin.Flags.indirect)
        driver.offer(0)
        driver.notify()
        #expect(driver.takeUsed()?.length == 3)
        #expect(driver.take(3, at: buffer + 8) == [3, 2, 1])
    }

    /// A mistake of a driver, by the rule that it breaks.
    enum Mistake: String, CaseIterable {
        case loop, longerThanQueue, headOutOfRange, nextOutOfRange, outsideMemory, wrapsAround, readOnlyMemory
        case readableAfterWritable, indexJump, indirectNotAgreed, indirectNested, indirectOddLength, indirectOutside
        case indirectEmpty, indirectAndNext, indirectTooLong, moreThan4GiB
    }

    @Test(
        "A driver's mistake stops the device with DEVICE_NEEDS_RESET, says so, and a reset mends it",
        arguments: Mistake.allCases)
    func mistakes(mistake: Mistake) {
        typealias Flags = DriverTwin.Flags
        driver.start(features: mistake == .indirectNotAgreed ? 1 << 32 : 1 << 32 | 1 << 28)
        let table = driver.descriptorTable(0)
        let other = DriverTwin.ram + 0x9_0000
        driver.memory.addRegion(base: 0x2000_0000, size: 0x1000, isReadOnly: true)
        switch mistake {
        case .loop:
            driver.setDescriptor(0, in: table, buffer, 1, Flags.next, next: 1)
            driver.setDescriptor(1, in: table, buffer, 1, Flags.next, next: 0)
        case .longerThanQueue:
            for index: UInt64 in 0..<8 {
                driver.setDescriptor(index, in: table, buffer, 1, Flags.next, next: UInt16(index + 1) % 8)
            }
        case .headOutOfRange: driver.offer(8)
        case .nextOutOfRange: driver.setDescriptor(0, in: table, buffer, 1, Flags.next, next: 8)
        case .outsideMemory: driver.setDescriptor(0, in: table, DriverTwin.ram + DriverTwin.ramSize - 1, 2, 0)
        case .wrapsAround: driver.setDescriptor(0, in: table, ~0, 2, 0)
        case .readOnlyMemory: driver.setDescriptor(0, in: table, 0x2000_0000, 2, Flags.write)
        case .readableAfterWritable: driver.setChain([.write(buffer, 1), .read(buffer, 1)], in: table)
        case .indexJump: break
        case .indirectNotAgreed:
            driver.setChain([.read(buffer, 1)], in: other)
            driver.setDescriptor(0, in: table, other, 16, Flags.indirect)
        case .indirectNested:
            driver.setDescriptor(0, in: other, other, 16, Flags.indirect)
            driver.setDescriptor(0, in: table, other, 16, Flags.indirect)
        case .indirectOddLength: driver.setDescriptor(0, in: table, other, 24, Flags.indirect)
        case .indirectOutside: driver.setDescriptor(0, in: table, 0x1000, 16, Flags.indirect)
        case .indirectEmpty: driver.setDescriptor(0, in: table, other, 0, Flags.indirect)
        case .indirectAndNext: driver.setDescriptor(0, in: table, other, 16, Flags.indirect | Flags.next, next: 1)
        case .indirectTooLong: driver.setDescriptor(0, in: table, other, 16 * 1025, Flags.indirect)
        case .moreThan4GiB:
            driver.memory.addRegion(base: 0x1_0000_0000, size: 0x1_0000_0000)
            driver.setDescriptor(0, in: table, 0x1_0000_0000, ~0, Flags.next, next: 1)
            driver.setDescriptor(1, in: table, buffer, 2, 0)
        }
        driver.offer(0)
        if mistake == .indexJump { _ = driver.memory.store(driver.availableRing(0) + 2, UInt16(9)) }
        driver.notify()
        #expect(driver.needsReset)
        #expect(driver.get(.interruptStatus) == 2, "a configuration change notification tells the driver (2.1.2)")
        #expect(driver.messages.count == 1)
        #expect(driver.usedIndex() == 0)

        driver.start()
        #expect(!driver.needsReset)
        #expect(driver.send([.write(buffer, 1)]) == 0)
    }

    @Test(
        "A queue of a wrong size or place is refused when it is made ready",
        arguments: [
            (0, 0, 0), (3, 0, 0), (16, 0, 0), (8, 8, 0), (8, 0, 0x7000_0000), (8, 0, 0xf_fff0 - 0x1_0000),
        ] as [(UInt64, UInt64, UInt64)])
    func badQueue(size: UInt64, misalign: UInt64, move: UInt64) {
        driver.set(.status, 3)
        driver.set(.queueSize, size)
        let table = driver.descriptorTable(0) + misalign + move
        driver.set(.queueDescriptorLow, table & 0xffff_ffff)
        driver.set(.queueDescriptorHigh, table >> 32)
        driver.set(.queueDriverLow, driver.availableRing(0))
        driver.set(.queueDeviceLow, driver.usedRing(0))
        driver.set(.queueReady, 1)
        #expect(driver.get(.queueReady) == 0)
        #expect(driver.needsReset)
    }

    @Test("The configuration space is read and written by naturally aligned bytes, halves and words")
    func configuration() {
        #expect(driver.mmio.get(0x100, 1) == 1)
        #expect(driver.mmio.get(0x102, 2) == 0x0403)
        #expect(driver.mmio.get(0x100, 4) == 0x0403_0201)
        #expect(driver.mmio.get(0x104, 4) == 0x0605, "beyond its end it reads zero")
        driver.mmio.set(0x104, 0xffff, 2)
        #expect(device.configuration == [1, 2, 3, 4, 0xff, 0xff])
        driver.mmio.set(0x104, 0, 4)
        #expect(device.configuration == [1, 2, 3, 4, 0xff, 0xff], "a write that crosses the end is ignored")
        #expect(throws: AccessFault.self) { try driver.mmio.read(0x101, size: 2) }
        #expect(throws: AccessFault.self) { try driver.mmio.read(0x100, size: 8) }
    }

    @Test("A change of configuration counts the generation up and interrupts")
    func configurationChange() {
        driver.start()
        device.transport?.configurationChanged()
        #expect(driver.get(.configurationGeneration) == 1)
        #expect(driver.get(.interruptStatus) == 2)
    }

    @Test("Control registers take 32-bit aligned accesses only")
    func accessSize() {
        for (offset, size): (UInt64, Int) in [(0, 1), (0, 2), (0, 8), (2, 4), (0x70, 1)] {
            #expect(throws: AccessFault.self) { try driver.mmio.read(offset, size: size) }
            #expect(throws: AccessFault.self) { try driver.mmio.write(offset, size: size, value: 0) }
        }
    }

    @Test("Reserved registers read zero, and there is no shared memory and no queue reset")
    func reserved() {
        #expect(driver.mmio.get(0x0c0) == 0)
        #expect(driver.mmio.get(0x018) == 0)
        #expect(driver.get(.sharedMemoryLengthLow) == 0xffff_ffff)
        #expect(driver.get(.sharedMemoryBaseHigh) == 0xffff_ffff)
    }

    @Test("Writing 0 to the status register resets the device, its queues and its interrupts")
    func reset() {
        driver.start()
        driver.send([.write(buffer, 1)])
        #expect(driver.sink.isHigh())
        let before = device.resets
        driver.set(.status, 0)
        #expect(device.resets == before + 1)
        #expect(!driver.sink.isHigh())
        driver.set(.queueSelect, 0)
        #expect(driver.get(.queueReady) == 0)
        #expect(driver.status == 0)
    }

    @Test("Random registers, rings and descriptors do no harm, and the described state is all of it")
    func fuzz() {
        driver.fuzz(seed: 1)
        let copy = DriverTwin(ReversingDevice())
        expectRestores(driver.mmio, into: copy.mmio) { mmio in
            (0..<2).flatMap { queue in
                mmio.set(0x30, UInt64(queue))
                return [0x10, 0x34, 0x44, 0x60, 0x70, 0xfc, 0x100].map { mmio.get($0) }
            }
        }
    }

    @Test("A damaged snapshot leaves a device that works")
    func damagedSnapshot() {
        for seed: UInt64 in 0..<50 {
            var scrambler = StateScrambler(random: SplitMix64(seed: seed))
            driver.mmio.describeState(&scrambler)
            driver.fuzz(seed: seed, count: 200)
        }
    }
}
