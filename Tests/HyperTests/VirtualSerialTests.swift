import Testing

@testable import Hyper

/// An interrupt controller in which a line takes a while to change: others come in between.
private final class SlowController: GuestInterruptController {
    private(set) var level = false

    func set(_ line: Int, _ level: Bool) {
        Port.relax()
        self.level = level
    }
}

extension CoreTests {
    @Suite("Serial ports of guests")
    struct VirtualSerialTests {
        private let serial: VirtualSerial

        init() {
            Port.start()
            serial = VirtualSerial(name: "g/uart0")
        }

        private func print(_ text: String) { for byte in text.utf8 { serial.write(byte) } }
        private func shown(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

        @Test("What was printed is kept, the last 16 KiB of it")
        func log() {
            print("hello")
            #expect(shown(serial.output()) == "hello" && shown(serial.output(3)) == "llo" && serial.output(0) == [])
            for line in 0..<4096 { print("line \(line % 10)\n") }
            let all = serial.output()
            #expect(all.count == 16 << 10)
            #expect(
                shown(all).hasSuffix("line 4\nline 5\n") && shown(all).hasPrefix("e "),
                "16384 bytes are 2340 lines and 4")
        }

        @Test("Whoever binds sees what was printed last, and everything until he unbinds")
        func binding() {
            var seen: [UInt8] = []
            print("before")
            serial.bind { seen.append($0) }
            #expect(seen.isEmpty)
            print("now")
            #expect(shown(seen) == "now")
            serial.bind(history: 5) { seen.append($0) }
            #expect(shown(seen) == "nowrenow", "the last five")
            serial.unbind()
            print("later")
            #expect(shown(seen) == "nowrenow" && shown(serial.output()) == "beforenowlater")
        }

        @Test("What is waited for is found once, in its order, wherever the ring has it")
        func finding() {
            #expect(!serial.find("login:"))
            print("boot\nlogin: root\nlogin: ")
            #expect(serial.find("login:"))
            #expect(serial.find("login:"), "a second one")
            #expect(!serial.find("login:"))
            #expect(!serial.find("boot"), "what was before it")
            print("log")
            #expect(!serial.find("login"))
            print("in again")
            #expect(serial.find("login") && serial.find(" again") && !serial.find(" again"))
            #expect(!serial.find(""), "nothing is nowhere")

            // Over the ring's end, and with more unseen than there is room for.
            for offset in 0..<40 {
                print(String(repeating: "x", count: (16 << 10) - 20 + offset))
                print("needle")
                #expect(serial.find("needle"), "\(offset)")
                #expect(!serial.find("needle"))
            }
            print("lost")
            print(String(repeating: "y", count: 16 << 10))
            #expect(!serial.find("lost"), "what the ring has lost")
        }

        @Test("What is typed comes in its order, and what there is no room for is lost")
        func typing() {
            var told = 0
            serial.onInput = { told += 1 }
            #expect(serial.type(Array("ls\r".utf8)) == 3 && told == 1 && serial.hasInput)
            #expect(serial.read() == UInt8(ascii: "l"))
            #expect(serial.type([UInt8](repeating: 7, count: 2000)) == 1022, "1 KiB, of which two bytes are taken")
            #expect(serial.type([8]) == 0 && told == 2, "nobody is told of nothing")
            var count = 0
            while serial.read() != nil { count += 1 }
            #expect(count == 1024 && !serial.hasInput)
        }

        @Test(
            "A character that is typed as the last before it is read interrupts the guest",
            arguments: 1...32 as ClosedRange<UInt64>)
        func typingWhileTheGuestReads(order seed: UInt64) {
            Port.start(cpus: 2, seed: seed)
            let (interrupts, controller) = (GuestInterrupts(), SlowController())
            interrupts.controller = controller
            let uart = NS16550Emulator(serial: serial, line: InterruptLine(interrupts, 10))
            let typed = Array("each character is one interrupt".utf8)
            var read: [UInt8] = []
            uart.write(1, width: 1, value: 1)  // Received data interrupts.
            spawn("terminal", on: 0, affinity: 1) {
                for byte in typed {
                    while serial.hasInput, Port.counter < 100_000 { Port.relax() }
                    serial.type([byte])
                }
            }
            spawn("vcpu", on: 1, affinity: 2) {
                while read.count < typed.count {
                    while !controller.level, Port.counter < 100_000 { Port.relax() }
                    guard controller.level else { return }
                    read.append(UInt8(truncatingIfNeeded: uart.read(0, width: 1)))
                }
            }
            #expect(Port.run())
            #expect(shown(read) == shown(typed), "after these characters the guest was not interrupted")
        }
    }
}
