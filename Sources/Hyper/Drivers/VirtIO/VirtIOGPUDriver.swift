/// A screen of the host's behind VirtIO (VirtIO 1.2, GPU Device), in two dimensions: one resource, which is the screen.
///
/// It costs nothing until somebody shows something. Then its threads wait for the device, command by command.
public final class VirtIOGPUDriver: HostDisplay, HostDevice {
    /// enum virtio_gpu_ctrl_type.
    private enum Command {
        static let getDisplayInfo: UInt64 = 0x100, createResource2D: UInt64 = 0x101, setScanout: UInt64 = 0x103
        static let flushResource: UInt64 = 0x104, transferToHost2D: UInt64 = 0x105, attachBacking: UInt64 = 0x106
    }

    private static let responseNoData: UInt32 = 0x1100, responseDisplayInfo: UInt32 = 0x1101
    /// struct virtio_gpu_ctrl_hdr; a rectangle and two words of each scanout.
    private static let headerSize = 24, scanoutSize = 24, scanoutCount = 16
    /// VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM.
    private static let format: UInt64 = 2
    private static let resource: UInt64 = 1
    /// Nanoseconds.
    private static let timeLimit: UInt64 = 2_000_000_000
    /// What is larger, no screen is.
    private static let longestSide = 8192

    private let transport: VirtIODriverTransport
    private let page: UnsafeMutableRawBufferPointer
    private let mutex = Mutex()
    // Guarded by `mutex`.
    private var screen: Screen?
    private var scanout: UInt64 = 0
    private let answered = Semaphore()
    private let lock = SpinLock()
    // Guarded by `lock`.
    private let queue: DriverVirtqueue
    private var stopReason: Text?

    public init(_ transport: VirtIODriverTransport) throws(HyperError) {
        _ = try transport.negotiate(0)
        self.transport = transport
        queue = try transport.makeQueue(0, limit: 16)
        guard queue.size >= 2 else { throw transport.failed("its queue has no room for a command and its answer") }
        page = .allocate(byteCount: 4096, alignment: 16)
        Displays.add(self)
        transport.start { [self] causes in if causes.contains(.used) { answered.signal() } }
    }

    deinit { page.deallocate() }

    public var place: Text { transport.path }
    public var failure: Text? { lock.withLock { stopReason } }
    public var summary: Text {
        mutex.withLock { screen.map { "\($0.width) x \($0.height) pixels" } ?? "a screen" }
    }

    public func remove() {
        Displays.remove(self)
        transport.remove()
        lock.withLock { stopReason = "it was taken away" }
    }

    // MARK: Commands (the mutex is held)

    /// Has the device execute a command; what follows the answer's header.
    private func execute(_ command: UInt64, _ fields: [(value: UInt64, bytes: Int)], answer: Int = 0)
        throws(HyperError) -> UnsafeRawBufferPointer
    {
        if let stopReason = failure { throw HyperError("\(transport.path): \(stopReason)") }
        let half = page.count / 2
        let requestCount = Self.headerSize + fields.reduce(0) { $0 + $1.bytes }
        let request = UnsafeMutableRawBufferPointer(rebasing: page[..<requestCount])
        let response = UnsafeMutableRawBufferPointer(rebasing: page[half..<half + Self.headerSize + answer])
        page.initializeMemory(as: UInt8.self, repeating: 0)
        var list = ScatterList(request)
        list.write(command, bytes: 4)
        list.skip(Self.headerSize - 4)
        for field in fields { list.write(field.value, bytes: field.bytes) }
        let problem: Text? = transfer(request, response)
        if let problem {
            let error = transport.failed(problem)
            lock.withLock { stopReason = error.message }
            throw error
        }
        let type = UInt32(littleEndian: response.load(as: UInt32.self))
        guard type == (answer == 0 ? Self.responseNoData : Self.responseDisplayInfo) else {
            throw HyperError("\(transport.path): command \(hex: command) was answered with \(hex: UInt64(type))")
        }
        return UnsafeRawBufferPointer(rebasing: response[Self.headerSize...])
    }

    /// Waits until the device has answered; what is wrong with it.
    private func transfer(_ request: UnsafeMutableRawBufferPointer, _ response: UnsafeMutableRawBufferPointer) -> Text?
    {
        lock.withLock {
            _ = queue.add([.init(request, isWritable: false), .init(response, isWritable: true)])
            transport.notify(queue)
        }
        let deadline = Timers.now &+ Self.timeLimit
        while true {
            do throws(HyperError) {
                if let used = try lock.withLock({ () throws(HyperError) in try queue.takeUsed() }) {
                    return used.written < Self.headerSize ? "an answer has \(used.written) bytes" : nil
                }
            } catch {
                return error.message
            }
            let now = Timers.now
            guard now < deadline else { return "it does not answer" }
            answered.wait(limit: deadline - now)
        }
    }

    // MARK: The screen

    public func open() throws(HyperError) -> Screen {
        try mutex.withLock { () throws(HyperError) in
            if let screen { return screen }
            let (number, width, height) = try size()
            let screen = try Screen(width: width, height: height)
            _ = try execute(
                Command.createResource2D,
                [(Self.resource, 4), (Self.format, 4), (UInt64(width), 4), (UInt64(height), 4)])
            _ = try execute(
                Command.attachBacking,
                [(Self.resource, 4), (1, 4), (screen.address, 8), (UInt64(screen.byteCount), 4), (0, 4)])
            _ = try execute(
                Command.setScanout, fields(screen.bounds) + [(number, 4), (Self.resource, 4)])
            self.screen = screen
            return screen
        }
    }

    /// The first scanout that somebody looks at, and its size.
    private func size() throws(HyperError) -> (number: UInt64, width: Int, height: Int) {
        let answer = try execute(Command.getDisplayInfo, [], answer: Self.scanoutCount * Self.scanoutSize)
        func field(_ scanout: Int, _ offset: Int) -> Int {
            Int(UInt32(littleEndian: answer.load(fromByteOffset: scanout * Self.scanoutSize + offset, as: UInt32.self)))
        }
        for scanout in 0..<Self.scanoutCount where field(scanout, 16) != 0 {
            let (width, height) = (field(scanout, 8), field(scanout, 12))
            guard 1...Self.longestSide ~= width, 1...Self.longestSide ~= height else {
                throw HyperError("\(transport.path): a screen of \(width) x \(height) pixels is none")
            }
            return (UInt64(scanout), width, height)
        }
        throw HyperError("\(transport.path): nobody has a screen there")
    }

    private func fields(_ rectangle: Rectangle) -> [(value: UInt64, bytes: Int)] {
        [rectangle.x, rectangle.y, rectangle.width, rectangle.height].map { (UInt64($0), 4) }
    }

    public func flush(_ rectangle: Rectangle) throws(HyperError) {
        try mutex.withLock { () throws(HyperError) in
            guard let screen, rectangle.lies(in: screen.bounds), !rectangle.isEmpty else { return }
            let offset = UInt64(4 * (rectangle.y * screen.width + rectangle.x))
            _ = try execute(
                Command.transferToHost2D, fields(rectangle) + [(offset, 8), (Self.resource, 4), (0, 4)])
            _ = try execute(Command.flushResource, fields(rectangle) + [(Self.resource, 4), (0, 4)])
        }
    }
}
