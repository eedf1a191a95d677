import Foundation
import TestSupport
import Testing

@testable import Machine

/// `testsuites/run` does the same with a million accesses on the release build.
@Suite("A guest hurts only itself")
struct HostileTests {
    #if DEBUG
    static let accesses: UInt64 = 100_000
    #else
    static let accesses: UInt64 = 1_000_000
    #endif

    @Test(
        "Garbage at any address, in every CSR and in all devices: the machine ends in the same state twice, and then runs an ordinary program as a new one does"
    )
    func hostile() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let drive = directory + "/disk.img"
            try Data(count: 1 << 16).write(to: URL(fileURLWithPath: drive))
            let first = try HostileRun(seed: 1, drive: drive).run(accesses: Self.accesses)
            let second = try HostileRun(seed: 1, drive: drive).run(accesses: Self.accesses)
            #expect(first.accesses >= Self.accesses)
            #expect(first.deviceAccesses > Self.accesses / 4, "devices are hardly reached")
            #expect(first.stateHash == second.stateHash, "two runs from one seed end differently")
            let new = try HostileRun(seed: 1, drive: drive).run(accesses: 0)
            #expect(new.afterwards?.count == 8, "the ordinary program prints a line for each of its blocks")
            #expect(first.afterwards == new.afterwards, "what guests did is felt after power-on")
            let contents = try Data(contentsOf: URL(fileURLWithPath: drive))
            #expect(contents == Data(count: 1 << 16), "a drive that is a snapshot was written")
        }
    }
}
