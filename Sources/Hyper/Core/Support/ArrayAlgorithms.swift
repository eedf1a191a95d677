// What the library has for arrays, in less code: it is in the image once for each type of elements.

extension Array {
    /// The elements in order; those of which none precedes the other, in any.
    ///
    /// Heap sort: the library's sort keeps the order of equal elements, and is 2 KiB for each type.
    func ordered(by precedes: (Element, Element) -> Bool) -> [Element] {
        var heap = self
        // Moves the element down to where none of those below it comes behind it.
        func sift(from start: Int, count: Int) {
            var parent = start
            while true {
                var child = 2 * parent + 1
                guard child < count else { return }
                if child + 1 < count, precedes(heap[child], heap[child + 1]) { child += 1 }
                guard precedes(heap[parent], heap[child]) else { return }
                heap.swapAt(parent, child)
                parent = child
            }
        }
        for start in (0..<count / 2).reversed() { sift(from: start, count: count) }
        for end in indices.reversed() {
            heap.swapAt(0, end)
            sift(from: 0, count: end)
        }
        return heap
    }

    /// In place of the library's, which replaces a range by nothing, as it replaces one by anything.
    mutating func removeAll(where isRemoved: (Element) -> Bool) {
        var kept = 0
        for index in indices where !isRemoved(self[index]) {
            swapAt(kept, index)
            kept += 1
        }
        while count > kept { removeLast() }
    }
}
