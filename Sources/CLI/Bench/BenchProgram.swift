import Foundation
import Machine

/// A program of `testsuites/bench`, as its catalogue describes it.
struct BenchProgram: Decodable {
    let name: String
    let group: String
    /// Rounds in what is called its whole work: the first guess of how many are needed, and what its times are given for.
    let scale: Int
    /// Traps, switches or the like in a round.
    let events: Int
    /// What its random numbers are made from, in hexadecimal.
    let seed: String?
    let checksum: String
    let description: String
    /// The architecture that alone has it, where not all have.
    let only: BenchTarget?
    /// That of the board's interrupt controller, where it is not the board's own choice.
    let gicVersion: Int?

    private struct Catalogue: Decodable { let programs: [BenchProgram] }

    static func catalogue() throws -> [BenchProgram] {
        let file = try ProjectFolder.find("testsuites/bench/programs.json")
        return try JSONDecoder().decode(Catalogue.self, from: Data(contentsOf: URL(fileURLWithPath: file))).programs
    }

    /// Builds all programs, for the emulators of an architecture, or for the host.
    static func build(for target: BenchTarget?) throws {
        let script = try ProjectFolder.find("testsuites/bench/build")
        let arguments = [target?.folder ?? nativeFolder, target?.rawValue ?? "native"]
        let built = try HostProcess(script, arguments, limit: 1800).run()
        guard built.end == .exited(0) else {
            throw InputError(
                file: script, problem: "failed: " + String(decoding: built.errors.suffix(2000), as: UTF8.self))
        }
    }

    /// Whether it is written in Swift alone, so that the host can run it too.
    var hasNative: Bool { ["integer", "float", "vector"].contains(group) }

    private static var nativeFolder: String { ProjectFolder.cache("bench") }

    /// The host's own program.
    var native: String { Self.nativeFolder + "/\(name).native" }

    /// The emulators' program, with its number of rounds replaced.
    func image(rounds: Int, for target: BenchTarget) throws -> [UInt8] {
        let input = try InputFile.read(target.folder + "/\(name).elf")
        let elf = try ELFFile(input, machine: target.machine)
        guard let address = elf.symbols.address(of: "bench_scale"),
            let segment = elf.segments.first(where: {
                address >= $0.virtualAddress && address - $0.virtualAddress + 8 <= UInt64($0.bytes.count)
            })
        else { throw InputError(file: input.name, problem: "has no bench_scale") }
        var bytes = input.bytes
        // A segment's bytes keep their places in the file.
        let place = segment.bytes.startIndex + Int(address - segment.virtualAddress)
        for byte in 0..<8 { bytes[place + byte] = UInt8(truncatingIfNeeded: rounds >> (8 * byte)) }
        return bytes
    }
}
