/// A walk along a linked list of 16384 nodes of 64 bytes, scattered over a megabyte in random order.
struct Node {
    var next: UnsafeMutablePointer<Node>?
    var value: UInt64
    var padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)
}

@c(bench)
public func bench() -> UInt64 {
    let count = 16_384
    let nodes = UnsafeMutablePointer<Node>.allocate(capacity: count)
    let order = UnsafeMutablePointer<Int>.allocate(capacity: count)
    defer {
        nodes.deallocate()
        order.deallocate()
    }
    var random = Random(state: 0x6c69_7374)
    for index in 0..<count { order[index] = index }
    for index in stride(from: count - 1, to: 0, by: -1) {  // Fisher and Yates
        let other = Int(truncatingIfNeeded: random.next() % UInt64(truncatingIfNeeded: index &+ 1))
        let exchanged = order[index]
        order[index] = order[other]
        order[other] = exchanged
    }
    for index in 0..<count {
        let following = order[index &+ 1 == count ? 0 : index &+ 1]
        nodes[order[index]] = Node(next: nodes + following, value: random.next())
    }

    var sum: UInt64 = 0
    var node = nodes
    for _ in 0..<16 * count {
        sum = sum &* 3 &+ node.pointee.value
        guard let next = node.pointee.next else { return 0 }
        node = next
    }
    return mix(checksumStart, sum)
}
