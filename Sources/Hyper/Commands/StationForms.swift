extension Command {
    private static let telnetPort: UInt64 = 23
    private static let second: UInt64 = 1_000_000_000

    /// What `net` does with the terminal's own station.
    static var stationForms: [Form] {
        [
            Form("ip", "the terminal's own address, and who talks to it") { _, output throws(HyperError) in
                output.write(stationTable(try ManagementStation.required().status))
            },
            Form("ip NETWORK HOW [GATEWAY]", "put the terminal on a network: dhcp, or an address such as 10.0.2.9/24") {
                arguments, output throws(HyperError) in
                let network = try VirtualSwitches.find(arguments[0])
                guard arguments[1] == "dhcp" else {
                    let gateway = arguments.count > 2 ? arguments[2] : nil
                    return try ManagementStation.make(
                        on: network, try IPv4Configuration(arguments[1], gateway: gateway))
                }
                try ManagementStation.make(on: network, nil)
                let station = try ManagementStation.required()
                guard Management.whileOthersWork({ station.waitForAddress(limit: 5 * second) }) else {
                    return output.write("no address has come yet; the network goes on asking for one\n")
                }
                if let address = station.status.configuration?.address { output.write("\(address.text)\n") }
            },
            Form("leave", "take the terminal off its network") { _, _ throws(HyperError) in
                try ManagementStation.stop()
            },
            Form("ping ADDRESS [COUNT]", "ask a station whether it is there") { arguments, output throws(HyperError) in
                let station = try ManagementStation.required()
                let address = try IPv4Address(arguments[0])
                let count = arguments.count > 1 ? min(try number(arguments[1]), 1000) : 3
                try ping(address, count, station, output)
            },
            Form("telnet [PORT]", "let terminals in by Telnet, without asking who they are") {
                arguments, _ throws(HyperError) in
                let value = arguments.isEmpty ? telnetPort : try number(arguments[0])
                guard let port = UInt16(exactly: value), port > 0 else {
                    throw HyperError("\(value) is no port of TCP: the last one is 65535")
                }
                try ManagementStation.required().serveTelnet(port: port)
            },
        ]
    }

    private static func stationTable(_ status: ManagementStation.Status) -> Table {
        var table = Table("|")
        table.add(["link", status.link.text])
        if let configuration = status.configuration {
            table.add([
                "address",
                "\(configuration.address.text)/\(configuration.prefix)\(status.isByDHCP ? ", by DHCP" as Text : "")",
            ])
            table.add(["gateway", configuration.gateway?.text ?? "none"])
        } else {
            table.add(["address", "none yet"])
        }
        for port in status.ports { table.add(["Telnet", "port \(UInt64(port)), \(status.sessions) connected"]) }
        return table
    }

    private static func ping(
        _ address: IPv4Address, _ count: UInt64, _ station: ManagementStation, _ output: TerminalOutput
    ) throws(HyperError) {
        var answers: UInt64 = 0
        for number in 0..<count {
            let time = try Management.whileOthersWork { () throws(HyperError) in
                if number > 0 { Scheduler.sleep(second / 10) }
                return try station.ping(address, limit: second)
            }
            if let time {
                answers += 1
                output.write("\(address.text) answers after \(time / 1000) us\n")
            } else {
                output.write("\(address.text) does not answer\n")
            }
        }
        output.write("\(answers) of \(count) pings were answered\n")
        guard answers > 0 || count == 0 else { throw HyperError("\(address.text) cannot be reached") }
    }
}
