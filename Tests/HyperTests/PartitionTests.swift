import Foundation
import Testing

@testable import Hyper

extension CoreTests {
    @Suite("Partitions")
    struct PartitionTests {
        private struct Range: Equatable {
            let number: Int, start: UInt64, count: UInt64
            init(_ number: Int, _ start: UInt64, _ count: UInt64) {
                (self.number, self.start, self.count) = (number, start, count)
            }
            init(_ partition: Partition) { self.init(partition.number, partition.start, partition.count) }
        }

        private static let sectors = 8192

        private func table(_ bytes: [UInt8]) throws -> (table: PartitionTable, ranges: [Range]) {
            let disk = TwinDisk(bytes)
            let table = try PartitionTable(disk.device)
            return (table, table.partitions.map { Range($0) })
        }

        // MARK: Tables that others have written

        static let master = """
            truncate -s 4M disk
            printf 'label: dos\\n1: start=64, size=100, type=83\\n2: start=200, size=50, type=0c, bootable\\n
            3: start=1000, size=4000, type=f\\n5: start=1100, size=100, type=83\\n6: start=1300, size=200, type=82\\n
            7: start=2000, size=1000, type=83\\n' | sfdisk -q disk
            """

        @Test("Primary and logical partitions are those that sfdisk was told", .enabled(if: DiskTools.are("sfdisk")))
        func master() throws {
            let (table, ranges) = try table(DiskTools.make(Self.master))
            #expect(table.scheme == .masterBootRecord)
            #expect(
                ranges == [
                    Range(1, 64, 100), Range(2, 200, 50), Range(5, 1100, 100), Range(6, 1300, 200),
                    Range(7, 2000, 1000),
                ])
            #expect(table.partitions.map(\.type) == ["0x83", "0x0c", "0x83", "0x82", "0x83"])
            #expect(table.problems.isEmpty)
        }

        static let unique = """
            truncate -s 4M disk
            sgdisk -a 1 -n 1:64:163 -t 1:8300 -c 1:root -n 2:200:1199 -t 2:ef00 -c 2:'EFI system' -n 9:2000:2000 disk
            """

        @Test("Partitions of a GPT are those that sgdisk was told", .enabled(if: DiskTools.are("sgdisk")))
        func unique() throws {
            let (table, ranges) = try table(DiskTools.make(Self.unique))
            #expect(table.scheme == .globallyUnique)
            #expect(ranges == [Range(1, 64, 100), Range(2, 200, 1000), Range(9, 2000, 1)])
            // The Discoverable Partitions Specification's generic Linux data, and UEFI 2.10's table 5.7.
            #expect(table.partitions[0].type == "0fc63daf-8483-4772-8e79-3d69d8477de4")
            #expect(table.partitions[1].type == "c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
            #expect(table.partitions.map(\.name).prefix(2) == ["root", "EFI system"])
            #expect(table.problems.isEmpty)
        }

        @Test(
            "Where a GPT is damaged, its copy at the disk's end is read", .enabled(if: DiskTools.are("sgdisk")),
            arguments: [512, 512 + 16, 512 + 40, 1024, 1024 + 130])
        func copy(_ damaged: Int) throws {
            var bytes = try DiskTools.make(Self.unique)
            bytes[damaged] ^= 1
            let (table, ranges) = try table(bytes)
            #expect(ranges == [Range(1, 64, 100), Range(2, 200, 1000), Range(9, 2000, 1)])
            #expect(table.problems.count == 1)
        }

        @Test("Where the copy is damaged too, there are no partitions", .enabled(if: DiskTools.are("sgdisk")))
        func noCopy() throws {
            var bytes = try DiskTools.make(Self.unique)
            bytes[512] ^= 1
            bytes[(Self.sectors - 1) * 512 + 20] ^= 1
            let (table, ranges) = try table(bytes)
            #expect(ranges.isEmpty)
            #expect(table.problems.count == 2)
        }

        @Test("A file system without a table is not taken for one", .enabled(if: DiskTools.are("mkfs.vfat")))
        func fileSystem() throws {
            let (table, ranges) = try table(DiskTools.make("truncate -s 4M disk; mkfs.vfat disk"))
            #expect(ranges.isEmpty)
            #expect(table.problems.isEmpty)
        }

        // MARK: Tables by the byte

        /// A master or extended boot record: entries at 446, of 16 bytes, whose type is at 4, start at 8, count at 12.
        private func record(
            _ bytes: inout [UInt8], at sector: Int, _ entries: [(type: UInt8, start: UInt32, count: UInt32)]
        ) {
            for (index, entry) in entries.enumerated() {
                let offset = sector * 512 + 446 + 16 * index
                bytes[offset + 4] = entry.type
                bytes.set(UInt64(entry.start), offset + 8, bytes: 4)
                bytes.set(UInt64(entry.count), offset + 12, bytes: 4)
            }
            bytes[sector * 512 + 510] = 0x55
            bytes[sector * 512 + 511] = 0xaa
        }

        private var empty: [UInt8] { [UInt8](repeating: 0, count: Self.sectors * 512) }

        @Test("At boot the partitions of every disk are disks, and what is wrong is said on the console")
        func all() throws {
            var bytes = empty
            record(&bytes, at: 0, [(0x83, 64, 100), (0x83, 163, 10)])
            bytes[164 * 512] = 0x77
            let disks = [
                TwinDisk(bytes, name: "vda"), TwinDisk(bytes, name: "ram0"), TwinDisk([], name: "vdb"),
                TwinDisk([UInt8](repeating: 0, count: 512), name: "vdc"),
            ]
            for disk in disks { try VirtualDisks.add(disk.disk) }
            defer {
                for disk in disks {
                    VirtualDisks.removePartitions(of: disk.disk)
                    VirtualDisks.remove(disk.disk)
                }
            }
            var printed = Port.printed.count
            func added() -> String {
                defer { printed = Port.printed.count }
                return String(decoding: Port.printed[printed...], as: UTF8.self)
            }
            VirtualDisks.addAllPartitions()
            #expect(VirtualDisks.all.map(\.identifier) == ["vda", "ram0", "vdb", "vdc", "vda1", "ram0p1"])
            #expect(
                added() == "vda: partition 2 overlaps partition 1\r\nram0: partition 2 overlaps partition 1\r\n")
            let part = try VirtualDisks.find("vda1")
            #expect(part.kind == "partition" && part.sectorCount == 100 && part.whole === disks[0].disk)
            #expect(try BlockDevice(part).bytes(99)[0] == 0 && part.flush { _ in } == .done)

            // Looked at again: those that are used stay as they are.
            try DiskUses.take(part, for: "/mnt", writes: false)
            VirtualDisks.addAllPartitions()
            #expect(added().hasPrefix("disk vda1 is /mnt's: take it from there first\r\n"))
            #expect(try VirtualDisks.find("vda1") === part)
            DiskUses.giveBack(part, from: "/mnt")
        }

        @Test("What leads beyond the disk's end or into another partition is left out, with the reason")
        func impossible() throws {
            var bytes = empty
            record(
                &bytes, at: 0, [(0x83, 64, 100), (0x83, 163, 10), (0x83, 8000, 193), (0x83, 0xffff_ffff, 0xffff_ffff)])
            let (table, ranges) = try table(bytes)
            #expect(ranges == [Range(1, 64, 100)])
            #expect(
                table.problems.map(\.description) == [
                    "vda: partition 2 overlaps partition 1",
                    "vda: partition 3 has sectors 8000 to 8192, and the disk has 8192",
                    "vda: partition 4 has sectors 4294967295 to 8589934589, and the disk has 8192",
                ])
        }

        @Test("A chain of logical partitions that leads back into itself ends")
        func loop() throws {
            var bytes = empty
            record(&bytes, at: 0, [(0x05, 100, 4000)])
            record(&bytes, at: 100, [(0x83, 1, 10), (0x05, 100, 50)])
            record(&bytes, at: 200, [(0x83, 1, 10), (0x05, 0, 50)])
            let (table, ranges) = try table(bytes)
            #expect(ranges == [Range(5, 101, 10), Range(6, 201, 10)])
            #expect(
                table.problems.map(\.description) == ["vda: the chain of logical partitions comes back to sector 100"])
        }

        @Test("A chain without an end has as many partitions as can be")
        func endless() throws {
            var bytes = empty
            record(&bytes, at: 0, [(0x05, 100, 8000)])
            for link in 0..<1000 {
                record(&bytes, at: 100 + 4 * link, [(0x83, 1, 1), (0x05, UInt32(4 * link + 4), 4)])
            }
            let (table, ranges) = try table(bytes)
            #expect(ranges.count == PartitionTable.limit - 4)
            #expect(table.problems.count == 1)
        }

        @Test("The CRC of GPT is IEEE 802.3's")
        func checksum() { #expect(CRC32.of(Array("123456789".utf8)) == 0xcbf4_3926) }

        // MARK: Their disks

        @Test("A partition's sectors are the disk's, from its start on, and no further")
        func disk() throws {
            let disk = TwinDisk(empty)
            let partition = PartitionDisk(Partition(number: 3, start: 100, count: 8, type: "0x83"), of: disk.disk)
            #expect(partition.identifier == "vda3")
            let device = BlockDevice(partition)
            try [UInt8](repeating: 7, count: 512).withUnsafeBytes { try device.write(sector: 7, from: $0) }
            #expect(disk.bytes.firstIndex(of: 7) == 107 * 512)
            #expect(disk.bytes.lastIndex(of: 7) == 108 * 512 - 1)
            #expect(try device.bytes(7) == [UInt8](repeating: 7, count: 512))
            #expect(throws: HyperError.self) { try device.bytes(8) }
            #expect(throws: HyperError.self) { try device.bytes(7, count: 2) }
            // Asked directly, as a guest's card does.
            let source = TwinDisk([UInt8](repeating: 0, count: 1024))
            let memory = ScatterList(source.memory)
            for sector in [7, 8, UInt64.max - 99, UInt64.max] {
                guard case .failed = partition.write(sector, from: memory, { _ in }) else {
                    Issue.record("two sectors from \(sector) on are not in a partition of eight")
                    continue
                }
            }
        }

        @Test("Partitions of a disk are disks by its name and their number, and go when it is looked at again")
        func names() throws {
            var bytes = empty
            record(&bytes, at: 0, [(0x83, 64, 100), (0x83, 200, 10)])
            let disk = TwinDisk(bytes, name: "ram0")
            defer { VirtualDisks.removePartitions(of: disk.disk) }
            try VirtualDisks.addPartitions(of: disk.disk)
            #expect(VirtualDisks.all.map(\.identifier) == ["ram0p1", "ram0p2"])
            try VirtualDisks.addPartitions(of: disk.disk)
            #expect(VirtualDisks.all.map(\.identifier) == ["ram0p1", "ram0p2"])
            disk.memory[446 + 4] = 0
            try VirtualDisks.addPartitions(of: disk.disk)
            #expect(VirtualDisks.all.map(\.identifier) == ["ram0p2"])
        }

        // MARK: Anything

        @Test(
            "Whatever a table says, its partitions lie in the disk and apart",
            .enabled(if: DiskTools.are("sfdisk", "sgdisk")))
        func fuzz() throws {
            for (script, seed) in [(Self.master, UInt64(1)), (Self.unique, 2)] {
                let original = try DiskTools.make(script)
                var generator = SeededGenerator(seed: seed)
                // Where sfdisk and sgdisk have put anything at all, in which changes mean something.
                let used = original.indices.filter { original[$0] != 0 }
                for _ in 0..<1500 {
                    var bytes = original
                    for _ in 0..<Int.random(in: 1...6, using: &generator) {
                        let place = used.randomElement(using: &generator)! + Int.random(in: 0..<4, using: &generator)
                        bytes[min(place, bytes.count - 1)] = [
                            0, 1, 0x05, 0x7f, 0x80, 0xff, .random(in: 0...255, using: &generator),
                        ].randomElement(using: &generator)!
                    }
                    // Headers that are believed: the checksum of what they say now.
                    if seed == 2, Bool.random(using: &generator) {
                        var header = Array(bytes[512..<512 + 92])
                        header.set(0, 16, bytes: 4)
                        bytes.set(UInt64(CRC32.of(header)), 512 + 16, bytes: 4)
                    }
                    let partitions = try table(bytes).table.partitions
                    for (index, partition) in partitions.enumerated() {
                        #expect(partition.start > 0 && partition.count > 0)
                        #expect(partition.start + partition.count <= UInt64(Self.sectors))
                        for other in partitions[..<index] {
                            #expect(
                                partition.start + partition.count <= other.start
                                    || other.start + other.count <= partition.start)
                        }
                    }
                }
            }
        }
    }
}
