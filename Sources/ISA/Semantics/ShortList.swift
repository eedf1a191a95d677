/// A list of few elements, in place and not elsewhere: who looks at it, or copies what holds it, counts no references.
public struct ShortList<Element: Sendable>: RandomAccessCollection, Sendable {
    /// How many elements there can be.
    public static var capacity: Int { 10 }

    @usableFromInline var elements: InlineArray<10, Element>
    public private(set) var count = 0

    /// - Parameter placeholder: what stands where no element does.
    public init(placeholder: Element) { elements = InlineArray(repeating: placeholder) }

    @inlinable @inline(__always) public var startIndex: Int { 0 }
    @inlinable @inline(__always) public var endIndex: Int { count }
    @inlinable @inline(__always) public subscript(index: Int) -> Element { elements[index] }

    /// - Precondition: the list is not full.
    public mutating func append(_ element: Element) {
        precondition(count < Self.capacity, "a short list has \(Self.capacity) elements at most")
        elements[count] = element
        count += 1
    }
}
