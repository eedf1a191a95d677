/// Stacks as a tree: each frame as wide as what was seen in it.
public struct FlameGraph: Sendable {
    public final class Frame: Sendable {
        public let name: String
        public let value: UInt64
        public let children: [Frame]

        init(_ name: String, _ value: UInt64, _ children: [Frame]) {
            self.name = name
            self.value = value
            self.children = children
        }
    }

    public let root: Frame
    public let depth: Int
    /// Samples in frames that are too narrow to be seen, and left out.
    public let leftOut: UInt64

    /// - Parameter narrowest: the part of all below which a frame is left out.
    public init(_ stacks: [InstructionProfile.Stack: UInt64], narrowest: Double = 0.0001) {
        let total = stacks.values.reduce(0, +)
        let least = max(UInt64(Double(total) * narrowest), 1)
        var leftOut: UInt64 = 0
        var deepest = 0
        // By name, so that equal profiles have equal pictures.
        let sorted = stacks.map { (frames: $0.key.frames, count: $0.value) }.sorted {
            $0.frames.lexicographicallyPrecedes($1.frames)
        }
        func build(_ name: String, _ stacks: ArraySlice<(frames: [String], count: UInt64)>, _ depth: Int) -> Frame {
            let value = stacks.reduce(0) { $0 + $1.count }
            var children: [Frame] = []
            var rest = stacks.drop { $0.frames.count <= depth }
            while let first = rest.first {
                let name = first.frames[depth]
                let end = rest.firstIndex { $0.frames[depth] != name } ?? rest.endIndex
                let count = rest[..<end].reduce(0) { $0 + $1.count }
                if count >= least, depth < 256 {
                    children.append(build(name, rest[..<end], depth + 1))
                } else {
                    leftOut += count
                }
                rest = rest[end...]
            }
            deepest = max(deepest, depth)
            return Frame(name, value, children)
        }
        root = build("all", sorted[...], 0)
        depth = deepest
        self.leftOut = leftOut
    }
}
