import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

/// The oracle is the run itself: a machine that goes on from a restored state does what the one does whose state it was.
@Suite("Snapshots of machines")
struct MachineSnapshotTests {
    static let engines: [(Engine, Engine)] = [(.interpreter, .jit), (.jit, .interpreter), (.jit, .jit)]

    /// Runs each of these programs to three places, and goes on.
    private func check(_ programs: [String], _ configure: (inout MachineDescription) -> Void = { _ in }) throws {
        var reached = 0
        for (index, program) in programs.enumerated() {
            var description = MachineDescription()
            description.kernel = BuiltImages.path(program)
            description.firmware = "none"
            description.memory = ByteCount(16 << 20)
            configure(&description)
            let (first, second) = Self.engines[index % Self.engines.count]
            let oracle = SnapshotOracle(
                description: description, engines: (first, second), quantum: 400, length: 30_000,
                hashes: index % 16 == 0)
            do {
                reached += try oracle.check(after: [500, 2_500, 30_000])
            } catch {
                Issue.record("\(program): \(error)")
            }
        }
        #expect(reached >= programs.count, "most programs end before their state is taken")
    }

    @Test(
        "RISC-V's guest-side programs go on from a snapshot as without one, with one hart and three", arguments: [1, 3])
    func programs(harts: Int) throws {
        try check(BuiltImages.programs("testsuites/riscv")) { $0.harts = harts }
    }

    @Test("So do AArch64's, with one CPU and three", arguments: [1, 3])
    func programsOfAArch64(cpus: Int) throws {
        let all = BuiltImages.programs("testsuites/aarch64")
        try check(all.filter { !$0.contains("/gicv3/") && !$0.contains("/el3") }) {
            $0.machine = "aarch64-virt"
            $0.harts = cpus
        }
        try check(all.filter { $0.contains("/gicv3/") }) {
            $0.machine = "aarch64-virt,gic-version=3"
            $0.harts = cpus
        }
    }

    @Test("So do those of EL3, with either interrupt controller", arguments: [1, 3])
    func programsOfEL3(cpus: Int) throws {
        try check(BuiltImages.programs("testsuites/aarch64/el3")) {
            $0.machine = "aarch64-virt,secure=on"
            $0.harts = cpus
        }
        try check(BuiltImages.programs("testsuites/aarch64/el3-gicv3")) {
            $0.machine = "aarch64-virt,secure=on,gic-version=3"
            $0.harts = cpus
        }
    }
}
