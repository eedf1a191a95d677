import Glibc
import ISA

/// A bare-metal program that tests the machine it runs on and says itself how that went: by `tohost` or by the test
/// device.
public struct ConformanceProgram: Equatable, Sendable {
    public let path: String
    /// For reports: the path below the directory that was given, without `.elf`.
    public let name: String
    /// Whose code it is.
    public let architecture: ELFFile.Machine

    /// - Parameter architecture: nil for what the file says, RISC-V where it does not.
    public init(path: String, name: String, architecture: ELFFile.Machine? = nil) {
        self.path = path
        self.name = name
        self.architecture = architecture ?? Self.architecture(ofExecutable: path) ?? .riscv
    }

    /// The directory part of the name, by which summaries are grouped.
    public var group: String {
        guard let slash = name.lastIndex(of: "/") else { return "" }
        return String(name[..<slash])
    }

    /// The programs at `paths`: files, and what directories hold at any depth. Files that no machine executes (listings,
    /// object files, the host's own programs) are passed over.
    public static func find(_ paths: [String]) throws(InputError) -> [ConformanceProgram] {
        var programs: [ConformanceProgram] = []
        for path in paths {
            var status = stat()
            guard stat(path, &status) == 0 else {
                throw InputError(
                    file: path, problem: "cannot be read: " + String(cString: strerror(errno)), mend: "Check the path.")
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                search(path, below: "", depth: 0, &programs)
            } else if let architecture = architecture(ofExecutable: path) {
                programs.append(
                    ConformanceProgram(path: path, name: name(lastPart(path)), architecture: architecture))
            }
        }
        guard !programs.isEmpty else {
            throw InputError(
                file: paths.joined(separator: ", "), problem: "holds no RISC-V or AArch64 program (64-bit ELF)",
                mend: "Build the programs first.")
        }
        return programs
    }

    /// Deeper directories than this are a loop of links.
    private static let deepest = 24

    private static func search(_ directory: String, below: String, depth: Int, _ found: inout [ConformanceProgram]) {
        guard depth < deepest, let stream = opendir(directory) else { return }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                // SAFETY: readdir ends the name with a NUL inside the array.
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        closedir(stream)
        for name in names.sorted() {
            let path = directory.hasSuffix("/") ? directory + name : directory + "/" + name
            var status = stat()
            guard stat(path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: search(path, below: below + name + "/", depth: depth + 1, &found)
            case S_IFREG:
                guard let architecture = architecture(ofExecutable: path) else { continue }
                found.append(
                    ConformanceProgram(path: path, name: self.name(below + name), architecture: architecture))
            default: break
            }
        }
    }

    private static func lastPart(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    private static func name(_ path: String) -> String {
        path.hasSuffix(".elf") ? String(path.dropLast(4)) : path
    }

    /// What the file is for, where it begins as a 64-bit little-endian executable of some machine does.
    private static func architecture(ofExecutable path: String) -> ELFFile.Machine? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var header = [UInt8](repeating: 0, count: 20)
        guard read(descriptor, &header, header.count) == header.count, ELFFile.isELF(header) else { return nil }
        let type = UInt16(header[16]) | UInt16(header[17]) << 8
        let machine = ELFFile.Machine(rawValue: UInt16(header[18]) | UInt16(header[19]) << 8)
        let isExecutable = header[4] == 2 && header[5] == 1 && (type == 2 || type == 3)
        return isExecutable && MachineCatalog.entries.contains { $0.architecture == machine } ? machine : nil
    }

    /// What the program was compiled for (`rv64imafdcv`), by its attributes; nil when it does not say.
    ///
    /// RISC-V ELF psABI, "Attributes": format version `A`, then subsections of a length, a vendor's name and
    /// attributes; those of vendor `riscv` have the architecture under tag 5. The section has its own program header.
    public static func architecture(of file: InputFile) -> String? {
        let reader = ByteReader(file.bytes)
        guard let table: UInt64 = reader.integer(at: 32), let size: UInt16 = reader.integer(at: 54),
            let count: UInt16 = reader.integer(at: 56), size >= 56
        else { return nil }
        for index in 0..<min(UInt64(count), UInt64(ELFFile.maximumSegments)) {
            let header = table &+ index * UInt64(size)
            guard let type: UInt32 = reader.integer(at: header) else { return nil }
            guard type == 0x7000_0003, let offset: UInt64 = reader.integer(at: header &+ 8),
                let length: UInt64 = reader.integer(at: header &+ 32),
                let bytes = reader.slice(at: offset, count: length)
            else { continue }
            // The string begins with "rv" and ends with a NUL; no other attribute holds text like it.
            let all = Array(bytes.prefix(4096))
            for start in all.indices.dropFirst()
            where all[start - 1] == 5 && all[start...].starts(with: Array("rv64".utf8)) {
                return String(decoding: all[start...].prefix { $0 != 0 }, as: UTF8.self)
            }
        }
        return nil
    }

    /// An unprivileged extension of `architecture` that a hart with `features` lacks.
    ///
    /// `rv64i2p1_m2p0_zicsr2p0`: names with their versions; older compilers write the letters in a row, `rv64imac`.
    public static func missingExtension(_ architecture: String, features: RISCV.Features) -> String? {
        let known = Set(RISCV.Features.names.filter { features.contains($0.feature) }.map(\.name)).union(implied)
        for part in architecture.dropFirst("rv64".count).split(separator: "_") {
            if part.first == "z" {
                let name = withoutVersion(part)
                if !known.contains(name) { return name }
            } else if part.first != "s", part.first != "x" {
                for letter in part where letter.isLetter && letter != "p" {
                    let isThere = letter == "h" ? features.contains(.h) : "imafdcbg".contains(letter)
                    if !isThere { return letter.uppercased() }
                }
            }
        }
        return nil
    }

    /// What RV64GC comes with under names of their own.
    private static let implied: Set<String> = [
        "zicsr", "zifencei", "zicntr", "zihpm", "zmmul", "zaamo", "zalrsc", "zca", "zcd",
    ]

    /// `zfh1p0` without its version.
    private static func withoutVersion(_ name: Substring) -> String {
        guard let p = name.lastIndex(of: "p"), name[name.index(after: p)...].allSatisfy(\.isNumber) else {
            return String(name)
        }
        var end = p
        while end > name.startIndex, name[name.index(before: end)].isNumber { end = name.index(before: end) }
        return String(name[..<end])
    }
}

/// One of n equal parts of a list: `2/5`.
public struct Shard: Equatable, Sendable, CustomStringConvertible {
    /// From 1.
    public let index: Int
    public let count: Int

    public init(_ text: String) throws(ValueError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let index = parts[0], let count = parts[1], count >= 1, (1...count).contains(index)
        else {
            throw ValueError(
                problem: "\"\(text.prefix(40))\" is not a shard",
                mend: "Write which of how many parts: 2/5, from 1/5 to 5/5.")
        }
        self.index = index
        self.count = count
    }

    public var description: String { "\(index)/\(count)" }

    /// Every `count`th element from the `index`th on, so that long and short programs mix.
    public func part<Element>(of list: [Element]) -> [Element] {
        stride(from: index - 1, to: list.count, by: count).map { list[$0] }
    }
}
