import AArch64ISA
import ISA

/// What a trace shows: `--trace` and its filters.
public struct TraceOptions: Equatable, Sendable {
    public struct Kinds: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Each instruction before it is executed.
        public static let instructions = Kinds(rawValue: 1 << 0)
        /// Traps: exceptions and interrupts.
        public static let exceptions = Kinds(rawValue: 1 << 1)
        /// Writes of system registers: RISC-V's control and status registers.
        public static let csr = Kinds(rawValue: 1 << 2)
        /// Accesses to devices.
        public static let mmio = Kinds(rawValue: 1 << 3)
        public static let all: Kinds = [.instructions, .exceptions, .csr, .mmio]

        static let names: [(String, Kinds)] = [
            ("instructions", .instructions), ("exceptions", .exceptions), ("csr", .csr), ("mmio", .mmio), ("all", .all),
        ]
    }

    public var kinds: Kinds
    /// Only what happens at levels of these names; all when empty.
    public var levels: Set<String> = []
    /// Only what happens in this guest.
    public var guest: UInt64?
    /// Only what happens at these addresses of code; all when empty.
    public var ranges: [ClosedRange<UInt64>] = []

    public init(kinds: Kinds = .all) {
        self.kinds = kinds
    }

    /// - Parameter what: `instructions,mmio`.
    public init(_ what: String) throws(ValueError) {
        kinds = []
        for word in what.split(separator: ",", omittingEmptySubsequences: false) {
            guard let kind = Kinds.names.first(where: { $0.0 == word })?.1 else {
                let names = Kinds.names.map(\.0)
                let near = nearestWord(to: String(word), among: names)
                throw ValueError(
                    problem: "\"\(word.prefix(40))\" is not something to trace",
                    mend: near.map { "Did you mean \($0)?" } ?? "There are \(enumeration(names)).")
            }
            kinds.formUnion(kind)
        }
    }

    /// - Parameter text: `VS,VU`.
    public mutating func setLevels(_ text: String) throws(ValueError) {
        let names = RISCV.Hart.levelNames + AArch64.ProcessingElement.levelNames
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let name = word.uppercased()
            guard names.contains(name) else {
                throw ValueError(
                    problem: "\"\(word.prefix(40))\" is not a privilege mode",
                    mend: "There are \(enumeration(names)).")
            }
            levels.insert(name)
            // With and without the H extension the mode is the same.
            if name == "S" { levels.insert("HS") }
            if name == "HS" { levels.insert("S") }
        }
    }

    /// - Parameter text: `0x80200000-0x80200fff`.
    public mutating func addRange(_ text: String) throws(ValueError) {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else {
            throw ValueError(
                problem: "\"\(text.prefix(60))\" is not a range", mend: "Write 0x80200000-0x80200fff.")
        }
        let (first, last) = (try Count(String(ends[0])).value, try Count(String(ends[1])).value)
        guard first <= last else {
            throw ValueError(problem: "the range \(text.prefix(60)) ends before it begins", mend: "Swap its ends.")
        }
        ranges.append(first...last)
    }
}
