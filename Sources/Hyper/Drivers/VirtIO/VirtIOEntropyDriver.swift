/// The host's source of random numbers behind VirtIO (VirtIO 1.2, Entropy Device): it seeds ``Random`` as soon as it answers.
public final class VirtIOEntropyDriver: HostDevice {
    /// As many bytes as the generator's key has.
    private static let seedSize = 32

    private let transport: VirtIODriverTransport
    private let buffer: UnsafeMutableRawBufferPointer
    private let lock = SpinLock()
    // Guarded by `lock`.
    private let queue: DriverVirtqueue
    private var seeded = 0
    private var stopReason: Text?

    public init(_ transport: VirtIODriverTransport) throws(HyperError) {
        _ = try transport.negotiate(0)
        self.transport = transport
        queue = try transport.makeQueue(0, limit: 8)
        buffer = .allocate(byteCount: Self.seedSize, alignment: 16)
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        transport.start { [self] _ in interrupt() }
        lock.withLock { ask() }
    }

    deinit { buffer.deallocate() }

    public func remove() { transport.remove() }

    public var summary: Text {
        lock.withLock { stopReason ?? (seeded == 0 ? "has not answered yet" : "gave \(seeded) random bytes") }
    }

    private func ask() {
        guard queue.add([.init(buffer, isWritable: true)]) != nil else { return }
        transport.notify(queue)
    }

    /// It may give fewer bytes than it was asked for, and is asked for the rest.
    private func interrupt() {
        let problem = lock.withLock { () -> HyperError? in
            guard stopReason == nil else { return nil }
            do throws(HyperError) {
                guard let used = try queue.takeUsed() else { return nil }
                Random.seed(Array(buffer[..<used.written]))
                seeded += used.written
                if used.written > 0, seeded < Self.seedSize { ask() }
                return nil
            } catch {
                let error = transport.failed(error.message)
                stopReason = error.message
                return error
            }
        }
        if let problem { Console.write("hyper: \(problem.message)\n") }
    }
}
