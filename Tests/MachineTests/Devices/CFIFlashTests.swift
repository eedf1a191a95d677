import ISA
import Testing

@testable import Machine

/// Expected values: Intel P30 data sheet and JESD68; the query table as QEMU 7.2's `virt` board answers it.
@Suite("CFI flash")
struct CFIFlashTests {
    static let base: UInt64 = 0x2000_0000
    static let size: UInt64 = 32 << 20
    static let sector: UInt64 = 256 << 10
    let memory = PhysicalMemory()

    private func flash(
        _ contents: [UInt8]? = [1, 2, 3, 4], _ access: CFIFlash.Access = .copyOnWrite, size: UInt64 = size
    ) throws -> CFIFlash {
        try CFIFlash(
            name: "flash@20000000", memory: memory, base: Self.base, size: size,
            contents: contents.map { MemoryDisk($0) },
            access: access)
    }

    /// A command in both halves of the word, as both chips want it.
    private func command(_ flash: CFIFlash, _ code: UInt64, at offset: UInt64 = 0) {
        flash.set(offset, code << 16 | code)
    }

    /// The word a CPU reads: from memory while the region is there, else from the device.
    private func word(_ flash: CFIFlash, _ offset: UInt64) -> UInt64 {
        if let word = memory.load(Self.base + offset, as: UInt32.self) { return UInt64(word) }
        return flash.get(offset)
    }

    private func isHidden() -> Bool { memory.host(Self.base) == nil }

    @Test("Its contents are memory that cannot be written; the rest of the bank is erased")
    func array() throws {
        let flash = try flash([1, 2, 3, 4])
        #expect(word(flash, 0) == 0x0403_0201)
        #expect(word(flash, 512) == 0xffff_ffff)
        #expect(word(flash, Self.size - 4) == 0xffff_ffff)
        #expect(!memory.store(Self.base, UInt32(0)))
        #expect(!isHidden())
    }

    @Test("The query table describes two 16 MiB chips of 128 KiB blocks with the Intel command set")
    func query() throws {
        let flash = try flash()
        command(flash, 0x98, at: 0x55 * 4)
        #expect(isHidden())
        let expected: [UInt64] = [
            0x51, 0x52, 0x59, 0x01, 0, 0x31, 0, 0, 0, 0, 0, 0x45, 0x55, 0, 0, 0x07, 0x07, 0x0a, 0, 0x04, 0x04, 0x04, 0,
            0x18, 0x02, 0, 0x0b, 0, 0x01, 0x7f, 0, 0, 0x02, 0x50, 0x52, 0x49, 0x31, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0x01,
        ]
        for (index, value) in expected.enumerated() {
            #expect(flash.get(UInt64(0x10 + index) * 4) == value << 16 | value, "word \(hex(0x10 + index))")
        }
        #expect(flash.get(0x50 * 4) == 0)
        command(flash, 0xff)
        #expect(!isHidden())
        #expect(word(flash, 0) == 0x0403_0201)
    }

    @Test("The identifier is Intel's 89:18, in every access size, and no sector is locked")
    func identifier() throws {
        let flash = try flash()
        command(flash, 0x90)
        #expect(flash.get(0) == 0x0089_0089)
        #expect(flash.get(4) == 0x0018_0018)
        #expect(flash.get(8) == 0)
        #expect(flash.get(0, 8) == 0x0018_0018_0089_0089)
        #expect(flash.get(2, 2) == 0x89)
        #expect(flash.get(0, 1) == 0x89 && flash.get(1, 1) == 0)
        #expect(flash.get(5 * Self.sector + 8) == 0)
    }

    @Test("A word program only turns ones into zeroes; an erase brings back the sector's ones")
    func programAndErase() throws {
        let flash = try flash(Array(repeating: 0, count: 3 * Int(Self.sector)))
        let start = Self.sector
        command(flash, 0x20, at: start + 64)
        #expect(flash.get(start) == 0x0080_0080, "a command in progress shows the status")
        command(flash, 0xd0, at: start + 64)
        #expect(flash.get(start) == 0x0080_0080)
        command(flash, 0xff)
        #expect(word(flash, start - 4) == 0)
        #expect(word(flash, start) == 0xffff_ffff)
        #expect(word(flash, 2 * start - 4) == 0xffff_ffff)
        #expect(word(flash, 2 * start) == 0)

        for value: UInt64 in [0x1234_5678, 0xffff_0000] {
            command(flash, 0x40, at: start)
            flash.set(start, value)
            command(flash, 0xff)
        }
        #expect(word(flash, start) == 0x1234_0000)
        #expect(word(flash, start + 4) == 0xffff_ffff)
    }

    @Test("A buffered program writes its words when it is confirmed, and none when it is not")
    func bufferedProgram() throws {
        let flash = try flash()
        command(flash, 0xe8, at: Self.sector)
        #expect(flash.get(Self.sector) == 0x0080_0080, "the buffer is available")
        command(flash, 1, at: Self.sector)
        flash.set(Self.sector + 4, 0xaabb_ccdd)
        flash.set(Self.sector + 8, 0x1122_3344)
        command(flash, 0xd0, at: Self.sector)
        #expect(flash.get(0) == 0x0080_0080)
        command(flash, 0xff)
        #expect(word(flash, Self.sector + 4) == 0xaabb_ccdd)
        #expect(word(flash, Self.sector + 8) == 0x1122_3344)

        command(flash, 0xe8, at: Self.sector)
        command(flash, 0, at: Self.sector)
        flash.set(Self.sector + 12, 0)
        command(flash, 0x70, at: Self.sector)
        #expect(flash.get(0) == 0x00b0_00b0, "SR.4 and SR.5: a command sequence error")
        command(flash, 0x50)
        command(flash, 0x70)
        #expect(flash.get(0) == 0x0080_0080)
        command(flash, 0xff)
        #expect(word(flash, Self.sector + 12) == 0xffff_ffff)
    }

    @Test("A buffer that is too long, or leaves its sector, is a command sequence error")
    func badBuffer() throws {
        let flash = try flash()
        command(flash, 0xe8)
        command(flash, 1024)
        #expect(flash.get(0) == 0x00b0_00b0)
        command(flash, 0x50)
        command(flash, 0xe8)
        command(flash, 0)
        flash.set(Self.sector, 0)
        command(flash, 0xd0)
        #expect(flash.get(0) == 0x00b0_00b0)
        command(flash, 0xff)
        #expect(word(flash, Self.sector) == 0xffff_ffff)
    }

    @Test("An erase without its confirmation changes nothing and is a command sequence error")
    func unconfirmedErase() throws {
        let flash = try flash()
        command(flash, 0x20)
        command(flash, 0xff)
        #expect(flash.get(0) == 0x00b0_00b0)
        command(flash, 0xff)
        #expect(word(flash, 0) == 0x0403_0201)
    }

    @Test("Lock, unlock and lock-down are accepted", arguments: [0x01, 0xd0, 0x2f] as [UInt64])
    func lock(code: UInt64) throws {
        let flash = try flash()
        command(flash, 0x60)
        command(flash, code)
        #expect(flash.get(0) == 0x0080_0080)
    }

    @Test("Read-only flash refuses to program and erase: the block is protected")
    func readOnly() throws {
        let flash = try flash([1, 2, 3, 4], .readOnly)
        command(flash, 0x40)
        flash.set(0, 0)
        #expect(flash.get(0) == 0x0092_0092, "SR.4 and SR.1")
        command(flash, 0x50)
        command(flash, 0x20)
        command(flash, 0xd0)
        #expect(flash.get(0) == 0x00a2_00a2, "SR.5 and SR.1")
        command(flash, 0xff)
        #expect(word(flash, 0) == 0x0403_0201)
    }

    @Test("Write-through flash keeps what is programmed in its image, and reports a host that cannot")
    func writeThrough() throws {
        final class Reports { var all: [String] = [] }
        let reports = Reports()
        let disk = MemoryDisk(Array(repeating: 0xff, count: Int(Self.sector)))
        let flash = try CFIFlash(
            name: "flash", memory: memory, base: Self.base, contents: disk, access: .writeThrough
        ) { reports.all.append($0) }
        command(flash, 0x40, at: 8)
        flash.set(8, 0x0403_0201)
        #expect(Array(disk.bytes[7..<13]) == [0xff, 1, 2, 3, 4, 0xff])
        disk.failure = .hostFull(path: "vars.fd")
        command(flash, 0x20)
        command(flash, 0xd0)
        #expect(flash.get(0) == 0x00a0_00a0)
        #expect(reports.all.count == 1 && reports.all[0].contains("vars.fd"))
    }

    @Test("An image larger than its bank is refused by name")
    func tooLarge() {
        #expect {
            _ = try flash(Array(repeating: 0, count: 513), size: 512 << 10)
            _ = try CFIFlash(
                name: "flash1", memory: memory, base: 0x2200_0000, size: 512 << 10,
                contents: MemoryDisk(Array(repeating: 0, count: (512 << 10) + 1)))
        } throws: { "\($0)".hasPrefix("flash1: its image has 524800 bytes, but the bank has 524288") }
    }

    /// Counts what CPUs would be told.
    final class Observer: CodeObserver {
        var pages: Set<UInt64> = []
        var mapChanges = 0
        override func codeChanged(page: UInt64, granules: UInt64) { pages.insert(page) }
        override func memoryMapChanged() { mapChanges += 1 }
    }

    @Test("Entering and leaving command mode tells the CPUs that the memory map changed, and nothing in between does")
    func mapChanges() throws {
        let flash = try flash()
        let observer = Observer()
        memory.addObserver(observer)
        defer { memory.removeObserver(observer) }
        command(flash, 0x70)
        #expect(observer.mapChanges == 1)
        command(flash, 0x90)
        command(flash, 0x40)
        flash.set(0, 0)
        #expect(observer.mapChanges == 1)
        command(flash, 0xff)
        #expect(observer.mapChanges == 2)
    }

    @Test("Random commands at every offset and size do no harm, and the described state is all of it")
    func fuzz() throws {
        let flash = try flash(size: 512 << 10)
        let codes: [UInt64] = [
            0x01, 0x10, 0x20, 0x2f, 0x40, 0x50, 0x60, 0x70, 0x90, 0x98, 0xb0, 0xd0, 0xe8, 0xff, 0, 1, 2, 1023,
        ]
        flash.fuzz(region: 512 << 10, hot: [0, 4, 8, 0x40, 0x3fffc, 0x40000, 0x7fff8]) { random in
            if random.next() % 2 == 0 {
                flash.set(random.next() % 0x1_ffff * 4, codes.randomElement(using: &random)! * 0x1_0001 & 0xffff_ffff)
            }
        }
        let other = PhysicalMemory()
        let copy = try CFIFlash(
            name: "flash", memory: other, base: Self.base, size: 512 << 10, contents: MemoryDisk([0]))
        expectRestores(flash, into: copy) { flash in
            flash.set(0, 0x0070_0070)
            return [flash.get(0)]
        }
        #expect((other.host(Self.base) == nil) == isHidden(), "the region is hidden or shown as the state says")
    }

    @Test("A damaged snapshot leaves a device that works")
    func damagedSnapshot() throws {
        let flash = try flash(size: 512 << 10)
        for seed: UInt64 in 0..<50 {
            var scrambler = StateScrambler(random: SplitMix64(seed: seed))
            flash.describeState(&scrambler)
            flash.fuzz(region: 512 << 10, hot: [0, 4, 0x7fff8], seed: seed, count: 200)
        }
    }
}
