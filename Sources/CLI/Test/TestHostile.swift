import Foundation
import Machine

/// `orrery test --hostile`: a guest hurts only itself. See ``HostileRun``.
struct TestHostile {
    let accesses: UInt64
    let seed: UInt64
    /// Says which engine runs the guests.
    let machine: MachineDescription

    /// Memory of this process beyond which guests are held to have taken more than their own.
    private static let memoryLimit = 512 << 20

    /// - Returns: what is wrong, or nil.
    func run() throws -> String? {
        let drive = FileManager.default.temporaryDirectory.appendingPathComponent("orrery-\(getpid()).img")
        try Data(count: 1 << 16).write(to: drive)
        defer { try? FileManager.default.removeItem(at: drive) }
        StandardStreams.output("seed \(seed): \(grouped(accesses)) hostile accesses\n")
        let first = try HostileRun(seed: seed, drive: drive.path, on: machine).run(accesses: accesses)
        StandardStreams.output(
            "\(grouped(first.accesses)) accesses, \(grouped(first.deviceAccesses)) of them to devices, "
                + "\(grouped(first.traps)) traps, \(grouped(first.instructions)) instructions\n")
        let new = try HostileRun(seed: seed, drive: drive.path, on: machine).run(accesses: 0)
        guard first.afterwards == new.afterwards, first.afterwards != nil else {
            return "an ordinary program runs differently afterwards"
        }
        let second = try HostileRun(seed: seed, drive: drive.path, on: machine).run(accesses: accesses)
        guard second == first else {
            return "a second run ends otherwise: state \(hash(first)), \(hash(second))"
        }
        guard Self.residentBytes <= Self.memoryLimit else {
            return "the process took \(grouped(UInt64(Self.residentBytes))) bytes of memory"
        }
        StandardStreams.output("state \(hash(first)) twice; an ordinary program runs as on a new machine\n")
        return nil
    }

    private func hash(_ outcome: HostileRun.Outcome) -> String { "0x" + String(outcome.stateHash, radix: 16) }

    /// The most memory that the process has had, in bytes.
    private static var residentBytes: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}
