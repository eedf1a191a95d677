/// Bytes that lie in several pieces of memory, and how far somebody has come in them: what was read or written is not
/// in it any more. Copies go their own way, over the same memory.
public struct ScatterList {
    public typealias Piece = UnsafeMutableRawBufferPointer

    /// None of them is empty.
    private let pieces: [Piece]
    private var index: Int
    /// In that piece.
    private var offset = 0
    /// Bytes that are left.
    public private(set) var count: Int

    /// - Parameters:
    ///   - first: The piece with which it begins.
    ///   - count: Its bytes, which the pieces from there on have at least.
    init(_ pieces: [Piece], from first: Int, count: Int) {
        self.pieces = pieces
        index = first
        self.count = count
    }

    public init(_ piece: Piece) { self.init([piece], from: 0, count: piece.count) }

    /// The next bytes that lie side by side, `limit` of them at most.
    @inline(__always)
    public mutating func next(_ limit: Int) -> Piece? {
        guard limit > 0, count > 0 else { return nil }
        let piece = pieces[index]
        let length = min(piece.count - offset, limit, count)
        let part = Piece(rebasing: piece[offset..<offset + length])
        count -= length
        offset += length
        if offset == piece.count { (index, offset) = (index + 1, 0) }
        return part
    }

    public mutating func skip(_ length: Int) {
        var rest = length
        while let part = next(rest) { rest -= part.count }
    }

    /// The first bytes of what is left.
    public func prefix(_ length: Int) -> ScatterList {
        var result = self
        result.count = min(count, length)
        return result
    }

    /// Reads as many bytes as there are and fit; how many.
    @discardableResult
    public mutating func read(into target: Piece) -> Int {
        var done = 0
        while let part = next(target.count - done) {
            target[done...].copyBytes(from: part)
            done += part.count
        }
        return done
    }

    /// Writes as many bytes as fit; how many.
    @discardableResult
    public mutating func write(_ source: UnsafeRawBufferPointer) -> Int {
        var done = 0
        while let part = next(source.count - done) {
            part.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[done..<done + part.count]))
            done += part.count
        }
        return done
    }

    /// Writes as much of another list's as fits; how many bytes.
    @discardableResult
    public mutating func write(_ source: ScatterList) -> Int {
        var (source, done) = (source, 0)
        while let part = source.next(count) { done += write(UnsafeRawBufferPointer(part)) }
        return done
    }

    /// Reads a number of so many bytes, the least first; nil where there are not as many.
    public mutating func number(bytes length: Int) -> UInt64? {
        guard count >= length else { return nil }
        var (value, shift) = (UInt64(0), UInt64(0))
        while let part = next(length - Int(shift / 8)) {
            for byte in part {
                value |= UInt64(byte) << shift
                shift += 8
            }
        }
        return value
    }

    /// Writes a number as so many bytes, the least first.
    public mutating func write(_ number: UInt64, bytes length: Int) {
        var bytes = number.littleEndian
        withUnsafeBytes(of: &bytes) { _ = write(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
    }

    /// What is left, as an array.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var list = self
            initialized = list.read(into: Piece(buffer))
        }
    }
}
