/// Something that a person does, as Linux' input layer has it (linux/input-event-codes.h), and VirtIO carries it.
public struct InputEvent: Equatable, Sendable {
    public enum Kind {
        /// Ends what belongs together.
        public static let synchronize: UInt16 = 0
        public static let key: UInt16 = 1, relative: UInt16 = 2, absolute: UInt16 = 3
    }

    /// Bytes of struct virtio_input_event.
    static let size = 8

    public var type: UInt16
    public var code: UInt16
    public var value: UInt32

    public init(_ type: UInt16, _ code: UInt16, _ value: UInt32) {
        (self.type, self.code, self.value) = (type, code, value)
    }

    public static let end = InputEvent(Kind.synchronize, 0, 0)
}

/// What a person types or points with.
public enum InputKind: UInt8, Sendable {
    case keyboard
    /// Says how far it moved.
    case mouse
    /// Says where it is.
    case tablet

    public init?(_ name: Text) {
        switch name {
        case "keyboard": self = .keyboard
        case "mouse": self = .mouse
        case "tablet": self = .tablet
        default: return nil
        }
    }

    public var name: Text {
        switch self {
        case .keyboard: "keyboard"
        case .mouse: "mouse"
        case .tablet: "tablet"
        }
    }

    /// Where the axes of a tablet end; they begin at 0.
    public static let axisMaximum: UInt32 = 0x7fff
}

/// The keys of a keyboard whose letters are where they are in the United States.
public enum KeyCode {
    static let leftShift: UInt16 = 42, enter: UInt16 = 28

    /// Rows of the keyboard: the code of the first key, and what the keys print without and with shift.
    private static let rows: [(first: UInt16, plain: StaticString, shifted: StaticString)] = [
        (2, "1234567890-=", "!@#$%^&*()_+"), (16, "qwertyuiop[]", "QWERTYUIOP{}"),
        (30, "asdfghjkl;'`", "ASDFGHJKL:\"~"), (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    ]

    /// The key that prints the character, and whether shift is held.
    static func key(of character: UInt8) -> (code: UInt16, isShifted: Bool)? {
        switch character {
        case 0x20: return (57, false)
        case 0x09: return (15, false)
        case 0x0a, 0x0d: return (enter, false)
        default: break
        }
        for row in rows {
            for index in 0..<row.plain.utf8CodeUnitCount {
                if row.plain.utf8Start[index] == character { return (row.first + UInt16(index), false) }
                if row.shifted.utf8Start[index] == character { return (row.first + UInt16(index), true) }
            }
        }
        return nil
    }
}
