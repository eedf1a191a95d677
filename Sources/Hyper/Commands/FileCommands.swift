extension Command {
    /// `vfs`: files.
    static var vfs: Command {
        Command(
            "vfs", group: "Files", "files, wherever they are mounted",
            [
                Form("mounts", "file systems and where they are") { _, output throws(HyperError) in
                    var table = Table("PATH|KIND|DISK|LABEL|>FREE KIB")
                    for mount in VirtualFileSystem.mounts {
                        let free = try mount.system.freeBytes()
                        table.add([
                            mount.path, mount.kind, mount.disk?.identifier ?? Text(), mount.system.label,
                            free.map { "\($0 >> 10)" } ?? "read-only",
                        ])
                    }
                    output.write(table)
                },
                Form("mount DISK PATH", "make a disk's file system part of the tree: FAT, or ext2 to ext4") {
                    arguments, _ throws(HyperError) in
                    try VirtualFileSystem.mount(try VirtualDisks.find(arguments[0]), at: arguments[1])
                },
                Form("ls [PATH]", "what is in a directory") { arguments, output throws(HyperError) in
                    var table = Table("|>")
                    for entry in try VirtualFileSystem.entries(in: arguments.first ?? "/") {
                        table.add([
                            "\(entry.name)\(entry.isDirectory ? "/" : "" as Text)",
                            entry.isDirectory ? "" : "\(entry.size)",
                        ])
                    }
                    output.write(table)
                },
                Form("cat PATH", "print a file") { arguments, output throws(HyperError) in
                    output.write(Text(try VirtualFileSystem.contents(of: arguments[0], limit: 64 << 10)))
                },
                Form("run PATH", "execute a file of commands") { arguments, output throws(HyperError) in
                    let script = try VirtualFileSystem.contents(of: arguments[0], limit: Management.scriptLimit)
                    try Management.commands.runScript(script, name: arguments[0], output)
                },
                Form("show PATH", "execute a file of commands, and show each") { arguments, output throws(HyperError) in
                    let script = try VirtualFileSystem.contents(of: arguments[0], limit: Management.scriptLimit)
                    try Management.commands.runScript(script, name: arguments[0], isShown: true, output)
                },
                Form("unmount PATH", "take a file system away") { arguments, _ throws(HyperError) in
                    try VirtualFileSystem.unmount(arguments[0])
                },
                Form("cp PATH TARGET", "copy a file") { arguments, output throws(HyperError) in
                    let count = try VirtualFileSystem.copy(arguments[0], to: arguments[1])
                    output.write("\(count) bytes\n")
                },
                Form("rm PATH", "remove a file, or a directory in which nothing is") {
                    arguments, _ throws(HyperError) in
                    try VirtualFileSystem.remove(arguments[0])
                },
                Form("mkdir PATH", "make a directory") { arguments, _ throws(HyperError) in
                    try VirtualFileSystem.makeDirectory(arguments[0])
                },
                Form("write PATH TEXT", "make a file of a line, or add the line to one") {
                    arguments, _ throws(HyperError) in
                    try append(arguments[1].bytes + [0x0a], to: arguments[0])
                },
                Form("sum PATH", "the CRC-32 and the size of a file") { arguments, output throws(HyperError) in
                    let (sum, count) = try checksum(arguments[0])
                    output.write("\(arguments[0]): CRC-32 \(hex: UInt64(sum), digits: 8), \(count) bytes\n")
                },
                Form("hexdump PATH [OFFSET] [COUNT]", "bytes of a file") { arguments, output throws(HyperError) in
                    let offset = arguments.count > 1 ? try number(arguments[1]) : 0
                    let count = arguments.count > 2 ? try number(arguments[2]) : 256
                    guard count <= 1 << 16 else {
                        throw HyperError("\(count) bytes are too many to print: ask for fewer")
                    }
                    var bytes = [UInt8](repeating: 0, count: Int(count))
                    let read = try bytes.withBuffer { buffer throws(HyperError) in
                        try VirtualFileSystem.read(arguments[0], at: offset, into: buffer)
                    }
                    output.writeHexadecimal(bytes[..<read], from: offset)
                },
            ],
            values: { name in
                switch name {
                case "DISK": VirtualDisks.all.map { $0.identifier }
                default: []
                }
            })
    }

    private static func append(_ bytes: [UInt8], to path: Text) throws(HyperError) {
        let (parent, name) = split(path)
        if try !VirtualFileSystem.entries(in: parent).contains(where: { $0.name == name }) {
            try VirtualFileSystem.create(path)
        }
        var bytes = bytes
        let size = try VirtualFileSystem.entry(at: path).size
        try bytes.withBuffer { buffer throws(HyperError) in
            try VirtualFileSystem.write(path, at: size, from: UnsafeRawBufferPointer(buffer))
        }
    }

    private static func split(_ path: Text) -> (parent: Text, name: Text) {
        let parts = path.split(0x2f)
        var parent: Text = "/"
        for part in parts.dropLast() { parent.append("\(part)/" as Text) }
        return (parent, parts.last ?? Text())
    }

    private static func checksum(_ path: Text) throws(HyperError) -> (UInt32, UInt64) {
        var sum = CRC32()
        var offset: UInt64 = 0
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = try piece.withBuffer { buffer throws(HyperError) in
                try VirtualFileSystem.read(path, at: offset, into: buffer)
            }
            guard count > 0 else { return (sum.value, offset) }
            sum.add(piece[..<count])
            offset += UInt64(count)
        }
    }

    /// `devtree`: the host's device tree.
    static var devtree: Command {
        Command(
            "devtree", group: "Host", "the machine's device tree",
            [
                Form("show [PATH]", "a node and all below it, as source") { arguments, output throws(HyperError) in
                    output.write(try node(arguments.first ?? "/").source)
                },
                Form("list [PATH]", "the nodes below a node") { arguments, output throws(HyperError) in
                    for child in try node(arguments.first ?? "/").children { output.write("\(child.name)\n") }
                },
            ])
    }
}
