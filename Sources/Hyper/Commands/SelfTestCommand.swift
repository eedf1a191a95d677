extension Command {
    /// `selftest`: what can only be seen from the inside.
    static var selftest: Command {
        Command(
            "selftest", group: "Host", "tests of the hypervisor by itself",
            [
                Form("list", "tests that need nothing but the machine") { _, output in
                    var table = Table("TEST|")
                    for test in SelfTest.all { table.add([test.name, test.summary]) }
                    output.write(table)
                },
                Form("run [TEST...]", "run some of them, or all") { arguments, output throws(HyperError) in
                    try run(arguments, output)
                },
                Form("lives TREE COUNT", "make and destroy a guest so often, and count what is not given back") {
                    arguments, output throws(HyperError) in
                    let count = try number(arguments[1])
                    // Once before, so that what is kept for the next guest is there.
                    try live(arguments[0])
                    try measured("\(count) guests") { () throws(HyperError) in
                        for _ in 0..<count { try live(arguments[0]) }
                    }
                    output.write("\(count) guests have left nothing behind\n")
                },
                Form("disk DISK fill", "write each sector's number all over the disk, by several threads, and read it")
                {
                    arguments, output throws(HyperError) in
                    let test = DiskSelfTest(BlockDevice(try VirtualDisks.find(arguments[0])))
                    try test.fill()
                    try test.check()
                    output.write("disk \(arguments[0]) has what was written\n")
                },
                Form("disk DISK", "read all of a disk") { arguments, output throws(HyperError) in
                    let disk = try VirtualDisks.find(arguments[0])
                    let checksum = UInt64(try DiskSelfTest(BlockDevice(disk)).checksum())
                    output.write(
                        "disk \(arguments[0]): \(disk.sectorCount) sectors, Adler-32 \(hex: checksum, digits: 8)\n")
                },
                Form("modules FILE COUNT", "load and unload a module so often, and count what is not given back") {
                    arguments, output throws(HyperError) in
                    let count = try number(arguments[1])
                    func live() throws(HyperError) { try Modules.unload(try Modules.load(arguments[0]).name) }
                    try live()
                    try measured("\(count) lives of a module") { () throws(HyperError) in
                        for _ in 0..<count { try live() }
                    }
                    output.write("\(count) lives of a module have left nothing behind\n")
                },
                Form("attempt COMMAND...", "execute a command that may fail") { arguments, output throws(HyperError) in
                    let command = try Management.commands.find(arguments[0])
                    do throws(HyperError) { try command.run(Array(arguments[1...]), output) } catch {
                        output.write(error)
                    }
                },
                Form("refused COMMAND...", "execute a command that must fail, and print why it does") {
                    arguments, output throws(HyperError) in
                    let command = try Management.commands.find(arguments[0])
                    do throws(HyperError) {
                        try command.run(Array(arguments[1...]), output)
                    } catch {
                        return output.write("refused: \(error.message)\n")
                    }
                    throw HyperError("\(arguments[0]) was not refused")
                },
                Form("colours GUEST", "the colours of the pages of a guest's memory") {
                    arguments, output throws(HyperError) in
                    let guest = try Guests.find(arguments[0])
                    let colours = try guest.space.colours()
                    output.write("\(guest.name) has pages of colours")
                    for (colour, count) in colours.enumerated() where count > 0 { output.write(" \(colour)") }
                    output.write("\n")
                },
                Form("idle SECONDS", "count interrupts while the terminal waits: one in ten seconds may come") {
                    arguments, output throws(HyperError) in
                    let seconds = try number(arguments[0], limit: 1_000_000)
                    let before = interrupts()
                    Scheduler.sleep(seconds * 1_000_000_000)
                    let count = interrupts() - before
                    guard count <= max(seconds / 10, 1) else {
                        throw HyperError("\(count) interrupts came in \(seconds) s of waiting")
                    }
                    output.write("idle: \(count) interrupts in \(seconds) s on \(CPUs.count) CPUs\n")
                },
                Form("nested TREE", "map and unmap a guest's memory, and look where it leads") {
                    arguments, output throws(HyperError) in
                    let name: Text = "selftest"
                    let guest = try Guests.make(
                        DeviceTreeNode(blob: try VirtualFileSystem.contents(of: arguments[0])), name: name)
                    defer { Guests.destroy(guest) }
                    output.write("\(try guest.space.test()) pages lead where they should\n")
                },
            ],
            values: { $0 == "TEST" ? SelfTest.all.map { $0.name } : [] })
    }

    private static func run(_ names: [Text], _ output: TerminalOutput) throws(HyperError) {
        for name in names where !SelfTest.all.contains(where: { $0.name == name }) {
            throw HyperError("there is no self-test \(name); `selftest list` shows those that there are")
        }
        var failed = 0
        for test in SelfTest.all where names.isEmpty || names.contains(test.name) {
            do throws(HyperError) {
                try test.body()
                output.write("self-test \(test.name) passed\n")
            } catch {
                failed += 1
                output.write("self-test \(test.name) failed: \(error.message)\n")
            }
        }
        if failed > 0 { throw HyperError("\(failed) self-test\(failed == 1 ? "" : "s" as Text) failed") }
    }

    private static func interrupts() -> UInt64 {
        var count: UInt64 = 0
        for index in 0..<CPUs.count { count += CPUs[index].pointee.interrupts }
        return count
    }

    /// Throws if there is more memory in use behind what is done than before.
    private static func measured(_ what: Text, _ body: () throws(HyperError) -> Void) throws(HyperError) {
        Heap.trim()
        let (pages, bytes) = (Pages.statistics.used, Heap.statistics.bytes)
        try body()
        Heap.trim()
        let lost = (pages: Pages.statistics.used &- pages, bytes: Heap.statistics.bytes - bytes)
        guard lost.pages == 0, lost.bytes == 0 else {
            throw HyperError(
                "\(what) have left \(Int(truncatingIfNeeded: lost.pages)) pages and \(lost.bytes) bytes")
        }
    }

    private static func live(_ tree: Text) throws(HyperError) {
        let node = try DeviceTreeNode(blob: try VirtualFileSystem.contents(of: tree))
        Guests.destroy(try Guests.make(node, name: "selftest"))
    }
}

extension AddressSpace {
    /// How many pages of each colour the guest's own memory has, all of which it maps.
    fileprivate func colours() throws(HyperError) -> [Int] {
        try mapAll()
        var counts = [Int](repeating: 0, count: Configuration.PAGE_COLOURS)
        for region in regions where region.isOwned {
            for offset in stride(from: 0, to: region.size, by: Int(Pages.size)) {
                guard let page = translate(region.start + offset) else { continue }
                counts[Int(page / Pages.size) % counts.count] += 1
            }
        }
        return counts
    }

    /// Touches the first and the last page of each region of memory, and compares where the second stage leads with where
    /// the region is; how many pages were looked at.
    fileprivate func test() throws(HyperError) -> UInt64 {
        var count: UInt64 = 0
        for region in regions {
            guard case .memory(let host, _) = region.kind else { continue }
            for address in [region.start, region.start + region.size / 2 & ~4095, region.last & ~4095] {
                guard try map(address) else {
                    throw HyperError("\(region.name): nothing can be mapped at \(hex: address)")
                }
                let target = translate(address)
                guard target == host + (address - region.start) else {
                    throw HyperError("\(region.name): \(hex: address) leads to \(hex: target ?? 0)")
                }
                count += 1
            }
        }
        return count
    }
}
