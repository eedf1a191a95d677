extension Command {
    /// `net`: networks inside the machine.
    static var net: Command {
        Command(
            "net", group: "Network", "networks inside the machine, and who is on them",
            [
                Form("create NETWORK [POLICY]", "make one: a learning bridge, or a hub") {
                    arguments, _ throws(HyperError) in
                    let policy: VirtualSwitch.Policy
                    switch arguments.count > 1 ? arguments[1] : "learning" {
                    case "learning": policy = .learning
                    case "hub": policy = .hub
                    default: throw HyperError("\(arguments[1]) is no policy of a network: there are learning and hub")
                    }
                    try VirtualSwitches.add(VirtualSwitch(name: arguments[0], policy: policy))
                },
                Form("destroy NETWORK", "take one away that has no ports") { arguments, _ throws(HyperError) in
                    try VirtualSwitches.remove(try VirtualSwitches.find(arguments[0]))
                },
                Form("list", "networks, and how many are on them") { _, output in
                    var table = Table("NETWORK|POLICY|>PORTS|>STATIONS")
                    for network in VirtualSwitches.all {
                        table.add([
                            network.name, network.policy == .hub ? "hub" : "learning", "\(network.ports.count)",
                            "\(network.stationCount)",
                        ])
                    }
                    output.write(table)
                },
                Form("ports", "the ports of all networks, and what went through them") { _, output in
                    var table = Table("NETWORK|PORT|>SENT|>BYTES|>RECEIVED|>BYTES|>DROPPED")
                    for network in VirtualSwitches.all {
                        for port in network.ports {
                            let (sent, received) = (port.sent, port.received)
                            table.add([
                                network.name, port.name, "\(sent.frames)", "\(sent.bytes)", "\(received.frames)",
                                "\(received.bytes)", "\(sent.dropped &+ received.dropped)",
                            ])
                        }
                    }
                    output.write(table)
                },
            ] + networkCardForms + stationForms,
            values: { name in
                switch name {
                case "CARD": HostNetworkDevices.all.map { $0.name }
                case "NETWORK": VirtualSwitches.all.map { $0.name }
                case "POLICY": ["hub", "learning"]
                default: []
                }
            })
    }
}
