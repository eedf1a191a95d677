/// Commands that need a virtio input device (Virtual I/O Device 1.2: Input device).
enum InputCommands {
    static let input: UInt32 = 18
    private static let configuration: UInt64 = 0x100

    /// The virtio device of the kind, by its place among them.
    static func device(_ kind: UInt32, _ place: UInt64) -> VirtIO? {
        var found: VirtIO?, seen: UInt64 = 0
        Machine.tree?.forEachNode { node in
            guard node.isCompatible(with: "virtio,mmio"), let device = Machine.device(node) else { return }
            let virtio = VirtIO(base: device.base)
            guard virtio.read(VirtIO.deviceIdentifier) == kind else { return }
            if seen == place { found = virtio }
            seen += 1
        }
        return found
    }

    /// Prints so many events of the input device, and first its name.
    static func events(_ count: UInt64?, _ place: UInt64?) {
        guard let count, let device = device(input, place ?? 0), device.setUp() else {
            return Commands.complain("events needs a count, and an input device")
        }
        let nameSelection: UInt8 = 1
        device_write8(device.base + configuration, nameSelection)
        device_write8(device.base + configuration + 1, 0)
        for index in 0..<UInt64(device_read8(device.base + configuration + 2)) {
            Console.put(device_read8(device.base + configuration + 8 + index))
        }
        Console.write(" is there\n")
        let buffer = address_of_basic_page(7)
        device.describe(0, buffer, 8, isWritten: true)
        for _ in 0..<count {
            device.offer()
            guard Clock.wait(milliseconds: 20000, until: { device.isIdle }) else {
                return Commands.complain("no event comes")
            }
            Console.write("event ")
            Console.decimal(UInt64(device_read16(buffer)))
            Console.write(" ")
            Console.decimal(UInt64(device_read16(buffer + 2)))
            Console.write(" ")
            Console.decimal(UInt64(device_read32(buffer + 4)))
            Console.write("\n")
        }
        device.reset()
    }
}
