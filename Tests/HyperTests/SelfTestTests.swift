import Testing

@testable import Hyper

extension CoreTests {
    @Suite("Hyper's tests of itself")
    struct SelfTestTests {
        @Test("They pass on the fake machine, too", arguments: SelfTest.all.indices, [1, 3])
        func pass(_ index: Int, _ cpus: Int) throws {
            let memory = FakeMemory(adding: 8192)
            Port.start(cpus: cpus)
            var failure: Text?
            let thread = spawn("terminal") {
                do throws(HyperError) { try SelfTest.all[index].body() } catch { failure = error.message }
            }
            Port.run()
            #expect(failure == nil)
            #expect(thread.pointee.state == .finished)
            withExtendedLifetime(memory) {}
        }

        @Test("A failure says where, and what was found")
        func failure() {
            var message: Text?
            do throws(HyperError) { try SelfTest.expect(false, "1 is 2") } catch { message = error.message }
            #expect(message == "HyperTests/SelfTestTests.swift:\(UInt64(#line - 1)): 1 is 2")
        }
    }
}
