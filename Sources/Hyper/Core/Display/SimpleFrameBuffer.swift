/// A guest's memory that is a screen (Devicetree binding simple-framebuffer): memory of its own with that `compatible`, and
/// with `width`, `height` and, where they are not the usual ones, `stride` and `format`. The guest draws by storing there, and
/// nobody is told: while it is shown, a thread looks.
public final class SimpleFrameBuffer {
    public static let compatible: Text = "simple-framebuffer"

    public let name: Text
    public let start: UInt64
    public let size: UInt64
    private let width: Int
    private let height: Int
    /// Bytes from row to row.
    private let stride: Int
    private let formatName: Text
    private let format: PixelFormat
    private let pixels: UnsafeRawPointer
    private let display: VirtualDisplay

    /// - Parameter memory: the region's, which outlives it.
    init(_ region: GuestRegion, of guest: Text, memory: UnsafeRawPointer) throws(HyperError) {
        let node = region.node
        guard let width = node.u32("width"), let height = node.u32("height"), 1...4096 ~= width, 1...4096 ~= height
        else {
            throw node.wrong("width", "and height must be pixels of a screen: <1> to <4096>")
        }
        formatName = node.text("format") ?? "x8r8g8b8"
        guard let format = PixelFormat(formatName) else {
            throw node.wrong("format", "must have bytes of colours, such as \"x8r8g8b8\" or \"a8b8g8r8\"")
        }
        let stride = node.u32("stride") ?? width * 4
        guard stride >= width * 4, UInt64(stride) * UInt64(height) <= region.size else {
            throw node.wrong("stride", "must be at least 4 * width, and rows of it must fit into the region")
        }
        (name, start, size) = (region.name, region.start, region.size)
        (self.width, self.height, self.stride, self.format) = (Int(width), Int(height), Int(stride), format)
        pixels = memory
        display = VirtualDisplay(name: "\(guest)/\(region.name)", guest: guest)
        display.screen = try Screen(width: self.width, height: self.height)
        let me = Unmanaged.passUnretained(self)
        // The display is gone before the buffer is.
        display.refresh = { me._withUnsafeGuaranteedRef { $0.refresh() } }
        Displays.add(display)
    }

    func remove() { Displays.remove(display) }

    /// Takes over rows that have changed.
    private func refresh() -> Rectangle {
        guard let screen = display.screen else { return Rectangle(width: 0, height: 0) }
        var changed: ClosedRange<Int>?
        for y in 0..<height where screen.replaceRow(y, pixels + y * stride, format) {
            changed = (changed?.lowerBound ?? y)...y
        }
        guard let changed else { return Rectangle(width: 0, height: 0) }
        return Rectangle(x: 0, y: changed.lowerBound, width: width, height: changed.count)
    }

    /// Tells the guest of it, in its tree.
    func describe(in chosen: DeviceTreeNode) {
        if !chosen.has("#address-cells") {
            chosen.set("#address-cells", u32: 2)
            chosen.set("#size-cells", u32: 2)
            chosen.set("ranges")
        }
        var address = Text()
        address.append(start, radix: 16)
        let node = chosen.add("framebuffer@\(address)")
        node.set("compatible", text: Self.compatible)
        node.set("width", u32: UInt32(width))
        node.set("height", u32: UInt32(height))
        node.set("stride", u32: UInt32(stride))
        node.set("format", text: formatName)
        GuestTree.setRegisters(node, start, size)
    }
}

extension Screen {
    /// Takes a whole row from memory; whether it was another one.
    fileprivate func replaceRow(_ y: Int, _ source: UnsafeRawPointer, _ format: PixelFormat) -> Bool {
        let row = pixels + y * width
        var isChanged = false
        for x in 0..<width {
            let pixel = format.standard(
                UInt32(littleEndian: source.loadUnaligned(fromByteOffset: 4 * x, as: UInt32.self)))
            guard pixel != row[x] else { continue }
            row[x] = pixel
            isChanged = true
        }
        return isChanged
    }
}
