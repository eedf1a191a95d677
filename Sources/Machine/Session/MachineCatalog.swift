/// The machines that can be run.
public enum MachineCatalog {
    /// All boards. The first one is built where nothing says which.
    public static var boards: [any Board.Type] { [RISCVVirt.self, AArch64Virt.self] }

    /// How firmware comes into a machine.
    public enum Firmware: Sendable {
        /// It is loaded before the kernel, which it starts; unless the user names another or none, one that comes with this
        /// emulator.
        case loaded
        /// It is what the first flash bank holds, if it holds anything.
        case inFlash
    }

    /// A board in words.
    public struct Entry: Sendable {
        /// What `--machine` may call it, the usual name first.
        public let names: [String]
        public let summary: String
        /// What its CPUs execute.
        public let architecture: ELFFile.Machine
        public let firmware: Firmware
        /// What their manual calls its CPUs, and how many it may have.
        public let processors: String
        public let maximumProcessors: Int
        public let memory: String
        /// One a line: where it is, its name in the device tree, what it is.
        public let devices: [String]
        /// What `--cpu` may be, ...
        public let cpu: String
        /// ... and what it may turn on and off.
        public let features: [String]
        /// What `--machine` may say behind the name.
        public var options: [any MachineOption.Type] = []
    }

    /// Refuses what is no CPU of the board that executes an architecture's programs.
    public static func check(cpu: String?, of architecture: ELFFile.Machine) throws(InputError) {
        try boards.first { $0.catalogEntry.architecture == architecture }?.checkCPU(cpu)
    }

    /// A line for each row, in the order of addresses.
    static func listing(_ rows: [(window: AddressWindow, text: String)]) -> [String] {
        rows.sorted { $0.window.base < $1.window.base }.map {
            "\(hexadecimal($0.window.base))-\(hexadecimal($0.window.end - 1))  \($0.text)"
        }
    }

    public static var entries: [Entry] { boards.map { $0.catalogEntry } }

    /// What is known of the board that the user calls `name`; nil where none is named.
    public static func entry(named name: String?) throws(InputError) -> Entry? {
        try board(named: name, among: boards)?.catalogEntry
    }

    /// As many CPUs as no machine exceeds.
    static var maximumProcessors: Int { entries.map(\.maximumProcessors).max() ?? 1 }

    /// The board that the user names, with its options; nil where none is named.
    static func board(named machine: String?, among boards: [any Board.Type]) throws(InputError) -> (any Board.Type)? {
        guard let name = MachineDescription.boardName(machine) else { return nil }
        if let board = boards.first(where: { $0.catalogEntry.names.contains(name) }) {
            try MachineDescription.checkOptions(of: machine, board.catalogEntry)
            return board
        }
        let names = boards.flatMap { $0.catalogEntry.names }
        throw InputError(
            file: "--machine", problem: "there is no machine \"\(name)\"",
            mend: nearestWord(to: name, among: names).map { "Did you mean \($0)?" }
                ?? "`orrery machines` lists them.")
    }

    /// The board whose CPUs execute the first of the programs that says what it is for.
    /// - Precondition: there are boards.
    static func board(for programs: [InputFile], among boards: [any Board.Type]) -> any Board.Type {
        for program in programs {
            guard let architecture = LoadableImage.architecture(of: program) else { continue }
            if let board = boards.first(where: { $0.catalogEntry.architecture == architecture }) { return board }
        }
        return boards[0]
    }
}

extension MachineDescription {
    /// Whether it names anything to run.
    public var hasProgram: Bool {
        if kernel != nil || firmware.map({ $0 != "none" }) ?? false { return true }
        let board = try? MachineCatalog.board(named: machine, among: MachineCatalog.boards)
        return !flash.isEmpty && board?.catalogEntry.firmware == .inFlash
    }
}

extension Session {
    /// The device tree that the guest is given, as source.
    public func deviceTreeSource() throws(InputError) -> String {
        guard let placement = plan.placements.first(where: { $0.role == .deviceTree }) else { return "" }
        return try DeviceTree(InputFile(name: placement.file, bytes: Array(placement.bytes))).source
    }
}
