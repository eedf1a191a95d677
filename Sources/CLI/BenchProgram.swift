import Foundation
import Machine

/// A program of `testsuites/bench`, as its catalogue describes it.
struct BenchProgram: Decodable {
    let name: String
    let group: String
    let scale: Int
    let events: Int
    let checksum: String
    let description: String

    private struct Catalogue: Decodable { let programs: [BenchProgram] }

    /// The catalogue's programs, built, or those of them that `names` names by themselves or by their groups.
    static func load(names: [String]) throws -> [BenchProgram] {
        let folder = try ProjectFolder.find("testsuites/bench")
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/programs.json"))
        let all = try JSONDecoder().decode(Catalogue.self, from: data).programs
        for name in names where !all.contains(where: { $0.name == name || $0.group == name }) {
            let known = all.map(\.name) + Set(all.map(\.group)).sorted()
            throw InputError(
                file: name, problem: "is no benchmark and no group of them",
                mend: nearestWord(to: name, among: known).map { "Did you mean \($0)?" }
                    ?? "There are \(known.joined(separator: ", ")).")
        }
        let built = try HostProcess(folder + "/build", [ProjectFolder.cache("bench")], limit: 1800).run()
        guard built.end == .exited(0) else {
            throw InputError(
                file: folder + "/build",
                problem: "failed: " + String(decoding: built.errors.suffix(2000), as: UTF8.self))
        }
        return all.filter { program in
            names.isEmpty || names.contains(program.name) || names.contains(program.group)
        }
    }

    /// Runs it on both emulators in turn, as often as `rounds` says; the least time of each counts.
    func measure(rounds: Int, scale factor: Double, qemu: String?) throws -> BenchFigure {
        let work = max(1, Int((Double(scale) * factor).rounded()))
        let path = NSTemporaryDirectory() + "/orrery-bench-\(getpid())-\(name).elf"
        try Data(try patched(scale: work)).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        let ours = HostProcess(
            HostProcess.own, ["test", "--one", name, "--raw-console", "--timeout", "1h", path], limit: 3600)
        let theirs = qemu.map { emulator in
            HostProcess(
                emulator,
                [
                    "-M", "virt", "-cpu", "rv64,h=true", "-m", "128", "-bios", "none", "-display", "none", "-serial",
                    "stdio", "-monitor", "none", "-kernel", path,
                ], limit: 3600)
        }
        var figure = BenchFigure(
            name: name, group: group, description: description, events: events * work, orrery: .infinity, qemu: nil)
        for _ in 0..<rounds {
            figure.orrery = min(figure.orrery, try seconds(ours, "orrery"))
            if let theirs { figure.qemu = min(figure.qemu ?? .infinity, try seconds(theirs, "qemu")) }
        }
        return figure
    }

    private func seconds(_ process: HostProcess, _ emulator: String) throws -> Double {
        let ended = try process.run()
        let said = String(decoding: ended.output, as: UTF8.self)
        guard ended.end == .exited(0), said.hasPrefix(checksum) else {
            let line = said.split(separator: "\n").last.map(String.init) ?? "nothing"
            throw InputError(
                file: name, problem: "on \(emulator) it said \(line) and ended so: \(ended.end); \(checksum) is right",
                mend: "A wrong checksum is a mistake of the emulator.")
        }
        return ended.processorTime
    }

    /// The program with its number of rounds replaced.
    private func patched(scale: Int) throws -> [UInt8] {
        let input = try InputFile.read(ProjectFolder.cache("bench") + "/\(name).elf")
        let elf = try ELFFile(input, machine: .riscv)
        guard let address = elf.symbols.address(of: "bench_scale"),
            let segment = elf.segments.first(where: {
                address >= $0.virtualAddress && address - $0.virtualAddress + 8 <= UInt64($0.bytes.count)
            })
        else { throw InputError(file: input.name, problem: "has no bench_scale") }
        var bytes = input.bytes
        // A segment's bytes keep their places in the file.
        let place = segment.bytes.startIndex + Int(address - segment.virtualAddress)
        for byte in 0..<8 { bytes[place + byte] = UInt8(truncatingIfNeeded: scale >> (8 * byte)) }
        return bytes
    }
}

/// What one program took.
struct BenchFigure: Codable, Equatable {
    var name: String
    var group: String
    var description: String
    /// Traps, switches or the like in the whole run.
    var events: Int
    /// Processor time, in seconds.
    var orrery: Double
    var qemu: Double?

    /// How many times faster than QEMU.
    var ratio: Double? { qemu.map { $0 / orrery } }
}
