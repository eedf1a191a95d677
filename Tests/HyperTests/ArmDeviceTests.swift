import Testing

@testable import Hyper

extension CoreTests {
    /// Devices of guests on Arm's boards: ARM DDI 0183 (PL011) and ARM DDI 0224 (PL031).
    @Suite("Devices of Arm's boards")
    final class ArmDeviceTests {
        private let second: UInt64 = 1_000_000_000
        private let line = TwinLine(), interrupts = GuestInterrupts()
        private let serial: VirtualSerial

        init() {
            Port.start()
            interrupts.controller = line
            serial = VirtualSerial(name: "g/uart0")
        }

        deinit { WallClock.forget() }

        private func uart() -> PL011Emulator { PL011Emulator(serial: serial, line: InterruptLine(interrupts, 1)) }

        @Test("A PL011 prints what is sent, and its transmitter is always empty")
        func transmit() {
            let uart = uart()
            for byte in "hi".utf8 { uart.write(0x00, width: 4, value: UInt64(byte)) }
            #expect(serial.output() == Array("hi".utf8))
            // UARTFR: TXFE and RXFE; CTS, DSR and DCD.
            #expect(uart.read(0x18, width: 4) & 0xff == 0x97)
            #expect(!line.level)
            // UARTIMSC.TXIM: UARTRIS has it since something was sent, until UARTICR clears it.
            uart.write(0x38, width: 4, value: 0x20)
            #expect(line.level && uart.read(0x3c, width: 4) == 0x20 && uart.read(0x40, width: 4) == 0x20)
            uart.write(0x44, width: 4, value: 0x20)
            #expect(!line.level && uart.read(0x3c, width: 4) == 0)
        }

        @Test("A PL011 interrupts for as long as something that was typed is not read")
        func receive() {
            let uart = uart()
            uart.write(0x38, width: 4, value: 0x10)
            serial.type(Array("ab".utf8))
            #expect(line.level && uart.read(0x18, width: 4) & 0x10 == 0)
            #expect(uart.read(0x00, width: 4) == 0x61 && line.level)
            #expect(uart.read(0x00, width: 4) == 0x62 && !line.level)
            #expect(uart.read(0x18, width: 4) & 0x10 != 0)
        }

        @Test("A PL011 that is looped back receives what it sends, and the outside nothing")
        func loopBack() {
            let uart = uart()
            uart.write(0x30, width: 4, value: 0x381)
            uart.write(0x00, width: 4, value: 0x41)
            #expect(uart.read(0x18, width: 4) & 0x10 == 0 && uart.read(0x00, width: 4) == 0x41)
            #expect(serial.output() == [])
        }

        @Test("A PL031 counts the seconds of the day, and a guest sets its own")
        func time() {
            WallClock.set(1_000 * second)
            let clock = PL031Emulator(line: InterruptLine(interrupts, 1))
            clock.reset()
            #expect(clock.read(0x00, width: 4) == 1_000)
            Port.counter = Timers.ticks(5 * second)
            #expect(clock.read(0x00, width: 4) == 1_005)
            clock.write(0x08, width: 4, value: 70)
            #expect(clock.read(0x00, width: 4) == 70 && clock.read(0x08, width: 4) == 70)
            #expect(WallClock.now == 1_005 * second, "the machine's own time is not the guest's to set")
            clock.remove()
        }

        @Test("A PL031 interrupts in the second that it is to match, where it may, until it is cleared")
        func alarm() {
            WallClock.set(1_000 * second)
            let clock = PL031Emulator(line: InterruptLine(interrupts, 1))
            clock.reset()
            clock.write(0x10, width: 4, value: 1)
            clock.write(0x04, width: 4, value: 1_003)
            Port.run(until: Timers.ticks(2 * second + second / 2))
            #expect(!line.level && clock.read(0x14, width: 4) == 0)
            Port.run(until: Timers.ticks(3 * second + second / 2))
            #expect(line.level && clock.read(0x14, width: 4) == 1 && clock.read(0x18, width: 4) == 1)
            clock.write(0x1c, width: 4, value: 1)
            #expect(!line.level && clock.read(0x14, width: 4) == 0)
            clock.remove()
        }

        @Test("Both say what they are by the numbers of their manuals")
        func identification() {
            let clock = PL031Emulator(line: InterruptLine(interrupts, 1)), uart = uart()
            func numbers(_ device: any EmulatedDevice) -> [UInt64] {
                (0..<8).map { device.read(0xfe0 + 4 * $0, width: 4) }
            }
            #expect(numbers(uart) == [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1])
            #expect(numbers(clock) == [0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1])
        }
    }
}
