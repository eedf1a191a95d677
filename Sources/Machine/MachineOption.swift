/// What the user may choose of a board, behind its name: `aarch64-virt,gic-version=3`. The raw values are the words for it,
/// and the first case is what a machine has whose description does not say.
public protocol MachineOption: RawRepresentable<String>, CaseIterable, Sendable {
    static var name: String { get }
    /// What is chosen, in a few words.
    static var summary: String { get }
}

extension MachineOption {
    static var words: [String] { allCases.map(\.rawValue) }

    /// As a user types it: `gic-version=2|3`.
    public static var usage: String { name + "=" + words.joined(separator: "|") }
}

extension MachineDescription {
    /// The words of a description's ``machine``: the board's name and, behind it, options.
    private static func words(_ machine: String?) -> [Substring] {
        machine?.split(separator: ",", omittingEmptySubsequences: false) ?? []
    }

    /// The board's name alone.
    static func boardName(_ machine: String?) -> String? { words(machine).first.map(String.init) }

    /// What the description chooses.
    /// - Precondition: there is something to choose from.
    func option<Option: MachineOption>(_: Option.Type) -> Option {
        let values = Self.words(machine).dropFirst().filter { $0.hasPrefix(Option.name + "=") }
        let chosen = values.last.flatMap { Option(rawValue: String($0.dropFirst(Option.name.count + 1))) }
        return chosen ?? Option.allCases.first!
    }

    /// Refuses options that are not among those of the board.
    static func checkOptions(of machine: String?, _ board: MachineCatalog.Entry) throws(InputError) {
        for word in words(machine).dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let option = board.options.first(where: { $0.name == parts[0] }) else {
                let names = board.options.map { $0.name }
                throw InputError(
                    file: "--machine", problem: "\"\(parts[0].prefix(40))\" is no option of \(board.names[0])",
                    mend: nearestWord(to: parts[0], among: names).map { "Did you mean \($0)?" }
                        ?? "`orrery machines` lists them.")
            }
            guard parts.count > 1, option.words.contains(parts[1]) else {
                throw InputError(
                    file: "--machine", problem: "\"\(word.prefix(40))\" is none of the choices",
                    mend: "Write \(option.usage).")
            }
        }
    }
}
