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

        /// What becomes of a request of `bytes` bytes at the sector.
        private func outcome(_ disk: any VirtualDisk, _ sector: UInt64, _ bytes: Int, write: Bool) -> DiskOutcome {
            var buffer = [UInt8](repeating: 0, count: bytes)
            return buffer.withUnsafeMutableBytes {
                let list = ScatterList($0)
                return write ? disk.write(sector, from: list) { _ in } : disk.read(sector, into: list) { _ in }
            }
        }

        @Test("A request beyond a disk's end fails, whatever the disk is, and so does a write to one for reading")
        func ends() throws {
            let memory = start()
            defer { withExtendedLifetime(memory) {} }
            let whole = TwinDisk(pattern(64 * 512 + 100, 0))
            let partition = PartitionDisk(Partition(number: 1, start: 8, count: 8, type: ""), of: whole.disk)
            let overlay = try OverlayDisk(identifier: "over", base: partition)
            defer { overlay.close() }
            for (disk, count) in [(whole.disk, 64), (partition, 8), (overlay, 8)] as [(any VirtualDisk, UInt64)] {
                #expect(disk.sectorCount == count)
                for write in [false, true] {
                    for (sector, bytes) in [(count, 512), (count - 1, 1024), (0, Int(count + 1) * 512), (.max, 512)] {
                        #expect(
                            outcome(disk, sector, bytes, write: write) == .failed, "\(disk.kind), \(sector), \(bytes)")
                    }
                    #expect(outcome(disk, count, 0, write: write) != .failed, "nothing is anywhere")
                }
            }
            let readOnly = MemoryDisk(identifier: "rom", memory: whole.memory, isReadOnly: true)
            #expect(outcome(readOnly, 0, 512, write: true) == .failed)
            #expect(outcome(PartitionDisk(partition.partition, of: readOnly), 0, 512, write: true) == .failed)
            #expect(outcome(readOnly, 0, 512, write: false) == .done)
            Port.run()
        }

        @Test("A disk of memory begins with zeros, and gives its pages back")
        func pages() throws {
            let memory = start()
            defer { withExtendedLifetime(memory) {} }
            let used = Pages.statistics.used
            // What was there before.
            let dirt = try Pages.allocate(4)
            UnsafeMutableRawPointer(bitPattern: UInt(dirt))!.initializeMemory(
                as: UInt8.self, repeating: 0xee, count: 16384)
            Pages.free(dirt, 4)
            let disk = try PageDisk(identifier: "ram", size: 3 * 4096 + 512)
            #expect(disk.sectorCount == 25 && disk.isCreated && disk.kind == "memory" && disk.depth == 0)
            let bytes = try BlockDevice(disk).bytes(0, count: 25)
            #expect(bytes.allSatisfy { $0 == 0 })
            disk.close()
            #expect(Pages.statistics.used == used)
            for size in [0, 4095, 1 << 41, .max] as [UInt64] {
                #expect(throws: HyperError.self) { _ = try PageDisk(identifier: "ram", size: size) }
            }
            #expect(throws: HyperError.self, "more than there is") {
                _ = try PageDisk(identifier: "ram", size: 1 << 30)
            }
            #expect(Pages.statistics.used == used)
        }

        @Test("A file that is none, or becomes shorter, is no disk", .enabled(if: DiskTools.are("mkfs.vfat")))
        func files() throws {
            let memory = start()
            defer { withExtendedLifetime(memory) {} }
            let files = MemoryFiles()
            files.files = [("disk", pattern(1536 + 100, 3)), ("short", pattern(511, 0))]
            try VirtualFileSystem.mount(files, kind: "memory", at: "/")
            try inThread {
                for path in ["/", "/short", "/none"] as [Text] {
                    #expect(throws: HyperError.self) { _ = try FileDisk(identifier: "f", path: path, isReadOnly: true) }
                }
                let disk = try FileDisk(identifier: "f", path: "/disk", isReadOnly: false)
                #expect(disk.sectorCount == 3 && disk.kind == "file /disk" && disk.isCreated && disk.depth == 1)
                let device = BlockDevice(disk)
                #expect(try device.bytes(2) == Array(self.pattern(1536, 3)[1024...]))
                // Its file system is for reading alone.
                #expect(throws: HyperError.self) {
                    try self.pattern(512, 0).withUnsafeBytes { try device.write(sector: 0, from: $0) }
                }
                files.files[0].bytes.removeLast(700)
                #expect(throws: HyperError.self) { _ = try device.bytes(2) }
                #expect(try device.bytes(0) == Array(self.pattern(512, 3)), "what is still there")
                disk.close()
            }
            try VirtualFileSystem.unmount("/")
        }

        @Test("Disks are on each other eight deep at most")
        func depthLimit() throws {
            let memory = start()
            defer { withExtendedLifetime(memory) {} }
            var disks: [any VirtualDisk] = [TwinDisk(pattern(16 * 512, 0)).kept().disk]
            for depth in 1...8 {
                disks.append(try OverlayDisk(identifier: "o\(depth)", base: disks[depth - 1]))
                #expect(disks[depth].depth == depth)
            }
            #expect(throws: HyperError("disk more would be on 8 others, one on another: use one further below")) {
                _ = try OverlayDisk(identifier: "more", base: disks[8])
            }
            try inThread {
                let last = try BlockDevice(disks[8]).bytes(15)
                #expect(last == Array(self.pattern(16 * 512, 0)[(15 * 512)...]))
            }
            for disk in disks.reversed() { disk.close() }
            #expect(DiskUses.users(of: disks[0]).isEmpty)
        }

        @Test("A name is one disk's")
        func names() throws {
            let memory = start()
            defer { withExtendedLifetime(memory) {} }
            let disk = TwinDisk([0]).disk
            try VirtualDisks.add(disk)
            defer { VirtualDisks.remove(disk) }
            #expect(try HostDisks.freeName() == "vdb")
            #expect(throws: HyperError("there is a disk vda already")) { try VirtualDisks.add(TwinDisk([0]).disk) }
            #expect(try VirtualDisks.find("vda") === disk)
            #expect(throws: HyperError("there is no disk vdb; `vdisk list` shows those that there are")) {
                _ = try VirtualDisks.find("vdb")
            }
            let others = try (UInt8(ascii: "b")...UInt8(ascii: "z")).map { letter in
                let other = MemoryDisk(identifier: "vd\(Text([letter]))", memory: .init(start: nil, count: 0))
                try VirtualDisks.add(other)
                return other
            }
            #expect(throws: HyperError.self) { _ = try HostDisks.freeName() }
            for other in others { VirtualDisks.remove(other) }
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
