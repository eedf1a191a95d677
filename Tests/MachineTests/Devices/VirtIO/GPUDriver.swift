import Testing

@testable import Machine

/// Requests of a VirtIO GPU's driver, laid out as VirtIO 1.2 does in section 5.7.6.
struct GPUDriver {
    let gpu = VirtIOGPU()
    let driver: DriverTwin
    /// Where requests and responses lie, and what backs resources.
    let request = DriverTwin.ram + 0x8_0000
    let response = DriverTwin.ram + 0x9_0000
    static let backing = DriverTwin.ram + 0xa_0000

    init() {
        driver = DriverTwin(gpu)
        driver.start(queues: 2)
    }

    static func words(_ values: [UInt32]) -> [UInt8] {
        var bytes: [UInt8] = []
        for value in values { bytes.append(littleEndian: value) }
        return bytes
    }

    /// Sends a request on a queue and returns all of the response.
    func exchange(_ bytes: [UInt8], queue: UInt64 = 0, room: Int = 1024) -> [UInt8] {
        driver.put(bytes, at: request)
        let parts: [DriverTwin.Part] = [.read(request, bytes.count)] + (room > 0 ? [.write(response, room)] : [])
        guard let count = driver.send(parts, queue) else { return [] }
        return driver.take(Int(count), at: response)
    }

    /// A request of a type and fields; the type of the response, which has no more than a header.
    @discardableResult
    func command(_ type: UInt32, _ fields: [UInt32], queue: UInt64 = 0) -> UInt32 {
        let answer = exchange(Self.words([type, 0, 0, 0, 0, 0] + fields), queue: queue)
        #expect(answer.count == 24)
        return answer.littleEndian(at: 0)
    }

    func create(_ resource: UInt32, format: UInt32 = 2, _ width: UInt32, _ height: UInt32) -> UInt32 {
        command(0x101, [resource, format, width, height])
    }

    func unref(_ resource: UInt32) -> UInt32 { command(0x102, [resource, 0]) }

    func attach(_ resource: UInt32, _ pieces: [(address: UInt64, length: UInt32)], count: UInt32? = nil) -> UInt32 {
        let entries: [UInt32] = pieces.flatMap { piece -> [UInt32] in
            [
                UInt32(truncatingIfNeeded: piece.address), UInt32(truncatingIfNeeded: piece.address >> 32),
                piece.length, 0,
            ]
        }
        return command(0x106, [resource, count ?? UInt32(pieces.count)] + entries)
    }

    func detach(_ resource: UInt32) -> UInt32 { command(0x107, [resource, 0]) }

    func transfer(_ resource: UInt32, _ rectangle: [UInt32], offset: UInt64 = 0) -> UInt32 {
        command(0x105, rectangle + [UInt32(truncatingIfNeeded: offset), UInt32(offset >> 32), resource, 0])
    }

    func setScanout(_ resource: UInt32, _ rectangle: [UInt32], on scanout: UInt32 = 0) -> UInt32 {
        command(0x103, rectangle + [scanout, resource])
    }

    func flush(_ resource: UInt32, _ rectangle: [UInt32]) -> UInt32 { command(0x104, rectangle + [resource, 0]) }

    func updateCursor(scanout: UInt32 = 0, x: Int32, y: Int32, _ resource: UInt32) -> UInt32 {
        command(
            0x300, [scanout, UInt32(bitPattern: x), UInt32(bitPattern: y), 0, resource, 0, 0, 0], queue: 1)
    }

    func moveCursor(scanout: UInt32 = 0, x: Int32, y: Int32) -> UInt32 {
        command(0x301, [scanout, UInt32(bitPattern: x), UInt32(bitPattern: y), 0, 0, 0, 0, 0], queue: 1)
    }

    /// All of the screen, as red, green and blue of each pixel.
    var picture: [[UInt8]] {
        let screen = gpu.screen
        let bytes = screen.pixels(Rectangle(width: screen.width, height: screen.height))
        return stride(from: 0, to: bytes.count, by: 4).map { Array(bytes[$0..<$0 + 3]) }
    }
}

/// Types of responses (5.7.6.7).
enum GPUResponse {
    static let noData: UInt32 = 0x1100
    static let displayInfo: UInt32 = 0x1101
    static let unspecified: UInt32 = 0x1200
    static let outOfMemory: UInt32 = 0x1201
    static let invalidScanout: UInt32 = 0x1202
    static let invalidResource: UInt32 = 0x1203
    static let invalidParameter: UInt32 = 0x1205
}
