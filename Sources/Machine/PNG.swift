import CZlib

/// Pictures as PNG files (Portable Network Graphics, third edition).
public enum PNG {
    /// A file of 8 bits each of red, green and blue.
    public static func encode(_ picture: Picture) -> [UInt8] {
        let (width, height, pixels) = (picture.width, picture.height, picture.pixels)
        var rows: [UInt8] = []
        rows.reserveCapacity(height * (1 + width * 3))
        for y in 0..<height {
            rows.append(0)  // no filter (9.2)
            for start in stride(from: y * width * 4, to: (y + 1) * width * 4, by: 4) {
                rows += pixels[start..<start + 3]
            }
        }
        var header: [UInt8] = []
        header += bigEndian(UInt32(width)) + bigEndian(UInt32(height))
        header += [8, 2, 0, 0, 0]  // depth, truecolour, and the only methods of compression, filters, and no interlace
        let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        return signature + chunk("IHDR", header) + chunk("IDAT", deflate(rows)) + chunk("IEND", [])
    }

    /// Length, type, data, and a checksum of the last two (5.3).
    private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + data
        let checksum = crc32(0, body, UInt32(body.count))
        return bigEndian(UInt32(data.count)) + body + bigEndian(UInt32(truncatingIfNeeded: checksum))
    }

    /// A zlib stream (10.1).
    private static func deflate(_ bytes: [UInt8]) -> [UInt8] {
        let bound = Int(compressBound(UInt(bytes.count)))
        // SAFETY: zlib writes at most `size` bytes, which is the buffer's count, and sets it to what it wrote.
        return [UInt8](unsafeUninitializedCapacity: bound) { buffer, initialized in
            var size = UInt(bound)
            // Fails only without memory, or where the bound is too small, which zlib says that it is not.
            let status = compress(buffer.baseAddress, &size, bytes, UInt(bytes.count))
            initialized = status == Z_OK ? Int(size) : 0
        }
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }
}
