/// VirtIO entropy device (VirtIO 1.2, section 5.4): a source of random bytes that is the same in every run.
///
/// The bytes come from SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) and a
/// seed that belongs to the machine's configuration. They are no secret.
public final class VirtIOEntropy: VirtIODevice {
    public let id: UInt32 = 4
    public let features: VirtIOFeatures = []
    public let queueSizes: [UInt16] = [64]
    public let configuration: [UInt8] = []
    public weak var transport: VirtIOTransport?

    /// A device may fill less than all of a buffer (5.4.6.2).
    private static let largestAnswer: UInt64 = 64 << 10

    private let seed: UInt64
    private var state: UInt64

    public init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// A driver's reset does not rewind the generator: bytes once given are not given again.
    public func reset() {}

    /// A machine that is powered on anew is given the same bytes anew.
    public func powerOn() {
        state = seed
    }

    private func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    public func serve(_ index: Int) {
        transport?.process(index) { chain in
            var buffer = chain.writable
            let count = min(buffer.count, Self.largestAnswer)
            guard let target = buffer.removeFirst(count) else { return .used(0) }
            target.write { bytes in
                for start in stride(from: 0, to: bytes.count, by: 8) {
                    let word = next()
                    for index in start..<min(start + 8, bytes.count) {
                        bytes[index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * (index - start)))
                    }
                }
            }
            return .used(count)
        }
    }

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("generator", &state)
    }
}
