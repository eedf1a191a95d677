import Testing

@testable import Hyper

extension CoreTests {
    /// Guests' VCPUs and those who start, stop and end them, on CPUs that meet in every order that the seeds find.
    @Suite("Guests' lives")
    struct GuestLifeTests {
        private func machine(cpus: Int = 1, seed: UInt64? = nil) throws {
            Port.start(cpus: cpus, seed: seed)
            try FakeMemory.provide()
            Port.guestProgram = nil
        }

        /// Runs the body on a thread of the machine, until all has come to rest.
        private func inside(_ body: @escaping () throws -> Void) throws {
            var failure: (any Error)?
            let thread = spawn("test", priority: Thread.highestPriority) {
                do { try body() } catch { failure = error }
            }
            #expect(Port.run(until: Port.counter + Timers.ticks(10_000 * millisecond)))
            #expect(thread.pointee.state == .finished)
            if let failure { throw failure }
        }

        private func message(_ body: () throws(HyperError) -> Void) -> Text? {
            do throws(HyperError) { try body() } catch { return error.message }
            return nil
        }

        @Test("A guest is kicked, paused, resumed, reset and halted, and refuses what its state does not allow")
        func states() throws {
            try machine(cpus: 2)
            let guest = try Guest(name: "g", identifier: 0)
            let ticks = Journal<UInt64>()
            Port.guestProgram = { vcpu in
                ticks.note(vcpu.pointee.state.entry)
                while true { spend(microseconds: 1000) }
            }
            try guest.addVCPU()
            guest.entry = 0x1234
            try inside {
                let thread = guest.vcpus[0].pointee.thread!
                // DDI 0487, "SP alignment checking": SP is its address while the guest runs.
                #expect(UInt(bitPattern: guest.vcpus[0].state) % 16 == 0, "keep the state first in VCPU")
                #expect(message(guest.pause) == "guest g is ready, and only a running one can be paused")
                #expect(message(guest.resume) == "guest g is ready, and only a paused one can go on")
                try guest.kick()
                Scheduler.sleep(10 * millisecond)
                #expect(message(guest.kick) == "guest g is running: reset it before it is kicked again")
                try guest.pause()
                let time = Scheduler.runTime(of: thread)
                #expect(time > 0)
                Scheduler.sleep(10 * millisecond)
                #expect(Scheduler.runTime(of: thread) == time, "a guest that is paused does not run")
                try guest.resume()
                Scheduler.sleep(10 * millisecond)
                #expect(Scheduler.runTime(of: thread) > time)
                guest.reset()
                #expect(guest.state == .ready)
                try guest.kick()
                Scheduler.sleep(millisecond)
                guest.halt("for the test")
                guest.halt("too late")
                #expect(guest.haltReason == "for the test")
                Scheduler.sleep(millisecond)
                let end = Scheduler.runTime(of: thread)
                Scheduler.sleep(10 * millisecond)
                #expect(Scheduler.runTime(of: thread) == end)
                #expect(message(guest.kick) == "guest g is halted: reset it before it is kicked again")
                guest.destroy()
                #expect(Scheduler.threads.count == 1, "its thread is gone")
                #expect(message(guest.kick) == "guest g has no VCPU")
            }
            #expect(ticks.entries == [0x1234, 0x1234])
        }

        @Test("Of VCPUs that start another one at once, one does", arguments: 0..<100)
        func startRace(_ seed: UInt64) throws {
            try machine(cpus: 4, seed: seed)
            let guest = try Guest(name: "g", identifier: 0)
            for _ in 0..<4 { try guest.addVCPU() }
            var (starts, runs) = (0, 0)
            Port.guestProgram = { vcpu in
                switch vcpu.pointee.index {
                case 0:
                    _ = guest.vcpus[1].start(entry: 0, argument: 0)
                    _ = guest.vcpus[2].start(entry: 0, argument: 0)
                    if guest.vcpus[3].start(entry: 1, argument: 0) { starts += 1 }
                case 3: runs += 1
                default: if guest.vcpus[3].start(entry: 2, argument: 0) { starts += 1 }
                }
            }
            try guest.kick()
            #expect(Port.run())
            #expect(starts == 1)
            #expect(runs == 1)
            guest.destroyFromTest()
        }

        @Test("A VCPU that goes off and is started again begins anew, every time", arguments: 0..<100)
        func stopAndStart(_ seed: UInt64) throws {
            try machine(cpus: 3, seed: seed)
            let guest = try Guest(name: "g", identifier: 0)
            for _ in 0..<2 { try guest.addVCPU() }
            var begun: [UInt64] = []
            Port.guestProgram = { vcpu in
                if vcpu.pointee.index == 1 {
                    begun.append(vcpu.pointee.state.entry)
                    // What comes late does not turn it on.
                    vcpu.set(line: Port.line(3), true)
                    _ = Port.disableInterrupts()
                    vcpu.stop()
                }
                for round in 1...5 as ClosedRange<UInt64> {
                    while !guest.vcpus[1].start(entry: round, argument: 0) {
                        guest.vcpus[1].set(line: Port.line(5), true)
                        spend(microseconds: 1)
                    }
                }
            }
            try guest.kick()
            #expect(Port.run())
            #expect(begun == [1, 2, 3, 4, 5])
            let isStarted = guest.vcpus[1].pointee.isStarted
            #expect(!isStarted)
            guest.destroyFromTest()
        }

        @Test("A VCPU's line is as it was set last, whichever CPU did, however late its message", arguments: 0..<100)
        func lines(_ seed: UInt64) throws {
            try machine(cpus: 2, seed: seed)
            let guest = try Guest(name: "g", identifier: 0)
            for _ in 0..<2 { try guest.addVCPU() }
            let line = Port.line(4)
            // As an interrupt controller has it: what it knows of the line and what it says of it go together.
            let controller = SpinLock()
            var isHigh = false
            func set(_ level: Bool) {
                controller.withLock {
                    isHigh = level
                    guest.vcpus[0].set(line: line, level)
                }
            }
            var claims = 0
            Port.guestProgram = { vcpu in
                if vcpu.pointee.index == 1 {
                    // A device raises the line, on whatever CPU it is.
                    for round in 1...10 {
                        set(true)
                        while claims < round { spend(microseconds: 1) }
                    }
                    return
                }
                _ = guest.vcpus[1].start(entry: 0, argument: 0)
                for round in 1...10 {
                    // Every other time the message comes first, in the guest.
                    while round & 1 == 0, Port.lines & line == 0 { spend(microseconds: 1) }
                    // An exit, in which the VCPU claims the interrupt.
                    _ = Port.disableInterrupts()
                    while !isHigh { Port.relax() }
                    set(false)
                    Port.restoreInterrupts(true)
                    spend(microseconds: 10)
                    let lines = Port.lines
                    #expect(lines & line == 0, "forget what other CPUs have set of a line when its own CPU sets it")
                    claims += 1
                }
            }
            defer { Port.guestProgram = nil }
            try guest.kick()
            #expect(Port.run(until: Timers.ticks(100 * millisecond)))
            #expect(claims == 10)
            guest.destroyFromTest()
        }

        @Test("A guest that asks for a reset is reset once, and is its own again", arguments: 0..<50)
        func requestReset(_ seed: UInt64) throws {
            try machine(cpus: 3, seed: seed)
            let guest = try Guest(name: "g", identifier: 0)
            for _ in 0..<2 { try guest.addVCPU() }
            var (kicks, resets) = (0, 0)
            guest.onReset = [{ resets += 1 }]
            Port.guestProgram = { vcpu in
                if vcpu.pointee.index == 0 {
                    kicks += 1
                    if kicks > 3 { return }
                    _ = guest.vcpus[1].start(entry: 0, argument: 0)
                }
                // Both ask, and neither does anything after it has left the guest.
                guest.requestReset()
                while true { spend(microseconds: 10) }
            }
            try guest.kick()
            #expect(Port.run(until: Timers.ticks(100 * millisecond)))
            #expect(guest.state == .running)
            #expect(resets == 3)
            #expect(kicks == 4)
            guest.destroyFromTest()
        }

        @Test("Guests can be ended while they halt, reset, start and stop VCPUs themselves", arguments: 0..<150)
        func endings(_ seed: UInt64) throws {
            try machine(cpus: 1 + Int(seed % 4), seed: seed)
            FakeMachine.onStep = { if let problem = SchedulerInvariants.violation() { Issue.record("\(problem)") } }
            var random = SeededGenerator(seed: seed)
            let guest = try Guest(name: "g", identifier: 0)
            for _ in 0..<3 { try guest.addVCPU() }
            let actions = (0..<200).map { _ in Int.random(in: 0..<11, using: &random) }
            var next = 0
            var isOver = false
            Port.guestProgram = { vcpu in
                while next < actions.count {
                    if isOver { Issue.record("a destroyed guest runs") }
                    next += 1
                    switch actions[next - 1] {
                    case 0: guest.requestReset()
                    case 1 where next > 100: guest.halt("by itself")
                    case 2:
                        _ = Port.disableInterrupts()
                        if vcpu.pointee.index > 0 { vcpu.stop() }
                        Port.restoreInterrupts(true)
                    case 3, 4: for other in guest.vcpus { _ = other.start(entry: 0, argument: 0) }
                    case 5: for other in guest.vcpus { other.set(line: Port.line(1), true) }
                    case 9, 10:
                        _ = Port.disableInterrupts()
                        Scheduler.giveWay()
                        Scheduler.preemptAndRestore(true)
                    default: spend(microseconds: UInt64(actions[next - 1]))
                    }
                }
            }
            var steps: [Int] = (0..<12).map { _ in Int.random(in: 0..<6, using: &random) }
            try inside {
                try guest.kick()
                while let step = steps.popLast() {
                    Scheduler.sleep(UInt64(step) * 7000)
                    switch step {
                    case 0: try? guest.pause()
                    case 1, 2: try? guest.resume()
                    case 3: guest.reset()
                    case 4: try? guest.kick()
                    default:
                        var isHeld = false
                        guest.examine(guest.vcpus[1]) { isHeld = guest.vcpus[1].pointee.thread!.pointee.isHeld }
                        #expect(isHeld)
                    }
                }
                guest.destroy()
                isOver = true
                #expect(Scheduler.threads.allSatisfy { $0.pointee.vcpu == nil })
            }
        }

        @Test("A VCPU is turned off and on by command, and its guest goes on")
        func singleVCPUs() throws {
            try machine(cpus: 2)
            let guest = try Guest(name: "g", identifier: 0)
            for _ in 0..<2 { try guest.addVCPU() }
            guest.entry = 7
            let begun = Journal<(Int, UInt64)>()
            Port.guestProgram = { vcpu in
                begun.note((vcpu.pointee.index, vcpu.pointee.state.entry))
                while true { spend(microseconds: 100) }
            }
            try inside {
                #expect(
                    message { () throws(HyperError) in try guest.start(guest.vcpus[1], entry: 1) }
                        == "guest g is ready, and only a running one can start VCPUs")
                try guest.kick()
                try guest.start(guest.vcpus[1], entry: 9)
                Scheduler.sleep(millisecond)
                #expect(
                    message { () throws(HyperError) in try guest.start(guest.vcpus[1], entry: 1) }
                        == "VCPU g/1 is on already: stop it first")
                try guest.stop(guest.vcpus[0])
                #expect(
                    message { () throws(HyperError) in try guest.stop(guest.vcpus[0]) } == "VCPU g/0 is off already")
                let time = Scheduler.runTime(of: guest.vcpus[0].pointee.thread!)
                Scheduler.sleep(millisecond)
                #expect(Scheduler.runTime(of: guest.vcpus[0].pointee.thread!) == time)
                try guest.start(guest.vcpus[0], entry: 5)
                Scheduler.sleep(millisecond)
                guest.destroy()
            }
            #expect(begun.entries.map(\.0) == [0, 1, 0])
            #expect(begun.entries.map(\.1) == [7, 9, 5])
        }

        @Test("Whoever waits for a guest's end is told of it, and waits no longer than he wants to")
        func waitingForEnd() throws {
            try machine()
            let guest = try Guest(name: "g", identifier: 0)
            try guest.addVCPU()
            Port.guestProgram = { _ in
                spend(microseconds: 5000)
                guest.halt("it has done its work")
            }
            defer { Port.guestProgram = nil }
            try inside {
                try guest.kick()
                let start = Timers.now
                #expect(!guest.waitUntilHalted(limit: 2 * millisecond))
                #expect(Timers.now - start == 2 * millisecond)
                #expect(guest.waitUntilHalted(limit: 100 * millisecond))
                #expect(Timers.now - start == 5 * millisecond && guest.haltReason == "it has done its work")
                guest.reset()
                #expect(!guest.waitUntilHalted(limit: millisecond))
                spawn("destroyer") {
                    Scheduler.sleep(3 * millisecond)
                    guest.destroy()
                }
                #expect(guest.waitUntilHalted(limit: 100 * millisecond) && guest.stateName == "destroyed")
                Scheduler.sleep(millisecond)
                // Whoever still has it finds nothing there.
                guest.reset()
                guest.halt("again")
                #expect(guest.stateName == "destroyed" && guest.haltReason == nil)
            }
        }

        @Test("CPUs are written as numbers and ranges")
        func cpuMasks() throws {
            try machine(cpus: 6)
            for (text, bits, written) in [
                ("all", UInt32.max, "all"), ("0", 1, "0"), ("0,2-3", 0b1101, "0,2-3"), ("5,1-2,0", 0b10_0111, "0-2,5"),
                ("0-5", 0b11_1111, "all"), ("3-9", 0b11_1111_1000, "3-5"),
            ] as [(Text, UInt32, Text)] {
                let mask = try CPUMask(text)
                #expect(mask.bits == bits)
                #expect(mask.text == written)
            }
            for text in ["", ",", "x", "1-", "-1", "3-1", "32", "0-32", "1-2-3", "6"] as [Text] {
                #expect(throws: HyperError.self) { try CPUMask(text) }
            }
        }
    }
}
