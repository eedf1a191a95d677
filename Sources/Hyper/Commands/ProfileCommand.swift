extension Command {
    /// `profile`: where time goes.
    static var profile: Command {
        Command(
            "profile", group: "Host", "where CPUs spend their time, and why guests leave",
            [
                Form("start [MICROSECONDS]", "begin anew, with a sample each millisecond or as often as said") {
                    arguments, _ throws(HyperError) in
                    let period = try arguments.first.map { (text) throws(HyperError) in
                        try number(text, limit: 1_000_000_000)
                    }
                    guard period ?? 1000 >= 10 else {
                        throw HyperError("a sample each 10 us is the most that there is")
                    }
                    try Profile.start(period: (period ?? 1000) * 1000)
                },
                Form("stop", "note nothing any more") { _, _ throws(HyperError) in try Profile.stop() },
                Form("show [COUNT]", "exits by cause, and the places that were met most often") {
                    arguments, output throws(HyperError) in
                    let count = try arguments.first.map { (text) throws(HyperError) in try number(text, limit: 1000) }
                    show(Int(count ?? 10), output)
                },
            ])
    }

    private static func show(_ count: Int, _ output: TerminalOutput) {
        var exits = Table("EXIT|>COUNT|>TIME|>EACH")
        for (cause, exit) in Profile.exits.enumerated() where exit.count > 0 {
            let time = Timers.nanoseconds(exit.ticks)
            exits.add([Port.exitName(cause), "\(exit.count)", "\(time / 1000) us", "\(time / exit.count) ns"])
        }
        output.write(exits)
        let total = Profile.sampleCount
        var places = Table(">SAMPLES|>SHARE|ADDRESS|WHERE")
        for entry in Profile.hottest(count) {
            let guest = entry.place.guest.flatMap { identifier in
                Guests.all.first { $0.identifier == identifier }
            }
            places.add([
                "\(entry.count)", "\(entry.count * 100 / total) %", "\(hex: entry.place.address, digits: 16)",
                entry.place.guest == nil ? "hypervisor" : "guest \(guest?.name ?? "that is gone")",
            ])
        }
        output.write(places)
        output.write("\(total) samples")
        if Profile.lostSamples > 0 { output.write(", and \(Profile.lostSamples) for which there was no room") }
        output.write("; llvm-symbolizer on hyper.elf names the hypervisor's addresses\n")
    }
}
