extension Command {
    /// `guest`: everything about guests.
    static var guest: Command {
        Command(
            "guest", group: "Guests", "make, run, look at and end guests",
            [
                Form("list", "all guests and what they do") { _, output in output.write(guestTable()) },
                Form(
                    "create NAME TREE [SETTING...]", "make one of a device tree: vcpus=2 memory=64M name.property=value"
                ) {
                    arguments, output throws(HyperError) in
                    try create(arguments)
                    output.write("\(arguments[0]) is made\n")
                },
                Form("destroy NAME", "stop it and give back all that it had") { arguments, _ throws(HyperError) in
                    Guests.destroy(try Guests.find(arguments[0]))
                },
                Form("load NAME FILE ADDRESS", "copy a file into its memory") { arguments, output throws(HyperError) in
                    let guest = try Guests.find(arguments[0])
                    let count = try GuestLoader.load(arguments[1], into: guest, at: try address(arguments[2]))
                    output.write("\(count) bytes at \(arguments[2])\n")
                },
                Form("kernel NAME FILE [SETTING...]", "load a kernel, and a tree made for it: initrd=FILE append=TEXT")
                {
                    arguments, _ throws(HyperError) in
                    try loadKernel(try Guests.find(arguments[0]), arguments[1], Array(arguments[2...]))
                },
                Form("kick NAME", "start it") { arguments, _ throws(HyperError) in
                    try Guests.find(arguments[0]).kick()
                },
                Form("wait NAME MILLISECONDS", "wait until it has ended") { arguments, output throws(HyperError) in
                    let guest = try Guests.find(arguments[0])
                    let limit = try number(arguments[1])
                    let (nanoseconds, overflows) = limit.multipliedReportingOverflow(by: 1_000_000)
                    let hasEnded = Management.whileOthersWork {
                        guest.waitUntilHalted(limit: overflows ? .max : nanoseconds)
                    }
                    guard hasEnded else {
                        throw HyperError("guest \(guest.name) is \(guest.stateName) after \(limit) ms")
                    }
                    output.write("\(guest.name): \(guest.haltReason ?? Text())\n")
                },
                Form("pause NAME", "let it stand still") { arguments, _ throws(HyperError) in
                    try Guests.find(arguments[0]).pause()
                },
                Form("resume NAME", "let it go on") { arguments, _ throws(HyperError) in
                    try Guests.find(arguments[0]).resume()
                },
                Form("reset NAME", "bring it to where it was before it was kicked") { arguments, _ throws(HyperError) in
                    try Guests.find(arguments[0]).reset()
                },
                Form("halt NAME", "stop it for good") { arguments, _ throws(HyperError) in
                    try Guests.find(arguments[0]).halt("halted by command")
                },
                Form("regions NAME", "what is at its addresses") { arguments, output throws(HyperError) in
                    output.write(regionTable(try Guests.find(arguments[0])))
                },
                Form("balloon NAME [SIZE]", "ask it for all memory but this, as in 64M; or say how much it has given") {
                    arguments, output throws(HyperError) in
                    let guest = try Guests.find(arguments[0])
                    guard let balloon = guest.balloon else {
                        throw HyperError("guest \(guest.name) has no balloon: give its tree a virtio device of type 5")
                    }
                    let all = guest.space.ownedSize
                    if arguments.count > 1 {
                        let rest = try size(arguments[1])
                        let free = Pages.statistics.free * Pages.size
                        guard rest <= all else {
                            throw HyperError("guest \(guest.name) has \(all >> 10) KiB, and not more")
                        }
                        let back = guest.space.takenSize - min(guest.space.takenSize, all - rest)
                        guard back <= free else {
                            throw HyperError("\(back >> 10) KiB are more than the \(free >> 10) KiB that are free")
                        }
                        balloon.ask(all - rest)
                    }
                    output.write(
                        """
                        \(guest.name): \(all >> 10) KiB, of which \(balloon.wanted >> 10) KiB are wanted and \
                        \(guest.space.takenSize >> 10) KiB given

                        """)
                },
                Form("dump NAME ADDRESS [COUNT]", "bytes of its memory") { arguments, output throws(HyperError) in
                    let count = arguments.count > 2 ? try number(arguments[2]) : 128
                    try dump(try Guests.find(arguments[0]), try address(arguments[1]), count, output)
                },
            ],
            values: guestValues)
    }

    /// Offered for the values that guests' commands are given.
    static func guestValues(_ name: Text) -> [Text] {
        name == "NAME" || name == "GUEST" ? Guests.all.map { $0.name } : []
    }

    static func number(_ text: Text) throws(HyperError) -> UInt64 {
        guard let number = text.number else { throw HyperError("\(text) is not a number: write 4096 or 0x1000") }
        return number
    }

    static func address(_ text: Text) throws(HyperError) -> UInt64 { try number(text) }

    /// A number of bytes, perhaps with K, M or G behind it.
    static func size(_ text: Text) throws(HyperError) -> UInt64 {
        var digits = text
        var factor: UInt64 = 1
        switch text.bytes.last.map({ $0 & ~0x20 }) {
        case 0x4b: factor = 1 << 10
        case 0x4d: factor = 1 << 20
        case 0x47: factor = 1 << 30
        default: break
        }
        if factor > 1 { digits.bytes.removeLast() }
        let (size, overflows) = try number(digits).multipliedReportingOverflow(by: factor)
        guard !overflows else { throw HyperError("\(text) is more than any machine has") }
        return size
    }

    /// The two sides of `name=value`.
    static func setting(_ word: Text) throws(HyperError) -> (name: Text, value: Text) {
        guard let equals = word.bytes.firstIndex(of: 0x3d) else {
            throw HyperError("\(word) is not a setting: write name=value")
        }
        return (Text(word.bytes[..<equals]), Text(word.bytes[(equals + 1)...]))
    }

    private static func guestTable() -> Table {
        var table = Table("NAME|STATE|>VCPUS|>EXITS|>FAULTS|")
        for guest in Guests.all {
            let exits = guest.vcpus.reduce(0 as UInt64) { $0 &+ $1.pointee.exits }
            table.add([
                guest.name, guest.stateName, "\(guest.vcpus.count)", "\(exits)", "\(guest.faults)",
                guest.haltReason ?? Text(),
            ])
        }
        return table
    }

    private static func create(_ arguments: [Text]) throws(HyperError) {
        let tree = try DeviceTreeNode(blob: try VirtualFileSystem.contents(of: arguments[1]))
        var vcpus = 1
        for word in arguments[2...] {
            let (name, value) = try setting(word)
            switch name {
            case "vcpus": vcpus = Int(clamping: try number(value))
            case "memory":
                guard let node = tree.node(at: "mem0") ?? tree.child("aspace")?.child("mem0") else {
                    throw HyperError("memory=: the tree has no node mem0 whose size could be set")
                }
                node.set("physical_size", u64: try size(value))
            default:
                let parts = name.split(0x2e)
                var place = parts.count > 1 ? tree.child("aspace") : nil
                for part in parts.dropLast() { place = place?.child(part) }
                guard let place, let property = parts.last else {
                    throw HyperError("\(name): the tree has no such node under aspace: write node.property=value")
                }
                if let number = value.number {
                    place.set(property, u64: number)
                } else {
                    place.set(property, text: value)
                }
            }
        }
        try Guests.make(tree, name: arguments[0], vcpus: vcpus)
    }

    private static func loadKernel(_ guest: Guest, _ kernel: Text, _ settings: [Text]) throws(HyperError) {
        var (initrd, append): (Text?, Text) = (nil, Text())
        for word in settings {
            let (name, value) = try setting(word)
            switch name {
            case "initrd": initrd = value
            case "append": append = value
            default: throw HyperError("\(name) is no setting of `guest kernel`: there are initrd and append")
            }
        }
        try GuestLoader.loadKernel(kernel, initrd: initrd, append: append, into: guest)
    }

    private static func regionTable(_ guest: Guest) -> Table {
        var table = Table("NAME|>START|>SIZE|WHAT")
        for region in guest.space.regions {
            let what: Text =
                switch region.kind {
                case .memory(let host, let access) where access.contains(.device): "the host's device at \(hex: host)"
                case .memory(let host, let access):
                    "memory at \(hex: host)\(access.contains(.write) ? "" : ", read-only" as Text)"
                case .alias(let target): "alias of \(hex: target)"
                case .device: "device"
                }
            table.add([region.name, "\(hex: region.start)", "\(hex: region.size)", what])
        }
        return table
    }

    private static func dump(_ guest: Guest, _ start: UInt64, _ count: UInt64, _ output: TerminalOutput)
        throws(HyperError)
    {
        var memory = [UInt8](repeating: 0, count: Int(min(count, 1 << 16)))
        guard count <= 1 << 16, memory.withUnsafeMutableBytes({ guest.space.read(start, into: $0) }) else {
            throw HyperError("guest \(guest.name) has no \(count) bytes of memory at \(hex: start)")
        }
        output.writeHexadecimal(memory, from: start)
    }
}
