/// Commands that need a virtio input device (Virtual I/O Device 1.2: Input device).
enum InputCommands {
    static let input: UInt32 = 18

    /// Prints so many events of the input device, and first its name.
    static func events(_ count: UInt64?, _ place: UInt64?) {
        guard let count, let (device, _) = VirtIO.find(input, place ?? 0), device.setUp() else {
            return Commands.complain("events needs a count, and an input device")
        }
        let nameSelection: UInt8 = 1
        let configuration = device.registers.configuration
        device_write8(configuration, nameSelection)
        device_write8(configuration + 1, 0)
        for index in 0..<UInt64(device_read8(configuration + 2)) {
            Console.put(device_read8(configuration + 8 + index))
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
