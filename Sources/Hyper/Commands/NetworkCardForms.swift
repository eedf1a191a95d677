extension Command {
    /// What `net` does with the machine's network cards.
    static var networkCardForms: [Form] {
        [
            Form("attach CARD NETWORK", "put a card of the machine's on a network, which reaches the outside then") {
                arguments, _ throws(HyperError) in
                let card = try HostNetworkDevices.find(arguments[0])
                try HostNetworkDevices.attach(card, to: try VirtualSwitches.find(arguments[1]))
            },
            Form("detach CARD", "take it off") { arguments, _ throws(HyperError) in
                try HostNetworkDevices.detach(try HostNetworkDevices.find(arguments[0]))
            },
        ]
    }

    /// `host network`.
    static func networkCardTable() -> Table {
        var table = Table("CARD|ADDRESS|LINK|NETWORK|PLACE")
        for card in HostNetworkDevices.all {
            table.add([
                card.name, card.address.text, card.isLinkUp ? "up" : "down",
                HostNetworkDevices.network(of: card)?.name ?? "none", card.failure ?? card.place,
            ])
        }
        return table
    }
}
