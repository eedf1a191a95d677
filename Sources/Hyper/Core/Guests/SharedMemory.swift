/// Memory that several guests have.
public enum SharedMemory {
    public struct Block {
        public let name: Text
        public let address: UInt64
        public let size: UInt64
    }

    // SAFETY: changed by one thread at a time, which holds the mutex of the management.
    nonisolated(unsafe) public private(set) static var blocks: [Block] = []

    public static func make(_ name: Text, size: UInt64) throws(HyperError) {
        guard !blocks.contains(where: { $0.name == name }) else {
            throw HyperError("there is shared memory \(name) already")
        }
        guard size > 0, size <= .max - 4095, let count = Int(exactly: (size + 4095) / Pages.size) else {
            throw HyperError("shared memory of \(size) bytes cannot be made")
        }
        let size = UInt64(count) * Pages.size
        let address = try Pages.allocate(count)
        Pages.clear(address, count: count)
        blocks.append(Block(name: name, address: address, size: size))
    }

    /// Gives it back, if no guest has it.
    public static func remove(_ name: Text) throws(HyperError) {
        let block = try find(name, size: 0)
        for guest in Guests.all where guest.space.regions.contains(where: { $0.isMemory(of: block) }) {
            throw HyperError("guest \(guest.name) has shared memory \(name): destroy it first")
        }
        blocks.removeAll { $0.name == name }
        Pages.free(block.address, Int(block.size / Pages.size))
    }

    static func find(_ name: Text, size: UInt64) throws(HyperError) -> Block {
        guard let block = blocks.first(where: { $0.name == name }) else {
            throw HyperError("there is no shared memory \(name): make it with `memory share \(name) SIZE`")
        }
        guard block.size >= size else { throw HyperError("shared memory \(name) has \(block.size) bytes, not \(size)") }
        return block
    }
}

extension Region {
    fileprivate func isMemory(of block: SharedMemory.Block) -> Bool {
        guard case .memory(let host, _) = kind else { return false }
        return host - min(host, block.address) < block.size && host >= block.address
    }
}
