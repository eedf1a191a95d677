import Testing

@testable import Hyper

extension CoreTests {
    /// Floating-point registers, which a CPU has one set of, and each guest believes to have.
    @Suite("Floating-point registers of guests")
    struct LazyFloatsTests {
        /// Guests that put numbers into the register again and again, and look for what they had put there.
        private func guests(_ count: Int, cpus: Int, seed: UInt64? = nil, rounds: Int) throws -> (
            wrong: Int, traps: Int
        ) {
            Port.start(cpus: cpus, seed: seed)
            try FakeMemory.provide()
            var (wrong, traps) = (0, 0)
            Port.guestProgram = { vcpu in
                let identifier = vcpu.pointee.guest.takeUnretainedValue().identifier
                var last: UInt64 = 0
                for round in 1...UInt64(rounds) {
                    // An instruction is not interrupted; what is between two of them may be.
                    let wereEnabled = Port.disableInterrupts()
                    var value = UInt64(identifier + 1) << 32 | round
                    if Port.Floats.exchange(vcpu, &value) { traps += 1 }
                    if value != last { wrong += 1 }
                    last = UInt64(identifier + 1) << 32 | round
                    Port.restoreInterrupts(wereEnabled)
                    spend(microseconds: 3000)
                }
            }
            defer { Port.guestProgram = nil }
            let all = try (0..<count).map { index in
                let guest = try Guest(name: "g\(index)", identifier: index)
                try guest.addVCPU()
                try guest.kick()
                return guest
            }
            Port.run(until: Timers.ticks(UInt64(rounds * count * 20) * millisecond))
            for guest in all { guest.destroyFromTest() }
            return (wrong, traps)
        }

        @Test("A guest finds in them what it left there, whoever has had them meanwhile")
        func shared() throws {
            let result = try guests(3, cpus: 1, rounds: 40)
            #expect(result.wrong == 0)
            #expect(result.traps > 3, "they have taken turns")
        }

        @Test("A guest that goes from CPU to CPU takes them along", arguments: 1...20)
        func moving(seed: Int) throws {
            let result = try guests(5, cpus: 3, seed: UInt64(seed), rounds: 20)
            #expect(result.wrong == 0)
        }

        @Test("A guest that is alone is stopped once for them")
        func alone() throws {
            let result = try guests(1, cpus: 1, rounds: 40)
            #expect(result.wrong == 0 && result.traps == 1)
        }

        @Test("They are zero when a VCPU begins, and when it begins anew")
        func reset() throws {
            Port.start(cpus: 1)
            try FakeMemory.provide()
            var seen: [UInt64] = []
            Port.guestProgram = { vcpu in
                let wereEnabled = Port.disableInterrupts()
                var value: UInt64 = 7
                _ = Port.Floats.exchange(vcpu, &value)
                seen.append(value)
                Port.restoreInterrupts(wereEnabled)
            }
            defer { Port.guestProgram = nil }
            let guest = try Guest(name: "g", identifier: 0)
            let vcpu = try guest.addVCPU()
            for _ in 0..<2 {
                try guest.kick()
                Port.run(until: Port.counter + Timers.ticks(10 * millisecond))
                let thread = spawn("manager", priority: Thread.highestPriority) { guest.reset() }
                Port.run(until: Port.counter + Timers.ticks(10 * millisecond))
                #expect(thread.pointee.state == .finished)
                Scheduler.destroy(thread)
            }
            #expect(seen == [0, 0])
            #expect(vcpu.pointee.floats != nil)
            guest.destroyFromTest()
        }
    }
}
