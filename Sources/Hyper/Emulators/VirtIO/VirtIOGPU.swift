/// A guest's GPU (VirtIO 1.2, GPU Device), in two dimensions, with one screen.
///
/// A thread carries out what the guest asks for: images are large, and no exit of a guest copies them with interrupts off. The
/// guest's pointer is not drawn.
final class VirtIOGPU: VirtIODevice {
    private enum Command {
        static let getDisplayInfo: UInt64 = 0x100, createResource2D: UInt64 = 0x101, unreference: UInt64 = 0x102
        static let setScanout: UInt64 = 0x103, flushResource: UInt64 = 0x104, transferToHost2D: UInt64 = 0x105
        static let attachBacking: UInt64 = 0x106, detachBacking: UInt64 = 0x107
        static let updateCursor: UInt64 = 0x300, moveCursor: UInt64 = 0x301
    }

    private enum Response: UInt64 {
        case noData = 0x1100, displayInfo = 0x1101
        case unspecified = 0x1200, outOfMemory = 0x1201, invalidScanout = 0x1202, invalidResource = 0x1203
        case invalidParameter = 0x1205
    }

    private enum Queue {
        static let control = 0, cursor = 1
    }

    private struct Request {
        let queue: Int
        let buffer: VirtqueueBuffer
        /// Of the guest's memory that the buffer is.
        let use: Int
    }

    private struct Scanout {
        let resource: VirtIOGPUResource
        let rectangle: Rectangle
    }

    private static let headerSize = 24, scanoutCount = 16, fenceFlag: UInt64 = 1
    private static let longestSide: UInt64 = 8192, resourceLimit = 256, pieceLimit: UInt64 = 16384
    /// Bytes of the host's memory for images and the screen.
    public static let memoryLimit = 64 << 20

    private let display: VirtualDisplay
    private let width: Int
    private let height: Int
    private let memory: Unmanaged<AddressSpace>
    private let work: WorkQueue
    private var transport: Unmanaged<VirtIOTransport>?
    private let lock = SpinLock()
    // Guarded by `lock`.
    private var requests: [Request] = []
    private var isReset = false
    private var isWorking = false
    private let rested = WaitQueue()
    // Of the thread that works.
    private var resources: [VirtIOGPUResource] = []
    private var scanout: Scanout?

    /// - Parameters:
    ///   - memory: the guest's, which outlives the device.
    ///   - work: the thread that carries out what the guest asks for.
    public init(display: VirtualDisplay, width: Int, height: Int, memory: AddressSpace, work: WorkQueue) {
        self.display = display
        self.width = width
        self.height = height
        self.memory = Unmanaged.passUnretained(memory)
        self.work = work
        Displays.add(display)
    }

    public var identifier: UInt32 { VirtIODeviceType.gpu }
    public var features: UInt64 { 0 }
    public var queueSizes: [UInt16] { [64, 16] }
    /// No events; one scanout; no sets of capabilities.
    public var configuration: [UInt8] { [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] }

    public func attach(to transport: VirtIOTransport) { self.transport = .passUnretained(transport) }

    public func reset() {
        let dropped = lock.withLock {
            defer { (requests, isReset) = ([], true) }
            return requests
        }
        for request in dropped { end(request) }
        wake()
    }

    /// Waits for the thread, which may still read the guest's memory.
    public func remove() {
        rested.wait { lock.withLock { !isWorking } }
        Displays.remove(display)
        resources = []
        scanout = nil
    }

    public func notified(_ queue: Int) {
        transport?._withUnsafeGuaranteedRef { transport in
            transport.serve(queue) { buffer throws(HyperError) in
                let use = transport.beginUse()
                lock.withLock { requests.append(Request(queue: queue, buffer: buffer, use: use)) }
                return nil
            }
        }
        wake()
    }

    /// Its memory is used no more.
    private func end(_ request: Request) { transport?._withUnsafeGuaranteedRef { $0.endUse(request.use) } }

    private func wake() {
        let isIdle = lock.withLock {
            defer { isWorking = true }
            return !isWorking
        }
        if isIdle { work.add { [self] in workOff() } }
    }

    // MARK: The thread

    private func workOff() {
        while let request = next() {
            let (response, fields) = execute(request)
            transport?._withUnsafeGuaranteedRef { transport in
                transport.complete(request.queue, request.buffer) { isOwned in
                    isOwned ? answer(request.buffer, response, fields) : 0
                }
            }
            end(request)
        }
        rested.wakeAll()
    }

    private func next() -> Request? {
        while true {
            enum Step { case reset, request(Request), rest }
            let step = lock.withLock { () -> Step in
                if isReset {
                    isReset = false
                    return .reset
                }
                guard !requests.isEmpty else {
                    isWorking = false
                    return .rest
                }
                return .request(requests.removeFirst())
            }
            switch step {
            case .reset:
                turnOff()
                resources = []
            case .request(let request): return request
            case .rest: return nil
            }
        }
    }

    private func answer(_ buffer: VirtqueueBuffer, _ response: Response, _ fields: [UInt64]) -> UInt32 {
        var header = buffer.readable, space = buffer.writable
        let flags = (header.number(bytes: 8) ?? 0) >> 32, fence = header.number(bytes: 8) ?? 0
        let context = header.number(bytes: 4) ?? 0
        let room = space.count
        guard room >= Self.headerSize + 4 * fields.count else { return 0 }
        space.write(response.rawValue, bytes: 4)
        // What is answered has been done, so every fence is kept (Device Operation: Request header).
        space.write(flags & Self.fenceFlag, bytes: 4)
        space.write(flags & Self.fenceFlag != 0 ? fence : 0, bytes: 8)
        space.write(context, bytes: 4)
        space.write(0, bytes: 4)
        for field in fields { space.write(field, bytes: 4) }
        return UInt32(room - space.count)
    }

    private func execute(_ request: Request) -> (Response, [UInt64]) {
        var rest = request.buffer.readable
        guard rest.count >= Self.headerSize, let command = rest.number(bytes: 4) else { return (.unspecified, []) }
        rest.skip(Self.headerSize - 4)
        guard (command >= Command.updateCursor) == (request.queue == Queue.cursor) else { return (.unspecified, []) }
        switch command {
        case Command.getDisplayInfo: return (.displayInfo, displayInfo)
        case Command.createResource2D: return (create(&rest), [])
        case Command.unreference: return (unreference(&rest), [])
        case Command.setScanout: return (setScanout(&rest), [])
        case Command.flushResource: return (flush(&rest), [])
        case Command.transferToHost2D: return (transfer(&rest), [])
        case Command.attachBacking: return (attach(&rest), [])
        case Command.detachBacking: return (detach(&rest), [])
        case Command.updateCursor, Command.moveCursor: return (.noData, [])
        default: return (.unspecified, [])
        }
    }

    // MARK: Commands

    /// Of each scanout a rectangle, whether it is there, and flags.
    private var displayInfo: [UInt64] {
        var fields = [UInt64](repeating: 0, count: 6 * Self.scanoutCount)
        (fields[2], fields[3], fields[4]) = (UInt64(width), UInt64(height), 1)
        return fields
    }

    private func fields(_ count: Int, _ rest: inout ScatterList) -> [UInt64]? {
        var fields: [UInt64] = []
        for _ in 0..<count {
            guard let field = rest.number(bytes: 4) else { return nil }
            fields.append(field)
        }
        return fields
    }

    private func resource(_ identifier: UInt64) -> VirtIOGPUResource? {
        resources.first { UInt64($0.identifier) == identifier }
    }

    private func rectangle(_ fields: [UInt64]) -> Rectangle {
        Rectangle(x: Int(fields[0]), y: Int(fields[1]), width: Int(fields[2]), height: Int(fields[3]))
    }

    private var memoryUsed: Int {
        resources.reduce(display.screen.map { Screen.pages($0.width, $0.height) * 4096 } ?? 0) { $0 + $1.cost }
    }

    private func hasRoom(_ bytes: Int) -> Bool { bytes <= Self.memoryLimit - min(memoryUsed, Self.memoryLimit) }

    private func create(_ rest: inout ScatterList) -> Response {
        guard let fields = fields(4, &rest) else { return .invalidParameter }
        guard fields[0] != 0, resource(fields[0]) == nil else { return .invalidResource }
        guard let format = VirtIOGPUResource.format(UInt32(truncatingIfNeeded: fields[1])),
            (1...Self.longestSide).contains(fields[2]), (1...Self.longestSide).contains(fields[3])
        else { return .invalidParameter }
        let (width, height) = (Int(fields[2]), Int(fields[3]))
        guard resources.count < Self.resourceLimit, hasRoom(width * height * 4),
            let new = try? VirtIOGPUResource(
                UInt32(truncatingIfNeeded: fields[0]), format, width: width, height: height)
        else { return .outOfMemory }
        resources.append(new)
        return .noData
    }

    private func unreference(_ rest: inout ScatterList) -> Response {
        guard let fields = fields(2, &rest) else { return .invalidParameter }
        guard let resource = resource(fields[0]) else { return .invalidResource }
        if scanout?.resource === resource { turnOff() }
        resources.removeAll { $0 === resource }
        return .noData
    }

    private func setScanout(_ rest: inout ScatterList) -> Response {
        guard let fields = fields(6, &rest) else { return .invalidParameter }
        guard fields[4] == 0 else { return .invalidScanout }
        if fields[5] == 0 {
            turnOff()
            return .noData
        }
        guard let resource = resource(fields[5]) else { return .invalidResource }
        let rectangle = rectangle(fields)
        guard !rectangle.isEmpty, rectangle.lies(in: resource.bounds) else { return .invalidParameter }
        if display.screen?.width != rectangle.width || display.screen?.height != rectangle.height {
            guard hasRoom(rectangle.width * rectangle.height * 4),
                let screen = try? Screen(width: rectangle.width, height: rectangle.height)
            else { return .outOfMemory }
            Displays.setScreen(screen, of: display)
        }
        scanout = Scanout(resource: resource, rectangle: rectangle)
        return .noData
    }

    private func turnOff() {
        guard scanout != nil else { return }
        scanout = nil
        Displays.setScreen(nil, of: display)
    }

    private func flush(_ rest: inout ScatterList) -> Response {
        guard let fields = fields(6, &rest) else { return .invalidParameter }
        guard let resource = resource(fields[4]) else { return .invalidResource }
        let rectangle = rectangle(fields)
        guard rectangle.lies(in: resource.bounds) else { return .invalidParameter }
        guard let scanout, scanout.resource === resource else { return .noData }
        let part = rectangle.intersection(scanout.rectangle), corner = scanout.rectangle
        guard !part.isEmpty else { return .noData }
        Displays.update(display, part.seen(fromX: corner.x, y: corner.y)) { screen in
            resource.draw(part, on: screen, cornerX: corner.x, y: corner.y)
        }
        return .noData
    }

    private func transfer(_ rest: inout ScatterList) -> Response {
        guard let fields = fields(4, &rest), let offset = rest.number(bytes: 8), let identifier = rest.number(bytes: 4),
            rest.number(bytes: 4) != nil
        else { return .invalidParameter }
        guard let resource = resource(identifier) else { return .invalidResource }
        let rectangle = rectangle(fields)
        let isDone = memory._withUnsafeGuaranteedRef { memory in
            rectangle.lies(in: resource.bounds) && resource.transfer(rectangle, from: offset, of: memory)
        }
        return isDone ? .noData : .invalidParameter
    }

    /// Pieces of the guest's memory, one after the other.
    private func attach(_ rest: inout ScatterList) -> Response {
        guard let fields = fields(2, &rest) else { return .invalidParameter }
        guard let resource = resource(fields[0]) else { return .invalidResource }
        guard resource.backing.isEmpty else { return .unspecified }
        guard fields[1] <= Self.pieceLimit, hasRoom(Int(fields[1]) * 16) else { return .outOfMemory }
        var pieces: [VirtIOGPUResource.Piece] = []
        for _ in 0..<fields[1] {
            guard let address = rest.number(bytes: 8), let count = rest.number(bytes: 4), rest.number(bytes: 4) != nil,
                memory._withUnsafeGuaranteedRef({ $0.hasMemory(address, count: count) })
            else { return .invalidParameter }
            if count > 0 { pieces.append(VirtIOGPUResource.Piece(start: address, count: Int(count))) }
        }
        resource.attach(pieces)
        return .noData
    }

    private func detach(_ rest: inout ScatterList) -> Response {
        guard let fields = fields(2, &rest) else { return .invalidParameter }
        guard let resource = resource(fields[0]) else { return .invalidResource }
        resource.attach([])
        return .noData
    }
}
