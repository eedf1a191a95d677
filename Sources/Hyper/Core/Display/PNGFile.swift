/// A picture in a file: PNG (ISO/IEC 15948), of 8-bit RGB, whose pixels are stored as they are (RFC 1951, 3.2.4).
struct PNGFile {
    private let path: Text
    private var offset: UInt64 = 0

    /// Writes what is on the screen, which nobody changes meanwhile.
    static func write(_ screen: Screen, to path: Text) throws(HyperError) {
        if (try? VirtualFileSystem.entry(at: path)) != nil {
            try VirtualFileSystem.truncate(path, to: 0)
        } else {
            try VirtualFileSystem.create(path)
        }
        var file = PNGFile(path: path)
        try file.append([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
        var header: [UInt8] = []
        header.append(bigEndian: UInt32(screen.width))
        header.append(bigEndian: UInt32(screen.height))
        // Bits of a sample, RGB, and the only methods of compression and filtering there are; not interlaced.
        try file.appendChunk("IHDR", header + [8, 2, 0, 0, 0])
        try file.appendPixels(screen)
        try file.appendChunk("IEND", [])
    }

    private init(path: Text) { self.path = path }

    private mutating func append(_ bytes: [UInt8]) throws(HyperError) {
        var bytes = bytes
        try bytes.withBuffer { (buffer) throws(HyperError) in
            try VirtualFileSystem.write(path, at: offset, from: UnsafeRawBufferPointer(buffer))
        }
        offset += UInt64(bytes.count)
    }

    private mutating func appendChunk(_ type: Text, _ data: [UInt8]) throws(HyperError) {
        var chunk: [UInt8] = []
        chunk.reserveCapacity(data.count + 12)
        chunk.append(bigEndian: UInt32(data.count))
        chunk += type.bytes + data
        chunk.append(bigEndian: CRC32.of(Array(chunk[4...])))
        try append(chunk)
    }

    /// One stream of zlib's, with a stored block for each row, in a chunk of its own.
    private mutating func appendPixels(_ screen: Screen) throws(HyperError) {
        var checksum = Adler32()
        for y in 0..<screen.height {
            // Deflate with the smallest window, and a check of these two bytes.
            var data: [UInt8] = y == 0 ? [0x08, 0x1d] : []
            let isLast = y == screen.height - 1
            let count = UInt16(1 + 3 * screen.width)
            data += [isLast ? 1 : 0, UInt8(count & 0xff), UInt8(count >> 8), UInt8(~count & 0xff), UInt8(~count >> 8)]
            // Not filtered.
            var row: [UInt8] = [0]
            row.reserveCapacity(Int(count))
            for x in 0..<screen.width {
                let pixel = screen.pixels[y * screen.width + x]
                row += [UInt8(pixel >> 16 & 0xff), UInt8(pixel >> 8 & 0xff), UInt8(pixel & 0xff)]
            }
            for byte in row { checksum.add(byte) }
            data += row
            if isLast { data.append(bigEndian: checksum.value) }
            try appendChunk("IDAT", data)
        }
    }
}
