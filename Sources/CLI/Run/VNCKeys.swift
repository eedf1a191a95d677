/// What a VNC client calls a key, and what Linux does.
///
/// A client sends what a key means on its user's keyboard: an X11 keysym (RFC 6143, section 7.5.4). The guest wants to
/// know which key it is (linux/input-event-codes.h) and gives it a meaning of its own. In between stands a keyboard of
/// the United States, which guests take theirs for unless told otherwise.
enum VNCKeys {
    static func code(of symbol: UInt32) -> UInt16? { codes[symbol] }

    /// Every keysym that has a key.
    static let codes: [UInt32: UInt16] = {
        var codes = others
        for (first, characters) in rows {
            for (index, character) in characters.unicodeScalars.enumerated() {
                codes[character.value] = first + UInt16(index)
            }
        }
        for key in 0..<10 { codes[0xffbe + UInt32(key)] = 59 + UInt16(key) }  // XK_F1 to XK_F10
        return codes
    }()

    /// Keys that follow each other, from a code on, without and with shift. The keysyms of Latin-1 are its characters.
    private static let rows: [(UInt16, String)] = [
        (2, "1234567890-="), (2, "!@#$%^&*()_+"), (16, "qwertyuiop[]"), (16, "QWERTYUIOP{}"),
        (30, "asdfghjkl;'`"), (30, "ASDFGHJKL:\"~"), (43, "\\zxcvbnm,./"), (43, "|ZXCVBNM<>?"), (57, " "),
    ]

    private static let others: [UInt32: UInt16] = [
        0xff1b: 1,  // XK_Escape
        0xff08: 14,  // XK_BackSpace
        0xff09: 15,  // XK_Tab
        0xfe20: 15,  // XK_ISO_Left_Tab: with shift
        0xff0d: 28,  // XK_Return
        0xffe3: 29,  // XK_Control_L
        0xffe1: 42,  // XK_Shift_L
        0xffe2: 54,  // XK_Shift_R
        0xffe9: 56,  // XK_Alt_L
        0xffe5: 58,  // XK_Caps_Lock
        0xff7f: 69,  // XK_Num_Lock
        0xff14: 70,  // XK_Scroll_Lock
        0xffc8: 87,  // XK_F11
        0xffc9: 88,  // XK_F12
        0xffe4: 97,  // XK_Control_R
        0xff61: 99,  // XK_Print
        0xff15: 99,  // XK_Sys_Req: with alt
        0xffea: 100,  // XK_Alt_R
        0xfe03: 100,  // XK_ISO_Level3_Shift
        0xff50: 102,  // XK_Home
        0xff52: 103,  // XK_Up
        0xff55: 104,  // XK_Page_Up
        0xff51: 105,  // XK_Left
        0xff53: 106,  // XK_Right
        0xff57: 107,  // XK_End
        0xff54: 108,  // XK_Down
        0xff56: 109,  // XK_Page_Down
        0xff63: 110,  // XK_Insert
        0xffff: 111,  // XK_Delete
        0xff13: 119,  // XK_Pause
        0xff6b: 119,  // XK_Break: with control
        0xffeb: 125,  // XK_Super_L
        0xffe7: 125,  // XK_Meta_L
        0xffec: 126,  // XK_Super_R
        0xffe8: 126,  // XK_Meta_R
        0xff67: 127,  // XK_Menu
        // The keypad, with and without Num Lock.
        0xffaa: 55,  // XK_KP_Multiply
        0xffb7: 71, 0xff95: 71,  // XK_KP_7, XK_KP_Home
        0xffb8: 72, 0xff97: 72,  // XK_KP_8, XK_KP_Up
        0xffb9: 73, 0xff9a: 73,  // XK_KP_9, XK_KP_Page_Up
        0xffad: 74,  // XK_KP_Subtract
        0xffb4: 75, 0xff96: 75,  // XK_KP_4, XK_KP_Left
        0xffb5: 76, 0xff9d: 76,  // XK_KP_5, XK_KP_Begin
        0xffb6: 77, 0xff98: 77,  // XK_KP_6, XK_KP_Right
        0xffab: 78,  // XK_KP_Add
        0xffb1: 79, 0xff9c: 79,  // XK_KP_1, XK_KP_End
        0xffb2: 80, 0xff99: 80,  // XK_KP_2, XK_KP_Down
        0xffb3: 81, 0xff9b: 81,  // XK_KP_3, XK_KP_Page_Down
        0xffb0: 82, 0xff9e: 82,  // XK_KP_0, XK_KP_Insert
        0xffae: 83, 0xff9f: 83,  // XK_KP_Decimal, XK_KP_Delete
        0xff8d: 96,  // XK_KP_Enter
        0xffaf: 98,  // XK_KP_Divide
    ]
}
