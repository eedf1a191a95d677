extension Command {
    /// `vserial`: guests' serial ports.
    static var vserial: Command {
        Command(
            "vserial", group: "Guests", "serial ports of guests",
            [
                Form("list", "all of them") { _, output in
                    for serial in Guests.all.flatMap({ $0.serials }) { output.write("\(serial.name)\n") }
                },
                Form("bind SERIAL", "talk to one, until ESC x q is typed") { arguments, output throws(HyperError) in
                    guard let terminal = output.terminal else {
                        throw HyperError("only a terminal can be bound to a guest")
                    }
                    let serial = try serial(arguments[0])
                    output.write("[\(serial.name) is bound: ESC x q comes back]\n")
                    let me = Unmanaged.passUnretained(terminal)
                    serial.bind(history: 1024) { byte in me._withUnsafeGuaranteedRef { $0.send([byte]) } }
                    terminal.capture({ serial.type([$0]) }, onRelease: { serial.unbind() })
                },
                Form("dump SERIAL [COUNT]", "the last that it printed") { arguments, output throws(HyperError) in
                    let count = arguments.count > 1 ? try number(arguments[1]) : 1024
                    output.send(try serial(arguments[0]).output(Int(clamping: count)))
                    output.write("\n")
                },
                Form("send SERIAL TEXT", "type a line to it") { arguments, _ throws(HyperError) in
                    try serial(arguments[0]).type(arguments[1].bytes + [0x0d])
                },
                Form("expect SERIAL TEXT MILLISECONDS", "wait until it has printed the text, since the last expected") {
                    arguments, _ throws(HyperError) in
                    let (serial, limit) = (try serial(arguments[0]), try number(arguments[2]))
                    let end = Timers.now &+ limit &* 1_000_000
                    while !serial.find(arguments[1]) {
                        guard Timers.now < end else {
                            throw HyperError("\(serial.name) has not printed \"\(arguments[1])\" in \(limit) ms")
                        }
                        Management.whileOthersWork { Scheduler.sleep(10_000_000) }
                    }
                },
            ],
            values: { name in name == "SERIAL" ? Guests.all.flatMap { $0.serials }.map { $0.name } : [] })
    }

    private static func serial(_ name: Text) throws(HyperError) -> VirtualSerial {
        for guest in Guests.all {
            // A guest's name alone is its first.
            if guest.name == name, let first = guest.serials.first { return first }
            if let serial = guest.serials.first(where: { $0.name == name }) { return serial }
        }
        throw HyperError("there is no serial port \(name); `vserial list` shows those that there are")
    }
}
