/// The monitor's commands about snapshots, by the names that they have in QEMU's.
extension Monitor {
    func snapshots(_ command: String, _ arguments: [String]) throws(Refusal) -> [String] {
        do throws(InputError) {
            switch command {
            case "savevm":
                let name = try one(arguments, "savevm booted")
                let keeper = try keeper()
                let entry = try keeper.save(name)
                return ["\(place(entry)) is \(name)" + (keeper.isInMemory ? Self.memoryNote : "")]
            case "loadvm":
                let name = try one(arguments, "loadvm booted")
                guard let keeper = session.snapshots else { throw InputError(file: name, problem: Self.none) }
                return ["back at " + place(try keeper.load(name))]
            default: return try list()
            }
        } catch { throw Refusal(error.description) }
    }

    private static let none = "there are no snapshots; savevm NAME takes one"
    private static let memoryNote = ", until this process ends: orrery run --snapshots FILE keeps them"

    private func one(_ arguments: [String], _ example: String) throws(InputError) -> String {
        guard let name = arguments.first, arguments.count == 1 else {
            throw InputError(
                file: String(example.prefix { $0 != " " }), problem: "needs one name", mend: "Write \(example).")
        }
        return name
    }

    /// Where they are kept: in memory, where the user has not said.
    private func keeper() throws(InputError) -> SnapshotKeeper {
        if let keeper = session.snapshots { return keeper }
        let recipe = MachineRecipe(description: "{}\n", files: [], program: "orrery")
        do throws(TraceFileError) { return try SnapshotKeeper(session, in: nil, recipe) } catch {
            throw error.inputError
        }
    }

    private func place(_ entry: SnapshotEntry) -> String {
        "instruction \(grouped(entry.position)), \(seconds(entry.time))"
    }

    private func list() throws(InputError) -> [String] {
        let entries = try session.snapshots?.list() ?? []
        guard !entries.isEmpty else { return [Self.none] }
        let heading = ["ID", "TAG", "INSTRUCTION", "VM CLOCK"]
        return aligned(
            [heading]
                + entries.map {
                    ["\($0.identifier)", $0.name.isEmpty ? "-" : $0.name, grouped($0.position), seconds($0.time)]
                }, left: [1])
    }
}
