/// The hypervisor's start, once its port has memory and a CPU.
enum Hyper {
    static func start(_ tree: FlattenedDeviceTree) -> Never {
        HostInterrupts.controller = PLICDriver(base: 0xc00_0000, contexts: [1])
        let uart = NS16550Driver(base: 0x1000_0000, interrupt: 10)
        Console.device = uart
        Console.write("Hyper: \(CPUs.count) CPU\n")
        do throws(HyperError) {
            var initrd: Range<UInt64> = 0..<0
            tree.forEachNode { node in
                if let a = node.property("linux,initrd-start"), let b = node.property("linux,initrd-end") {
                    initrd = a.number(at: 0, cells: a.cellCount)..<b.number(at: 0, cells: b.cellCount)
                }
            }
            let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: UInt(initrd.lowerBound)), count: initrd.count)
            try VirtualFileSystem.mount(CpioFileSystem(bytes), kind: "cpio", at: "/")
            for entry in try VirtualFileSystem.entries(in: "/") { Console.write("  \(entry.name, width: 20) \(entry.size)\n") }
            let guest = try Guest(name: "guest0", identifier: 0)
            let size: UInt64 = 256 << 20
            let ram = try Pages.allocate(Int(size / 4096), alignment: 2 << 20)
            try guest.space.add(Region(name: "ram", start: 0x8000_0000, size: size, kind: .memory(ram, .all)))
            let vcpu = guest.addVCPU()
            let serial = VirtualSerial(name: "guest0/uart0")
            let plic = PLICEmulator(targets: [nil, (vcpu, 10)])
            let emulator = NS16550Emulator(serial: serial, line: InterruptLine(plic, 10))
            try guest.space.add(Region(name: "uart0", start: 0x1000_0000, size: 0x100, kind: .device(emulator)))
            try guest.space.add(Region(name: "plic", start: 0xc00_0000, size: 0x400_0000, kind: .device(plic)))
            try guest.space.add(Region(name: "test", start: 0x10_0000, size: 0x1000, kind: .device(TestEmulator(guest: guest))))
            guest.console = serial
            serial.bind { uart.write($0) }
            uart.onInput = { serial.type($0) }
            func load(_ path: Text, _ address: UInt64) throws(HyperError) {
                let entry = try VirtualFileSystem.entry(at: path)
                guard let memory = guest.space.memory(address, count: entry.size) else { throw HyperError("no room for \(path)") }
                _ = try VirtualFileSystem.read(path, into: UnsafeMutableRawBufferPointer(start: memory, count: Int(entry.size)))
            }
            try load("/linux", 0x8020_0000)
            try load("/guest.dtb", 0x8800_0000)
            try load("/initramfs.cpio", 0x8820_0000)
            guest.entry = 0x8020_0000
            guest.argument = 0x8800_0000
            try guest.kick()
        } catch { Console.write("error: \(error.message)\n") }
        Port.restoreInterrupts(true)
        Scheduler.idle()
    }
}
