import Testing

@testable import Hyper

/// A lock of a kernel that is taken in the order in which it was asked for.
private final class TicketLock {
    private(set) var served = 0
    private var asked = 0
    /// What whoever waits does between two looks.
    var wait: () -> Void = {}

    func withLock(_ body: () -> Void) {
        let ticket = asked
        asked += 1
        while served != ticket {
            spend(microseconds: 1)
            wait()
        }
        body()
        served += 1
    }
}

/// What a trap of an instruction that waits does.
private func giveWay() {
    let wereEnabled = Port.disableInterrupts()
    Scheduler.giveWay()
    Scheduler.preemptAndRestore(wereEnabled)
}

extension CoreTests {
    @Suite("VCPUs that wait for each other")
    struct GivingWayTests {
        private func machine(cpus: Int = 1) throws {
            Port.start(cpus: cpus)
            try FakeMemory.provide()
        }

        private func guest(_ name: Text, _ identifier: Int, vcpus: Int, affinity: [Int] = []) throws -> Guest {
            let guest = try Guest(name: name, identifier: identifier)
            for _ in 0..<vcpus { try guest.addVCPU(affinity: affinity) }
            return guest
        }

        private func start(_ guest: Guest) throws {
            try guest.kick()
            for vcpu in guest.vcpus.dropFirst() { _ = vcpu.start(entry: 0, argument: 0) }
        }

        /// The microseconds in which each VCPU takes the lock 100 times, for 10 microseconds, and does as much without it. The
        /// first one has it first, for longer than its turn is.
        private func contention(vcpus: Int, cpus: Int, givesWay: Bool) throws -> UInt64 {
            try machine(cpus: cpus)
            let guest = try guest("g", 0, vcpus: vcpus)
            let lock = TicketLock()
            if givesWay { lock.wait = giveWay }
            var end: UInt64 = 0
            Port.guestProgram = { vcpu in
                if vcpu.pointee.index == 0 { lock.withLock { spend(microseconds: 15_000) } }
                for _ in 0..<100 {
                    lock.withLock { spend(microseconds: 10) }
                    spend(microseconds: 10)
                }
                end = microseconds
            }
            defer { Port.guestProgram = nil }
            try start(guest)
            #expect(Port.run())
            #expect(lock.served == 1 + 100 * vcpus)
            guest.destroyFromTest()
            return end
        }

        @Test("A lock of VCPUs that share a CPU changes hands at once", arguments: [2, 3, 5])
        func sharedCPU(_ vcpus: Int) throws {
            let work = 15_000 + UInt64(vcpus) * 100 * 20
            let time = try contention(vcpus: vcpus, cpus: 1, givesWay: true)
            // Whoever waits looks once, or asks all others, for a microsecond each.
            #expect(time >= work && time <= work + UInt64(vcpus * vcpus) * 100)
            // Who does not say that it waits does so for turns of 200 us, of all that wait, and not for slices of 10 ms.
            let turns = UInt64(vcpus) * 100 * 200
            let slow = try contention(vcpus: vcpus, cpus: 1, givesWay: false)
            #expect(slow >= turns * 9 / 10 && slow <= turns * UInt64(vcpus - 1) + 50_000)
        }

        @Test("Where each VCPU has a CPU of its own, nobody is moved")
        func ownCPUs() throws {
            // The lock is what takes longest: 200 times 10 microseconds, after the first time.
            let time = try contention(vcpus: 2, cpus: 2, givesWay: true)
            #expect(time >= 17_000 && time <= 17_000 + 300)
        }

        @Test(
            "A guest whose VCPUs give way to each other has its share of the CPU, and no more",
            arguments: [true, false])
        func share(_ saysSo: Bool) throws {
            try machine()
            let two = try guest("two", 0, vcpus: 2)
            let one = try guest("one", 1, vcpus: 1)
            Port.guestProgram = { vcpu in
                let isOne = vcpu.pointee.guest.takeUnretainedValue() === one
                while true {
                    spend(microseconds: 50)
                    if saysSo, !isOne { giveWay() }
                }
            }
            defer { Port.guestProgram = nil }
            try start(two)
            try start(one)
            Port.run(until: Timers.ticks(300 * millisecond))
            let times = (two.vcpus + one.vcpus).map {
                Timers.nanoseconds($0.pointee.thread!.pointee.runTime) / millisecond
            }
            // A third each, in turns of 10 ms.
            for time in times { #expect(time >= 90 && time <= 110) }
            two.destroyFromTest()
            one.destroyFromTest()
        }

        @Test(
            "Where waits are not seen, VCPUs of one guest take turns of 200 us; else, and others, slices of 10 ms",
            arguments: [false, true])
        func turns(_ seesWaits: Bool) throws {
            try machine()
            Port.seesWaits = seesWaits
            defer { Port.seesWaits = false }
            let two = try guest("two", 0, vcpus: 2)
            let one = try guest("one", 1, vcpus: 1)
            let runs = Journal<Int>()
            Port.guestProgram = { vcpu in
                let isOne = vcpu.pointee.guest.takeUnretainedValue() === one
                while true {
                    runs.note(isOne ? 2 : vcpu.pointee.index)
                    spend(microseconds: 200)
                }
            }
            defer { Port.guestProgram = nil }
            try start(two)
            try start(one)
            Port.run(until: Timers.ticks(60 * millisecond))
            // Two slices of the first guest's, in a hundred turns, and then one of the other guest's.
            let round = (0..<100).map { seesWaits ? $0 / 50 : $0 % 2 } + Array(repeating: 2, count: 50)
            #expect(runs.entries.prefix(300) == (round + round)[...])
            two.destroyFromTest()
            one.destroyFromTest()
        }

        @Test("A VCPU that waits for its turn on another CPU comes to the one that waits for it")
        func otherCPU() throws {
            try machine(cpus: 2)
            let waiting = try guest("waiting", 0, vcpus: 2)
            let busy = try guest("busy", 1, vcpus: 1, affinity: [1])
            var runs: [(vcpu: Int, cpu: Int, time: UInt64)] = []
            Port.guestProgram = { vcpu in
                guard vcpu.pointee.guest.takeUnretainedValue() === waiting else {
                    while true { spend(microseconds: 100) }
                }
                if vcpu.pointee.index == 1 {
                    runs.append((1, Port.cpu.pointee.index, microseconds))
                    return
                }
                spend(microseconds: 100)
                // It is ready where another one has its turn, and no CPU has nothing to do.
                Scheduler.setAffinity(waiting.vcpus[1].pointee.thread!, 0b10)
                _ = waiting.vcpus[1].start(entry: 0, argument: 0)
                spend(microseconds: 100)
                Scheduler.setAffinity(waiting.vcpus[1].pointee.thread!, 0b11)
                let start = microseconds
                giveWay()
                runs.append((0, Port.cpu.pointee.index, microseconds - start))
                while true { spend(microseconds: 100) }
            }
            defer { Port.guestProgram = nil }
            try busy.kick()
            try waiting.kick()
            Port.run(until: Timers.ticks(5 * millisecond))
            #expect(runs.map(\.vcpu) == [1, 0])
            #expect(runs.map(\.cpu) == [0, 0])
            #expect(runs.first?.time == 200)
            waiting.destroyFromTest()
            busy.destroyFromTest()
        }

        @Test("Nobody gives way to a VCPU that waits, is held, or is less important")
        func nobodyToGiveWayTo() throws {
            try machine()
            let guest = try guest("g", 0, vcpus: 4)
            var runs: [Int] = []
            Port.guestProgram = { vcpu in
                runs.append(vcpu.pointee.index)
                guard vcpu.pointee.index == 0 else { return }
                for other in guest.vcpus.dropFirst(2) { _ = other.start(entry: 0, argument: 0) }
                Scheduler.setPriority(guest.vcpus[2].pointee.thread!, Thread.lowestPriority)
                Scheduler.requestHold(guest.vcpus[3].pointee.thread!)
                giveWay()
                runs.append(0)
            }
            defer { Port.guestProgram = nil }
            try guest.kick()
            Port.run()
            #expect(runs == [0, 0, 2])
            guest.destroyFromTest()
        }
    }
}
