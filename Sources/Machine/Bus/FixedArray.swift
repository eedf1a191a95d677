/// As many values as it was made with, in memory of its own.
///
/// What is looked through for every access of a device, and every interrupt: there is no reference to count, and an index out of
/// bounds still traps.
struct FixedArray<Element: BitwiseCopyable>: ~Copyable {
    private let base: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: some Collection<Element>) {
        count = elements.count
        base = .allocate(capacity: max(count, 1))
        for (index, element) in elements.enumerated() {
            // SAFETY: there are as many places as elements.
            (base + index).initialize(to: element)
        }
    }

    init(repeating element: Element, count: Int) {
        self.init(repeatElement(element, count: count))
    }

    deinit { base.deallocate() }

    var indices: Range<Int> { 0..<count }

    @inline(__always)
    subscript(index: Int) -> Element {
        _read {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            // SAFETY: the index was checked, and every place was initialized.
            yield base[index]
        }
        _modify {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            // SAFETY: as above.
            yield &base[index]
        }
    }
}
