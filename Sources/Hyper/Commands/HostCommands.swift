extension Command {
    /// `host`: the machine that Hyper runs on.
    static var host: Command {
        Command(
            "host", group: "Host", "CPUs, devices and interrupts of the machine",
            [
                Form("cpus", "each CPU, who runs on it, and its interrupts") { _, output in output.write(cpuTable()) },
                Form("cpu NUMBER STATE", "turn a CPU off or on; all that runs goes on") {
                    arguments, _ throws(HyperError) in
                    try turnCPU(arguments[0], arguments[1])
                },
                Form("devices", "devices that have a driver, and those whose driver refused") { _, output in
                    var table = Table("DEVICE|DRIVER|")
                    for entry in HostDevices.bound { table.add([entry.node.path, entry.driver, entry.device.summary]) }
                    for entry in PassThrough.given { table.add([entry.node.path, "guest \(entry.guest)", ""]) }
                    for entry in HostDevices.failed { table.add([entry.node.path, "none", entry.error.message]) }
                    output.write(table)
                },
                Form("disks", "disks of the machine, and what was done with them") { _, output in
                    output.write(diskTable())
                },
                Form("network", "network cards of the machine") { _, output in output.write(networkCardTable()) },
                Form("bind DEVICE", "give a device to the driver that knows it") { arguments, _ throws(HyperError) in
                    try HostDevices.bind(try node(arguments[0]))
                },
                Form("unbind DEVICE", "take a device from its driver") { arguments, _ throws(HyperError) in
                    try HostDevices.unbind(try node(arguments[0]))
                },
                Form("clock", "date and time of day, in UTC") { _, output throws(HyperError) in
                    guard let now = WallClock.now else {
                        throw HyperError("the machine has no clock: set the time with `host clock DATE TIME`")
                    }
                    output.write("\(CivilTime(seconds: now / 1_000_000_000).text) UTC\n")
                },
                Form("clock DATE TIME", "set them, for guests that are made from then on: 2026-11-28 05:09:27") {
                    arguments, _ throws(HyperError) in
                    WallClock.set(try CivilTime(date: arguments[0], time: arguments[1]).seconds * 1_000_000_000)
                },
                Form("sleep MILLISECONDS", "wait, for scripts") { arguments, _ throws(HyperError) in
                    let time = try number(arguments[0], limit: 1_000_000_000) * 1_000_000
                    Management.whileOthersWork { Scheduler.sleep(time) }
                },
                Form("time", "how long the machine is up") { _, output in
                    let now = Timers.now
                    var fraction = Text()
                    fraction.append(now / 1000 % 1_000_000, digits: 6)
                    output.write("up for \(now / 1_000_000_000).\(fraction) s\n")
                },
            ],
            values: { name in
                switch name {
                case "DEVICE": HostDevices.bound.map { $0.node.path }
                case "STATE": ["off", "on"]
                default: []
                }
            })
    }

    private static func cpuTable() -> Table {
        var table = Table(">CPU|>HARDWARE|STATE|RUNS|>INTERRUPTS|>EVENTS|>IDLE FOR")
        for index in 0..<CPUs.count {
            let cpu = CPUs[index]
            let idle = Scheduler.runTime(of: cpu.pointee.idle)
            table.add([
                "\(index)", "\(cpu.pointee.hardwareIdentifier)", CPUs.isOnline(cpu) ? "on" : "off",
                cpu.pointee.current.pointee.name, "\(cpu.pointee.interrupts)", "\(cpu.pointee.timers.count)",
                "\(Timers.nanoseconds(idle) / 1000) us",
            ])
        }
        return table
    }

    private static func turnCPU(_ number: Text, _ state: Text) throws(HyperError) {
        guard let index = number.number, index < UInt64(CPUs.count) else {
            throw HyperError("there is no CPU \(number); `host cpus` shows those that there are")
        }
        switch state {
        case "off": try CPUs.turnOff(CPUs[Int(index)])
        case "on": try CPUs.turnOn(CPUs[Int(index)])
        default: throw HyperError("\(state) is no state of a CPU: there are on and off")
        }
    }

    /// The node of the host's tree at the path.
    static func node(_ path: Text) throws(HyperError) -> DeviceTreeNode {
        guard let node = HostDevices.tree.node(at: path) else { throw HyperError("\(path): there is no such node") }
        return node
    }

    private static func diskTable() -> Table {
        var table = Table("DISK|>SECTORS|>READS|>SECTORS|>WRITES|>SECTORS|>ERRORS|PLACE")
        for disk in HostDisks.all {
            let counters = disk.counters
            table.add([
                disk.identifier, "\(disk.sectorCount)", "\(counters.reads)", "\(counters.readSectors)",
                "\(counters.writes)", "\(counters.writtenSectors)", "\(counters.errors)",
                disk.failure ?? "\(disk.place)\(disk.isReadOnly ? ", read-only" as Text : "")",
            ])
        }
        return table
    }

    /// `memory`: the host's pages.
    static var memory: Command {
        Command(
            "memory", group: "Host", "how the machine's memory is used",
            [
                Form("info", "pages in use, free, and the largest free block") { _, output in
                    let pages = Pages.statistics
                    var table = Table("|>PAGES|>KIB")
                    func row(_ name: Text, _ count: UInt64) { table.add([name, "\(count)", "\(count * 4)"]) }
                    row("total", pages.total)
                    row("reserved", pages.reserved)
                    row("used", pages.used)
                    row("free", pages.free)
                    row("largest free block", pages.largestFreeBlock)
                    output.write(table)
                },
                Form("share NAME SIZE", "make memory that guests can share") { arguments, _ throws(HyperError) in
                    try SharedMemory.make(arguments[0], size: try size(arguments[1]))
                },
                Form("shared", "memory that guests can share") { _, output in
                    var table = Table("NAME|>ADDRESS|>KIB")
                    for block in SharedMemory.blocks {
                        table.add([block.name, "\(hex: block.address)", "\(block.size >> 10)"])
                    }
                    output.write(table)
                },
                Form("unshare NAME", "give back shared memory that no guest has") { arguments, _ throws(HyperError) in
                    try SharedMemory.remove(arguments[0])
                },
                Form("dump ADDRESS [COUNT]", "words of the machine's memory") { arguments, output throws(HyperError) in
                    let start = try address(arguments[0]) & ~7
                    let count = arguments.count > 1 ? try number(arguments[1]) : 8
                    for index in 0..<min(count, 512) {
                        let value = Port.readDevice(start + index * 8, width: 8)
                        output.write("\(hex: start + index * 8, digits: 8)  \(hex: value, digits: 16)\n")
                    }
                },
            ])
    }

    /// `heap`: what Hyper itself has allocated.
    static var heap: Command {
        Command(
            "heap", group: "Host", "what the hypervisor has allocated for itself",
            [
                Form("info", "bytes in use, by the size of blocks") { _, output in
                    let statistics = Heap.statistics
                    var table = Table(">BLOCK|>IN USE|>BYTES|>PAGES")
                    for entry in statistics.blocks where entry.pages > 0 {
                        table.add(["\(entry.size)", "\(entry.count)", "\(entry.bytes)", "\(entry.pages)"])
                    }
                    table.add([
                        "pages", "\(statistics.largeAllocations)", "\(statistics.largePages * 4096)",
                        "\(statistics.largePages)",
                    ])
                    table.add(["all", "", "\(statistics.bytes)", "\(statistics.pages)"])
                    output.write(table)
                },
                Form("trim", "give back pages that hold nothing") { _, _ in Heap.trim() },
            ])
    }

    static var shutdown: Command {
        Command(
            "shutdown", group: "Host", "stop all guests and power the machine off",
            [Form("", "at once") { _, _ in Port.powerOff() }])
    }

    static var reset: Command {
        Command(
            "reset", group: "Host", "stop all guests and start the machine anew",
            [Form("", "at once") { _, _ in Port.reboot() }])
    }
}
