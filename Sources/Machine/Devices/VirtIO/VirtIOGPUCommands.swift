/// What a driver tells the GPU to do (VirtIO 1.2, section 5.7.6).
///
/// A driver may say anything. So each number is checked before it is used, and what is wrong is answered with an error
/// of section 5.7.6.7.
extension VirtIOGPU {
    /// Types of requests, those of the two queues that a 2D device has.
    private enum Command: UInt32 {
        case getDisplayInfo = 0x100
        case resourceCreate2D = 0x101
        case resourceUnref = 0x102
        case setScanout = 0x103
        case resourceFlush = 0x104
        case transferToHost2D = 0x105
        case resourceAttachBacking = 0x106
        case resourceDetachBacking = 0x107
        case updateCursor = 0x300
        case moveCursor = 0x301

        var queue: Int { rawValue < Self.updateCursor.rawValue ? Queue.control : Queue.cursor }

        /// Bytes that follow the header; more follow those of ``resourceAttachBacking``.
        var byteCount: UInt64 {
            switch self {
            case .getDisplayInfo: 0
            case .resourceUnref, .resourceAttachBacking, .resourceDetachBacking: 8
            case .resourceCreate2D: 16
            case .setScanout, .resourceFlush: 24
            case .transferToHost2D, .updateCursor, .moveCursor: 32
            }
        }
    }

    /// What a response says when all is well, and what follows its header.
    struct Answer {
        enum Kind: UInt32 {
            case noData = 0x1100
            case displayInfo = 0x1101
        }
        var type: Kind
        var bytes: [UInt8] = []
        static let done = Answer(type: .noData)
    }

    /// What a response says when something is not.
    enum Refusal: UInt32, Error {
        case unspecified = 0x1200
        case outOfMemory = 0x1201
        case invalidScanout = 0x1202
        case invalidResource = 0x1203
        case invalidParameter = 0x1205
    }

    /// As many pieces of memory as QEMU lets a resource have.
    private static let mostPieces: UInt32 = 16384
    /// GET_DISPLAY_INFO tells of so many screens, whether they are there or not.
    private static let mostScanouts = 16
    /// A screen is at most this wide and high: what RFB and pictures can be relied on to hold.
    private static let longestSide = 16384

    /// Carries out one request, of which `request` has what follows the header.
    func execute(_ type: UInt32, _ request: inout GuestBuffer, queue: Int) throws(Refusal) -> Answer {
        guard let command = Command(rawValue: type), command.queue == queue else { throw .unspecified }
        guard let bytes = request.removeFirst(command.byteCount)?.bytes() else { throw .invalidParameter }
        switch command {
        case .getDisplayInfo: return displayInfo
        case .resourceCreate2D: try create(bytes)
        case .resourceUnref: try unref(bytes)
        case .setScanout: try setScanout(bytes)
        case .resourceFlush: try flush(bytes)
        case .transferToHost2D: try transfer(bytes)
        case .resourceAttachBacking: try attach(bytes, &request)
        case .resourceDetachBacking: try detach(bytes)
        case .updateCursor: try updateCursor(bytes)
        case .moveCursor: try moveCursor(bytes)
        }
        return .done
    }

    // MARK: Fields

    private func rectangle(_ bytes: [UInt8]) -> Rectangle {
        func field(_ offset: Int) -> Int { Int(bytes.littleEndian(at: offset, as: UInt32.self)) }
        return Rectangle(x: field(0), y: field(4), width: field(8), height: field(12))
    }

    private func resource(_ identifier: UInt32) throws(Refusal) -> VirtIOGPUResource {
        guard let resource = resources[identifier] else { throw .invalidResource }
        return resource
    }

    // MARK: Resources

    /// What is left for resources.
    private var room: UInt64 { Self.memoryLimit - min(memoryUsed, Self.memoryLimit) }

    /// struct virtio_gpu_resource_create_2d: resource_id, format, width, height.
    private func create(_ bytes: [UInt8]) throws(Refusal) {
        let identifier: UInt32 = bytes.littleEndian(at: 0)
        guard identifier != 0, resources[identifier] == nil else { throw .invalidResource }
        let width: UInt32 = bytes.littleEndian(at: 8)
        let height: UInt32 = bytes.littleEndian(at: 12)
        guard let format = VirtIOGPUFormat(rawValue: bytes.littleEndian(at: 4)), width > 0, height > 0 else {
            throw .invalidParameter
        }
        // The product of two 32-bit numbers fits in 64 bits, and four times it only once it is bounded.
        let pixels = UInt64(width) * UInt64(height)
        guard pixels <= Self.memoryLimit / 4, pixels * 4 + VirtIOGPUResource.overhead <= room else {
            throw .outOfMemory
        }
        let resource = VirtIOGPUResource(format: format, width: Int(width), height: Int(height))
        resources[identifier] = resource
        memoryUsed += resource.cost
        moved = pixels * 4
    }

    /// struct virtio_gpu_resource_unref: resource_id.
    private func unref(_ bytes: [UInt8]) throws(Refusal) {
        let identifier: UInt32 = bytes.littleEndian(at: 0)
        let resource = try resource(identifier)
        if scanout.resource == identifier { turnOff() }
        memoryUsed -= resource.cost
        resources[identifier] = nil
    }

    /// struct virtio_gpu_resource_attach_backing: resource_id, nr_entries; then the entries.
    private func attach(_ bytes: [UInt8], _ request: inout GuestBuffer) throws(Refusal) {
        let resource = try resource(bytes.littleEndian(at: 0))
        let count: UInt32 = bytes.littleEndian(at: 4)
        guard resource.backing == nil, count <= Self.mostPieces else { throw .unspecified }
        guard let memory = transport?.memory,
            let entries = request.removeFirst(UInt64(count) * VirtIOGPUBacking.entrySize)?.bytes(),
            let backing = VirtIOGPUBacking(entries, memory)
        else { throw .invalidParameter }
        guard backing.cost <= room else { throw .outOfMemory }
        memoryUsed -= resource.cost
        resource.backing = backing
        memoryUsed += resource.cost
    }

    /// struct virtio_gpu_resource_detach_backing: resource_id.
    private func detach(_ bytes: [UInt8]) throws(Refusal) {
        let resource = try resource(bytes.littleEndian(at: 0))
        guard resource.backing != nil else { throw .unspecified }
        memoryUsed -= resource.cost
        resource.backing = nil
        memoryUsed += resource.cost
    }

    /// struct virtio_gpu_transfer_to_host_2d: r, offset, resource_id.
    private func transfer(_ bytes: [UInt8]) throws(Refusal) {
        let resource = try resource(bytes.littleEndian(at: 24))
        guard let backing = resource.backing else { throw .unspecified }
        let rectangle = rectangle(bytes)
        guard resource.bounds.contains(rectangle),
            resource.fill(rectangle, from: backing, at: bytes.littleEndian(at: 16))
        else { throw .invalidParameter }
        moved = UInt64(rectangle.width * rectangle.height * 4)
    }

    // MARK: The screen

    /// struct virtio_gpu_resp_display_info: for each of sixteen screens r, enabled and flags.
    private var displayInfo: Answer {
        let size = Self.preferredSize
        var answer = Answer(type: .displayInfo)
        for word in [0, 0, size.width, size.height, 1, 0] { answer.bytes.append(littleEndian: UInt32(word)) }
        answer.bytes += Array(repeating: 0, count: answer.bytes.count * (Self.mostScanouts - 1))
        return answer
    }

    /// struct virtio_gpu_set_scanout: r, scanout_id, resource_id, where 0 turns the screen off.
    private func setScanout(_ bytes: [UInt8]) throws(Refusal) {
        guard bytes.littleEndian(at: 16, as: UInt32.self) < Self.scanoutCount else { throw .invalidScanout }
        let identifier: UInt32 = bytes.littleEndian(at: 20)
        guard identifier != 0 else { return turnOff() }
        let resource = try resource(identifier)
        let rectangle = rectangle(bytes)
        guard resource.bounds.contains(rectangle), !rectangle.isEmpty,
            rectangle.width <= Self.longestSide, rectangle.height <= Self.longestSide
        else { throw .invalidParameter }
        scanout.set(rectangle, of: resource, identifier)
        moved = UInt64(rectangle.width * rectangle.height * 4)
    }

    /// The screen keeps what it showed last.
    private func turnOff() {
        moved = UInt64(scanout.width * scanout.height * 4)
        scanout.disable()
    }

    /// struct virtio_gpu_resource_flush: r, resource_id.
    private func flush(_ bytes: [UInt8]) throws(Refusal) {
        let identifier: UInt32 = bytes.littleEndian(at: 16)
        let resource = try resource(identifier)
        let rectangle = rectangle(bytes)
        guard resource.bounds.contains(rectangle) else { throw .invalidParameter }
        guard scanout.resource == identifier else { return }
        scanout.show(rectangle, of: resource)
        moved = UInt64(rectangle.width * rectangle.height * 4)
    }

    // MARK: The cursor

    /// struct virtio_gpu_update_cursor: pos (scanout_id, x, y, padding), resource_id, hot_x, hot_y.
    ///
    /// The hot spot matters to hosts that put the picture where their own pointer is. Here it is drawn where the driver
    /// says, and the place is that of its corner.
    private func updateCursor(_ bytes: [UInt8]) throws(Refusal) {
        let identifier: UInt32 = bytes.littleEndian(at: 16)
        guard identifier != 0 else {
            try moveCursor(bytes)
            return scanout.setCursor(nil)
        }
        let resource = try resource(identifier)
        let bounds = Rectangle(width: VirtIOGPUScanout.cursorSide, height: VirtIOGPUScanout.cursorSide)
        guard resource.bounds == bounds else { throw .invalidParameter }
        try moveCursor(bytes)
        scanout.setCursor(resource)
    }

    /// The same structure, of which pos counts.
    private func moveCursor(_ bytes: [UInt8]) throws(Refusal) {
        guard bytes.littleEndian(at: 0, as: UInt32.self) < Self.scanoutCount else { throw .invalidScanout }
        // A cursor partly beyond the left or upper edge has a negative place.
        let x = Int32(bitPattern: bytes.littleEndian(at: 4)), y = Int32(bitPattern: bytes.littleEndian(at: 8))
        scanout.moveCursor(x: Int(x), y: Int(y))
    }
}
