import Testing

@testable import Hyper

extension CoreTests {
    @Suite("The profiler")
    struct ProfileTests {
        @Test("Each CPU is sampled at every period, and not before or after")
        func samples() throws {
            Port.start(cpus: 2)
            Port.interruptedPlace = (0x8020_1234, false)
            defer { Port.interruptedPlace = (0, false) }
            var failures: [Text] = []
            func attempt(_ body: () throws(HyperError) -> Void) {
                do throws(HyperError) { try body() } catch { failures.append(error.message) }
            }
            let thread = spawn("terminal") {
                attempt(Profile.stop)
                attempt { () throws(HyperError) in try Profile.start(period: millisecond) }
                attempt { () throws(HyperError) in try Profile.start(period: millisecond) }
                Scheduler.sleep(10 * millisecond + 1000)
                Port.interruptedPlace = (0x8020_5678, false)
                Scheduler.sleep(5 * millisecond)
                attempt(Profile.stop)
                Scheduler.sleep(10 * millisecond)
            }
            Port.run()
            #expect(thread.pointee.state == .finished)
            #expect(failures == ["the profiler does not run", "the profiler runs already: stop it first"])
            #expect(Profile.sampleCount == 30)
            #expect(Profile.lostSamples == 0)
            let hottest = Profile.hottest(5)
            #expect(hottest.map(\.place.address) == [0x8020_1234, 0x8020_5678])
            #expect(hottest.map(\.count) == [20, 10])
            #expect(Profile.hottest(1).count == 1)
            #expect((0..<2).allSatisfy { CPUs[$0].pointee.timers.count == 0 }, "no timer is left behind")
        }

        @Test("What has no room is counted, and a CPU that goes off is sampled no more")
        func limits() throws {
            Port.start(cpus: 2)
            let thread = spawn("terminal", affinity: 1) {
                do throws(HyperError) {
                    try Profile.start(period: 10_000)
                    Scheduler.sleep(50 * millisecond)
                    try CPUs.turnOff(CPUs[1])
                    let count = Profile.sampleCount + Int(Profile.lostSamples)
                    Scheduler.sleep(10_000_000)
                    let more = Profile.sampleCount + Int(Profile.lostSamples) - count
                    #expect((990...1010).contains(more), "one CPU, 10 ms, 10 us each: \(more)")
                    try CPUs.turnOn(CPUs[1])
                    try Profile.stop()
                } catch { Issue.record("\(error.message)") }
            }
            Port.run()
            #expect(thread.pointee.state == .finished)
            #expect(Profile.lostSamples > 0)
        }

        @Test("Exits are counted by cause while it runs, with what they took, less what they waited")
        func exits() throws {
            Port.start(cpus: 2)
            let thread = spawn("terminal") {
                func exit(_ cause: Int, _ body: () -> Void) {
                    let wereEnabled = Port.disableInterrupts()
                    let start = Profile.now
                    Port.restoreInterrupts(wereEnabled)
                    body()
                    _ = Port.disableInterrupts()
                    Profile.countExit(cause, since: start)
                    Port.restoreInterrupts(wereEnabled)
                }
                exit(3) { spend(microseconds: 5) }
                do throws(HyperError) { try Profile.start(period: 1000 * millisecond) } catch {}
                exit(3) { spend(microseconds: 20) }
                exit(3) { spend(microseconds: 10) }
                exit(40) { Scheduler.sleep(millisecond) }
                exit(64) {}
                do throws(HyperError) { try Profile.stop() } catch {}
                exit(3) { spend(microseconds: 5) }
            }
            Port.run()
            #expect(thread.pointee.state == .finished)
            let exits = Profile.exits
            #expect(exits.map(\.count).reduce(0, +) == 3)
            #expect(exits[3].count == 2)
            #expect(Timers.nanoseconds(exits[3].ticks) == 30_000)
            #expect(exits[40].count == 1)
            #expect(exits[40].ticks == 0)
        }
    }
}
