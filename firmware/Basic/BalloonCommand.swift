/// A driver of the memory balloon (Virtual I/O Device 1.2, Traditional Memory Balloon Device), for one round.
enum BalloonCommand {
    private static let kind: UInt32 = 5
    private static let pagesOfBuffer: UInt64 = 1024

    /// Waits until it is asked for pages, gives so many from the end of memory, and has them again when it is asked for none.
    static func run() {
        guard let (virtio, device) = VirtIO.find(kind) else { return Commands.complain("the tree has no balloon") }
        let wanted = virtio.registers.configuration, actual = wanted + 4
        guard virtio.setUp() else { return Commands.complain("the balloon cannot be set up") }
        guard Clock.wait(milliseconds: 10_000, until: { device_read32(wanted) != 0 }) else {
            return Commands.complain("the balloon asks for nothing")
        }
        // Below the tree, which is at the end.
        let count = UInt64(device_read32(wanted)), first = Memory.end - (1 << 20) - count * 4096
        for page in 0..<count { device_write64(first + page * 4096, ~0) }
        give(virtio, device, first, count)
        device_write32(actual, UInt32(count))
        report("gave", count, UInt64(device_read32(actual)))
        guard Clock.wait(milliseconds: 10_000, until: { device_read32(wanted) == 0 }) else {
            return Commands.complain("the balloon keeps what it has")
        }
        // What comes back is not what was given: another's pages, without what that left in them.
        var zeros: UInt64 = 0
        for page in 0..<count where device_read64(first + page * 4096) == 0 { zeros += 1 }
        device_write32(actual, 0)
        report("has again", count, zeros)
        virtio.reset()
    }

    private static func give(_ virtio: VirtIO, _ device: Machine.Device, _ first: UInt64, _ count: UInt64) {
        let numbers = address_of_basic_page(7)
        var done: UInt64 = 0
        while done < count {
            let part = min(count - done, pagesOfBuffer)
            for index in 0..<part {
                device_write32(numbers + index * 4, UInt32(truncatingIfNeeded: (first >> 12) + done + index))
            }
            virtio.describe(0, numbers, UInt32(part * 4))
            guard virtio.transfer(device) else { return Commands.complain("the balloon does not answer") }
            done += part
            if done < count, !virtio.setUp() { return Commands.complain("the balloon cannot be set up again") }
        }
    }

    private static func report(_ what: StaticString, _ count: UInt64, _ result: UInt64) {
        Console.write(what)
        Console.write(" ")
        Console.decimal(count)
        Console.write(" pages: ")
        Console.decimal(result)
        Console.write("\n")
    }
}
