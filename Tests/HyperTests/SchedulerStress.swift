import Testing

@testable import Hyper

/// A machine full of threads that do what a seed says, to be run once for each order in which their CPUs may meet.
struct StressProgram: CustomStringConvertible {
    enum Step {
        case spend(UInt64)
        case sleep(UInt64)
        case lock(UInt64)
        case signal
        case waitLimited(UInt64)
        case yield
        case wake(Int)
        case setPriority(Int, Int)
        case setAffinity(Int, UInt32)
        case setRateLimit(Int, budget: UInt64, period: UInt64)
        case hold(Int, UInt64)
        case turnOff(Int)
        case turnOn(Int)
    }

    struct Member {
        var priority: Int
        var cpu: Int
        var slice: UInt64?
        var steps: [Step]
    }

    var cpus: Int
    var members: [Member]

    /// Only the first member holds others and turns CPUs off: two that hold each other wait for ever, and may.
    init(seed: UInt64, turnsCPUsOff: Bool) {
        var random = SeededGenerator(seed: seed)
        func number(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }
        cpus = 1 + number(4)
        let (cpus, count) = (cpus, 2 + number(7))
        members = (0..<count).map { index in
            let steps: [Step] = (0..<4 + number(12)).map { _ in
                let time = UInt64(number(4) == 0 ? 300 : 20)
                let target = number(count)
                switch number(index == 0 ? 16 : 12) {
                case 0, 1, 2: return .spend(1 + UInt64(number(Int(time))))
                case 3: return .sleep(UInt64(number(Int(time))))
                case 4, 5: return .lock(UInt64(number(20)))
                case 6: return .signal
                case 7: return .waitLimited(UInt64(number(100)))
                case 8: return .yield
                case 9: return .wake(target)
                case 10: return .setPriority(target, 1 + number(7))
                case 11:
                    return number(3) == 0
                        ? .setRateLimit(target, budget: 1 + UInt64(number(30)), period: 31 + UInt64(number(60)))
                        : .setAffinity(target, UInt32(number(16)) | 1 << UInt32(number(cpus)))
                case 12, 13: return .hold(max(target, 1), UInt64(number(60)))
                case 14 where turnsCPUsOff: return .turnOff(number(cpus))
                case 15 where turnsCPUsOff: return .turnOn(number(cpus))
                default: return .yield
                }
            }
            let slices: [UInt64?] = [nil, 5, 50, 100_000]
            return Member(priority: 1 + number(7), cpu: number(cpus), slice: slices[number(4)], steps: steps)
        }
    }

    /// Runs it with the CPUs meeting in the order of a seed; what went wrong.
    func run(order seed: UInt64) -> String? {
        Port.start(cpus: cpus, seed: seed)
        FakeMachine.catchesPanics = true
        defer { FakeMachine.catchesPanics = false }
        FakeMachine.onStep = { if let problem = SchedulerInvariants.violation() { FakeMachine.panic(problem) } }
        let (mutex, semaphore) = (Mutex(), Semaphore())
        var threads: [ThreadReference] = []
        var finished = 0
        var isInside = false
        // In ticks.
        func sleep(_ ticks: UInt64) { Scheduler.sleep(Timers.nanoseconds(ticks)) }
        func execute(_ step: Step) {
            switch step {
            case .spend(let ticks): FakeMachine.spend(ticks)
            case .sleep(let ticks): sleep(ticks)
            case .lock(let ticks):
                mutex.withLock {
                    if isInside { FakeMachine.panic("two threads hold one mutex") }
                    isInside = true
                    FakeMachine.spend(ticks)
                    isInside = false
                }
            case .signal: semaphore.signal()
            case .waitLimited(let ticks): semaphore.wait(limit: Timers.nanoseconds(ticks))
            case .yield: Scheduler.yield()
            case .wake(let index): Scheduler.wake(threads[index])
            case .setPriority(let index, let priority): Scheduler.setPriority(threads[index], priority)
            case .setAffinity(let index, let mask): Scheduler.setAffinity(threads[index], mask)
            case .setRateLimit(let index, let budget, let period):
                let nanoseconds = (Timers.nanoseconds(budget), Timers.nanoseconds(period))
                Scheduler.setRateLimit(threads[index], nanoseconds)
            case .hold(let index, let ticks):
                guard index < threads.count else { return }
                Scheduler.hold(threads[index])
                let runTime = threads[index].pointee.runTime
                sleep(ticks)
                if threads[index].pointee.runTime != runTime { FakeMachine.panic("a thread runs while it is held") }
                Scheduler.release(threads[index])
            case .turnOff(let index): try? CPUs.turnOff(CPUs[index])
            case .turnOn(let index): try? CPUs.turnOn(CPUs[index])
            }
        }
        for (number, member) in members.enumerated() {
            let thread = Scheduler.makeThread("\(number)", priority: member.priority, on: CPUs[member.cpu]) {
                for step in member.steps { execute(step) }
                finished += 1
            }
            Scheduler.setSlice(thread, nanoseconds: member.slice.map { Timers.nanoseconds($0) })
            threads.append(thread)
        }
        for thread in threads { Scheduler.wake(thread) }
        // Many times what all steps take.
        FakeMachine.run(until: 10_000_000)
        if let message = FakeMachine.panicMessage { return message }
        if let problem = SchedulerInvariants.violationAtRest() { return problem }
        return finished == threads.count ? nil : "\(threads.count - finished) threads have not come to their end"
    }

    /// The smallest program that goes wrong too, by leaving out one thing after another.
    func shrunk(order seed: UInt64) -> StressProgram {
        var smallest = self
        var isSmaller = true
        while isSmaller {
            isSmaller = false
            for candidate in smallest.parts where candidate.run(order: seed) != nil {
                smallest = candidate
                isSmaller = true
                break
            }
        }
        return smallest
    }

    private var parts: [StressProgram] {
        var parts: [StressProgram] = []
        // A member that does nothing keeps the numbers of the others.
        for index in members.indices where !members[index].steps.isEmpty {
            var part = self
            part.members[index].steps = []
            parts.append(part)
        }
        for index in members.indices {
            for step in members[index].steps.indices {
                var part = self
                part.members[index].steps.remove(at: step)
                parts.append(part)
            }
        }
        return parts
    }

    var description: String {
        "\(cpus) CPUs\n"
            + members.map {
                "  priority \($0.priority), CPU \($0.cpu), slice \($0.slice.map { "\($0)" } ?? "none"): \($0.steps)"
            }
            .joined(separator: "\n")
    }
}

extension CoreTests {
    @Suite("The scheduler, under stress")
    struct SchedulerStressTests {
        /// One seed says what the threads do, another one how their CPUs meet.
        private func expectNoProblem(_ program: StressProgram, _ seeds: Range<UInt64>) {
            for seed in seeds {
                guard let problem = program.run(order: seed) else { continue }
                let small = program.shrunk(order: seed)
                Issue.record("order \(seed): \(problem)\nsmallest: \(small.run(order: seed) ?? "nothing"): \(small)")
                return
            }
        }

        @Test(
            "No thread is lost, runs twice, or before its turn, whatever threads do to each other", arguments: 0..<100)
        func threads(_ seed: UInt64) {
            expectNoProblem(StressProgram(seed: seed, turnsCPUsOff: false), 0..<4)
        }

        @Test("No thread is lost while CPUs go off and on", arguments: 1000..<1100)
        func hotPlug(_ seed: UInt64) {
            expectNoProblem(StressProgram(seed: seed, turnsCPUsOff: true), 0..<4)
        }
    }
}
