import ISA

/// Places in a page where instructions can begin: every second byte of it, one bit each.
struct PlaceSet {
    private var words = InlineArray<32, UInt64>(repeating: 0)

    func contains(_ address: UInt64) -> Bool {
        words[Int(address & 4095) &>> 7] & 1 &<< (address &>> 1 & 63) != 0
    }

    /// False where the place was in the set already.
    @discardableResult
    mutating func insert(_ address: UInt64) -> Bool {
        if contains(address) { return false }
        words[Int(address & 4095) &>> 7] |= 1 &<< (address &>> 1 & 63)
        return true
    }

    /// The addresses of the places in the page at `page`, in order.
    func forEach(in page: UInt64, _ body: (UInt64) -> Void) {
        for index in words.indices {
            var rest = words[index]
            while rest != 0 {
                body(page &+ UInt64(index &* 128 &+ rest.trailingZeroBitCount &* 2))
                rest &= rest &- 1
            }
        }
    }
}

/// What is translated at once: the code of one page that can be reached from an address without leaving the page, as
/// blocks, each of which begins at a label.
///
/// Labels are the targets of jumps within the page, and what lies behind calls, where they return to. A conditional
/// branch does not end a block: the block goes on where it is not taken, unless another begins there. One over a single
/// simple instruction, which nothing else goes to, needs no label.
struct Region {
    /// Addresses of the blocks, in order.
    private(set) var labels = ContiguousArray<UInt64>()
    private var open = ContiguousArray<UInt64>()
    /// Loops that call nobody, and lie in no other such: from their first instruction to the jump that closes them.
    private(set) var loops = ContiguousArray<ClosedRange<UInt64>>()
    /// All jumps back within the page, likewise.
    private(set) var backJumps = ContiguousArray<ClosedRange<UInt64>>()
    /// Branches back, and what is behind each.
    private var ends = ContiguousArray<(loop: ClosedRange<UInt64>, next: UInt64)>()
    /// Where code goes elsewhere in between: to a function, or to who is called by a system instruction.
    private var calls = ContiguousArray<UInt64>()
    /// Branches over one simple instruction: the addresses of that and of the one behind it.
    private var skips = ContiguousArray<(over: UInt64, target: UInt64)>()

    /// More instructions are left to further regions.
    static let maximumInstructions = 512

    /// Finds the blocks that can be reached from `start`, other than those that are `translated` already.
    mutating func find(
        from start: UInt64, in page: CodePage, of processor: any TranslatableProcessor,
        _ switches: OptimizationSwitches, _ translated: TranslatedPage
    ) {
        let wholePage = switches.contains(.regions)
        skips.removeAll(keepingCapacity: true)
        backJumps.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        calls.removeAll(keepingCapacity: true)
        var isLabel = PlaceSet()
        var visited = PlaceSet()
        var count = 0
        isLabel.insert(start)
        open.append(start)
        func reach(_ address: UInt64) {
            guard wholePage, (address ^ start) & ~4095 == 0, translated.entry(address) == 0,
                !translated.isRefused(address)
            else { return }
            if isLabel.insert(address) && !visited.contains(address) { open.append(address) }
        }
        repeat {
            while let first = open.popLast() {
                var address = first
                walk: while (address ^ start) & ~4095 == 0, count < Self.maximumInstructions {
                    guard !translated.isRefused(address), visited.insert(address) else { break }
                    count += 1
                    let next = address &+ UInt64(processor.length(of: address, in: page))
                    switch processor.shape(of: address, in: page) {
                    case .plain, .simple: break
                    case .branch(let target):
                        if switches.contains(.conditionalMoves), processor.isSkip(from: next, to: target, in: page) {
                            skips.append((next, target))
                        } else {
                            reach(target)
                        }
                        if target <= address, (target ^ start) & ~4095 == 0 {
                            backJumps.append(target...address)
                            ends.append((target...address, next))
                        }
                    case .jump(let target, let isCall):
                        reach(target)
                        if isCall {
                            calls.append(address)
                            reach(next)
                        } else if target <= address, (target ^ start) & ~4095 == 0 {
                            backJumps.append(target...address)
                        }
                        break walk
                    case .indirect(let isCall):
                        calls.append(address)
                        if isCall { reach(next) }
                        break walk
                    case .leave(let returns):
                        calls.append(address)
                        if returns { reach(next) }
                        break walk
                    case .interpreted:
                        calls.append(address)
                        break walk
                    }
                    address = next
                }
            }
            // What something else goes to as well has to be a block of its own.
            for skip in skips where isLabel.contains(skip.over) { reach(skip.target) }
            // What is behind a loop is no part of it; but a branch out of an inner loop goes back too, where that lies behind
            // what comes after it.
            if open.isEmpty {
                for end in ends
                where !backJumps.contains(where: { $0.lowerBound > end.loop.lowerBound && $0.contains(end.next) }) {
                    reach(end.next)
                }
            }
        } while !open.isEmpty
        labels.removeAll(keepingCapacity: true)
        isLabel.forEach(in: start & ~4095) { if $0 == start || visited.contains($0) { labels.append($0) } }
        findLoops()
    }

    private mutating func findLoops() {
        loops.removeAll(keepingCapacity: true)
        for range in backJumps.sorted(by: { $0.count > $1.count }) {
            guard !calls.contains(where: { range.contains($0) }), !loops.contains(where: { $0.overlaps(range) }),
                labels.contains(range.lowerBound)
            else { continue }
            loops.append(range)
        }
    }

    /// How many jumps back are around the address.
    func depth(of address: UInt64) -> Int { backJumps.reduce(0) { $0 + ($1.contains(address) ? 1 : 0) } }
}

extension TranslatableProcessor {
    /// Whether `target` is behind the instruction at `address`, and that is a simple one.
    func isSkip(from address: UInt64, to target: UInt64, in page: CodePage) -> Bool {
        address & 4095 != 0 && address &+ UInt64(length(of: address, in: page)) == target
            && shape(of: address, in: page) == .simple
    }
}
