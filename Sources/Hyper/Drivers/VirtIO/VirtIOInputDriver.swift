/// A keyboard, mouse or tablet of the host's behind VirtIO (VirtIO 1.2, Input Device).
public final class VirtIOInputDriver: HostInput, HostDevice {
    /// struct virtio_input_config.
    private enum Configuration {
        static let select: UInt64 = 0, subselect: UInt64 = 1, size: UInt64 = 2, union: UInt64 = 8
        static let nameSelection: UInt64 = 1, eventBits: UInt64 = 0x11, axis: UInt64 = 0x12
    }

    private static let eventQueue = 0
    private static let queueLimit = 64
    /// Events without one that ends them.
    private static let groupLimit = 64

    public let name: Text
    public let kind: InputKind
    private let transport: VirtIODriverTransport
    /// Where its axes begin and how long they are, x and y.
    private let axes: [(start: UInt32, length: UInt32)]
    private let memory: UnsafeMutableRawBufferPointer
    private let lock = SpinLock()
    // Guarded by `lock`.
    private let queue: DriverVirtqueue
    /// The buffer of each descriptor that the device has.
    private var buffers: [Int]
    private var group: [InputEvent] = []
    private var count: UInt64 = 0
    private var stopReason: Text?

    public init(_ transport: VirtIODriverTransport) throws(HyperError) {
        _ = try transport.negotiate(0)
        self.transport = transport
        func read(_ selection: UInt64, _ subselection: UInt64) -> [UInt8] {
            transport.writeConfiguration(Configuration.select, width: 1, selection)
            transport.writeConfiguration(Configuration.subselect, width: 1, subselection)
            let size = min(transport.configuration(Configuration.size, width: 1), 128)
            return (0..<size).map {
                UInt8(truncatingIfNeeded: transport.configuration(Configuration.union + $0, width: 1))
            }
        }
        let printed = read(Configuration.nameSelection, 0).prefix { $0 != 0 }.map { 0x20..<0x7f ~= $0 ? $0 : 0x3f }
        name = Text(Array(printed))
        func has(_ type: UInt16) -> Bool { read(Configuration.eventBits, UInt64(type)).contains { $0 != 0 } }
        kind = has(InputEvent.Kind.absolute) ? .tablet : has(InputEvent.Kind.relative) ? .mouse : .keyboard
        axes = (0..<UInt64(kind == .tablet ? 2 : 0)).map { axis in
            let bytes = read(Configuration.axis, axis)
            guard bytes.count >= 8 else { return (0, InputKind.axisMaximum) }
            let (start, end) = (bytes.u32(0), bytes.u32(4))
            return end > start ? (start, end - start) : (0, InputKind.axisMaximum)
        }
        queue = try transport.makeQueue(Self.eventQueue, limit: Self.queueLimit)
        memory = .allocate(byteCount: queue.size * InputEvent.size, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        buffers = Array(repeating: 0, count: queue.size)
        for buffer in 0..<queue.size { offer(buffer) }
        Inputs.add(self)
        transport.start { [self] _ in interrupt() }
        transport.notify(queue)
    }

    deinit { memory.deallocate() }

    public var place: Text { transport.path }
    public var failure: Text? { lock.withLock { stopReason } }
    public var events: UInt64 { lock.withLock { count } }
    public var summary: Text { kind.name }

    public func remove() {
        Inputs.remove(self)
        transport.remove()
    }

    private func buffer(_ number: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[number * InputEvent.size..<(number + 1) * InputEvent.size])
    }

    private func offer(_ number: Int) {
        if let head = queue.add([.init(buffer(number), isWritable: true)]) { buffers[head] = number }
    }

    private func interrupt() {
        var groups: [[InputEvent]] = []
        let problem = lock.withLock { () -> HyperError? in
            guard stopReason == nil else { return nil }
            do throws(HyperError) {
                while let used = try queue.takeUsed() {
                    let number = buffers[used.head]
                    if used.written == InputEvent.size { take(event(buffer(number)), &groups) }
                    offer(number)
                }
                transport.notify(queue)
                return nil
            } catch {
                let error = transport.failed(error.message)
                stopReason = error.message
                return error
            }
        }
        for group in groups { Inputs.deliver(group, from: kind) }
        if let problem { Console.write("hyper: \(problem.message)\n") }
    }

    private func event(_ bytes: UnsafeMutableRawBufferPointer) -> InputEvent {
        InputEvent(
            UInt16(littleEndian: bytes.load(as: UInt16.self)),
            UInt16(littleEndian: bytes.load(fromByteOffset: 2, as: UInt16.self)),
            UInt32(littleEndian: bytes.load(fromByteOffset: 4, as: UInt32.self)))
    }

    private func take(_ event: InputEvent, _ groups: inout [[InputEvent]]) {
        var event = event
        count &+= 1
        if event.type == InputEvent.Kind.absolute, Int(event.code) < axes.count {
            // Guests' axes are all of one length.
            let axis = axes[Int(event.code)]
            let place = min(event.value &- min(axis.start, event.value), axis.length)
            event.value = UInt32(UInt64(place) * UInt64(InputKind.axisMaximum) / UInt64(axis.length))
        }
        if group.count < Self.groupLimit { group.append(event) }
        guard event.type == InputEvent.Kind.synchronize else { return }
        groups.append(group)
        group = []
    }
}
