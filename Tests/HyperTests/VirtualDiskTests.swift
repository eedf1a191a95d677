import Testing

@testable import Hyper

extension CoreTests {
    @Suite("Disks on files and on disks")
    struct VirtualDiskTests {
        /// What a thread of the core does, which may wait.
        private func inThread(_ body: @escaping () throws -> Void) throws {
            var result: Result<Void, any Error>?
            Scheduler.wake(Scheduler.makeThread("test") { result = Result { try body() } })
            Port.run()
            try #require(result, "the thread waits for something that never comes").get()
        }

        private func start() -> FakeMemory {
            let memory = FakeMemory(adding: 1024)
            QueuedDisk.forgetThreads()
            return memory
        }

        private func pattern(_ count: Int, _ seed: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: $0 / 512 &* 31 &+ $0 &+ seed) }
        }

        @Test(
            "An overlay reads as what is below and what was written, in whatever pieces, and leaves the other as it is")
        func overlay() throws {
            let memory = start()
            defer { withExtendedLifetime(memory) {} }
            let original = pattern(99 * 512, 1)
            let below = TwinDisk(original)
            let used = Pages.statistics.used
            try inThread {
                let overlay = try OverlayDisk(identifier: "over", base: below.disk)
                var model = original
                var generator = SeededGenerator(seed: 3)
                for step in 0..<400 {
                    let first = Int.random(in: 0..<99, using: &generator)
                    let count = Int.random(in: 1...min(20, 99 - first), using: &generator) * 512
                    let range = first * 512..<first * 512 + count
                    // Pieces that end anywhere.
                    var buffer = pattern(count, step)
                    let cut = Int.random(in: 1..<count, using: &generator)
                    try buffer.withUnsafeMutableBytes { bytes in
                        let pieces = [
                            UnsafeMutableRawBufferPointer(rebasing: bytes[..<cut]),
                            UnsafeMutableRawBufferPointer(rebasing: bytes[cut...]),
                        ]
                        let list = ScatterList(pieces, from: 0, count: count)
                        if step % 3 == 0 {
                            model.replaceSubrange(range, with: bytes)
                            try overlay.perform(write: UInt64(first), from: list)
                        } else {
                            try overlay.perform(read: UInt64(first), into: list)
                        }
                    }
                    #expect(buffer == Array(model[range]))
                }
                #expect(below.bytes == original)
                // The disk has thirteen pages, of which the last is a short one.
                #expect(overlay.pageCount == 13)
                #expect(Pages.statistics.used >= used + 13)
                overlay.close()
            }
            Heap.trim()
            #expect(DiskUses.users(of: below.disk).isEmpty)
        }

        @Test("A disk of a disk of a file of a disk is as good as any", .enabled(if: DiskTools.are("mkfs.vfat")))
        func depth() throws {
            let memory = start()
            defer { withExtendedLifetime(memory) {} }
            let below = TwinDisk(try DiskTools.make("truncate -s 1M disk; mkfs.vfat disk"))
            try inThread {
                try VirtualFileSystem.mount(below.disk, at: "/fat")
                try VirtualFileSystem.create("/fat/image")
                try VirtualFileSystem.truncate("/fat/image", to: 8192)
                let file = try FileDisk(identifier: "file", path: "/fat/image", isReadOnly: false)
                let overlay = try OverlayDisk(identifier: "over", base: file)
                let partition = PartitionDisk(Partition(number: 1, start: 2, count: 8, type: ""), of: overlay)
                let top = try OverlayDisk(identifier: "top", base: partition)
                #expect([file.depth, overlay.depth, partition.depth, top.depth] == [1, 2, 2, 3])
                let device = BlockDevice(top)
                try pattern(512, 9).withUnsafeBytes { try device.write(sector: 7, from: $0) }
                try device.flush()
                #expect(try device.bytes(7) == pattern(512, 9))
                #expect(try device.bytes(6) == [UInt8](repeating: 0, count: 512))
                #expect(try BlockDevice(file).bytes(9) == [UInt8](repeating: 0, count: 512))

                // What is used stays.
                #expect(throws: HyperError("/fat/image is in use, as a disk: remove the disk first")) {
                    try VirtualFileSystem.unmount("/fat")
                }
                #expect(throws: HyperError.self) { try VirtualFileSystem.remove("/fat/image") }
                #expect(throws: HyperError.self) { try VirtualFileSystem.truncate("/fat/image", to: 0) }
                top.close()
                overlay.close()
                try pattern(512, 5).withUnsafeBytes { try BlockDevice(file).write(sector: 15, from: $0) }
                file.close()
                #expect(try VirtualFileSystem.contents(of: "/fat/image").suffix(512) == pattern(512, 5)[...])
                try VirtualFileSystem.unmount("/fat")
            }
            #expect(DiskUses.users(of: below.disk).isEmpty)
        }

        @Test("Whoever writes to a disk has it alone, with its partitions")
        func uses() throws {
            let memory = start()
            defer { withExtendedLifetime(memory) {} }
            let whole = TwinDisk(pattern(64 * 512, 0)).disk
            let parts = (0..<2).map { index in
                PartitionDisk(Partition(number: index + 1, start: UInt64(index) * 8 + 8, count: 8, type: ""), of: whole)
            }
            try DiskUses.take(parts[0], for: "/one", writes: true)
            try DiskUses.take(parts[1], for: "/two", writes: false)
            try DiskUses.take(parts[1], for: "guest", writes: false)
            for (disk, writes) in [
                (parts[0] as any VirtualDisk, false), (parts[1], true), (whole, false), (whole, true),
            ] {
                #expect(throws: HyperError.self) { try DiskUses.take(disk, for: "other", writes: writes) }
            }
            DiskUses.giveBack(parts[0], from: "/one")
            try DiskUses.take(whole, for: "reader", writes: false)
            #expect(throws: HyperError.self) { try DiskUses.take(parts[0], for: "writer", writes: true) }
            DiskUses.giveBack(whole, from: "reader")
            for user in ["/two", "guest"] as [Text] { DiskUses.giveBack(parts[1], from: user) }
            try DiskUses.take(whole, for: "writer", writes: true)
            DiskUses.giveBack(whole, from: "writer")
        }

        @Test("A drive without a disk has no sectors, until one is put in")
        func drive() throws {
            let memory = start()
            defer { withExtendedLifetime(memory) {} }
            let disk = TwinDisk(pattern(16 * 512, 0)).disk
            let drive = try VirtIOBlock(name: "other/drive", disk: nil)
            func sectors() -> UInt64 { drive.configuration.u64(0) }
            #expect(sectors() == 0)
            try drive.insert(disk)
            #expect(sectors() == 16)
            #expect(DiskUses.users(of: disk) == ["other/drive"])
            #expect(throws: HyperError("other/drive has a disk: detach that first")) { try drive.insert(disk) }
            try drive.eject()
            #expect(sectors() == 0)
            #expect(throws: HyperError("other/drive has no disk")) { try drive.eject() }
            #expect(DiskUses.users(of: disk).isEmpty)
            try drive.insert(disk)
            drive.remove()
            #expect(DiskUses.users(of: disk).isEmpty)
            #expect(VirtIODrives.find("other/drive") == nil)
        }
    }
}
