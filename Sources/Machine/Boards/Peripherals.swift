import ISA

/// What boards have in common beside their CPUs: flash and VirtIO slots with what the user puts there.
enum Peripherals {
    /// Two banks of flash, of which the first holds the first image.
    static func flashBanks(
        _ images: [MachineDescription.Drive], memory: PhysicalMemory, base: UInt64, size: UInt64,
        report: @escaping (String) -> Void
    ) throws(InputError) -> [CFIFlash] {
        let count = 2
        guard images.count <= count else {
            throw InputError(
                file: "--flash", problem: "\(images.count) images, and the machine has \(count) banks",
                mend: "Give at most \(count).")
        }
        var banks: [CFIFlash] = []
        for index in 0..<count {
            let image = index < images.count ? images[index] : nil
            let base = base + UInt64(index) * size
            do {
                let contents = try image.map { (image) throws(BlockError) in
                    try FileDisk(path: image.path, isReadOnly: image.isReadOnly || image.isSnapshot)
                }
                let access: CFIFlash.Access =
                    image.map { $0.isReadOnly ? .readOnly : $0.isSnapshot ? .copyOnWrite : .writeThrough }
                    ?? .copyOnWrite
                banks.append(
                    try CFIFlash(
                        name: "flash@" + String(base, radix: 16), memory: memory, base: base, size: size,
                        contents: contents, access: access, report: report))
            } catch {
                throw InputError(file: "--flash", problem: "\(error)")
            }
        }
        return banks
    }

    /// The slots of a board, from the first on: disks, and then the other devices that were asked for. The last two are a
    /// console and an entropy source.
    /// - Parameter interrupt: the wire of the slot of that number.
    static func virtioSlots(
        _ count: Int, at base: UInt64, size: UInt64, drives: [MachineDescription.Drive], _ others: [any VirtIODevice],
        seed: UInt64, space: AddressSpace, clock: Clock, report: @escaping (String) -> Void,
        interrupt: (Int) -> InterruptLine
    ) throws(InputError) -> [VirtIOMMIO] {
        let room = count - 2 - others.count
        guard drives.count <= room else {
            throw InputError(
                file: "--drive",
                problem: "\(drives.count) drives, and the machine has slots for \(room)"
                    + (others.isEmpty ? "" : " besides its other devices"),
                mend: "Put several file systems on one disk.")
        }
        var devices: [(any VirtIODevice)?] = []
        for (index, drive) in drives.enumerated() {
            do throws(BlockError) {
                let file = try FileDisk(path: drive.path, isReadOnly: drive.isReadOnly || drive.isSnapshot)
                devices.append(
                    VirtIOBlock(
                        backend: drive.isSnapshot ? OverlayDisk(over: file) : file, serial: "disk\(index)",
                        report: report))
            } catch {
                throw InputError(file: "--drive", problem: "\(error)", mend: "Check the path and its permissions.")
            }
        }
        devices += others
        devices += Array(repeating: nil, count: count - 2 - devices.count)
        devices += [VirtIOConsole(backend: NoConsole()), VirtIOEntropy(seed: seed)]
        return devices.enumerated().map { index, device in
            VirtIOMMIO(
                name: "virtio_mmio@" + String(base + UInt64(index) * size, radix: 16), device: device, space: space,
                clock: clock, interrupt: interrupt(index), report: report)
        }
    }
}
