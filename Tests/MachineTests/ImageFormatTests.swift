import Testing

@testable import Machine

@Suite("Kernel images and compression")
struct ImageFormatTests {
    /// `python3 -c "gzip.compress(b'orrery ' * 64, mtime=0)"`
    static let orreryGzip: [UInt8] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x2f, 0x2a, 0x4a, 0x2d, 0xaa, 0x54, 0xc8,
        0x1f, 0xa5, 0x86, 0x26, 0x05, 0x00, 0x05, 0x69, 0x80, 0xb3, 0xc0, 0x01, 0x00, 0x00,
    ]
    /// The same of 100,000 zeros.
    static let zerosGzip: [UInt8] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x31, 0x01, 0x00, 0x00, 0x00, 0xc2,
        0xa0, 0xf5, 0x4f, 0x6d, 0x0d, 0x0f, 0xa0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x57, 0x03, 0x7d, 0x95,
        0x11, 0xd4, 0xa0, 0x86, 0x01, 0x00,
    ]

    static func header(
        magic: String, textOffset: UInt64 = 0x20_0000, imageSize: UInt64 = 0x10_0000, flags: UInt64 = 0
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 0x40)
        bytes.put(textOffset, at: 0x08)
        bytes.put(imageSize, at: 0x10)
        bytes.put(flags, at: 0x18)
        bytes.replaceSubrange(0x38..<0x3c, with: magic.utf8)
        return bytes
    }

    private func load(_ bytes: [UInt8], limit: Int = 1 << 20) throws(InputError) -> LoadableImage {
        try LoadableImage(InputFile(name: "Image", bytes: bytes), machine: .riscv, limit: limit)
    }

    private func refusal(_ bytes: [UInt8], limit: Int = 1 << 20) -> String {
        do throws(InputError) {
            _ = try load(bytes, limit: limit)
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test("A RISC-V Image says how much memory it needs, which may exceed the file")
    func riscvImage() throws {
        guard case .kernel(let kernel) = try load(Self.header(magic: "RSC\u{05}")).contents else {
            Issue.record("not recognised")
            return
        }
        #expect(kernel.machine == .riscv)
        #expect(kernel.textOffset == 0x20_0000)
        #expect(kernel.memorySize == 0x10_0000)
    }

    @Test("An image_size of zero, as old kernels have it, means the size of the file")
    func imageSizeZero() throws {
        guard case .kernel(let kernel) = try load(Self.header(magic: "RSC\u{05}", imageSize: 0)).contents else {
            Issue.record("not recognised")
            return
        }
        #expect(kernel.memorySize == 0x40)
    }

    @Test("An image_size that wraps is refused when it is placed")
    func imageSizeWraps() throws {
        let image = try load(Self.header(magic: "RSC\u{05}", imageSize: UInt64.max - 5))
        #expect(throws: InputError.self) {
            try LoadPlan(memory: .init(base: 0x8000_0000, size: 1 << 24), kernel: image)
        }
    }

    @Test("An AArch64 Image is recognised, and refused by a RISC-V machine")
    func aarch64Image() {
        #expect(refusal(Self.header(magic: "ARMd")).contains("is a kernel image for AArch64, and this machine is"))
        #expect(refusal(Self.header(magic: "RSC\u{05}", flags: 1)).contains("is a big-endian kernel image"))
    }

    @Test("What gzip wrote is decompressed, several members one after the other")
    func gzip() throws {
        let text = [UInt8](String(repeating: "orrery ", count: 64).utf8)
        #expect(try load(Self.orreryGzip).file.bytes == text)
        #expect(try load(Self.orreryGzip + Self.orreryGzip).file.bytes == text + text)
        #expect(try load(Self.orreryGzip + [0, 0, 0]).file.bytes == text)
        #expect(try load(Self.zerosGzip).file.bytes == [UInt8](repeating: 0, count: 100_000))
    }

    @Test("Decompression stops at the limit")
    func gzipLimit() {
        #expect(refusal(Self.zerosGzip, limit: 100_000) == "accepted")
        #expect(refusal(Self.zerosGzip, limit: 99_999).contains("holds more than 99999 bytes when decompressed"))
    }

    @Test("Damaged gzip data is refused")
    func gzipDamage() {
        for length in 2..<Self.orreryGzip.count {
            #expect(refusal(Array(Self.orreryGzip[..<length])).contains("ends within its gzip data"))
        }
        var bytes = Self.orreryGzip
        bytes[bytes.count - 6] ^= 1  // the checksum
        #expect(refusal(bytes).contains("is not valid gzip data: incorrect data check"))
        #expect(refusal(Self.orreryGzip + [1]).contains("has bytes after the end of its gzip data"))
    }

    @Test(
        "Formats that are not read are refused by name, not run",
        arguments: [
            ([0x28, 0xb5, 0x2f, 0xfd], "zstd"), ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz"),
            ([0x4d, 0x5a, 0, 0, 0x7a, 0x69, 0x6d, 0x67], "EFI_ZBOOT"), ([0xd0, 0x0d, 0xfe, 0xed], "device tree"),
            ([], "is empty"),
        ] as [([UInt8], String)])
    func otherFormats(bytes: [UInt8], name: String) {
        #expect(refusal(bytes).contains(name))
    }

    @Test("Files that cannot be read say why")
    func files() throws {
        func refusal(_ path: String, limit: Int = 100) -> String {
            do throws(InputError) {
                _ = try InputFile.read(path, limit: limit)
                return "accepted"
            } catch {
                return error.description
            }
        }
        #expect(
            refusal("/nonexistent/file") == "/nonexistent/file: cannot be read: No such file or directory. "
                + "Check the path.")
        #expect(refusal("/") == "/: cannot be read: Is a directory")
        #expect(refusal("/dev/zero") == "/dev/zero: is larger than 100 bytes")
        #expect(try InputFile.read("/dev/null").bytes.isEmpty)
    }
}
