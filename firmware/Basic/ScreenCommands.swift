/// Commands that need a virtio GPU (Virtual I/O Device 1.2: GPU device, Device operation: 2D).
enum ScreenCommands {
    private static let gpu: UInt32 = 16
    /// Pixels of a side: four pages hold as many as there are.
    private static let side: UInt64 = 64
    private static let resource: UInt64 = 1
    private static let noData: UInt32 = 0x1100

    /// Draws a picture of 64 times 64 pixels: red grows to the right, green downwards, and blue is the number.
    static func draw(_ number: UInt64?, _ format: UInt64?) {
        guard let number else { return Commands.complain("draw needs a number") }
        guard let (device, _) = VirtIO.find(gpu) else { return drawInMemory(number) }
        guard device.setUp() else { return Commands.complain("the GPU cannot be set up") }
        // VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, which is the usual one, or another with the first byte in another place.
        let format = format ?? 2
        let pixels = address_of_basic_page(8)
        paint(pixels, side * 4, number, isRedFirst: format == 134)
        // RESOURCE_CREATE_2D; RESOURCE_ATTACH_BACKING, in pieces of a page and of three; SET_SCANOUT; TRANSFER_TO_HOST_2D;
        // RESOURCE_FLUSH.
        let half = side / 2
        let isDrawn =
            execute(device, 0x101, words(resource, format), words(side, side))
            && execute(
                device, 0x106, words(resource, 2), pixels, words(4096, 0), pixels + 4096, words(3 * 4096, 0))
            && execute(device, 0x103, 0, words(side, side), words(0, resource))
            && execute(device, 0x105, 0, words(side, half), 0, words(resource, 0))
            && execute(device, 0x105, words(0, half), words(side, half), side * half * 4, words(resource, 0))
            && execute(device, 0x104, 0, words(side, side), words(resource, 0))
        Console.write(isDrawn ? "drawn\n" : "fail the GPU does not do what it is told\n")
    }

    private static func paint(_ pixels: UInt64, _ stride: UInt64, _ number: UInt64, isRedFirst: Bool) {
        for y in 0..<side {
            for x in 0..<side {
                let (red, green, blue) = (x * 4, y * 4, number & 0xff)
                let pixel = isRedFirst ? blue << 16 | green << 8 | red : red << 16 | green << 8 | blue
                device_write32(pixels + y * stride + x * 4, UInt32(pixel))
            }
        }
    }

    /// Memory that is a screen (Devicetree binding simple-framebuffer).
    private static func drawInMemory(_ number: UInt64) {
        var isDrawn = false
        Machine.tree?.forEachNode { node in
            guard node.isCompatible(with: "simple-framebuffer"), let range = node.range(),
                let stride = node.property("stride")?.cell(0), node.property("width")?.cell(0) ?? 0 >= side,
                node.property("height")?.cell(0) ?? 0 >= side
            else { return }
            paint(range.base, stride, number, isRedFirst: node.property("format")?.contains("x8b8g8r8") ?? false)
            isDrawn = true
        }
        Console.write(isDrawn ? "drawn\n" : "fail the tree has no screen\n")
    }

    private static func words(_ low: UInt64, _ high: UInt64) -> UInt64 { high << 32 | low }

    /// Has the GPU execute a command with fields of eight bytes behind its header.
    private static func execute(
        _ device: VirtIO, _ command: UInt64, _ first: UInt64, _ second: UInt64, _ third: UInt64? = nil,
        _ fourth: UInt64? = nil, _ fifth: UInt64? = nil
    ) -> Bool {
        let request = address_of_basic_page(6), response = address_of_basic_page(7)
        for word in 0..<UInt64(3) { device_write64(request + word * 8, word == 0 ? command : 0) }
        device_write64(request + 24, first)
        device_write64(request + 32, second)
        var length: UInt64 = 40
        let rest: InlineArray<3, UInt64?> = [third, fourth, fifth]
        for index in rest.indices {
            guard let field = rest[index] else { break }
            device_write64(request + length, field)
            length += 8
        }
        device_write64(response, 0)
        device.describe(0, request, UInt32(length), next: 1)
        device.describe(1, response, 24, isWritten: true)
        device.offer()
        return Clock.wait { device.isIdle } && device_read32(response) == noData
    }
}
