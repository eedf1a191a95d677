import Foundation
import TestSupport
import Testing

@testable import Machine

/// Pictures are read back by another's zlib and by what the PNG specification says of chunks.
@Suite("PNG")
struct PNGTests {
    /// Python's standard library reads a PNG file by the specification, checks every checksum, and prints the header and
    /// the samples.
    private static let reader = """
        import sys, zlib
        data = open(sys.argv[1], "rb").read()
        assert data[:8] == b"\\x89PNG\\r\\n\\x1a\\n"
        at, compressed, kinds = 8, b"", []
        while at < len(data):
            length = int.from_bytes(data[at:at + 4], "big")
            kind, body = data[at + 4:at + 8], data[at + 8:at + 8 + length]
            assert int.from_bytes(data[at + 8 + length:at + 12 + length], "big") == zlib.crc32(kind + body)
            if kind == b"IHDR": header = body
            if kind == b"IDAT": compressed += body
            kinds.append(kind.decode())
            at += 12 + length
        width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
        rows = zlib.decompress(compressed)
        assert len(rows) == height * (1 + 3 * width)
        samples = []
        for y in range(height):
            row = rows[y * (1 + 3 * width):(y + 1) * (1 + 3 * width)]
            assert row[0] == 0
            samples += row[1:]
        print(*kinds)
        print(*header)
        print(*samples)
        """

    /// What Python makes of a file: its lines.
    static func read(_ bytes: [UInt8]) throws -> [String]? {
        guard let output = try ExternalTool.run("python3", ["-c", reader, "@"], input: bytes) else { return nil }
        return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test(
        "Another program reads the same pixels back",
        .enabled(if: ExternalTool.path("python3") != nil, "needs python3"),
        arguments: [(3, 2), (1, 1), (300, 200)])
    func readBack(width: Int, height: Int) throws {
        var random = SplitMix64(seed: UInt64(width))
        let pixels = (0..<width * height * 4).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let lines = try #require(
            try Self.read(PNG.encode(Picture(width: width, height: height, pixels: pixels))), "python3 refused the file"
        )
        #expect(lines[0] == "IHDR IDAT IEND")
        func bytes(_ value: Int) -> String { "0 0 \(value / 256) \(value % 256)" }
        #expect(lines[1] == "\(bytes(width)) \(bytes(height)) 8 2 0 0 0", "8 bits, truecolour, not interlaced")
        let samples = pixels.enumerated().filter { $0.offset % 4 < 3 }.map { String($0.element) }
        #expect(lines[2] == samples.joined(separator: " "))
    }
}
