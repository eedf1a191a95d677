/// The host's console behind VirtIO (VirtIO 1.2, Console Device), port 0 alone. It is Hyper's console where there is no other.
public final class VirtIOConsoleDriver: ConsoleDevice, HostDevice {
    private static let receiveQueue = 0, transmitQueue = 1
    private static let queueLimit = 16
    /// Of each buffer.
    private static let bufferSize = 64

    private let transport: VirtIODriverTransport
    private let patience: Int
    private let memory: UnsafeMutableRawBufferPointer
    private let lock = SpinLock()
    // Guarded by `lock`.
    private let receiving: DriverVirtqueue
    private let transmitting: DriverVirtqueue
    /// The buffer of each descriptor that a queue has.
    private var receiveBuffers: [Int]
    private var transmitBuffers: [Int]
    private var freeBuffers: [Int] = []
    private var stopReason: Text?
    /// Given what was received, with interrupts off.
    public var onInput: ([UInt8]) -> Void = { _ in }

    /// - Parameter patience: reads of the used ring until a device that takes nothing is given up, so that no message waits for
    ///   ever.
    public init(_ transport: VirtIODriverTransport, patience: Int = 1_000_000) throws(HyperError) {
        _ = try transport.negotiate(0)
        self.transport = transport
        self.patience = patience
        receiving = try transport.makeQueue(Self.receiveQueue, limit: Self.queueLimit)
        transmitting = try transport.makeQueue(Self.transmitQueue, limit: Self.queueLimit)
        let count = receiving.size + transmitting.size
        memory = .allocate(byteCount: count * Self.bufferSize, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        receiveBuffers = Array(repeating: 0, count: receiving.size)
        transmitBuffers = Array(repeating: 0, count: transmitting.size)
        freeBuffers = Array(receiving.size..<count)
        transmitting.setInterrupts(false)
        for buffer in 0..<receiving.size { offer(buffer) }
        if Console.device == nil { Console.device = self }
        transport.start { [self] _ in interrupt() }
        transport.notify(receiving)
    }

    deinit { memory.deallocate() }

    public func remove() {
        transport.remove()
        lock.withLock { stopReason = "it was taken away" }
        if Console.device === self { Console.device = nil }
    }

    public var summary: Text { lock.withLock { stopReason } ?? (Console.device === self ? "the console" : "") }

    // MARK: Buffers (the lock is held)

    private func buffer(_ number: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[number * Self.bufferSize..<(number + 1) * Self.bufferSize])
    }

    private func offer(_ number: Int) {
        if let head = receiving.add([.init(buffer(number), isWritable: true)]) { receiveBuffers[head] = number }
    }

    private func reclaim() throws(HyperError) {
        while let used = try transmitting.takeUsed() { freeBuffers.append(transmitBuffers[used.head]) }
    }

    private func stop(_ error: HyperError) { stopReason = transport.failed(error.message).message }

    // MARK: Both ways

    public func write(_ byte: UInt8) {
        lock.withLock {
            guard stopReason == nil else { return }
            do throws(HyperError) {
                try reclaim()
                for _ in 0..<patience where freeBuffers.isEmpty { try reclaim() }
            } catch {
                return stop(error)
            }
            guard let number = freeBuffers.popLast() else {
                return stop(HyperError("it takes nothing of what is printed"))
            }
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer(number)[..<1])
            part[0] = byte
            guard let head = transmitting.add([.init(part, isWritable: false)]) else {
                return freeBuffers.append(number)
            }
            transmitBuffers[head] = number
            transport.notify(transmitting)
        }
    }

    private func interrupt() {
        var bytes: [UInt8] = []
        lock.withLock {
            guard stopReason == nil else { return }
            do throws(HyperError) {
                while let used = try receiving.takeUsed() {
                    let number = receiveBuffers[used.head]
                    bytes += buffer(number)[..<used.written]
                    offer(number)
                }
                transport.notify(receiving)
            } catch {
                stop(error)
            }
        }
        if !bytes.isEmpty { onInput(bytes) }
    }
}
