extension Command {
    /// `module`: what is loaded at run time.
    static var module: Command {
        Command(
            "module", group: "Host", "load, look at and unload modules",
            [
                Form("list", "those that are loaded") { _, output in
                    var table = Table("NAME|>SIZE|>DEVICES|USES|")
                    for module in Modules.all {
                        table.add([
                            module.name, "\(module.image.size)", "\(module.deviceCount)",
                            list(module.dependencies.map { $0.name }), module.summary,
                        ])
                    }
                    output.write(table)
                },
                Form("load FILE", "link a file and start it") { arguments, output throws(HyperError) in
                    let module = try Modules.load(arguments[0])
                    output.write("\(module.name) is loaded\n")
                },
                Form("info NAME", "what a module has brought") { arguments, output throws(HyperError) in
                    output.write(information(try Modules.find(arguments[0])))
                },
                Form("unload NAME", "stop a module that nobody uses, and take it away") {
                    arguments, _ throws(HyperError) in
                    try Modules.unload(arguments[0])
                },
            ],
            values: { $0 == "NAME" ? Modules.all.map { $0.name } : [] })
    }

    private static func information(_ module: Module) -> Table {
        var table = Table("|")
        table.add(["summary", module.summary])
        table.add(["file", module.path])
        table.add(["memory", "\(module.image.size) bytes at \(hex: module.image.address)"])
        table.add(["drivers", list(module.drivers.map { $0.name })])
        table.add(["emulators", list(module.emulators.map { $0.name })])
        table.add(["commands", list(module.commands.map { $0.name })])
        table.add(["exports", list(module.image.exports.map { $0.name }.filter { $0 != "hyper_module" })])
        table.add(["uses", list(module.dependencies.map { $0.name })])
        return table
    }

    private static func list(_ words: [Text]) -> Text {
        var text = Text()
        for word in words { text.append(text.isEmpty ? word : " \(word)" as Text) }
        return text
    }
}
