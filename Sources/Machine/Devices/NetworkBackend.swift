/// The host's side of a network card: a network of its own, or a test.
///
/// A frame is Ethernet's, from the destination address to the end of the payload. What the guest sends goes out through
/// ``send(_:)`` at once. What comes for it waits in ``input`` until its driver has room.
public protocol NetworkBackend: AnyObject {
    /// Takes a frame that the guest sent.
    func send(_ frame: [UInt8])

    /// What came and was not yet taken by the card. One queue for the life of the back end.
    var input: NetworkInput { get }
}

extension NetworkBackend {
    /// Hands a frame to the card. It is input from outside, which comes between rounds (``HostPort``).
    public func receive(_ frame: [UInt8]) {
        input.receive(frame)
    }
}

/// The queue of frames between a network and the card that receives them.
///
/// It is bounded, as every network loses what comes too fast: a frame that finds it full is dropped, and counted.
public final class NetworkInput {
    public static let capacity = 256
    /// Bytes of a frame: from the header alone to a payload of 1500, with a tag of its virtual network (IEEE 802.3 and
    /// 802.1Q).
    static let frameSizes = 14...1518

    private var frames: [[UInt8]] = []
    /// Frames that found no room.
    private(set) var dropped: UInt64 = 0
    /// Told of each frame that arrives, before the card is.
    var observer: (([UInt8]) -> Void)?
    /// Told after a frame has arrived. The card sets it.
    var arrived: () -> Void = {}

    public init() {}

    /// How many frames wait.
    public var count: Int { frames.count }

    public func receive(_ frame: [UInt8]) {
        observer?(frame)
        guard frames.count < Self.capacity, Self.frameSizes.contains(frame.count) else {
            drop()
            return
        }
        frames.append(frame)
        arrived()
    }

    /// A frame is lost on its way.
    func drop() {
        dropped &+= 1
    }

    /// The oldest frame.
    var first: [UInt8]? { frames.first }

    func removeFirst() {
        frames.removeFirst()
    }

    func removeAll() {
        dropped &+= UInt64(frames.count)
        frames = []
    }

    /// The card that reads the queue describes it as part of its own state: each frame's length in two bytes, then the
    /// frame.
    func describeState(_ visitor: inout some StateVisitor) {
        var packed: [UInt8] = []
        for frame in frames {
            packed.append(littleEndian: UInt16(frame.count))
            packed += frame
        }
        let before = packed
        visitor.field("input", &packed)
        visitor.field("frames dropped on the way", &dropped)
        guard packed != before else { return }
        frames = []
        var position = 0
        while packed.count - position >= 2, frames.count < Self.capacity {
            let end = position + 2 + Int(packed.littleEndian(at: position, as: UInt16.self))
            guard end <= packed.count, Self.frameSizes.contains(end - position - 2) else { break }
            frames.append(Array(packed[position + 2..<end]))
            position = end
        }
        if position != packed.count {
            visitor.refuse("at most \(Self.capacity) frames with their lengths", of: "input")
        }
    }
}

/// A wire with nobody at its other end: what is sent is lost, and nothing comes.
public final class NoNetwork: NetworkBackend {
    public let input = NetworkInput()

    public init() {}

    public func send(_ frame: [UInt8]) {}
}

/// A network in memory: the twin that tests use in place of a real one.
public final class MemoryNetwork: NetworkBackend {
    public let input = NetworkInput()
    /// All that the guest has sent.
    public var sent: [[UInt8]] = []

    public init() {}

    public func send(_ frame: [UInt8]) {
        sent.append(frame)
    }
}
