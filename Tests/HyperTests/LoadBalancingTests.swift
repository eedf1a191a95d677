import Testing

@testable import Hyper

extension CoreTests {
    @Suite("The scheduler, on several CPUs")
    struct LoadBalancingTests {
        @Test("Threads that wait go to CPUs that have nothing to do", arguments: [2, 3, 4])
        func idleCPUs(_ cpus: Int) {
            Port.start(cpus: cpus)
            let ends = Journal<UInt64>()
            for number in 0..<2 * cpus {
                spawn("\(number)") {
                    spend(microseconds: 30_000)
                    ends.note(microseconds)
                }
            }
            Port.run()
            // As much work as all CPUs do together in 60 ms.
            #expect(ends.entries.count == 2 * cpus)
            #expect(ends.entries.max() == 60_000)
        }

        @Test("A thread that may not run elsewhere stays where it is, however much there is to do")
        func affinity() {
            Port.start(cpus: 4)
            let where_ = Journal<Int>()
            let threads = (0..<4).map { number in
                spawn("\(number)", on: 2, affinity: 1 << 2) {
                    for _ in 0..<20 {
                        spend(microseconds: 1000)
                        where_.note(Port.cpu.pointee.index)
                    }
                }
            }
            Port.run()
            #expect(where_.entries == Array(repeating: 2, count: 80))
            #expect(threads.allSatisfy { Timers.nanoseconds($0.pointee.runTime) == 20 * millisecond })
        }

        @Test(
            "A thread made for a CPU on which it may not run runs on another one",
            arguments: [0b0010, 0b1100] as [UInt32])
        func madeElsewhere(_ mask: UInt32) {
            Port.start(cpus: 4)
            let places = Journal<Int>()
            spawn("moves", on: 0, affinity: mask) { places.note(Port.cpu.pointee.index) }
            Port.run()
            #expect(places.entries.count == 1)
            #expect(places.entries.allSatisfy { mask & 1 << UInt32($0) != 0 })
        }

        @Test("A running thread leaves a CPU on which it may not run any more")
        func changedAffinity() {
            Port.start(cpus: 3)
            let places = Journal<Int>()
            let thread = spawn("moves", affinity: 1) {
                for _ in 0..<20 {
                    spend(microseconds: 1000)
                    places.note(Port.cpu.pointee.index)
                }
            }
            Port.run(until: Timers.ticks(5 * millisecond + 1000))
            Scheduler.setAffinity(thread, 1 << 2)
            Port.run(until: Timers.ticks(10 * millisecond + 1000))
            Scheduler.setAffinity(thread, 1 << 1)
            Port.run()
            #expect(
                places.entries == Array(repeating: 0, count: 5) + Array(repeating: 2, count: 5)
                    + Array(repeating: 1, count: 10))
        }

        @Test("A thread changes its own CPU")
        func changesItself() {
            Port.start(cpus: 4)
            let places = Journal<Int>()
            spawn("moves", affinity: 1) {
                for target in [3, 1, 2, 0] as [UInt32] {
                    Scheduler.setAffinity(Scheduler.current, 1 << target)
                    places.note(Port.cpu.pointee.index)
                }
            }
            Port.run()
            #expect(places.entries == [3, 1, 2, 0])
        }

        @Test("The most important threads run, wherever they were made")
        func importantOnes() {
            Port.start(cpus: 3)
            for number in 0..<3 {
                spawn("low \(number)", priority: 2) { while true { spend(microseconds: 1_000_000) } }
            }
            Port.run(until: 1000)
            let high = (0..<3).map { number in
                spawn("high \(number)", priority: 5, on: 0) { while true { spend(microseconds: 1_000_000) } }
            }
            Port.run(until: 2000)
            #expect(Set((0..<3).map { CPUs[$0].pointee.current }) == Set(high))
        }

        @Test("CPUs that differ by two threads or more become equal at the end of a slice")
        func balance() {
            Port.start(cpus: 2)
            let threads = (0..<6).map { number in
                spawn("\(number)", on: 0, affinity: 1) { while true { spend(microseconds: 1_000_000) } }
            }
            spawn("other", on: 1, affinity: 2) { while true { spend(microseconds: 1_000_000) } }
            Port.run(until: 1000)
            for thread in threads { Scheduler.setAffinity(thread, .max) }
            Port.run(until: Timers.ticks(100 * millisecond))
            #expect((0..<2).map { CPUs[$0].pointee.load }.sorted() == [3, 4])
        }

        @Test("What is asked of a CPU while it is being started, which nothing interrupts, is done once it runs")
        func askedWhileStarting() {
            Port.start(cpus: 2)
            var answers: [Int] = []
            spawn("terminal", affinity: 1) {
                do throws(HyperError) {
                    try CPUs.turnOff(CPUs[1])
                    try CPUs.turnOn(CPUs[1])
                } catch { Issue.record("\(error.message)") }
                #expect(CPUs.post(CPUs[1]) { answers.append(Port.cpu.pointee.index) })
            }
            Port.run()
            #expect(answers == [1])
        }

        @Test(
            "A CPU that the firmware does not start stays off, and keeps nobody who came there meanwhile",
            arguments: 0..<100)
        func refusedStart(_ seed: UInt64) {
            Port.start(cpus: 3, seed: seed)
            defer { Port.brokenCPUs = 0 }
            var (ended, answered, refusal): (Int, Bool, HyperError?) = (0, false, nil)
            spawn("terminal", affinity: 1) {
                do throws(HyperError) { try CPUs.turnOff(CPUs[1]) } catch { Issue.record("\(error.message)") }
                Port.brokenCPUs = 0b10
                for _ in 0..<50 {
                    do throws(HyperError) { try CPUs.turnOn(CPUs[1]) } catch { refusal = error }
                    spend(microseconds: 1)
                }
                ended += 1
            }
            for number in 0..<8 {
                // Most of them want to be there.
                spawn("\(number)", on: 2, affinity: number % 4 == 0 ? 0b101 : 0b10) {
                    for _ in 0..<40 {
                        spend(microseconds: 1)
                        Scheduler.sleep(3000)
                    }
                    ended += 1
                }
            }
            spawn("asker", on: 2, affinity: 0b100) {
                while ended == 0 {
                    CPUs.leaveHandlers()
                    spend(microseconds: 1)
                }
                answered = true
            }
            Port.run(until: Timers.ticks(1000 * millisecond))
            #expect(refusal?.message == "the machine's firmware does not start CPU 1")
            #expect(ended == 9 && answered, "\(ended) of 9 threads have ended")
            #expect(!CPUs.isOnline(CPUs[1]) && CPUs[1].pointee.ready.count == 0)
            #expect(SchedulerInvariants.violationAtRest() == nil)

            Port.brokenCPUs = 0
            var isOn = false
            spawn("again", affinity: 1) { isOn = (try? CPUs.turnOn(CPUs[1])) != nil }
            Port.run(until: Timers.ticks(2000 * millisecond))
            #expect(isOn && CPUs.isOnline(CPUs[1]))
        }

        @Test("Interrupts of devices are another CPU's when the one that takes them goes off")
        func interrupts() {
            Port.start(cpus: 2)
            let controller = TwinController()
            HostInterrupts.controller = controller
            defer { HostInterrupts.controller = nil }
            var takers: [Int] = []
            HostInterrupts.add(4) { takers.append(Port.cpu.pointee.index) }
            // A guest's, which completes it later.
            HostInterrupts.add(7, completes: false) { takers.append(100 + Port.cpu.pointee.index) }
            #expect(controller.enabled == [4, 7])
            var failure: HyperError?
            spawn("terminal", on: 1, affinity: 2) {
                do throws(HyperError) { try CPUs.turnOff(CPUs[0]) } catch { failure = error }
                controller.raise(4)
                controller.raise(7)
                do throws(HyperError) { try CPUs.turnOff(CPUs[1]) } catch { failure = error }
            }
            Port.run()
            #expect(controller.enabled == [4, 7] && takers == [1, 101])
            #expect(failure?.message == "CPU 1 is the last one that is on: turn another one on first")
        }

        @Test("A VCPU whose registers are loaded moves, and they are kept first")
        func loadedVCPU() throws {
            Port.start(cpus: 2)
            try FakeMemory.provide()
            let journal = Journal<Int>()
            Port.guestProgram = { _ in
                for _ in 0..<20 {
                    journal.note(Port.cpu.pointee.index)
                    spend(microseconds: 1000)
                }
            }
            defer { Port.guestProgram = nil }
            let guest = try Guest(name: "g", identifier: 0)
            let vcpu = try guest.addVCPU()
            try guest.kick()
            Port.run(until: Timers.ticks(5 * millisecond))
            let first = try #require(journal.entries.first)
            // More important, and bound to that CPU.
            spawn("hypervisor", priority: 6, on: first, affinity: 1 << UInt32(first)) { spend(microseconds: 50_000) }
            Port.run(until: Timers.ticks(30 * millisecond))
            #expect(journal.entries.count == 20)
            #expect(journal.entries.last == 1 - first)
            #expect(vcpu.pointee.state.loads == 2)
            #expect(vcpu.pointee.state.saves == 1)
            #expect(CPUs[first].pointee.loaded == nil)
            #expect(CPUs[1 - first].pointee.loaded == vcpu)
            guest.destroyFromTest()
        }
    }
}
