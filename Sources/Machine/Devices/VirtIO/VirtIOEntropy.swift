/// VirtIO entropy device (VirtIO 1.2, section 5.4): a source of random bytes that is the same in every run.
///
/// The bytes are those of ``SplitMix64``, from a seed that belongs to the machine's configuration.
public final class VirtIOEntropy: VirtIODevice {
    public let id: UInt32 = 4
    public let hasLegacyInterface = true
    public let features: VirtIOFeatures = []
    public let queueSizes: [UInt16] = [64]
    public let configuration: [UInt8] = []
    public weak var transport: VirtIOTransport?

    /// A device may fill less than all of a buffer (5.4.6.2).
    private static let largestAnswer: UInt64 = 64 << 10

    private let seed: UInt64
    private var generator: SplitMix64

    public init(seed: UInt64) {
        self.seed = seed
        generator = SplitMix64(seed: seed)
    }

    /// A driver's reset does not rewind the generator: bytes once given are not given again.
    public func reset() {}

    /// A machine that is powered on anew is given the same bytes anew.
    public func powerOn() {
        generator = SplitMix64(seed: seed)
    }

    public func serve(_ index: Int) {
        transport?.process(index) { chain in
            var buffer = chain.writable
            let count = min(buffer.count, Self.largestAnswer)
            guard let target = buffer.removeFirst(count) else { return .used(0) }
            target.write { bytes in
                for start in stride(from: 0, to: bytes.count, by: 8) {
                    let word = generator.next()
                    for index in start..<min(start + 8, bytes.count) {
                        bytes[index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * (index - start)))
                    }
                }
            }
            return .used(count)
        }
    }

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("generator", &generator.state)
    }
}
