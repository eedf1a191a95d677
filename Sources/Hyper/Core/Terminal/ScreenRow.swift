/// The row of the screen that is being edited. It is told what the row should show and sends what that differs by: each
/// byte costs an access to the UART, and a character typed at the end costs one.
///
/// The sequences are the VT100's own, so that they work everywhere.
struct ScreenRow: Sendable {
    private static let eraseToEnd: StaticString = "\u{1b}[K"
    private static let homeAndEraseAll: StaticString = "\u{1b}[H\u{1b}[2J"

    /// What the terminal shows from the row's beginning.
    private var shown: [UInt8] = []
    /// The cursor's column.
    private var column = 0

    /// Whether nothing of this row is on the screen.
    var isBlank: Bool { shown.isEmpty }

    /// Makes the row show `wanted`, with the cursor in front of the character `cursor`.
    mutating func show(_ wanted: [UInt8], cursor: Int, _ output: inout Text) {
        var same = 0
        while same < min(shown.count, wanted.count), shown[same] == wanted[same] { same += 1 }
        if same < max(shown.count, wanted.count) {
            move(to: same, &output)
            output.bytes += wanted[same...]
            if wanted.count < shown.count { output.append(Self.eraseToEnd) }
            shown = wanted
            column = wanted.count
        }
        move(to: cursor, &output)
    }

    /// Leaves the row as it is for the one below it.
    mutating func leave(_ output: inout Text) {
        output.append("\r\n" as StaticString)
        self = ScreenRow()
    }

    /// Takes the row off the screen, so that something else is printed in its place.
    mutating func erase(_ output: inout Text) {
        guard !isBlank else { return }
        output.append(UInt8(ascii: "\r"))
        output.append(Self.eraseToEnd)
        self = ScreenRow()
    }

    /// Clears the screen, whose first row this will be.
    mutating func clearScreen(_ output: inout Text) {
        output.append(Self.homeAndEraseAll)
        self = ScreenRow()
    }

    /// Moves the cursor by a character at a time or, where that is shorter, by a sequence.
    private mutating func move(to target: Int, _ output: inout Text) {
        let (distance, isLeft) = (abs(target - column), target < column)
        if distance > 4 {
            output.append("\u{1b}[" as StaticString)
            output.append(UInt64(distance))
            output.append(UInt8(ascii: isLeft ? "D" : "C"))
        } else if isLeft {
            output.bytes += [UInt8](repeating: 0x08, count: distance)
        } else {
            output.bytes += shown[column..<target]
        }
        column = target
    }
}
