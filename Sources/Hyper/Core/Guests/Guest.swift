/// A guest: its addresses, its devices and its VCPUs.
public final class Guest {
    public enum State: Sendable {
        /// Made, or reset, and not kicked.
        case ready
        case running
        case paused
        /// Powered off, or stopped by a fault of its own.
        case halted
    }

    public let name: Text
    public let identifier: Int
    public let space: AddressSpace
    public internal(set) var vcpus: [VCPUReference] = []
    public internal(set) var state = State.ready

    public init(name: Text, identifier: Int) throws(HyperError) {
        self.name = name
        self.identifier = identifier
        space = try AddressSpace(identifier: UInt64(identifier) + 1)
    }
}
