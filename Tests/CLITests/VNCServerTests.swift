import Foundation
import Glibc
import TestSupport
import Testing

@testable import CLI
@testable import Machine

/// A screen in memory: the twin of a GPU's.
final class MemoryScreen: Screen {
    var width = 0
    var height = 0
    /// Red, green, blue and nothing.
    var bytes: [UInt8] = []
    var damage: Rectangle?
    let lastPicture: Picture? = nil

    func show(_ pixels: [[UInt8]], width: Int) {
        (self.width, height) = (width, pixels.count / width)
        bytes = pixels.flatMap { $0 + [0x77] }
        damage = Rectangle(width: width, height: height)
    }

    func pixels(_ rectangle: Rectangle) -> [UInt8] {
        rectangle.rows.flatMap { y in
            bytes[(y * width + rectangle.x) * 4..<(y * width + rectangle.x + rectangle.width) * 4]
        }
    }

    func takeDamage() -> Rectangle? {
        defer { damage = nil }
        return damage
    }
}

/// What a client sees and does is by RFC 6143.
@Suite("VNC", .serialized)
struct VNCServerTests {
    let screen = MemoryScreen()
    let display: Display
    let events = Events()
    let port = RFBClient.freePort()

    /// What came out of the input ports.
    final class Events {
        var keys: [InputEvent] = []
        var pointer: [InputEvent] = []
    }

    init() {
        display = Display(screen: screen, keyboard: InputPort(), tablet: InputPort())
        let (display, events) = (display, events)
        display.keyboard.arrived = { while let event = display.keyboard.take() { events.keys.append(event) } }
        display.tablet.arrived = { while let event = display.tablet.take() { events.pointer.append(event) } }
    }

    private func start(encodings: [Int32] = [0]) throws -> (VNCServer, RFBClient) {
        let server = try VNCServer(display, address: DisplayOption.loopback, port: port)
        let client = try RFBClient(port: port) { server.look() }
        try client.start(encodings: encodings)
        return (server, client)
    }

    @Test("A client sees a black screen first, then what the guest shows, and of that what changes")
    func updates() throws {
        let (server, client) = try start()
        defer { withExtendedLifetime(server) { client.close() } }
        #expect(client.width == 1280 && client.height == 800)
        #expect(client.name == "orrery")
        client.requestUpdate(Rectangle(x: 1270, y: 790, width: 10, height: 10), incremental: false)
        let first = try client.update()
        #expect(first.map(\.place) == [Rectangle(x: 1270, y: 790, width: 10, height: 10)])
        #expect(first.first?.pixels == Array(repeating: [0, 0, 0], count: 100))

        let corner = Rectangle(width: 3, height: 2)
        var pixels = [[UInt8]](repeating: [10, 20, 30], count: 1280 * 800)
        screen.show(pixels, width: 1280)
        client.requestUpdate(corner, incremental: true)
        let second = try client.update()
        #expect(second.map(\.place) == [corner])
        #expect(second.first?.pixels == Array(repeating: [10, 20, 30], count: 6))

        pixels[1] = [1, 2, 3]
        pixels[1280 + 2] = [4, 5, 6]
        screen.show(pixels, width: 1280)
        screen.damage = Rectangle(x: 1, y: 0, width: 2, height: 2)
        client.requestUpdate(corner, incremental: true)
        let third = try client.update()
        #expect(third.map(\.place) == [Rectangle(x: 1, y: 0, width: 2, height: 2)], "the rest is as it was")
        #expect(third.first?.pixels == [[1, 2, 3], [10, 20, 30], [10, 20, 30], [4, 5, 6]])

        screen.width = 0
        screen.damage = Rectangle(width: 0, height: 0)
        client.requestUpdate(corner, incremental: true)
        #expect(try client.update().first?.pixels == Array(repeating: [0, 0, 0], count: 6), "off is black")
    }

    @Test("A client that can is told of a new size")
    func resize() throws {
        let (server, client) = try start(encodings: [0, -223])
        defer { withExtendedLifetime(server) { client.close() } }
        client.settle()
        screen.show([[1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 1, 1], [2, 2, 2], [3, 3, 3]], width: 3)
        client.requestUpdate(incremental: false)
        #expect(try client.update().last?.encoding == 0xffff_ff21)
        #expect(client.width == 3 && client.height == 2)
        client.requestUpdate(incremental: false)
        #expect(
            try client.update().first?.pixels == [
                [1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 1, 1], [2, 2, 2], [3, 3, 3],
            ])
    }

    @Test("Keys come to the guest as Linux numbers them; a held one comes once, and goes when its client does")
    func keys() throws {
        let (server, client) = try start()
        defer { withExtendedLifetime(server) {} }
        let report = InputEvent(type: 0, code: 0, value: 0)
        func key(_ code: UInt16, _ value: UInt32) -> [InputEvent] {
            [InputEvent(type: 1, code: code, value: value), report]
        }
        client.key(0x61, isDown: true)  // a, which is KEY_A, 30
        client.key(0x61, isDown: true)
        client.key(0x61, isDown: false)
        client.key(0x61, isDown: false)
        client.key(0x20ac, isDown: true)  // the euro sign, which is on no key
        client.key(0xffe1, isDown: true)  // XK_Shift_L: KEY_LEFTSHIFT, 42
        client.key(0x41, isDown: true)  // A
        client.settle()
        #expect(events.keys == key(30, 1) + key(30, 0) + key(42, 1) + key(30, 1))
        events.keys = []
        client.close()
        client.settle()
        #expect(events.keys == key(30, 0) + key(42, 0))
    }

    @Test("The pointer's place is in parts of the screen, and its buttons and wheel are the tablet's")
    func pointer() throws {
        let (server, client) = try start()
        defer { withExtendedLifetime(server) {} }
        func event(_ type: UInt16, _ code: UInt16, _ value: Int32) -> InputEvent {
            InputEvent(type: type, code: code, value: UInt32(bitPattern: value))
        }
        let report = event(0, 0, 0)
        client.pointer(0, x: 0, y: 799)
        client.settle()
        #expect(events.pointer == [event(3, 0, 0), event(3, 1, 0x7fff), report])
        events.pointer = []
        // Left and right down, middle not: bits 0 and 2. 640 / 1279 of 32767 is 16396.3.
        client.pointer(0b101, x: 640, y: 0)
        client.settle()
        #expect(events.pointer == [event(3, 0, 16396), event(3, 1, 0), event(1, 0x110, 1), event(1, 0x111, 1), report])
        events.pointer = []
        // Right goes up; the wheel turns away from the user by one notch, and back.
        client.pointer(0b1001, x: 0, y: 0)
        client.pointer(0b0001, x: 0, y: 0)
        client.pointer(0b10001, x: 0, y: 0)
        client.settle()
        let place = [event(3, 0, 0), event(3, 1, 0)]
        #expect(
            events.pointer == place + [event(1, 0x111, 0), event(2, 8, 1), report] + place + [report] + place
                + [event(2, 8, -1), report])
        events.pointer = []
        client.close()
        client.settle()
        #expect(events.pointer == [event(1, 0x110, 0), report], "whoever held the button is gone")
    }

    @Test("A server that goes hangs up, and another may have its port at once; two cannot have it")
    func shutdown() throws {
        var server: VNCServer? = try VNCServer(display, address: DisplayOption.loopback, port: port)
        let client = try RFBClient(port: port) { server?.look() }
        try client.start()
        let error = #expect(throws: InputError.self) {
            try VNCServer(display, address: DisplayOption.loopback, port: port)
        }
        #expect(error?.description.contains("cannot listen there: Address already in use") ?? false)
        #expect(!client.isHungUp)
        server = nil
        #expect(client.isHungUp)
        client.close()
        _ = try VNCServer(display, address: DisplayOption.loopback, port: port)
    }

    @Test("Clients that say nonsense, or half of something, are sent away and harm nobody")
    func nonsense() throws {
        let server = try VNCServer(display, address: DisplayOption.loopback, port: port)
        var random = SplitMix64(seed: 2)
        for round in 0..<40 {
            let client = try RFBClient(port: port) { server.look() }
            if round % 2 == 0 { try client.start() }
            client.send((0..<random.next() % 64 + 1).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            usleep(11_000)
            server.look()
            client.close()
        }
        let client = try RFBClient(port: port) { server.look() }
        defer { client.close() }
        try client.start()
        client.requestUpdate(Rectangle(width: 1, height: 1), incremental: false)
        #expect(try client.update().first?.pixels == [[0, 0, 0]])
    }

    @Test("The table of keys agrees with X11's names of keysyms and Linux' of keys")
    func keysyms() throws {
        let symbols = try names("/usr/include/rfb/keysym.h", "XK_", radix: 16)
        let codes = try names("/usr/include/linux/input-event-codes.h", "KEY_", radix: 10)
        // What the two call alike is the same key.
        var compared: Set<UInt32> = []
        func compare(_ symbol: String, _ code: String) throws {
            let value = try #require(symbols[symbol], "there is no XK_\(symbol)")
            compared.insert(value)
            #expect(VNCKeys.code(of: value).map(UInt32.init) == codes[code], "XK_\(symbol) is KEY_\(code)")
        }
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
            try compare(String(letter), String(letter))
            try compare(letter.lowercased(), String(letter))
        }
        for digit in 0..<10 {
            try compare("\(digit)", "\(digit)")
            try compare("KP_\(digit)", "KP\(digit)")
        }
        for number in 1...12 { try compare("F\(number)", "F\(number)") }
        let pairs = """
            exclam 1, at 2, numbersign 3, dollar 4, percent 5, asciicircum 6, ampersand 7, asterisk 8, parenleft 9,
            parenright 0, minus MINUS, underscore MINUS, equal EQUAL, plus EQUAL, bracketleft LEFTBRACE,
            braceleft LEFTBRACE, bracketright RIGHTBRACE, braceright RIGHTBRACE, semicolon SEMICOLON, colon SEMICOLON,
            apostrophe APOSTROPHE, quotedbl APOSTROPHE, grave GRAVE, asciitilde GRAVE, backslash BACKSLASH,
            bar BACKSLASH, comma COMMA, less COMMA, period DOT, greater DOT, slash SLASH, question SLASH, space SPACE,
            Escape ESC, BackSpace BACKSPACE, Tab TAB, Return ENTER, Control_L LEFTCTRL, Control_R RIGHTCTRL,
            Shift_L LEFTSHIFT, Shift_R RIGHTSHIFT, Alt_L LEFTALT, Alt_R RIGHTALT, Meta_L LEFTMETA, Meta_R RIGHTMETA,
            Super_L LEFTMETA, Super_R RIGHTMETA, Caps_Lock CAPSLOCK, Num_Lock NUMLOCK, Scroll_Lock SCROLLLOCK,
            Print SYSRQ, Sys_Req SYSRQ, Home HOME, Up UP, Page_Up PAGEUP, Left LEFT, Right RIGHT, End END, Down DOWN,
            Page_Down PAGEDOWN, Insert INSERT, Delete DELETE, Pause PAUSE, Break PAUSE, Menu COMPOSE,
            KP_Multiply KPASTERISK, KP_Home KP7, KP_Up KP8, KP_Page_Up KP9, KP_Subtract KPMINUS, KP_Left KP4,
            KP_Begin KP5, KP_Right KP6, KP_Add KPPLUS, KP_End KP1, KP_Down KP2, KP_Page_Down KP3, KP_Insert KP0,
            KP_Decimal KPDOT, KP_Delete KPDOT, KP_Enter KPENTER, KP_Divide KPSLASH
            """
        for pair in pairs.split(whereSeparator: { $0 == "," || $0 == "\n" }) {
            let words = pair.split(separator: " ").map(String.init)
            if words.count == 2 { try compare(words[0], words[1]) }
        }
        // Of an extension that the header has not.
        let left = Set(VNCKeys.codes.keys).subtracting(compared)
        #expect(left == [0xfe03, 0xfe20], "ISO_Level3_Shift and ISO_Left_Tab")
    }

    /// `#define PREFIXname value` of a header.
    private func names(_ path: String, _ prefix: String, radix: Int) throws -> [String: UInt32] {
        var names: [String: UInt32] = [:]
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.count >= 3, words[0] == "#define", words[1].hasPrefix(prefix) else { continue }
            let text = radix == 16 ? words[2].dropFirst(2) : words[2]
            names[String(words[1].dropFirst(prefix.count))] = UInt32(text, radix: radix)
        }
        return names
    }
}
