import Glibc
import Testing

@testable import Hyper

extension CoreTests {
    @Suite("Clocks of the day")
    struct ClockTests {
        private static let second: UInt64 = 1_000_000_000
        private static let noon: UInt64 = 1_767_268_800

        @Test("Dates are those of the C library")
        func dates() throws {
            var seconds: [UInt64] = [0, 59, 86399, 86400, 951_782_399, 951_782_400, 951_868_799, 951_868_800]
            seconds += [4_107_542_399, 4_107_542_400, 13_569_465_600, 18_446_744_073]
            var random = SeededGenerator(seed: 1)
            for _ in 0..<2000 { seconds.append(UInt64.random(in: 0..<18_446_744_073, using: &random)) }
            for value in seconds {
                var time = time_t(value), parts = tm()
                gmtime_r(&time, &parts)
                let civil = CivilTime(seconds: value)
                #expect(
                    [civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second].map { Int32($0) }
                        == [
                            parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                            parts.tm_sec,
                        ])
                #expect(civil.seconds == value)
            }
            #expect(CivilTime(seconds: 1_767_225_600).text == "2026-01-01 00:00:00")
        }

        @Test(
            "What is no date is refused",
            arguments: ["2025-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "1969-12-31"])
        func refusals(_ date: String) throws {
            #expect(throws: HyperError.self) { try CivilTime(date: Text(Array(date.utf8)), time: "00:00:00") }
            for time in ["24:00:00", "00:60:00", "00:00", "00:00:0x1", ""] as [Text] {
                #expect(throws: HyperError.self) { try CivilTime(date: "2026-01-01", time: time) }
            }
            #expect(try CivilTime(date: "2024-02-29", time: "23:59:59").seconds == 1_709_251_199)
        }

        /// A clock of a guest's, by its registers.
        private final class Twin {
            let line = TwinLine()
            let clock: GoldfishRTCEmulator

            init() {
                Port.start()
                WallClock.set(noon * second)
                let interrupts = GuestInterrupts()
                interrupts.controller = line
                clock = GoldfishRTCEmulator(line: InterruptLine(interrupts, 1))
                kept = interrupts
            }
            private let kept: GuestInterrupts

            var time: UInt64 { clock.read(0, width: 4) | clock.read(4, width: 4) << 32 }
            func setAlarm(_ time: UInt64) {
                clock.write(0x0c, width: 4, value: time >> 32)
                clock.write(0x08, width: 4, value: time & 0xffff_ffff)
            }
        }

        @Test("A guest reads the time of day, whose high half stays as it was with the low one")
        func time() {
            let twin = Twin()
            defer { WallClock.forget() }
            #expect(twin.time == Self.noon * Self.second)
            let low = twin.clock.read(0, width: 4)
            Port.counter = Timers.ticks(5 * Self.second)
            #expect(low | twin.clock.read(4, width: 4) << 32 == Self.noon * Self.second)
            #expect(twin.time == (Self.noon + 5) * Self.second)
            #expect(twin.clock.read(0, width: 8) == 0 && twin.clock.read(1, width: 1) == 0)
        }

        @Test("A guest sets its own time, which is no other one's")
        func setting() {
            let twin = Twin()
            defer { WallClock.forget() }
            twin.clock.write(4, width: 4, value: 1)
            twin.clock.write(0, width: 4, value: 2)
            #expect(twin.time == 1 << 32 | 2)
            #expect(WallClock.now == Self.noon * Self.second)
            WallClock.set(1)
            #expect(twin.time == 1 << 32 | 2)
            twin.clock.reset()
            #expect(twin.time == 1)
        }

        @Test("An alarm comes in its time, once, where it is enabled")
        func alarm() {
            let twin = Twin()
            defer { WallClock.forget() }
            twin.clock.write(0x10, width: 4, value: 1)
            twin.setAlarm((Self.noon + 3) * Self.second)
            #expect(twin.clock.read(0x18, width: 4) == 1 && twin.clock.read(8, width: 4) != 0)
            Port.run(until: Timers.ticks(3 * Self.second) - 1)
            #expect(!twin.line.level)
            Port.run(until: Timers.ticks(3 * Self.second))
            #expect(twin.line.level && twin.clock.read(0x18, width: 4) == 0)
            twin.clock.write(0x10, width: 4, value: 0)
            #expect(!twin.line.level)
            twin.clock.write(0x10, width: 4, value: 1)
            #expect(twin.line.level)
            twin.clock.write(0x1c, width: 4, value: 0)
            #expect(!twin.line.level)
            // One that is past is due at once; one that is taken back does not come.
            twin.setAlarm(1)
            #expect(twin.line.level)
            twin.clock.write(0x1c, width: 4, value: 1)
            twin.setAlarm((Self.noon + 10) * Self.second)
            twin.clock.write(0x14, width: 4, value: 1)
            Port.run(until: Timers.ticks(20 * Self.second))
            #expect(!twin.line.level)
        }

        @Test("An alarm comes earlier where the time is set forward, and never where it is too far away")
        func movedAlarm() {
            let twin = Twin()
            defer { WallClock.forget() }
            twin.clock.write(0x10, width: 4, value: 1)
            twin.setAlarm(.max)
            Port.run(until: .max - 1)
            #expect(!twin.line.level)
            twin.clock.write(4, width: 4, value: 0xffff_ffff)
            twin.clock.write(0, width: 4, value: 0xffff_ffff)
            #expect(twin.line.level)
            twin.clock.remove()
            #expect(!twin.line.level)
        }
    }
}
