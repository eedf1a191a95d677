/// The one screen of a ``VirtIOGPU``: a copy of what the driver has flushed, and the cursor over it.
///
/// A copy, since a driver draws the next picture into a resource before it says that it is to be seen.
final class VirtIOGPUScanout: Screen {
    /// Cursors are squares of this side (VirtIO 1.2, section 5.7.6.8).
    static let cursorSide = 64

    /// Of the resource that is shown; 0 while the screen is off.
    private(set) var resource: UInt32 = 0
    /// The part of the resource that is shown.
    private var source = Rectangle(width: 0, height: 0)
    /// What was flushed: red, green, blue and nothing.
    private var frame: [UInt8] = []
    /// Red, green and blue times alpha, and alpha; empty while there is no cursor.
    private var cursor: [UInt8] = []
    private var cursorPlace = Rectangle(width: cursorSide, height: cursorSide)
    private var damage: Rectangle?
    private(set) var lastPicture: Picture?

    var width: Int { source.width }
    var height: Int { source.height }
    private var bounds: Rectangle { Rectangle(width: width, height: height) }

    func reset() {
        disable()
        cursor = []
        cursorPlace = Rectangle(width: Self.cursorSide, height: Self.cursorSide)
    }

    // MARK: The driver's side

    /// Shows a part of a resource, as it is, from now on.
    func set(_ part: Rectangle, of resource: VirtIOGPUResource, _ identifier: UInt32) {
        if bounds != Rectangle(width: part.width, height: part.height) {
            frame = Array(repeating: 0, count: part.width * part.height * 4)
        }
        (self.resource, source) = (identifier, part)
        show(part, of: resource)
    }

    /// The machine is powered on: what was seen before belongs to another run.
    func powerOn() {
        lastPicture = nil
    }

    func disable() {
        if let picture { lastPicture = picture }
        turnOff()
    }

    private func turnOff() {
        (resource, source, frame) = (0, Rectangle(width: 0, height: 0), [])
        damage = bounds
    }

    /// Copies what the driver has flushed of the resource that is shown.
    func show(_ rectangle: Rectangle, of resource: VirtIOGPUResource) {
        let part = rectangle.intersection(source)
        guard !part.isEmpty else { return }
        // SAFETY: `part` lies in `source`, and the frame has the size of that.
        frame.withUnsafeMutableBytes { frame in
            for y in part.rows {
                let start = ((y - source.y) * width + part.x - source.x) * 4
                resource.convert(
                    x: part.x, y: y,
                    to: UnsafeMutableRawBufferPointer(rebasing: frame[start..<start + part.width * 4]))
            }
        }
        note(Rectangle(x: part.x - source.x, y: part.y - source.y, width: part.width, height: part.height))
    }

    /// Takes a picture for the cursor, of the right size, or none.
    func setCursor(_ resource: VirtIOGPUResource?) {
        guard let resource else {
            if !cursor.isEmpty { note(cursorPlace) }
            cursor = []
            return
        }
        cursor = Array(repeating: 0, count: resource.pixels.count)
        // SAFETY: the cursor has as many bytes as its resource, which the device has seen to be of this side.
        cursor.withUnsafeMutableBytes { cursor in
            let pitch = Self.cursorSide * 4
            for y in 0..<Self.cursorSide {
                resource.convert(
                    x: 0, y: y, to: UnsafeMutableRawBufferPointer(rebasing: cursor[y * pitch..<(y + 1) * pitch]))
            }
        }
        note(cursorPlace)
    }

    func moveCursor(x: Int, y: Int) {
        if !cursor.isEmpty { note(cursorPlace) }
        (cursorPlace.x, cursorPlace.y) = (x, y)
        if !cursor.isEmpty { note(cursorPlace) }
    }

    private func note(_ rectangle: Rectangle) {
        let seen = rectangle.intersection(bounds)
        if !seen.isEmpty { damage = damage?.union(seen) ?? seen }
    }

    // MARK: The viewer's side

    func takeDamage() -> Rectangle? {
        defer { damage = nil }
        return damage
    }

    func pixels(_ rectangle: Rectangle) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: rectangle.columns.count * rectangle.rows.count * 4)
        /// Where the pixel of a row and column is.
        func place(_ x: Int, _ y: Int) -> Int { ((y - rectangle.y) * rectangle.width + x - rectangle.x) * 4 }
        let seen = rectangle.intersection(bounds)
        for y in seen.rows {
            let (target, source) = (place(seen.x, y), (y * width + seen.x) * 4)
            result.replaceSubrange(target..<target + seen.width * 4, with: frame[source..<source + seen.width * 4])
        }
        guard !cursor.isEmpty else { return result }
        let covered = cursorPlace.intersection(seen)
        for y in covered.rows {
            for x in covered.columns {
                let source = ((y - cursorPlace.y) * Self.cursorSide + x - cursorPlace.x) * 4
                let target = place(x, y)
                let rest = 255 - Int(cursor[source + 3])
                for colour in 0..<3 {
                    let sum = Int(cursor[source + colour]) + (Int(result[target + colour]) * rest + 127) / 255
                    result[target + colour] = UInt8(min(sum, 255))
                }
            }
        }
        return result
    }

    // MARK: State

    func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("scanout resource", &resource)
        var fields = [source.x, source.y, source.width, source.height, cursorPlace.x, cursorPlace.y].map {
            UInt32(truncatingIfNeeded: $0)
        }
        visitor.field("scanout", &fields)
        visitor.field("frame", &frame)
        visitor.field("cursor", &cursor)
        source = Rectangle(x: Int(fields[0]), y: Int(fields[1]), width: Int(fields[2]), height: Int(fields[3]))
        cursorPlace.x = Int(Int32(bitPattern: fields[4]))
        cursorPlace.y = Int(Int32(bitPattern: fields[5]))
        // What a damaged snapshot says must fit together.
        let size = UInt64(fields[2]) * UInt64(fields[3])
        let isOn = resource != 0 && size > 0 && size == UInt64(frame.count / 4) && frame.count % 4 == 0
        let isOff = resource == 0 && source == Rectangle(width: 0, height: 0) && frame.isEmpty
        if !isOn && !isOff {
            visitor.refuse("a frame as large as the scanout", of: "frame")
            turnOff()
        }
        if !cursor.isEmpty, cursor.count != Self.cursorSide * Self.cursorSide * 4 {
            visitor.refuse("a square of \(Self.cursorSide), or nothing")
            cursor = []
        }
        guard visitor.replacesFields else { return }
        // For whoever looks: all of it may be new, and what was seen before is another run's.
        damage = bounds
        lastPicture = nil
    }
}
