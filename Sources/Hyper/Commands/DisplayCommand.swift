extension Command {
    /// `display`: screens.
    static var display: Command {
        Command(
            "display", group: "Screens", "screens of guests, and which of them is on the machine's",
            [
                Form("list", "screens of guests") { _, output in
                    let shown = Displays.shown
                    var table = Table("DISPLAY|SIZE|")
                    for display in Displays.all {
                        var size: Text = "off"
                        Displays.look(at: display) { size = "\($0.width)x\($0.height)" }
                        table.add([display.name, size, display === shown ? "is shown" : ""])
                    }
                    output.write(table)
                    guard let host = Displays.host else { return output.write("the machine has no screen\n") }
                    output.write("the machine's screen is \(host.failure ?? host.place)\n")
                },
                Form("show DISPLAY", "put one on the machine's screen, and give its guest the focus") {
                    arguments, _ throws(HyperError) in
                    let display = try Displays.find(arguments[0])
                    try Displays.show(display)
                    if Inputs.virtual.contains(where: { $0.guest == display.guest }) {
                        try Inputs.setFocus(display.guest)
                    }
                },
                Form("screenshot DISPLAY PATH", "write what one shows to a file, as a PNG picture") {
                    arguments, _ throws(HyperError) in
                    let display = try Displays.find(arguments[0])
                    var picture: Screen?
                    try Displays.look(at: display) { (screen) throws(HyperError) in
                        let copy = try Screen(width: screen.width, height: screen.height)
                        copy.copy(screen.bounds, of: screen)
                        picture = copy
                    }
                    guard let picture else { throw HyperError("display \(display.name) is off") }
                    try PNGFile.write(picture, to: arguments[1])
                },
            ],
            values: { name in name == "DISPLAY" ? Displays.all.map { $0.name } : [] })
    }
}
