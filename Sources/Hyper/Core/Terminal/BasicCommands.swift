/// The commands that need nothing but a terminal.
extension CommandRegistry {
    /// - Parameter version: what the build says of itself.
    public func addBasicCommands(version: Text) throws(HyperError) {
        let group: Text = "terminal"
        try add(
            Command(
                "help", group: group, "list the commands, or explain one",
                [
                    Form("", "list all commands") { [self] _, output in output.write(summary) },
                    Form("COMMAND", "explain the command") { [self] arguments, output throws(HyperError) in
                        output.write(try find(arguments[0]).help)
                    },
                ],
                // The registry lives as long as the hypervisor, and so may its commands' hold on it.
                values: { [self] _ in all.map { $0.name } }))
        try add(
            Command(
                "version", group: group, "print the version",
                [Form("", "print the version of this hypervisor") { _, output in output.write("\(version)\n") }]))
        try add(
            Command(
                "echo", group: group, "print words",
                [Form("[WORD...]", "print the words") { words, output in output.write("\(words.joined())\n") }]))
        try add(
            Command(
                "history", group: group, "list the lines that were entered",
                [
                    Form("", "list the lines that were entered on this terminal") { _, output throws(HyperError) in
                        guard let terminal = output.terminal else {
                            throw HyperError("only a terminal has a history; enter `history` on one")
                        }
                        var table = Table(">|")
                        for (index, line) in terminal.history.enumerated() { table.add(["\(index + 1)", line]) }
                        output.write(table)
                    }
                ]))
    }

    /// All commands, by group.
    private var summary: Text {
        let all = all
        let width = all.map { $0.name.count }.max() ?? 0
        var text = Text()
        for group in all.map({ $0.group }).inOrder() {
            text.append(Text("\(group)\n"))
            for command in all where command.group == group {
                text.append(Text("  \(command.name, width: width)  \(command.summary)\n"))
            }
        }
        return text
    }
}

extension Command {
    /// What the command does, and each of its forms.
    fileprivate var help: Text {
        let usages = forms.map { usage($0) }
        let width = usages.map { $0.count }.max() ?? 0
        var text: Text = "\(name): \(summary)\n"
        for (form, usage) in zip(forms, usages) {
            text.append(Text("  \(usage, width: width)  \(form.summary)\n"))
        }
        return text
    }
}

extension [Text] {
    /// The words with spaces between them.
    fileprivate func joined() -> Text {
        var text = Text()
        for word in self {
            if !text.isEmpty { text.append(UInt8(ascii: " ")) }
            text.append(word)
        }
        return text
    }
}
