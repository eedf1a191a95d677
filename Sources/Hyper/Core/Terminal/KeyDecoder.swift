/// What a key asks the line editor for.
public enum Key: Equatable, Sendable {
    /// A printable character of ASCII.
    case character(UInt8)
    case enter, tab
    case left, right, home, end, up, down
    case backspace, delete
    case killToEnd, killToStart, killWord
    case clearScreen, search, interrupt, abort
}

/// Finds keys in the bytes of a terminal: characters, control characters, and the sequences of the VT100 and of its
/// descendants (ECMA-48, "Control sequences"). Whatever else comes is no key, and disturbs none of those that follow.
public struct KeyDecoder: Sendable {
    private enum State: Equatable {
        case ground
        /// Behind CR, when LF belongs to it.
        case carriageReturn
        case escape
        /// Behind `ESC [`, with the first number of the parameters so far.
        case controlSequence(Int)
        /// Behind `ESC O`, which keypads in application mode send.
        case keypad
    }

    private var state = State.ground

    public init() {}

    /// The key that the byte completes.
    public mutating func decode(_ byte: UInt8) -> Key? {
        let last = state
        state = .ground
        // Control characters, DEL and what is not ASCII cannot be within a sequence: they end one that is broken.
        guard 0x20..<0x7f ~= byte else { return control(byte, isBehindCarriageReturn: last == .carriageReturn) }
        switch last {
        case .ground, .carriageReturn: return .character(byte)
        case .escape:
            if byte == UInt8(ascii: "[") { state = .controlSequence(0) }
            if byte == UInt8(ascii: "O") { state = .keypad }
            return nil
        case .keypad: return Self.final(byte, 0)
        case .controlSequence(let number):
            guard byte < 0x40 else { return Self.final(byte, number) }
            // Only the keys that end in `~` have a number, of one digit; more stand for keys that do nothing here.
            let isDigit = 0x30...0x39 ~= byte
            state = .controlSequence(isDigit ? min(number * 10 + Int(byte - 0x30), 99) : number)
            return nil
        }
    }

    private mutating func control(_ byte: UInt8, isBehindCarriageReturn: Bool) -> Key? {
        switch byte {
        case 0x01: return .home
        case 0x02: return .left
        case 0x03: return .interrupt
        case 0x04: return .delete
        case 0x05: return .end
        case 0x06: return .right
        case 0x07: return .abort
        case 0x08, 0x7f: return .backspace
        case 0x09: return .tab
        case 0x0a: return isBehindCarriageReturn ? nil : .enter
        case 0x0b: return .killToEnd
        case 0x0c: return .clearScreen
        case 0x0d:
            state = .carriageReturn
            return .enter
        case 0x0e: return .down
        case 0x10: return .up
        case 0x12: return .search
        case 0x15: return .killToStart
        case 0x17: return .killWord
        case 0x1b:
            state = .escape
            return nil
        default: return nil
        }
    }

    /// The key of a sequence by its final byte: as the VT100 and the VT220 have them, and xterm's Home and End.
    private static func final(_ byte: UInt8, _ number: Int) -> Key? {
        switch byte {
        case UInt8(ascii: "A"): return .up
        case UInt8(ascii: "B"): return .down
        case UInt8(ascii: "C"): return .right
        case UInt8(ascii: "D"): return .left
        case UInt8(ascii: "H"): return .home
        case UInt8(ascii: "F"): return .end
        case UInt8(ascii: "~"):
            switch number {
            case 1, 7: return .home
            case 3: return .delete
            case 4, 8: return .end
            default: return nil
            }
        default: return nil
        }
    }
}
