import Testing

@testable import Hyper

/// A guest's input device that notes what it is given.
private final class TwinInput: VirtualInput {
    let name: Text, guest: Text, kind: InputKind
    var events: [InputEvent] = []

    init(_ guest: Text, _ kind: InputKind) {
        (self.guest, self.kind, name) = (guest, kind, "\(guest)/\(kind.name)")
        Inputs.add(self)
    }

    func take(_ events: [InputEvent]) { self.events += events }
    func takeAll() -> [InputEvent] {
        defer { events = [] }
        return events
    }
}

extension CoreTests {
    /// What is expected is what VirtIO 1.2, Input Device, and linux/input-event-codes.h say.
    @Suite("Keyboards and pointers")
    struct InputTests {
        private func key(_ code: UInt16, _ value: UInt32) -> InputEvent { InputEvent(1, code, value) }

        @Test("What a person does goes to the guest that has the focus, which lets keys go when it loses it")
        func focus() throws {
            Port.start()
            let one = TwinInput("one", .keyboard), tablet = TwinInput("one", .tablet), two = TwinInput("two", .keyboard)
            defer { for input in [one, tablet, two] { Inputs.remove(input) } }
            #expect(Inputs.focus == "one", "the first that there is")
            Inputs.deliver([key(29, 1), .end], from: .keyboard)
            Inputs.deliver([key(46, 1), key(46, 0), .end], from: .keyboard)
            Inputs.deliver([InputEvent(3, 0, 77), .end], from: .tablet)
            #expect(one.takeAll() == [key(29, 1), .end, key(46, 1), key(46, 0), .end])
            #expect(tablet.takeAll() == [InputEvent(3, 0, 77), .end] && two.takeAll().isEmpty)
            try Inputs.setFocus("two")
            #expect(one.takeAll() == [key(29, 0), .end], "control is not held any more")
            Inputs.deliver([key(30, 1), .end], from: .keyboard)
            #expect(two.takeAll() == [key(30, 1), .end] && one.takeAll().isEmpty)
            #expect(throws: HyperError.self) { try Inputs.setFocus("three") }
            Inputs.remove(two)
            #expect(Inputs.focus == nil)
            Inputs.deliver([key(30, 0), .end], from: .keyboard)
            #expect(one.takeAll().isEmpty)
        }

        @Test("Characters are the keys that print them")
        func keys() {
            // KEY_A, KEY_1, KEY_SLASH, KEY_BACKSLASH, KEY_GRAVE, KEY_SPACE, KEY_M, KEY_LEFTBRACE.
            for (character, code, isShifted) in [
                ("a", 30, false), ("A", 30, true), ("1", 2, false), ("!", 2, true), ("/", 53, false), ("?", 53, true),
                ("\\", 43, false), ("|", 43, true), ("`", 41, false), ("~", 41, true), (" ", 57, false),
                ("m", 50, false),
                ("{", 26, true), ("\n", 28, false), ("0", 11, false), ("=", 13, false), ("'", 40, false),
            ] as [(Character, UInt16, Bool)] {
                let key = KeyCode.key(of: character.asciiValue!)
                #expect(key?.code == code && key?.isShifted == isShifted, "\(character)")
            }
            for byte in 0x20..<0x7f as Range<UInt8> { #expect(KeyCode.key(of: byte) != nil) }
            #expect(KeyCode.key(of: 0x80) == nil)
        }

        @Test("A text is typed key by key at the focused guest's keyboard, with shift where it is wanted")
        func typing() throws {
            Port.start()
            let keyboard = TwinInput("one", .keyboard), mouse = TwinInput("one", .mouse)
            defer { for input in [keyboard, mouse] { Inputs.remove(input) } }
            #expect(Inputs.virtual.map(\.name) == ["one/keyboard", "one/mouse"])
            try Inputs.type("a A\t\n")
            // KEY_A 30, KEY_SPACE 57, KEY_LEFTSHIFT 42, KEY_TAB 15, KEY_ENTER 28.
            let pressed =
                [(30, 1), (30, 0), (57, 1), (57, 0), (42, 1), (30, 1), (30, 0), (42, 0)] as [(UInt16, UInt32)]
            let ended = [(15, 1), (15, 0), (28, 1), (28, 0)] as [(UInt16, UInt32)]
            #expect(keyboard.takeAll() == (pressed + ended).flatMap { [key($0, $1), .end] })
            #expect(mouse.takeAll().isEmpty)
            #expect(throws: HyperError("no key prints the character 0x1b")) { try Inputs.type("\u{1b}") }
            #expect(keyboard.takeAll().isEmpty)
        }

        @Test("Kinds of devices have names", arguments: ["keyboard", "mouse", "tablet"])
        func kinds(_ name: String) {
            let text = Text(Array(name.utf8))
            #expect(InputKind(text)?.name == text && InputKind("\(text)s") == nil)
        }

        // MARK: The guest's device

        @Test("A guest's device says what it is")
        func identity() throws {
            for (kind, product, bits) in [
                (InputKind.keyboard, 1, [1: 16]), (.mouse, 2, [1: 35, 2: 2]), (.tablet, 3, [1: 35, 2: 2, 3: 1]),
            ] as [(InputKind, UInt64, [UInt64: UInt64])] {
                let input = VirtIOInput(kind, name: "one/\(kind.name)", guest: "one")
                let driver = try TwinDriver(input)
                driver.start()
                func select(_ selection: UInt64, _ subselection: UInt64) -> UInt64 {
                    driver.device.write(0x100, width: 1, value: selection)
                    driver.device.write(0x101, width: 1, value: subselection)
                    return driver.device.read(0x102, width: 1)
                }
                let size = select(1, 0)
                let name = (0..<size).map { UInt8(driver.device.read(0x108 + $0, width: 1)) }
                #expect(Text(name) == "Hyper \(kind.name)")
                #expect(select(3, 0) == 8 && driver.device.read(0x108, width: 2) == 6, "BUS_VIRTUAL")
                #expect(driver.device.read(0x10c, width: 2) == product)
                for type in 0..<5 as Range<UInt64> { #expect(select(0x11, type) == bits[type] ?? 0) }
                #expect(select(0x12, 0) == (kind == .tablet ? 20 : 0))
                if kind == .tablet { #expect(driver.device.read(0x10c, width: 4) == 0x7fff) }
                #expect(select(0x77, 0) == 0 && driver.line.rises == 0, "whoever asks is not told that it has changed")
                input.remove()
            }
        }

        @Test("Events come in their order, wait for buffers, and are lost in whole groups")
        func events() throws {
            let input = VirtIOInput(.keyboard, name: "one/keyboard", guest: "one")
            defer { input.remove() }
            let driver = try TwinDriver(input)
            input.take([key(1, 1), .end])
            driver.start()
            for code in 2..<100 as Range<UInt16> { input.take([key(code, 1), .end]) }
            var codes: [UInt16] = []
            for _ in 0..<100 {
                let room = driver.queues[0].add([], room: [8])
                driver.queues[0].kick()
                guard let used = driver.queues[0].take() else { break }
                #expect(used.length == 8)
                let type = driver.memory.load(room[0], as: UInt16.self)
                if type == 1 { codes.append(driver.memory.load(room[0] + 2, as: UInt16.self)) }
                #expect(type == 1 || type == 0)
            }
            #expect(codes == Array(2..<34), "64 events wait, and those of before the driver are nobody's")
        }

        // MARK: The host's device

        private final class Bits {
            var selection: (UInt64, UInt64) = (0, 0)
        }

        @Test("A host's tablet is read, and its axes are made as long as guests'")
        func hostTablet() throws {
            let device = TwinDevice(type: 18, isLegacy: false, queues: 2)
            defer { device.end() }
            let answers: [UInt64: [UInt64: [UInt8]]] = [
                1: [0: Array("QEMU Tablet\u{7}".utf8)], 0x11: [1: [0, 1], 3: [3]],
                0x12: [0: [100, 0, 0, 0, 0xf4, 1, 0, 0], 1: [0, 0, 0, 0, 0, 0, 0, 0]],
            ]
            let bits = Bits()
            device.configuration = [UInt8](repeating: 0, count: 136)
            device.onConfigurationWrite = { [unowned device] offset, value in
                if offset == 0 { bits.selection.0 = value } else { bits.selection.1 = value }
                let answer = answers[bits.selection.0]?[bits.selection.1] ?? []
                device.configuration = [0, 0, UInt8(answer.count), 0, 0, 0, 0, 0] + answer
            }
            let driver = try VirtIOInputDriver(try VirtIODriverTransport(device.node))
            defer { driver.remove() }
            #expect(driver.name == "QEMU Tablet?" && driver.kind == .tablet && Inputs.host.count == 1)
            let guest = TwinInput("one", .tablet)
            defer { Inputs.remove(guest) }
            func send(_ type: UInt16, _ code: UInt16, _ value: UInt32) {
                let buffer = device.take(0)
                buffer.writable[0].storeBytes(of: type, as: UInt16.self)
                buffer.writable[0].storeBytes(of: code, toByteOffset: 2, as: UInt16.self)
                buffer.writable[0].storeBytes(of: value, toByteOffset: 4, as: UInt32.self)
                device.give(UInt32(buffer.head), 8, 0)
                device.interrupt()
            }
            // From 100 to 500: 300 is half way. The other axis says nothing of itself.
            send(3, 0, 300)
            send(3, 1, 0x7fff)
            #expect(guest.events.isEmpty, "until they end")
            send(0, 0, 0)
            #expect(guest.takeAll() == [InputEvent(3, 0, 0x3fff), InputEvent(3, 1, 0x7fff), .end])
            for (value, place) in [(0, 0), (100, 0), (500, 0x7fff), (.max, 0x7fff)] as [(UInt32, UInt32)] {
                send(3, 0, value)
                send(0, 0, 0)
                #expect(guest.takeAll().first == InputEvent(3, 0, place))
            }
            // Events that never end are not kept for ever.
            for _ in 0..<1000 { send(3, 0, 1) }
            send(0, 0, 0)
            #expect(guest.takeAll().count == 64 && device.waiting(0) == 64)
            device.give(999, 8, 0)
            device.interrupt()
            #expect(device.status == 128 && driver.failure != nil)
        }
    }
}
