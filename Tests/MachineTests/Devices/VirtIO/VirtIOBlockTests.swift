import ISA
import Testing

@testable import Machine

/// Expected values: VirtIO 1.2, section 5.2.
@Suite("VirtIO block device")
struct VirtIOBlockTests {
    final class Reports {
        var all: [String] = []
    }
    static let sectors = 64
    let disk: MemoryDisk
    let reports = Reports()
    let driver: DriverTwin
    let header = DriverTwin.ram + 0x8_0000
    let data = DriverTwin.ram + 0x8_1000
    let status = DriverTwin.ram + 0x8_0800

    /// All that a writable disk offers.
    static let writableFeatures: UInt64 = 1 << 2 | 1 << 6 | 1 << 9 | 1 << 11 | 1 << 13 | 1 << 14

    init() {
        let bytes = (0..<Self.sectors * 512).map { UInt8(truncatingIfNeeded: $0 / 512 &+ $0) }
        disk = MemoryDisk(bytes)
        driver = DriverTwin(VirtIOBlock(backend: disk, serial: "disk0") { [reports] in reports.all.append($0) })
    }

    enum Outcome: UInt8 {
        case ok = 0
        case ioError = 1
        case unsupported = 2
        case untouched = 0xee
    }

    private func request(
        _ type: UInt32, sector: UInt64 = 0, _ parts: [DriverTwin.Part] = [], on driver: DriverTwin? = nil
    ) -> (Outcome?, UInt32?) {
        let driver = driver ?? self.driver
        var bytes: [UInt8] = []
        bytes.append(littleEndian: type)
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: sector)
        driver.put(bytes, at: header)
        driver.put([Outcome.untouched.rawValue], at: status)
        let length = driver.send([.read(header, 16)] + parts + [.write(status, 1)])
        return (Outcome(rawValue: driver.take(1, at: status)[0]), length)
    }

    @Test("The configuration space states capacity, limits and block size; a read-only disk offers RO alone")
    func configuration() {
        #expect(driver.get(.deviceID) == 2)
        #expect(driver.deviceFeatures() & 0xff_ffff == Self.writableFeatures)
        #expect(driver.mmio.get(0x100) == UInt64(Self.sectors))
        #expect(driver.mmio.get(0x104) == 0)
        #expect(driver.mmio.get(0x10c) == 254, "seg_max: a queue's worth, without header and status")
        #expect(driver.mmio.get(0x114) == 512, "blk_size")
        #expect(driver.mmio.get(0x120, 1) == 1, "writeback")
        #expect(driver.mmio.get(0x12c) == 1, "discard_sector_alignment")
        #expect(driver.mmio.get(0x138, 1) == 1, "write_zeroes_may_unmap")
        let readOnly = DriverTwin(VirtIOBlock(backend: MemoryDisk([1], isReadOnly: true)))
        #expect(readOnly.deviceFeatures() & 0xff_ffff == 1 << 2 | 1 << 5 | 1 << 6 | 1 << 9)
        #expect(readOnly.mmio.get(0x100) == 1, "512 bytes: a part of a sector is a sector")
    }

    @Test("A read fills any framing of its buffer with the sectors named")
    func read() {
        driver.start()
        let (outcome, length) = request(0, sector: 3, [.write(data, 100), .write(data + 0x1000, 924)])
        #expect(outcome == .ok)
        #expect(length == 1025)
        #expect(
            driver.take(100, at: data) + driver.take(924, at: data + 0x1000) == Array(disk.bytes[3 * 512..<5 * 512]))
    }

    @Test("A header and status that share descriptors with the data are found (2.7.4: framing is free)")
    func framing() {
        driver.start()
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(1))  // type 1: write
        bytes.append(littleEndian: UInt64(5))
        bytes += Array(repeating: 0x77, count: 512)
        driver.put(bytes, at: data)
        driver.put([0xee], at: status)
        #expect(driver.send([.read(data, 7), .read(data + 7, 521), .write(status, 1)]) == 1)
        #expect(driver.take(1, at: status) == [0])
        #expect(disk.bytes[5 * 512..<6 * 512].allSatisfy { $0 == 0x77 })
        bytes[0] = 0
        driver.put(bytes, at: data)
        #expect(driver.send([.read(data, 16), .write(data + 0x1000, 513)]) == 513)
        #expect(driver.take(513, at: data + 0x1000) == Array(repeating: 0x77, count: 512) + [0])
    }

    @Test("A write reaches the disk")
    func write() {
        driver.start()
        driver.put((0..<1024).map { UInt8(truncatingIfNeeded: $0 * 7) }, at: data)
        let (outcome, length) = request(1, sector: 62, [.read(data, 1024)])
        #expect(outcome == .ok)
        #expect(length == 1)
        #expect(Array(disk.bytes[62 * 512..<64 * 512]) == driver.take(1024, at: data))
    }

    @Test(
        "Sectors beyond the end, and parts of sectors, are I/O errors",
        arguments: [
            (64, 512), (63, 1024), (0, 511), (1 << 55, 512), (UInt64.max, 512), (UInt64.max / 512, 512),
        ] as [(UInt64, Int)])
    func outOfRange(sector: UInt64, count: Int) {
        driver.start()
        let before = disk.bytes
        #expect(request(0, sector: sector, [.write(data, count)]) == (.ioError, 0))
        #expect(request(1, sector: sector, [.read(data, count)]) == (.ioError, 1))
        #expect(disk.bytes == before)
        #expect(!driver.needsReset)
    }

    @Test("Writes to a read-only disk are I/O errors")
    func readOnly() {
        let driver = DriverTwin(VirtIOBlock(backend: MemoryDisk(Array(repeating: 1, count: 512), isReadOnly: true)))
        driver.start()
        #expect(request(1, [.read(data, 512)], on: driver).0 == .ioError)
        #expect(request(0, [.write(data, 512)], on: driver).0 == .ok)
        #expect(request(13, [.read(data, 16)], on: driver).0 == .unsupported)
    }

    @Test("GET_ID returns the serial number, padded with zeroes")
    func getID() {
        driver.start()
        #expect(request(8, [.write(data, 20)]) == (.ok, 21))
        #expect(driver.take(20, at: data) == Array("disk0".utf8) + Array(repeating: 0, count: 15))
    }

    @Test("An unknown type is unsupported")
    func unsupported() {
        driver.start()
        for type: UInt32 in [2, 3, 5, 99, .max] { #expect(request(type).0 == .unsupported) }
    }

    @Test("A flush reaches the back end; without FLUSH agreed on every write is flushed")
    func flush() {
        driver.start(features: 1 << 32 | 1 << 9)
        #expect(request(4).0 == .ok)
        #expect(disk.flushes == 1)
        #expect(request(1, [.read(data, 512)]).0 == .ok)
        #expect(disk.flushes == 1)
        driver.start()
        #expect(request(1, [.read(data, 512)]).0 == .ok)
        #expect(disk.flushes == 2)
    }

    @Test("With CONFIG_WCE the driver chooses write-through, which flushes at once and then with every write")
    func writeCache() {
        driver.mmio.set(0x120, 0, 1)
        #expect(driver.mmio.get(0x120, 1) == 1, "not before it is agreed on")
        driver.start(features: 1 << 32 | 1 << 9 | 1 << 11)
        driver.mmio.set(0x120, 0, 1)
        #expect(driver.mmio.get(0x120, 1) == 0)
        #expect(disk.flushes == 1)
        _ = request(1, [.read(data, 512)])
        #expect(disk.flushes == 2)
        driver.mmio.set(0x120, 1, 1)
        _ = request(1, [.read(data, 512)])
        #expect(disk.flushes == 2)
    }

    private func range(_ sector: UInt64, _ count: UInt32, _ flags: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: sector)
        bytes.append(littleEndian: count)
        bytes.append(littleEndian: flags)
        return bytes
    }

    @Test("DISCARD and WRITE_ZEROES zero the ranges they name", arguments: [11, 13] as [UInt32])
    func zeroRanges(type: UInt32) {
        driver.start(features: 1 << 32 | Self.writableFeatures)
        let before = disk.bytes
        driver.put(range(2, 3, 0) + range(10, 1, 0), at: data)
        #expect(request(type, [.read(data, 32)]).0 == .ok)
        for sector in 0..<Self.sectors {
            let bytes = disk.bytes[sector * 512..<sector * 512 + 512]
            if (2..<5).contains(sector) || sector == 10 {
                #expect(bytes.allSatisfy { $0 == 0 }, "sector \(sector)")
            } else {
                #expect(bytes == before[sector * 512..<sector * 512 + 512], "sector \(sector)")
            }
        }
    }

    @Test("Ranges with reserved flags are unsupported, and others outside the limits are I/O errors")
    func badRanges() {
        driver.start(features: 1 << 32 | Self.writableFeatures)
        let before = disk.bytes
        let cases: [(UInt32, [UInt8], Outcome)] = [
            (11, range(0, 1, 1), .unsupported),  // unmap means nothing to DISCARD
            (13, range(0, 1, 2), .unsupported),
            (13, range(0, 65, 0), .ioError),
            (13, range(.max, 1, 0), .ioError),
            (13, range(0, .max, 0), .ioError),
            (13, [1, 2, 3], .ioError),
            (13, [], .ioError),
            (13, Array(repeating: 0, count: 17 * 16), .ioError),
        ]
        for (type, bytes, expected) in cases {
            driver.put(bytes, at: data)
            #expect(request(type, bytes.isEmpty ? [] : [.read(data, bytes.count)]).0 == expected, "\(bytes)")
        }
        #expect(disk.bytes == before)
        driver.put(range(0, 1, 1), at: data)
        #expect(request(13, [.read(data, 16)]).0 == .ok, "unmap is a hint to WRITE_ZEROES")
    }

    @Test("A host whose disk is full gives the guest an I/O error and the user a sentence")
    func hostFull() {
        driver.start(features: 1 << 32 | Self.writableFeatures)
        disk.failure = .hostFull(path: "guest.img")
        #expect(request(1, [.read(data, 512)]) == (.ioError, 1))
        #expect(request(0, [.write(data, 512)]) == (.ioError, 0))
        #expect(request(4).0 == .ioError)
        #expect(reports.all.count == 1, "the same sentence is not repeated")
        #expect(reports.all[0].hasPrefix("disk disk0: the host's disk is full: guest.img"))
        disk.failure = nil
        #expect(request(1, [.read(data, 512)]).0 == .ok)
        disk.failure = .hostFull(path: "guest.img")
        #expect(request(4).0 == .ioError)
        #expect(reports.all.count == 2, "after a success it is news again")
    }

    @Test("A guest that fails for ever is reported a hundred times, and then no more")
    func reportsAreBounded() {
        driver.start(features: 1 << 32 | Self.writableFeatures)
        for round in 0..<1000 {
            disk.failure = .hostFull(path: "\(round)")
            _ = request(4)
        }
        #expect(reports.all.count == 101)
        #expect(reports.all.last == "disk disk0: more trouble follows, which is not reported")
    }

    @Test("A request without room for its header or status needs a reset")
    func malformed() {
        driver.start()
        driver.send([.read(header, 15), .write(status, 1)])
        #expect(driver.needsReset)
        driver.start()
        driver.send([.read(header, 16)])
        #expect(driver.needsReset)
    }

    @Test("More work than fits in one go is finished after a rest")
    func longQueue() {
        let large = DriverTwin(VirtIOBlock(backend: MemoryDisk(Array(repeating: 5, count: 8 << 20))))
        large.memory.addRegion(base: 0x1_0000_0000, size: 8 << 20)
        large.start()
        large.put(Array(repeating: 0, count: 16), at: header)
        large.setChain(
            [.read(header, 16), .write(0x1_0000_0000, 8 << 20), .write(status, 1)], in: large.descriptorTable(0))
        for _ in 0..<5 { large.offer(0) }
        large.notify()
        #expect(large.usedIndex() == 2)
        large.clock.skip(1000)
        #expect(large.usedIndex() == 4)
        large.clock.skip(1000)
        #expect(large.usedIndex() == 5)
        #expect(large.clock.deadline == nil)
    }

    @Test("Random registers, rings and requests do no harm, and the described state is all of it")
    func fuzz() {
        driver.fuzz(seed: 2)
        let copy = DriverTwin(VirtIOBlock(backend: MemoryDisk(Array(repeating: 0, count: Self.sectors * 512))))
        expectRestores(driver.mmio, into: copy.mmio) { mmio in
            [0x44, 0x60, 0x70, 0x100, 0x120].map { mmio.get($0) }
        }
    }
}
