extension Command {
    /// `vfs`: files.
    static var vfs: Command {
        Command(
            "vfs", group: "Files", "files, wherever they are mounted",
            [
                Form("mounts", "file systems and where they are") { _, output in
                    var table = Table(["PATH", "KIND"])
                    for mount in VirtualFileSystem.mounts { table.add([mount.path, mount.kind]) }
                    output.write(table)
                },
                Form("ls [PATH]", "what is in a directory") { arguments, output throws(HyperError) in
                    var table = Table(["", ""], right: [1])
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
            ])
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
