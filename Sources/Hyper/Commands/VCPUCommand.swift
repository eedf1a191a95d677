extension Command {
    /// `vcpu`: the CPUs of guests, each by its guest's name and its number, as in `linux/0`.
    static var vcpu: Command {
        Command(
            "vcpu", group: "Guests", "CPUs of guests",
            [
                Form("list [GUEST]", "what each does, and how often it has left its guest") {
                    arguments, output throws(HyperError) in
                    let guests = try arguments.first.map { (name) throws(HyperError) in [try Guests.find(name)] }
                    output.write(vcpuTable(guests ?? Guests.all))
                },
                Form("dump VCPU", "its registers") { arguments, output throws(HyperError) in
                    let (guest, vcpu) = try vcpu(arguments[0])
                    guest.examine(vcpu) { output.write(registerTable(Port.registers(vcpu))) }
                },
                Form("start VCPU [ADDRESS]", "turn one on that is off, at the guest's entry or elsewhere") {
                    arguments, _ throws(HyperError) in
                    let (guest, vcpu) = try vcpu(arguments[0])
                    let entry = try arguments.count > 1 ? address(arguments[1]) : guest.entry
                    try guest.start(vcpu, entry: entry)
                },
                Form("stop VCPU", "turn it off") { arguments, _ throws(HyperError) in
                    let (guest, vcpu) = try vcpu(arguments[0])
                    try guest.stop(vcpu)
                },
                Form("reset VCPU", "have it begin anew at the guest's entry") { arguments, _ throws(HyperError) in
                    let (guest, vcpu) = try vcpu(arguments[0])
                    try guest.stop(vcpu)
                    try guest.start(vcpu, entry: guest.entry)
                },
            ] + settings(of: "VCPU", thread),
            values: { name in
                switch name {
                case "GUEST": Guests.all.map { $0.name }
                case "VCPU": Guests.all.flatMap { $0.vcpus }.compactMap { $0.pointee.thread?.pointee.name }
                default: []
                }
            })
    }

    private static func vcpu(_ name: Text) throws(HyperError) -> (Guest, VCPUReference) {
        for guest in Guests.all {
            for vcpu in guest.vcpus where vcpu.pointee.thread?.pointee.name == name { return (guest, vcpu) }
        }
        throw HyperError("there is no VCPU \(name); `vcpu list` shows those that there are")
    }

    private static func thread(_ name: Text) throws(HyperError) -> ThreadReference {
        guard let thread = try vcpu(name).1.pointee.thread else { throw HyperError("VCPU \(name) has no thread") }
        return thread
    }

    private static func vcpuTable(_ guests: [Guest]) -> Table {
        var table = Table("VCPU|>CPU|CPUS|>PRIORITY|>SLICE|>RATE|STATE|>RAN FOR|>EXITS")
        for guest in guests {
            for vcpu in guest.vcpus {
                guard let thread = vcpu.pointee.thread else { continue }
                table.add([
                    thread.pointee.name, "\(thread.pointee.cpu.pointee.index)",
                    CPUMask(bits: thread.pointee.affinity).text, "\(thread.pointee.priority)", slice(thread),
                    rate(thread), vcpu.pointee.isStarted ? thread.pointee.stateName : "off",
                    "\(Timers.nanoseconds(Scheduler.runTime(of: thread)) / 1000) us", "\(vcpu.pointee.exits)",
                ])
            }
        }
        return table
    }

    /// Four to a line.
    private static func registerTable(_ registers: [(name: Text, value: UInt64)]) -> Text {
        var text = Text()
        for (index, register) in registers.enumerated() {
            text.append("\(register.name.padded(10, right: true)) \(hex: register.value, digits: 16)")
            text.append(index % 4 == 3 || index == registers.count - 1 ? "\n" : " " as StaticString)
        }
        return text
    }
}
