import ISA

/// How a pixel lies in memory, byte after byte (VirtIO 1.2, section 5.7.6.8, enum virtio_gpu_formats).
enum VirtIOGPUFormat: UInt32, CaseIterable {
    case b8g8r8a8 = 1
    case b8g8r8x8 = 2
    case a8r8g8b8 = 3
    case x8r8g8b8 = 4
    case r8g8b8a8 = 67
    case x8b8g8r8 = 68
    case a8b8g8r8 = 121
    case r8g8b8x8 = 134

    /// The place of each byte; of alpha, nil where there is none.
    private var places: (red: Int, green: Int, blue: Int, alpha: Int?) {
        switch self {
        case .b8g8r8a8: (2, 1, 0, 3)
        case .b8g8r8x8: (2, 1, 0, nil)
        case .a8r8g8b8: (1, 2, 3, 0)
        case .x8r8g8b8: (1, 2, 3, nil)
        case .r8g8b8a8: (0, 1, 2, 3)
        case .x8b8g8r8: (3, 2, 1, nil)
        case .a8b8g8r8: (3, 2, 1, 0)
        case .r8g8b8x8: (0, 1, 2, nil)
        }
    }

    /// Writes pixels of this format as red, green, blue, alpha; the two have the same size, a multiple of four.
    func convert(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer) {
        let places = places
        let (red, green, blue) = (UInt32(8 * places.red), UInt32(8 * places.green), UInt32(8 * places.blue))
        let (alpha, opaque) = places.alpha.map { (UInt32(8 * $0), 0) } ?? (0, 0xff00_0000 as UInt32)
        // SAFETY: four bytes from each offset on lie in both.
        for offset in stride(from: 0, to: min(source.count, target.count) & ~3, by: 4) {
            let pixel = UInt32(littleEndian: source.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            let colours = pixel >> red & 0xff | (pixel >> green & 0xff) << 8 | (pixel >> blue & 0xff) << 16
            let all = colours | (pixel >> alpha) << 24 | opaque
            target.storeBytes(of: all.littleEndian, toByteOffset: offset, as: UInt32.self)
        }
    }
}

/// A picture that a driver has made: what the host keeps of it, and where its memory is.
final class VirtIOGPUResource {
    /// What a resource costs beside its pixels: so that very many very small ones are bounded too.
    static let overhead: UInt64 = 4096

    private(set) var format: VirtIOGPUFormat
    private(set) var bounds: Rectangle
    /// Row by row, in ``format``.
    private(set) var pixels: [UInt8]
    var backing: VirtIOGPUBacking?

    init(format: VirtIOGPUFormat, width: Int, height: Int) {
        self.format = format
        bounds = Rectangle(width: width, height: height)
        pixels = Array(repeating: 0, count: width * height * 4)
    }

    var isEmpty: Bool { pixels.isEmpty }
    /// Bytes of the host.
    var cost: UInt64 { UInt64(pixels.count) + Self.overhead + (backing?.cost ?? 0) }

    private func offset(_ x: Int, _ y: Int) -> Int { (y * bounds.width + x) * 4 }

    /// Copies a rectangle, which lies in ``bounds``, from the backing: its first pixel is at `offset` there, and rows are
    /// as far apart as here. False where the backing does not reach.
    func fill(_ rectangle: Rectangle, from backing: VirtIOGPUBacking, at offset: UInt64) -> Bool {
        guard !rectangle.isEmpty else { return true }
        let pitch = bounds.width * 4
        // Rows of the full width follow each other.
        let isWhole = rectangle.width == bounds.width
        let (rows, count) = isWhole ? (1, rectangle.height * pitch) : (rectangle.height, rectangle.width * 4)
        let (end, overflow) = offset.addingReportingOverflow(UInt64((rows - 1) * pitch + count))
        guard !overflow, end <= backing.count else { return false }
        // SAFETY: the rectangle lies in the bounds, and so each of its rows, or all of its whole rows, in the pixels.
        return pixels.withUnsafeMutableBytes { pixels in
            for row in 0..<rows {
                let start = self.offset(rectangle.x, rectangle.y + row)
                let target = UnsafeMutableRawBufferPointer(rebasing: pixels[start..<start + count])
                guard backing.read(at: offset + UInt64(row * pitch), into: target) else { return false }
            }
            return true
        }
    }

    /// Writes the pixels of part of a row, which lies in ``bounds``, as red, green, blue, alpha.
    func convert(x: Int, y: Int, to target: UnsafeMutableRawBufferPointer) {
        let start = offset(x, y)
        // SAFETY: the part of the row lies in the bounds, and so in the pixels.
        pixels.withUnsafeBytes { pixels in
            format.convert(UnsafeRawBufferPointer(rebasing: pixels[start..<start + target.count]), to: target)
        }
    }

    /// - Parameter memory: where the backing of a snapshot is.
    func describeState(_ visitor: inout some StateVisitor, memory: PhysicalMemory?) {
        var (number, width, height) = (format.rawValue, UInt32(bounds.width), UInt32(bounds.height))
        visitor.field("format", &number)
        visitor.field("width", &width)
        visitor.field("height", &height)
        visitor.field("pixels", &pixels)
        var isBacked = backing != nil
        visitor.field("backed", &isBacked)
        var pieces = backing?.entries ?? []
        visitor.field("backing", &pieces)
        guard visitor.replacesFields else { return }
        // Nothing of a damaged snapshot stands that no driver could have made.
        if let format = VirtIOGPUFormat(rawValue: number),
            UInt64(width) * UInt64(height) <= VirtIOGPU.memoryLimit / 4,
            Int(width) * Int(height) * 4 == pixels.count
        {
            self.format = format
            bounds = Rectangle(width: Int(width), height: Int(height))
        } else {
            visitor.refuse("as many as width and height say, in a format that there is", of: "pixels")
            (bounds, pixels) = (Rectangle(width: 0, height: 0), [])
        }
        backing = isBacked ? memory.flatMap { VirtIOGPUBacking(pieces, $0) } : nil
        if isBacked, backing == nil { visitor.refuse("pieces of memory") }
    }
}

/// The guest's memory of a resource: pieces, one after the other.
struct VirtIOGPUBacking {
    /// Bytes of a structure virtio_gpu_mem_entry: address, length, padding.
    static let entrySize: UInt64 = 16

    private let memory: PhysicalMemory
    private let pieces: [GuestBuffer.Piece]
    /// Where each piece begins.
    private let starts: [UInt64]
    /// Bytes in all pieces.
    let count: UInt64

    /// Reads such structures. Nil where one of them names what is not memory.
    init?(_ entries: [UInt8], _ memory: PhysicalMemory) {
        var (pieces, starts, count): ([GuestBuffer.Piece], [UInt64], UInt64) = ([], [], 0)
        for offset in stride(from: 0, to: entries.count, by: Int(Self.entrySize)) {
            let length = UInt64(entries.littleEndian(at: offset + 8, as: UInt32.self))
            let piece = GuestBuffer.Piece(address: entries.littleEndian(at: offset), count: length)
            guard length > 0 else { continue }
            guard memory.host(piece.address, count: length) != nil else { return nil }
            pieces.append(piece)
            starts.append(count)
            // Less than 2^32 pieces of less than 2^32 bytes.
            count += length
        }
        (self.memory, self.pieces, self.starts, self.count) = (memory, pieces, starts, count)
    }

    /// Bytes of the host.
    var cost: UInt64 { UInt64(pieces.count * (MemoryLayout<GuestBuffer.Piece>.stride + MemoryLayout<UInt64>.stride)) }

    /// The pieces, as they were read.
    var entries: [UInt8] {
        var bytes: [UInt8] = []
        for piece in pieces {
            bytes.append(littleEndian: piece.address)
            bytes.append(littleEndian: piece.count)
        }
        return bytes
    }

    /// Copies the bytes from `offset` on; false where they are not all there. Flash may have gone since.
    func read(at offset: UInt64, into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard offset <= count, UInt64(target.count) <= count - offset, let start = target.baseAddress else {
            return target.isEmpty
        }
        // The last piece that begins at or before the offset.
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        var (index, done) = (low - 1, 0)
        while done < target.count {
            let skipped = offset + UInt64(done) - starts[index]
            let length = min(Int(pieces[index].count - skipped), target.count - done)
            // SAFETY: `done + length` is at most the target's count.
            guard memory.read(pieces[index].address + skipped, into: start + done, count: length) else { return false }
            done += length
            index += 1
        }
        return true
    }
}
