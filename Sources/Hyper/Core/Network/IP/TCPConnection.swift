/// A connection of TCP that somebody else has opened (RFC 9293). Octets are taken in their order alone: what comes early is
/// sent again by its sender.
public final class TCPConnection {
    enum State {
        case synReceived, established
        /// We have closed: not acknowledged; acknowledged; both have, not acknowledged; and it rests a while.
        case finWait1, finWait2, closing, timeWait
        /// The other side has closed; and we, too.
        case closeWait, lastAck
        case closed
    }

    static let ownSegmentSize = IPv4Packet.payloadLimit - 20
    /// RFC 9293, 3.7.1.
    private static let standardSegmentSize = 536
    /// Octets that wait to be sent or acknowledged.
    public static let sendLimit = 16 << 10
    private static let second: UInt64 = 1_000_000_000
    /// RFC 6298, 2.1 and 2.5, and how often a segment is sent again before nobody is there.
    private static let firstTimeout = second, longestTimeout = 60 * second, attemptLimit = 8
    /// How long nobody says anything before somebody asks, how long he waits for an answer, and how often he asks.
    private static let keepAliveIdle = 120 * second, keepAliveInterval = 15 * second, keepAliveLimit = 5
    private static let restTime = 30 * second

    public let peer: IPv4Address
    public let peerPort: UInt16
    let port: UInt16
    private(set) var state = State.synReceived
    /// Given what has come; and told once that nothing more comes.
    public var onReceive: ([UInt8]) -> Void = { _ in }
    public var onEnd: () -> Void = {}
    private var hasEnded = false
    /// What it makes to be sent.
    var output: [TCPSegment] = []

    // Send sequence (RFC 9293, 3.3.1); `sendMaximum` is how far has been sent ever, `sendNext` since the last repetition.
    private let initialSend: UInt32
    private var sendUnacknowledged: UInt32
    private var sendNext: UInt32
    private var sendMaximum: UInt32
    private var sendWindow: UInt32
    private var windowSequence: UInt32
    private var windowAcknowledgement: UInt32
    /// What has not been acknowledged, from `sendUnacknowledged` on, but for SYN and FIN.
    private var buffer: [UInt8] = []
    private let segmentSize: Int
    private var isFinishing = false
    private var finishSequence: UInt32?
    /// RFC 5681.
    private var congestionWindow: Int

    // Receive sequence.
    private var receiveNext: UInt32
    /// Octets that the owner has room for.
    public private(set) var receiveSpace: Int

    private var timeout = firstTimeout
    private var attempts = 0
    /// When a segment is sent again, a closed window looked at, or a rest is over.
    private var timer: UInt64?
    private var keepAliveTimer: UInt64
    private var keepAlives = 0

    /// - Parameters:
    ///   - segment: the SYN that opened it.
    ///   - space: octets that the owner has room for.
    init(_ segment: TCPSegment, from peer: IPv4Address, initialSend: UInt32, space: Int, now: UInt64) {
        self.peer = peer
        peerPort = segment.sourcePort
        port = segment.destinationPort
        self.initialSend = initialSend
        (sendUnacknowledged, sendNext, sendMaximum) = (initialSend, initialSend, initialSend)
        sendWindow = UInt32(segment.window)
        (windowSequence, windowAcknowledgement) = (segment.sequence, initialSend)
        receiveNext = segment.sequence &+ 1
        receiveSpace = space
        let size = Int(segment.maximumSegmentSize ?? UInt16(Self.standardSegmentSize))
        segmentSize = min(max(size, 64), Self.ownSegmentSize)
        congestionWindow = 4 * segmentSize
        keepAliveTimer = now &+ Self.keepAliveIdle
        transmit(now)
    }

    public var isClosed: Bool { state == .closed }
    var isHalfOpen: Bool { state == .synReceived }
    var isResting: Bool { state == .timeWait }

    // MARK: As its owner uses it

    public var sendSpace: Int { isFinishing || state == .closed ? 0 : Self.sendLimit - buffer.count }

    /// Takes as many of the octets as there is room for; how many.
    public func send(_ bytes: ArraySlice<UInt8>, now: UInt64) -> Int {
        let count = min(bytes.count, sendSpace)
        guard count > 0 else { return 0 }
        buffer += bytes.prefix(count)
        transmit(now)
        return count
    }

    /// The owner has room for so many octets. Nobody is told of a little more (RFC 9293, 3.8.6.2.2).
    public func setReceiveSpace(_ space: Int, now: UInt64) {
        let wasSmall = receiveSpace < Self.ownSegmentSize
        if space <= receiveSpace || !wasSmall || space >= 2 * Self.ownSegmentSize { receiveSpace = space }
        if wasSmall, receiveSpace >= Self.ownSegmentSize, state == .established { acknowledge() }
    }

    /// Closes it once all is sent.
    public func close(now: UInt64) {
        guard state != .closed, !isFinishing else { return }
        isFinishing = true
        transmit(now)
    }

    /// Ends it at once.
    public func abort() {
        if state != .closed, state != .timeWait {
            emit(TCPSegment(from: port, to: peerPort, sequence: sendNext, acknowledgement: receiveNext, .reset))
        }
        end()
    }

    private func end() {
        state = .closed
        timer = nil
        buffer = []
        tellEnd()
    }

    private func tellEnd() {
        guard !hasEnded else { return }
        hasEnded = true
        onEnd()
        onEnd = {}
    }

    // MARK: Segments that come (RFC 9293, 3.10.7.4)

    func receive(_ segment: TCPSegment, now: UInt64) {
        guard state != .closed else { return }
        guard isAcceptable(segment) else {
            if !segment.flags.contains(.reset) { acknowledge() }
            return
        }
        keepAlives = 0
        keepAliveTimer = now &+ Self.keepAliveIdle
        if segment.flags.contains(.reset) {
            // One that is not exactly what comes next may be a stranger's (RFC 5961).
            if segment.sequence == receiveNext { end() } else { acknowledge() }
            return
        }
        if segment.flags.contains(.synchronize) { return acknowledge() }
        guard segment.flags.contains(.acknowledge), takeAcknowledgement(segment, now) else { return }
        takePayload(segment, now)
        transmit(now)
    }

    private func isAcceptable(_ segment: TCPSegment) -> Bool {
        let window = UInt32(min(receiveSpace, 0xffff))
        let offset = segment.sequence &- receiveNext
        // An empty one, such as an acknowledgement or a reset.
        if segment.length == 0 { return offset == 0 || offset < window }
        guard window > 0 else { return segment.flags.contains(.acknowledge) && offset == 0 }
        return offset < window || segment.sequence &+ (segment.length &- 1) &- receiveNext < window
    }

    /// Whether there is more to look at.
    private func takeAcknowledgement(_ segment: TCPSegment, _ now: UInt64) -> Bool {
        let value = segment.acknowledgement
        let isNew = sendUnacknowledged.isBefore(value) && !sendMaximum.isBefore(value)
        if state == .synReceived {
            guard isNew else {
                emit(TCPSegment(from: port, to: peerPort, sequence: value, .reset))
                return false
            }
            state = .established
        }
        guard !sendMaximum.isBefore(value) else {
            acknowledge()
            return false
        }
        if isNew {
            // SYN and FIN are not in the buffer.
            let first = sendUnacknowledged == initialSend ? initialSend &+ 1 : sendUnacknowledged
            let count = min(Int(max(Int32(bitPattern: value &- first), 0)), buffer.count)
            buffer.removeFirst(count)
            sendUnacknowledged = value
            if sendNext.isBefore(value) { sendNext = value }
            congestionWindow = min(congestionWindow + segmentSize, Self.sendLimit)
            (timeout, attempts) = (Self.firstTimeout, 0)
            timer = sendUnacknowledged == sendMaximum ? nil : now &+ timeout
        }
        let isLater =
            windowSequence.isBefore(segment.sequence)
            || windowSequence == segment.sequence && !value.isBefore(windowAcknowledgement)
        if isLater {
            if sendWindow == 0, segment.window > 0 { timer = nil }
            // Whoever answers is there, however long his window stays closed.
            attempts = 0
            sendWindow = UInt32(segment.window)
            (windowSequence, windowAcknowledgement) = (segment.sequence, value)
        }
        if let finishSequence, finishSequence.isBefore(value) { finishWasAcknowledged(now) }
        return state != .closed
    }

    private func finishWasAcknowledged(_ now: UInt64) {
        switch state {
        case .finWait1: state = .finWait2
        case .closing: rest(now)
        case .lastAck: end()
        default: break
        }
    }

    private func takePayload(_ segment: TCPSegment, _ now: UInt64) {
        guard segment.length > 0 else { return }
        // What is early comes again; what was there already is left out.
        let old = Int32(bitPattern: receiveNext &- segment.sequence)
        guard old >= 0 else { return acknowledge() }
        let fresh = segment.payload.dropFirst(Int(old))
        let taken = fresh.prefix(max(receiveSpace, 0))
        let isAll = taken.count == fresh.count && Int(old) <= segment.payload.count
        switch state {
        case .established, .finWait1, .finWait2:
            receiveNext = receiveNext &+ UInt32(truncatingIfNeeded: taken.count)
            receiveSpace -= taken.count
            if !taken.isEmpty { onReceive(Array(taken)) }
            if segment.flags.contains(.finish), isAll { takeFinish(now) }
        default: break
        }
        acknowledge()
    }

    private func takeFinish(_ now: UInt64) {
        receiveNext = receiveNext &+ 1
        switch state {
        case .established: state = .closeWait
        case .finWait1: state = .closing
        default: rest(now)
        }
        tellEnd()
    }

    private func rest(_ now: UInt64) {
        state = .timeWait
        timer = now &+ Self.restTime
        tellEnd()
    }

    // MARK: Segments that go

    private func emit(_ segment: TCPSegment) {
        var segment = segment
        segment.window = UInt16(clamping: max(receiveSpace, 0))
        output.append(segment)
    }

    private func acknowledge() {
        emit(
            TCPSegment(from: port, to: peerPort, sequence: sendNext, acknowledgement: receiveNext, .acknowledge))
    }

    /// Sends what may be sent.
    private func transmit(_ now: UInt64) {
        if state == .synReceived {
            guard sendNext == initialSend else { return }
            var segment = TCPSegment(
                from: port, to: peerPort, sequence: initialSend, acknowledgement: receiveNext,
                [.synchronize, .acknowledge])
            segment.maximumSegmentSize = UInt16(Self.ownSegmentSize)
            emit(segment)
            return advanceSend(to: initialSend &+ 1, now)
        }
        guard state == .established || state == .closeWait || finishSequence != nil, state != .closed,
            state != .timeWait
        else { return }
        while true {
            let inFlight = Int(sendNext &- sendUnacknowledged)
            guard inFlight <= buffer.count else { break }
            let window = min(Int(sendWindow), congestionWindow) - inFlight
            let count = min(buffer.count - inFlight, segmentSize, max(window, 0))
            guard count > 0 else { break }
            send(inFlight, count)
            advanceSend(to: sendNext &+ UInt32(count), now)
        }
        let isAllSent = sendNext == sendUnacknowledged &+ UInt32(truncatingIfNeeded: buffer.count)
        if isFinishing, isAllSent, finishSequence == nil || sendNext == finishSequence { finish(now) }
        // A window that stays closed is looked at from time to time (RFC 9293, 3.8.6.1).
        if timer == nil, !buffer.isEmpty { timer = now &+ timeout }
    }

    /// Sends octets of the buffer from `offset` on.
    private func send(_ offset: Int, _ count: Int) {
        var segment = TCPSegment(
            from: port, to: peerPort, sequence: sendUnacknowledged &+ UInt32(truncatingIfNeeded: offset),
            acknowledgement: receiveNext, offset + count == buffer.count ? [.acknowledge, .push] : .acknowledge)
        segment.payload = buffer[offset..<offset + count]
        emit(segment)
    }

    private func finish(_ now: UInt64) {
        if finishSequence == nil {
            finishSequence = sendNext
            state = state == .closeWait ? .lastAck : .finWait1
        }
        emit(
            TCPSegment(
                from: port, to: peerPort, sequence: sendNext, acknowledgement: receiveNext, [.finish, .acknowledge]))
        advanceSend(to: sendNext &+ 1, now)
    }

    private func advanceSend(to next: UInt32, _ now: UInt64) {
        sendNext = next
        if sendMaximum.isBefore(next) { sendMaximum = next }
        if timer == nil { timer = now &+ timeout }
    }

    // MARK: Time

    var deadline: UInt64? {
        switch state {
        case .closed: nil
        case .established, .closeWait, .finWait2: timer ?? keepAliveTimer
        default: timer
        }
    }

    func advance(_ now: UInt64) {
        if let timer, now >= timer { repeatSegment(now) }
        // While something is to be acknowledged that asks by itself.
        guard state == .established || state == .closeWait || state == .finWait2, timer == nil, now >= keepAliveTimer
        else { return }
        // Who has closed, and will not hear that we have, is not waited for.
        guard keepAlives < Self.keepAliveLimit, state != .finWait2 else { return abort() }
        keepAlives += 1
        keepAliveTimer = now &+ Self.keepAliveInterval
        // An octet that was acknowledged already asks for an answer (RFC 9293, 3.8.4).
        emit(
            TCPSegment(
                from: port, to: peerPort, sequence: sendNext &- 1, acknowledgement: receiveNext, .acknowledge))
    }

    private func repeatSegment(_ now: UInt64) {
        timer = nil
        if state == .timeWait { return end() }
        attempts += 1
        guard attempts <= Self.attemptLimit else { return abort() }
        timeout = min(timeout * 2, Self.longestTimeout)
        congestionWindow = segmentSize
        sendNext = sendUnacknowledged
        if state != .synReceived, sendWindow == 0, !buffer.isEmpty {
            send(0, 1)
            return advanceSend(to: sendNext &+ 1, now)
        }
        transmit(now)
    }
}
