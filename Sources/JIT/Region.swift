import ISA

/// What is translated at once: the code of one page that can be reached from an address without leaving the page, as
/// blocks, each of which begins at a label.
///
/// Labels are the targets of jumps within the page, and what lies behind calls, where they return to. A conditional
/// branch does not end a block: the block goes on where it is not taken, unless another begins there.
struct Region {
    /// Addresses of the blocks, in order.
    private(set) var labels: [UInt64] = []

    /// More instructions are left to further regions.
    static let maximumInstructions = 512

    /// Finds the blocks that can be reached from `start`, other than those that are `translated`.
    init(
        at start: UInt64, in page: CodePage, of processor: any TranslatableProcessor, wholePage: Bool,
        isTranslated: (UInt64) -> Bool
    ) {
        var isLabel = Set([start])
        var visited = Set<UInt64>()
        var open = [start]
        var count = 0
        func reach(_ address: UInt64) {
            guard wholePage, (address ^ start) & ~4095 == 0, !isTranslated(address) else { return }
            if isLabel.insert(address).inserted && !visited.contains(address) { open.append(address) }
        }
        while let first = open.popLast() {
            var address = first
            walk: while (address ^ start) & ~4095 == 0, count < Self.maximumInstructions {
                guard visited.insert(address).inserted else { break }
                count += 1
                let next = address &+ UInt64(processor.length(of: address, in: page))
                switch processor.shape(of: address, in: page) {
                case .plain: break
                case .branch(let target): reach(target)
                case .jump(let target, let isCall):
                    reach(target)
                    if isCall { reach(next) }
                    break walk
                case .indirect(let isCall):
                    if isCall { reach(next) }
                    break walk
                case .leave(let returns):
                    if returns { reach(next) }
                    break walk
                case .interpreted: break walk
                }
                address = next
            }
        }
        labels = isLabel.filter { $0 == start || visited.contains($0) }.sorted()
    }
}
