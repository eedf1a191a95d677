import TestSupport
import Testing

@testable import Machine

@Suite("Events of a run")
struct RunEventsTests {
    /// Sets the machine timer to ten ticks, which are 1000 instructions, lets interrupts be masked for three instructions, and
    /// then takes them.
    static func timer(_ middle: [UInt32]) -> [UInt32] {
        let start: [UInt32] = [
            0x0200_42b7,  // lui   t0, 0x2004
            0x00a0_0313,  // li    t1, 10
            0x0062_b023,  // sd    t1, 0(t0)
            0x0800_0313,  // li    t1, 128
            0x3043_1073,  // csrw  mie, t1
            0x0000_0317,  // auipc t1, 0
            0x0343_0313,  // addi  t1, t1, 52           handler
            0x3053_1073,  // csrw  mtvec, t1
        ]
        let end: [UInt32] = [
            0x3004_6073,  // csrsi mstatus, 8
            0x0000_0013,  // nop
        ]
        let handler: [UInt32] = [
            0xfff0_0313,  // li    t1, -1
            0x0062_b023,  // sd    t1, 0(t0)
            0x3020_0073,  // mret
        ]
        return start + middle + end + TinyGuest.powerOff + handler
    }
    /// 2000 rounds of two instructions.
    private static let loop: [UInt32] = [
        0x7d00_0393,  // li    t2, 2000
        0xfff3_8393,  // addi  t2, t2, -1
        0xfe03_9ee3,  // bnez  t2, -4
    ]
    static let wait: [UInt32] = [
        0x1050_0073,  // wfi
        0x0000_0013,  // nop
        0x0000_0013,  // nop
    ]

    private static func watch(
        _ words: [UInt32], _ limits: RunEvents.Limits = RunEvents.Limits(), harts: Int = 1,
        _ body: (RunEvents, Session) throws -> Void
    ) throws {
        try TinyGuest.load(words) {
            $0.harts = harts
        } _: { session in
            let events = try RunEvents(session, limits)
            #expect(session.run() == .exited(status: 0))
            events.finish()
            try body(events, session)
        }
    }

    /// What holds of any run: spans follow one another without a gap, and sums are of all time and all instructions.
    private static func check(_ events: RunEvents, _ session: Session) {
        for processor in session.board.processors.indices {
            var time: UInt64 = 0
            for segment in events.segments where segment.processor == processor {
                #expect(segment.start == time && segment.end > time)
                time = segment.end
            }
            #expect(time == events.end)
            #expect(events.shares[processor].reduce(0) { $0 + $1.time } == events.end)
            #expect(
                events.shares[processor].reduce(0) { $0 + $1.instructions }
                    == session.board.processors[processor].executed)
            let overview = events.overview.shares[processor].reduce(0) { $0 + $1.reduce(0, +) }
            #expect(overview == events.end)
        }
    }

    @Test(
        "An interrupt that was masked for 3016 instructions was pending for 3016 ns; its handler takes two to its return"
    )
    func latency() throws {
        try Self.watch(Self.timer(Self.loop)) { events, session in
            let interrupt = try #require(events.events.first { $0.kind == .interrupt })
            // Six instructions of reset code, nine, 4000 of the loop, and the one that lets it in.
            #expect(interrupt.start == 4016)
            #expect(interrupt.latency == 4016 - 1000)
            #expect(interrupt.duration == 2)
            #expect(events.names[interrupt.name] == "machine timer interrupt")
            let row = try #require(events.latencies.first { $0.kind == .interrupt })
            #expect((row.count, row.pending.most, row.handling.most, row.level) == (1, 3016, 2, "M"))
            #expect(events.counts[.interrupt] == 1)
            Self.check(events, session)
        }
    }

    @Test("A CPU that waits for its timer waits from the instruction on to the moment")
    func waits() throws {
        try Self.watch(Self.timer(Self.wait)) { events, session in
            let wait = try #require(events.events.first { $0.kind == .wait })
            // Six instructions of reset code, eight, and the WFI.
            #expect((wait.start, wait.duration) == (15, 985))
            #expect(events.owners[0] == .waiting)
            #expect((events.shares[0][0].time, events.shares[0][0].instructions) == (985, 0))
            let place = try #require(events.waitPlaces.first)
            #expect((place.programCounter, place.name, place.time.count) == (0x8000_0024, "waits (wfi)", 1))
            let interrupt = try #require(events.events.first { $0.kind == .interrupt })
            #expect(interrupt.latency == 3, "two instructions and the one that lets it in")
            Self.check(events, session)
        }
    }

    @Test(
        "Guests' exits have the time, the guest and the instructions that they took, and their CPU belongs to them between"
    )
    func exits() throws {
        try Self.watch(ExitStatisticsTests.guest) { events, session in
            let exits = events.events.filter { $0.kind == .exit }
            #expect(exits.map(\.instructions) == [7, 7, 7], "the handler has 7 instructions")
            #expect(
                exits.map { events.names[$0.name] } == [
                    "SBI base, function 3", "SBI base, function 3", "SBI base, function 0",
                ])
            #expect(exits.allSatisfy { events.owners[$0.owner] == .guest(0) })
            // One instruction from the first call to the second, two to the third: the handler's seven, and what is between.
            #expect(exits[1].start - exits[0].start == 8)
            #expect(exits[2].start - exits[1].start == 9)
            let row = try #require(events.exits.rowsOfGuests.first)
            #expect((row.guest, row.name, row.instructions.total) == (0, "SBI base, function 3", 14))
            Self.check(events, session)
        }
    }

    @Test("A run that is watched is the same run", arguments: [1, 2])
    func same(harts: Int) throws {
        var hashes: Set<UInt64> = []
        for isWatched in [false, true] {
            try TinyGuest.load(Self.timer(Self.wait)) {
                $0.harts = harts
            } _: { session in
                let events = isWatched ? try RunEvents(session) : nil
                let profile = InstructionProfile(session, SymbolSpaces(), interval: isWatched ? 7 : 1 << 40)
                _ = profile.run()
                events?.finish()
                hashes.insert(session.board.stateHash)
            }
        }
        #expect(hashes.count == 1)
    }

    @Test("What is not kept is counted, and sums are of the whole run")
    func limits() throws {
        var limits = RunEvents.Limits()
        (limits.events, limits.segments) = (1, 2)
        try Self.watch(ExitStatisticsTests.guest, limits) { events, _ in
            #expect(events.events.count == 1)
            #expect(events.segments.count == 2)
            #expect(events.leftOut.events == events.counts.values.reduce(0, +) - 1)
            #expect(events.leftOut.since != nil && !events.leftOut.isEmpty)
            #expect(events.exits.rowsOfGuests.reduce(0) { $0 + $1.instructions.count } == 3)
        }
        limits = RunEvents.Limits()
        limits.window = 0...1
        try Self.watch(ExitStatisticsTests.guest, limits) { events, _ in
            #expect(events.events.isEmpty && events.leftOut.isEmpty)
        }
    }

    @Test("Lines of the console have the time of their first character, and long ones are cut and say so")
    func console() throws {
        try TinyGuest.load(EchoGuest.words, { $0.maxInstructions = nil }) { session in
            let events = try RunEvents(session)
            session.console.receive(Array((String(repeating: "x", count: 5000) + "\n").utf8))
            #expect(session.run() == .exited(status: 0))
            events.finish()
            let line = try #require(events.lines.first)
            #expect((line.text.count, line.isCut) == (4096, true))
            #expect(line.start < line.end && line.end <= events.end)
            #expect(events.counts[.console] == 1)
        }
    }

    @Test("An overview of a long run has as many intervals as one of a short one, and loses no time")
    func overview() {
        var overview = RunOverview(processors: 1)
        var time: UInt64 = 0
        for round in 0..<5000 {
            let length = UInt64(1 + round * round % 99_991)
            overview.add(0, round % 3, time, time + length)
            overview.count(0, .exit, at: time)
            time += length
        }
        #expect(overview.shares[0].count == RunOverview.intervals)
        #expect(overview.width * UInt64(RunOverview.intervals) >= time)
        #expect(overview.shares[0].reduce(0) { $0 + $1.reduce(0, +) } == time)
        #expect(overview.counts[0].reduce(0) { $0 + $1[Int(RunEvent.Kind.exit.rawValue)] } == 5000)
    }

    @Test("Percentiles are values that so many are no greater than")
    func percentiles() {
        var distribution = Distribution()
        for value in 1...200 { distribution.add(UInt64(value)) }
        #expect([50, 90, 99, 100].map(distribution.percentile) == [100, 180, 198, 200])
        #expect(distribution.powersOfTwo.map(\.count) == [1, 2, 4, 8, 16, 32, 64, 73])
        #expect(Distribution().percentile(50) == 0)
    }
}
