/// A disk of the host's behind VirtIO (VirtIO 1.2, Block Device).
///
/// Requests go to the device as they come, as long as its queue has room, and wait in their order otherwise; interrupts end
/// them. One that is larger than the device takes at once is given to it part by part. A device that breaks the rules, or
/// does not answer for ``timeLimit``, is stopped, and all requests fail from then on: nobody waits for ever.
public final class VirtIOBlockDriver: HostDisk, HostDevice {
    private enum Feature {
        static let sizeMaximum: UInt64 = 1 << 1, segmentMaximum: UInt64 = 1 << 2
        static let readOnly: UInt64 = 1 << 5, flush: UInt64 = 1 << 9
    }

    private enum Configuration {
        static let capacity: UInt64 = 0, sizeMaximum: UInt64 = 8, segmentMaximum: UInt64 = 12
    }

    /// The `type` of struct virtio_blk_req.
    private enum Kind: UInt32 {
        case read = 0, write = 1, flush = 4
    }

    private struct Request {
        let kind: Kind
        var sector: UInt64
        /// What the device was not given yet.
        var rest: ScatterList
        let ended: (Bool) -> Void
    }

    /// A part of a request that the device has.
    private struct Flight {
        var request: Request
        let since: UInt64
    }

    private enum Submission {
        case submitted, noRoom, impossible
    }

    /// Nanoseconds in which a device ends what it was given.
    public static let timeLimit: UInt64 = 30_000_000_000
    private static let queueLimit = 128
    /// The header of a request and its status, by the number of the request's first descriptor.
    private static let headerSize = 16, slotSize = 32

    public let identifier: Text
    public let sectorCount: UInt64
    public let isReadOnly: Bool
    private let transport: VirtIODriverTransport
    private let hasFlush: Bool
    private let longestSegment: Int
    private let mostSegments: Int
    private let slots: UInt64
    private let lock = SpinLock()
    // Guarded by `lock`.
    private let queue: DriverVirtqueue
    private var flights: [Flight?]
    private var waiting: [Request] = []
    private var segments: [DriverVirtqueue.Segment] = []
    private var counted = DiskCounters()
    private var stopReason: Text?
    private let watchdog: TimerReference
    private var isWatched = false

    public init(_ transport: VirtIODriverTransport) throws(HyperError) {
        let features = try transport.negotiate(
            Feature.sizeMaximum | Feature.segmentMaximum | Feature.readOnly | Feature.flush)
        identifier = try HostDisks.freeName()
        // No disk is so large that a count of its bytes does not fit.
        sectorCount = min(transport.configuration(Configuration.capacity, width: 8), 1 << 54)
        isReadOnly = features & Feature.readOnly != 0
        hasFlush = features & Feature.flush != 0
        let size = transport.configuration(Configuration.sizeMaximum, width: 4)
        longestSegment = features & Feature.sizeMaximum != 0 && size > 0 ? Int(size) : 1 << 20
        queue = try transport.makeQueue(0, limit: Self.queueLimit)
        guard queue.size >= 4 else {
            throw transport.failed("its queue has \(queue.size) entries, and a request needs three at least")
        }
        let most = transport.configuration(Configuration.segmentMaximum, width: 4)
        let room = queue.size - 2
        mostSegments = features & Feature.segmentMaximum != 0 && most > 0 ? min(Int(most), room) : room
        flights = Array(repeating: nil, count: queue.size)
        slots = try Pages.allocate(1)
        self.transport = transport
        watchdog = TimerReference.allocate(capacity: 1)
        watchdog.initialize(to: TimerEvent(action: .timeSlice))
        watchdog.pointee.action = .call(
            { driver in
                guard let driver else { return }
                Unmanaged<VirtIOBlockDriver>.fromOpaque(driver)._withUnsafeGuaranteedRef { $0.watch() }
            }, Unmanaged.passUnretained(self).toOpaque())
        try HostDisks.add(self)
        transport.start { [self] _ in interrupt() }
    }

    deinit {
        watchdog.deallocate()
        Pages.free(slots, 1)
    }

    public var place: Text { transport.path }
    public var counters: DiskCounters { lock.withLock { counted } }
    public var failure: Text? { lock.withLock { stopReason } }
    public var summary: Text { "\(identifier), \(sectorCount / 2) KiB\(isReadOnly ? ", read-only" as Text : "")" }

    /// Guests that have the disk find that its requests fail.
    public func remove() {
        HostDisks.remove(self)
        transport.remove()
        end(lock.withLock { stop("it was taken away") })
        Timers.cancel(watchdog)
        CPUs.leaveHandlers()
    }

    // MARK: As a disk

    public func read(_ sector: UInt64, into memory: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        begin(Request(kind: .read, sector: sector, rest: memory, ended: ended))
    }

    public func write(_ sector: UInt64, from memory: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        begin(Request(kind: .write, sector: sector, rest: memory, ended: ended))
    }

    /// Without the feature, what is written lasts when it is done (Block Device, Device Operation).
    public func flush(_ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        guard hasFlush, !isReadOnly else { return .done }
        return begin(Request(kind: .flush, sector: 0, rest: ScatterList([], from: 0, count: 0), ended: ended))
    }

    private func begin(_ request: Request) -> DiskOutcome {
        if request.kind != .flush, request.rest.count == 0 { return .done }
        return lock.withLock {
            guard stopReason == nil else { return .failed }
            count(request)
            // Behind those that came before it.
            if !waiting.isEmpty {
                waiting.append(request)
                return .pending
            }
            switch submit(request) {
            case .submitted: transport.notify(queue)
            case .noRoom: waiting.append(request)
            case .impossible:
                counted.errors &+= 1
                return .failed
            }
            return .pending
        }
    }

    private func count(_ request: Request) {
        let sectors = UInt64(request.rest.count / BlockDevice.sectorSize)
        switch request.kind {
        case .read:
            counted.reads &+= 1
            counted.readSectors &+= sectors
        case .write:
            counted.writes &+= 1
            counted.writtenSectors &+= sectors
        case .flush: break
        }
    }

    // MARK: The queue (the lock is held)

    /// Gives the device as much of the request as it takes at once.
    private func submit(_ request: Request) -> Submission {
        guard queue.freeCount >= 3 else { return .noRoom }
        var request = request
        // The slot is that of the descriptor that the queue takes next.
        let slot = self.slot(queue.nextHead)
        slot.storeBytes(of: request.kind.rawValue.littleEndian, as: UInt32.self)
        slot.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
        slot.storeBytes(of: request.sector.littleEndian, toByteOffset: 8, as: UInt64.self)
        // No status that a device may set.
        slot.storeBytes(of: 0xff, toByteOffset: Self.headerSize, as: UInt8.self)
        segments.removeAll(keepingCapacity: true)
        segments.append(.init(.init(start: slot, count: Self.headerSize), isWritable: false))
        if request.kind != .flush {
            let count = appendData(of: request)
            guard count > 0 else { return queue.freeCount < mostSegments + 2 ? .noRoom : .impossible }
            request.rest.skip(count)
            request.sector &+= UInt64(count / BlockDevice.sectorSize)
        }
        segments.append(.init(.init(start: slot + Self.headerSize, count: 1), isWritable: true))
        guard let head = queue.add(segments) else { return .noRoom }
        flights[head] = Flight(request: request, since: Port.counter)
        if !isWatched { watch(until: Port.counter &+ Timers.ticks(Self.timeLimit)) }
        return .submitted
    }

    /// Adds the segments of the whole sectors that the device takes now; how many bytes.
    private func appendData(of request: Request) -> Int {
        let limit = min(mostSegments, queue.freeCount - 2)
        var (rest, count) = (request.rest, 0)
        while segments.count - 1 < limit, let piece = rest.next(longestSegment) {
            segments.append(.init(piece, isWritable: request.kind == .read))
            count += piece.count
        }
        // Without the part of a sector at the end.
        var excess = count % BlockDevice.sectorSize
        count -= excess
        while excess > 0, let last = segments.popLast() {
            guard last.count > excess else {
                excess -= last.count
                continue
            }
            segments.append(last.prefix(last.count - excess))
            excess = 0
        }
        return count
    }

    private func slot(_ head: Int) -> UnsafeMutableRawPointer {
        // SAFETY: a page of our own has as many slots as the queue has descriptors.
        UnsafeMutableRawPointer(bitPattern: UInt(slots)).unsafelyUnwrapped + Self.slotSize * head
    }

    // MARK: Ends

    /// What came of requests, to be told when no lock is held.
    private typealias Ends = [(ended: (Bool) -> Void, isDone: Bool)]

    private func end(_ ends: Ends) {
        for end in ends { end.ended(end.isDone) }
    }

    private func interrupt() {
        var ends: Ends = []
        let problem = lock.withLock { () -> HyperError? in
            guard stopReason == nil else { return nil }
            do throws(HyperError) {
                while let used = try queue.takeUsed() { finish(used.head, &ends) }
                submitWaiting(&ends)
                return nil
            } catch {
                let error = transport.failed(error.message)
                ends += stop(error.message)
                return error
            }
        }
        if let problem { Console.write("hyper: \(problem.message)\n") }
        end(ends)
    }

    private func finish(_ head: Int, _ ends: inout Ends) {
        guard let flight = flights[head] else { return }
        flights[head] = nil
        let isDone = slot(head).load(fromByteOffset: Self.headerSize, as: UInt8.self) == 0
        if !isDone { counted.errors &+= 1 }
        if isDone, flight.request.rest.count > 0 {
            waiting.insert(flight.request, at: 0)
        } else {
            ends.append((flight.request.ended, isDone))
        }
    }

    private func submitWaiting(_ ends: inout Ends) {
        var done = 0
        loop: while done < waiting.count {
            switch submit(waiting[done]) {
            case .submitted: break
            case .noRoom: break loop
            case .impossible:
                counted.errors &+= 1
                ends.append((waiting[done].ended, false))
            }
            done += 1
        }
        guard done > 0 else { return }
        waiting.removeFirst(done)
        transport.notify(queue)
    }

    /// Ends all requests, and those that come. The device is stopped.
    private func stop(_ reason: Text) -> Ends {
        stopReason = reason
        var ends: Ends = waiting.map { ($0.ended, false) }
        waiting = []
        for head in flights.indices {
            if let flight = flights[head] { ends.append((flight.request.ended, false)) }
            flights[head] = nil
        }
        counted.errors &+= UInt64(ends.count)
        return ends
    }

    // MARK: A device that does not answer

    private func watch(until deadline: UInt64) {
        isWatched = true
        Timers.arm(watchdog, at: deadline)
    }

    /// Looks whether the device has had a request for too long. While there are none nobody looks.
    private func watch() {
        var ends: Ends = []
        let problem = lock.withLock { () -> HyperError? in
            isWatched = false
            var oldest: UInt64?
            for flight in flights { if let flight { oldest = min(oldest ?? .max, flight.since) } }
            guard let oldest else { return nil }
            let deadline = oldest &+ Timers.ticks(Self.timeLimit)
            guard Port.counter >= deadline else {
                watch(until: deadline)
                return nil
            }
            let error = transport.failed(
                "disk \(identifier) has not answered for \(Self.timeLimit / 1_000_000_000) s; all its requests fail")
            ends = stop(error.message)
            return error
        }
        if let problem { Console.write("hyper: \(problem.message)\n") }
        end(ends)
    }
}
