import Testing

@testable import Hyper

extension CoreTests {
    @Suite("Timers")
    struct TimerTests {
        /// Events of a test, whose calls are noted.
        private final class Events {
            let fired = Journal<(event: Int, at: UInt64)>()
            var records: [UnsafeMutablePointer<Record>] = []

            struct Record {
                var event: TimerEvent
                let number: Int
                let owner: Unmanaged<Events>
            }

            init(_ count: Int) {
                for number in 0..<count {
                    let record = UnsafeMutablePointer<Record>.allocate(capacity: 1)
                    record.initialize(
                        to: Record(event: TimerEvent(action: .timeSlice), number: number, owner: .passUnretained(self)))
                    record.pointee.event.action = .call(
                        { argument in
                            let record = argument!.assumingMemoryBound(to: Record.self).pointee
                            record.owner.takeUnretainedValue().fired.note((record.number, Port.counter))
                        }, record)
                    records.append(record)
                }
            }

            deinit { for record in records { record.deallocate() } }

            subscript(number: Int) -> TimerReference {
                withUnsafeMutablePointer(to: &records[number].pointee.event) { $0 }
            }
        }

        @Test(
            "Events come at their times, in the order of those, whatever was armed anew or cancelled",
            arguments: 0..<200)
        func order(_ seed: UInt64) {
            Port.start()
            var random = SeededGenerator(seed: seed)
            let events = Events(20)
            var expected: [Int: UInt64] = [:]
            for _ in 0..<60 {
                let number = Int.random(in: 0..<20, using: &random)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    Timers.cancel(events[number])
                    expected[number] = nil
                } else {
                    let deadline = UInt64.random(in: 0..<30, using: &random)
                    Timers.arm(events[number], at: deadline)
                    expected[number] = deadline
                }
                #expect(CPUs[0].pointee.timers.count == expected.count)
            }
            Port.run()
            #expect(events.fired.entries.count == expected.count)
            for (number, time) in events.fired.entries { #expect(expected[number] == time) }
            #expect(events.fired.entries.map(\.at) == expected.values.sorted())
            #expect(CPUs[0].pointee.timers.count == 0)
        }

        @Test("The end of the counter's range comes last, and what lies beyond it never")
        func range() {
            Port.start()
            let events = Events(3)
            Port.counter = .max - 100
            Timers.arm(events[0], at: Timers.deadline(after: 2_000_000))
            Timers.arm(events[1], at: .max - 1)
            Timers.arm(events[2], at: .max - 50)
            Port.run(until: .max - 1)
            #expect(events.fired.entries.map(\.event) == [2, 1])
            #expect(events.fired.entries.map(\.at) == [.max - 50, .max - 1])
            #expect(events[0].pointee.deadline == .max)
            #expect(Timers.deadline(after: .max) == .max)
        }

        @Test("Nanoseconds become ticks rounded up, ticks nanoseconds rounded down")
        func scale() {
            // 10 MHz: a tick is 100 ns.
            #expect(Timers.ticks(0) == 0)
            #expect(Timers.ticks(1) == 1)
            #expect(Timers.ticks(100) == 1)
            #expect(Timers.ticks(101) == 2)
            #expect(Timers.ticks(.max) == 184_467_440_737_095_517)
            #expect(Timers.nanoseconds(3) == 300)
            #expect(Timers.nanoseconds(184_467_440_737_095_516) == 18_446_744_073_709_551_600)
            #expect(Timers.nanoseconds(.max) == .max)
        }

        /// What an event finds, and whoever cancels it.
        private final class Flags {
            var isGone = false
            var calls = 0
            var cameLate = false
        }

        @Test("After a cancellation that waits, another CPU is not in the middle of the event", arguments: 0..<200)
        func cancelAndWait(_ seed: UInt64) {
            Port.start(cpus: 2, seed: seed)
            let flags = Flags()
            let event = TimerReference.allocate(capacity: 1)
            defer { event.deallocate() }
            event.initialize(
                to: TimerEvent(
                    action: .call(
                        { argument in
                            let flags = Unmanaged<Flags>.fromOpaque(argument!).takeUnretainedValue()
                            flags.calls += 1
                            // Others come in between here.
                            for _ in 0..<5 { if Port.counter != .max, flags.isGone { flags.cameLate = true } }
                        }, Unmanaged.passUnretained(flags).toOpaque())))
            let armed = Completion()
            spawn("arms", on: 0, affinity: 1) {
                Timers.arm(event, at: Port.counter + 3)
                armed.complete()
            }
            spawn("ends", on: 1, affinity: 2) {
                armed.wait()
                FakeMachine.spend(seed % 5)
                Timers.cancelAndWait(event)
                flags.isGone = true
            }
            #expect(Port.run())
            #expect(flags.isGone)
            #expect(!flags.cameLate)
            #expect(flags.calls <= 1)
        }
    }
}
