/// The hypervisor's start, once its port has memory and a CPU.
enum Hyper {
    static func start(_ blob: FlattenedDeviceTree) -> Never {
        do throws(HyperError) {
            HostDevices.tree = try DeviceTreeNode(blob)
            for driver in BuiltIn.drivers { HostDevices.add(driver) }
            for emulator in BuiltIn.emulators { Emulators.add(emulator) }
            HostDevices.probe()
            try Management.addCommands()
            if Configuration.FILE_SYSTEM_CPIO { mountInitialFiles(blob) }
        } catch {
            Console.write("hyper: \(error.message)\n")
        }
        Port.startOtherCPUs()
        let pages = Pages.statistics
        Console.write(
            """
            Hyper \(Management.version): \(CPUs.count) CPU\(CPUs.count == 1 ? "" : "s" as Text), \
            \(pages.total >> 8) MiB of memory, \(pages.used * 4) KiB in use

            """)
        Management.startTerminal()
        Port.restoreInterrupts(true)
        Scheduler.idle()
    }

    /// What a loader has put into memory for Hyper, as the first file system.
    private static func mountInitialFiles(_ blob: FlattenedDeviceTree) {
        guard let chosen = HostDevices.tree.child("chosen"), let start = chosen.number("linux,initrd-start"),
            let end = chosen.number("linux,initrd-end"), end > start
        else { return }
        // SAFETY: the memory was reserved before anything was allocated.
        let bytes = UnsafeRawBufferPointer(
            start: UnsafeRawPointer(bitPattern: UInt(start)), count: Int(end - start))
        do throws(HyperError) {
            try VirtualFileSystem.mount(CpioFileSystem(bytes), kind: "cpio", at: "/")
        } catch {
            Console.write("hyper: the initial files cannot be used: \(error.message)\n")
        }
    }
}
