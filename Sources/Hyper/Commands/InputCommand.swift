extension Command {
    /// `input`: keyboards and pointers.
    static var input: Command {
        Command(
            "input", group: "Screens", "keyboards and pointers, and who gets what is typed",
            [
                Form("list", "those of the machine and of guests") { _, output in
                    var table = Table("DEVICE|KIND|WHOSE|")
                    for input in Inputs.host {
                        table.add([
                            input.name, input.kind.name, "the machine",
                            input.failure ?? "\(input.events) events at \(input.place)",
                        ])
                    }
                    let focus = Inputs.focus
                    for input in Inputs.virtual {
                        table.add([
                            input.name, input.kind.name, input.guest,
                            input.guest == focus ? "has the focus" : "",
                        ])
                    }
                    output.write(table)
                },
                Form("focus GUEST", "give the guest what is typed and pointed at") { arguments, _ throws(HyperError) in
                    try Inputs.setFocus(arguments[0])
                },
                Form("type TEXT...", "type at the keyboard of the guest that has the focus, and enter") {
                    words, _ throws(HyperError) in
                    for (index, word) in words.enumerated() {
                        if index > 0 { try Inputs.type(" ") }
                        try Inputs.type(word)
                    }
                    try Inputs.type("\n")
                },
            ],
            values: { name in name == "GUEST" ? Inputs.virtual.map { $0.guest }.inOrder() : [] })
    }
}
