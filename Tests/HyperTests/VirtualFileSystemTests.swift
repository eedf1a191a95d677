import Testing

@testable import Hyper

extension CoreTests {
    @Suite("File systems that are mounted")
    final class VirtualFileSystemTests {
        private let root = MemoryFiles(), boot = MemoryFiles()

        init() throws {
            Port.start()
            root.files = [("boot.script", Array("echo".utf8)), ("boot/hidden", [1])]
            boot.files = [("kernel", Array("kernel".utf8)), ("dir/file", [2])]
            try VirtualFileSystem.mount(root, kind: "memory", at: "/")
            try VirtualFileSystem.mount(boot, kind: "memory", at: "boot/")
        }

        deinit {
            for mount in VirtualFileSystem.mounts { try? VirtualFileSystem.unmount(mount.path) }
        }

        private func expectRefusal(_ reason: String, _ body: () throws -> Void) {
            let error = #expect(throws: HyperError.self) { try body() }
            #expect(error?.message.string.contains(reason) ?? false, "\(error?.message.string ?? "")")
        }

        /// A disk with a file system of FAT at the path.
        private func mountFAT(_ path: Text) throws -> TwinDisk {
            let disk = TwinDisk(try DiskTools.make("truncate -s 2M disk; mkfs.vfat -F 12 disk"))
            try VirtualFileSystem.mount(disk.disk, at: path)
            return disk
        }

        // MARK: Paths

        @Test("A path that is begun goes on as any file's or directory's does, or as the place of a file system")
        func completions() {
            func completed(_ typed: Text) -> [String] {
                VirtualFileSystem.completions(of: typed).inOrder().map(\.string)
            }
            #expect(completed("") == ["/boot.script", "/boot/"])
            #expect(completed("/boot.") == ["/boot.script"])
            #expect(completed("/boot/") == ["/boot/dir/", "/boot/kernel"])
            #expect(completed("/boot/k") == ["/boot/kernel"])
            #expect(completed("/boot/dir/f") == ["/boot/dir/file"])
            #expect(completed("boot") == [] && completed("/none/x") == [] && completed("/boot/kernel/") == [])
        }

        @Test("A path is the file system's whose place is the longest part of it")
        func places() throws {
            #expect(VirtualFileSystem.mounts.map(\.path) == ["/", "/boot"])
            #expect(try VirtualFileSystem.contents(of: "/boot.script") == Array("echo".utf8))
            #expect(try VirtualFileSystem.contents(of: "/boot/kernel") == Array("kernel".utf8))
            #expect(try VirtualFileSystem.contents(of: "boot//./other/../dir/file") == [2])
            #expect(try VirtualFileSystem.contents(of: "/../../boot/kernel").count == 6)
            #expect(try VirtualFileSystem.entry(at: "/boot").isDirectory)
            expectRefusal("/boot/hidden: there is no such file") {
                _ = try VirtualFileSystem.contents(of: "/boot/hidden")
            }
            try VirtualFileSystem.unmount("/boot/")
            #expect(try VirtualFileSystem.contents(of: "/boot/hidden") == [1])
            try VirtualFileSystem.unmount("/")
            expectRefusal("no file system is mounted that has /boot.script") {
                _ = try VirtualFileSystem.contents(of: "boot.script")
            }
        }

        @Test(
            "A path has one form",
            arguments: [
                ("", "/"), ("/", "/"), ("..", "/"), ("a", "/a"), ("/a/", "/a"), ("//a///b", "/a/b"), ("a/./b/..", "/a"),
                ("a/../../b", "/b"), ("/...", "/..."),
            ])
        func normalised(_ path: String, _ expected: String) {
            #expect(VirtualFileSystem.normalised(Text(Array(path.utf8))).description == expected)
        }

        @Test("What is asked of a file, of a directory and of nothing is refused where it cannot be")
        func kinds() throws {
            expectRefusal("/boot is a directory") {
                _ = try VirtualFileSystem.contents(of: "/boot")
            }
            expectRefusal("/boot/kernel is a file, not a directory") {
                _ = try VirtualFileSystem.entries(in: "/boot/kernel")
            }
            #expect(try VirtualFileSystem.entries(in: "/boot").map(\.name) == ["dir", "kernel"])
            expectRefusal("/boot/kernel has 6 bytes, and 5 are the most here") {
                _ = try VirtualFileSystem.contents(of: "/boot/kernel", limit: 5)
            }
            #expect(try VirtualFileSystem.contents(of: "/boot/kernel", limit: 6).count == 6)
        }

        // MARK: Mounting

        @Test("A place has one file system, and one that has none loses none")
        func mounting() {
            expectRefusal("/boot has a file system already") { [self] in
                try VirtualFileSystem.mount(root, kind: "memory", at: "/other/../boot")
            }
            expectRefusal("no file system is mounted at /bo") {
                try VirtualFileSystem.unmount("/bo")
            }
        }

        @Test(
            "A disk is mounted as what it has, and who has it is said",
            .enabled(if: DiskTools.are("mkfs.vfat", "mkfs.ext4")))
        func disks() throws {
            let fat = try mountFAT("/fat")
            let ext4 = TwinDisk(try DiskTools.make("truncate -s 4M disk; mkfs.ext4 -q disk"), name: "vdb")
            try VirtualFileSystem.mount(ext4.disk, at: "/ext4")
            #expect(VirtualFileSystem.mounts.suffix(2).map(\.kind) == ["fat", "ext4"])
            #expect(VirtualFileSystem.mounts.last?.disk === ext4.disk)
            #expect(DiskUses.users(of: fat.disk) == ["/fat"])
            expectRefusal("disk vda is /fat's, which writes to it") {
                try VirtualFileSystem.mount(fat.disk, at: "/again")
            }
            // Why it cannot be mounted there, and nothing of file systems that it does not have.
            #expect(
                message { () throws(HyperError) in try VirtualFileSystem.mount(ext4.disk, at: "/fat") }
                    == "/fat has a file system already: unmount it first")
            #expect(DiskUses.users(of: ext4.disk) == ["/ext4"])
            try VirtualFileSystem.unmount("/fat")
            #expect(DiskUses.users(of: fat.disk).isEmpty)

            let empty = TwinDisk([UInt8](repeating: 0, count: 4 << 20), name: "vdc")
            let reasons = message { () throws(HyperError) in try VirtualFileSystem.mount(empty.disk, at: "/empty") }
            #expect(reasons?.contains("FAT") == true && reasons?.contains("ext") == true, "\(reasons ?? "")")
        }

        // MARK: Writing

        @Test("A file system for reading alone refuses everything else, and says what to do")
        func readOnly() {
            let actions: [() throws -> Void] = [
                { try VirtualFileSystem.create("/boot/new") },
                { try VirtualFileSystem.makeDirectory("/boot/new") },
                { try VirtualFileSystem.truncate("/boot/kernel", to: 0) },
                { try VirtualFileSystem.remove("/boot/kernel") },
                {
                    try VirtualFileSystem.write(
                        "/boot/kernel", at: 0, from: UnsafeRawBufferPointer(start: nil, count: 0))
                },
            ]
            for action in actions { expectRefusal("is for reading alone: copy it to one of FAT", action) }
            #expect(boot.files.map(\.bytes.count) == [6, 1])
        }

        @Test(
            "Files and directories are made, copied over each other, and taken away",
            .enabled(if: DiskTools.are("mkfs.vfat")))
        func writing() throws {
            let disk = try mountFAT("/fat")
            defer { withExtendedLifetime(disk) {} }
            try VirtualFileSystem.makeDirectory("/fat/folder")
            #expect(try VirtualFileSystem.copy("/boot/kernel", to: "/fat/folder/copy") == 6)
            #expect(try VirtualFileSystem.contents(of: "/fat/folder/copy") == Array("kernel".utf8))
            // More than one piece of 64 KiB, over what is longer and what is shorter.
            boot.files.append(("big", sequence(40000)))
            #expect(try VirtualFileSystem.copy("/boot/big", to: "/fat/folder/copy") == UInt64(sequence(40000).count))
            #expect(try VirtualFileSystem.contents(of: "/fat/folder/copy") == sequence(40000))
            #expect(try VirtualFileSystem.copy("/boot/dir/file", to: "/fat/folder/copy") == 1)
            #expect(try VirtualFileSystem.contents(of: "/fat/folder/copy") == [2])
            #expect(try VirtualFileSystem.entries(in: "/fat/folder").map(\.name) == ["copy"])

            expectRefusal("/fat/folder/copy is the file itself") {
                _ = try VirtualFileSystem.copy("/fat/folder/copy", to: "/fat/./folder//copy")
            }
            expectRefusal("/fat is a directory: copy its files") {
                _ = try VirtualFileSystem.copy("/fat", to: "/fat/folder/other")
            }
            expectRefusal("/boot/none: there is no such file") {
                _ = try VirtualFileSystem.copy("/boot/none", to: "/fat/folder/copy")
            }
            #expect(try VirtualFileSystem.contents(of: "/fat/folder/copy") == [2], "and nothing was lost")
            #expect(throws: HyperError.self) { try VirtualFileSystem.remove("/fat/folder") }
            try VirtualFileSystem.remove("/fat/folder/copy")
            try VirtualFileSystem.remove("/fat/folder")
            #expect(try VirtualFileSystem.entries(in: "/fat").isEmpty)
        }

        @Test(
            "A file that is kept stays, under whatever name it is asked for", .enabled(if: DiskTools.are("mkfs.vfat")))
        func kept() throws {
            let disk = try mountFAT("/fat")
            #expect(throws: HyperError.self) { try VirtualFileSystem.keep("/fat/image") }
            _ = try VirtualFileSystem.copy("/boot/kernel", to: "/fat/image")
            try VirtualFileSystem.keep("/fat//image")
            try VirtualFileSystem.keep("/fat/image")
            for _ in 0..<2 {
                for action: () throws -> Void in [
                    { try VirtualFileSystem.remove("/fat/../fat/image") },
                    { try VirtualFileSystem.truncate("/fat/image", to: 9) },
                    { _ = try VirtualFileSystem.copy("/boot/dir/file", to: "/fat/image") },
                    { try VirtualFileSystem.unmount("/fat") },
                ] { expectRefusal("/fat/image is in use, as a disk", action) }
                VirtualFileSystem.release("/fat/image")
            }
            #expect(try VirtualFileSystem.disk(of: "/fat/image") === disk.disk)
            #expect(try VirtualFileSystem.disk(of: "/boot/kernel") == nil)
            try VirtualFileSystem.remove("/fat/image")
            try VirtualFileSystem.unmount("/fat")
            VirtualFileSystem.release("/fat/image")
        }
    }
}
