import ISA

/// An address as the monitor's user names it, with its address space: `hpa:0x80200000`, `gpa@2:0x10000000`, `va@VS:main`.
struct MonitorPlace: Equatable {
    var address: DebugAddress
    /// What the CPU has to have selected.
    var level: String?
    var guest: UInt64?
    var addressSpaceIdentifier: UInt64?

    /// As the current CPU translates it.
    var isPlain: Bool { address.space == .current && guest == nil && addressSpaceIdentifier == nil }

    /// As it is typed.
    var text: String {
        let number = hexadecimal(address.value)
        let place =
            switch address.space {
            case .current: number
            case .physical: "hpa:\(number)"
            case .guestPhysical(let guest): "gpa" + (guest.map { "@\($0)" } ?? "") + ":\(number)"
            case .virtual(let level): "va@\(level):\(number)"
            }
        return place + (level.map { " level \($0)" } ?? "") + (guest.map { " vmid \($0)" } ?? "")
            + (addressSpaceIdentifier.map { " asid \($0)" } ?? "")
    }
}

extension Monitor {
    /// - Parameter text: an address, with the name of its space before it where it is not the current one.
    func place(_ text: String) throws(Refusal) -> MonitorPlace {
        guard let colon = text.firstIndex(of: ":") else {
            return MonitorPlace(address: DebugAddress(try address(text)))
        }
        let words = text[..<colon].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        let value = try address(String(text[text.index(after: colon)...]))
        let context = words.count > 1 ? words[1] : nil
        switch (words[0], context) {
        case ("hpa", nil): return MonitorPlace(address: DebugAddress(value, in: .physical))
        case ("gpa", let context):
            let guest = try context.map { text throws(Refusal) in try number(text, "a VMID, as in gpa@1:0x80000000") }
            return MonitorPlace(address: DebugAddress(value, in: .guestPhysical(guest: guest)))
        case ("stage2", let context):
            let guest = try context.map { text throws(Refusal) in
                try number(text, "a VMID, as in stage2@1:0x80000000")
            }
            return try descriptorPlace(of: value, guest)
        case ("va", nil): return MonitorPlace(address: DebugAddress(value))
        case ("va", let context?): return try virtualPlace(value, context)
        default:
            throw Refusal(
                "\"\(text[..<colon].prefix(40))\" is no address space: there are hpa:, gpa:, gpa@VMID:, va:, va@LEVEL:, "
                    + "va@ASID:, va@vmid=N,asid=N: and stage2@VMID:, the descriptor that maps a guest's address.")
        }
    }

    /// What maps a guest's physical address, or would: `stage2@1:0x80b00000`.
    private func descriptorPlace(of address: UInt64, _ guest: UInt64?) throws(Refusal) -> MonitorPlace {
        let space = DebugAddress.Space.guestPhysical(guest: guest)
        let reader = try reader(of: MonitorPlace(address: DebugAddress(address, in: space)))
        guard
            let place = (reader as? any EventfulProcessor).flatMap({
                $0.secondStageDescriptor(of: address, board.memory)
            })
        else { throw Refusal("no table of the second stage says where \(hexadecimal(address)) leads.") }
        return MonitorPlace(address: DebugAddress(place, in: .physical))
    }

    private func virtualPlace(_ value: UInt64, _ context: String) throws(Refusal) -> MonitorPlace {
        var place = MonitorPlace(address: DebugAddress(value))
        for word in context.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
            if let level = levelName(word) {
                place.address.space = .virtual(level: level)
            } else if word.hasPrefix("vmid=") {
                place.guest = try number(String(word.dropFirst(5)), "a VMID")
            } else {
                let digits = word.hasPrefix("asid=") ? String(word.dropFirst(5)) : word
                place.addressSpaceIdentifier = try number(digits, "a level, vmid=N or an ASID")
            }
        }
        return place
    }

    /// The level as the manual spells it, however it was typed.
    func levelName(_ word: String) -> String? {
        let levels = board.processors.first.map { type(of: $0).levelNames } ?? []
        return levels.first { $0 == word.uppercased() }
    }

    func number(_ text: String, _ what: String) throws(Refusal) -> UInt64 {
        do throws(ValueError) { return try Count(text).value } catch { throw Refusal("\"\(text)\" is not \(what).") }
    }

    /// Takes `level EL1`, `vmid 3` and `asid 5` off the words.
    func takeQualifiers(_ words: inout [String], _ place: inout MonitorPlace) throws(Refusal) {
        var rest: [String] = []
        var index = 0
        while index < words.count {
            let next = index + 1 < words.count ? words[index + 1] : ""
            switch words[index] {
            case "level":
                guard let level = levelName(next) else {
                    let levels = board.processors.first.map { type(of: $0).levelNames } ?? []
                    throw Refusal("\"\(next)\" is no level: there are \(enumeration(levels)).")
                }
                place.level = level
            case "vmid": place.guest = try number(next, "a VMID")
            case "asid": place.addressSpaceIdentifier = try number(next, "an ASID")
            default:
                rest.append(words[index])
                index -= 1
            }
            index += 2
        }
        words = rest
    }

    /// The CPU whose tables lead to the place: the current one, if it is in that guest and that address space.
    func reader(of place: MonitorPlace) throws(Refusal) -> any InspectableProcessor {
        var guest = place.guest
        if case .guestPhysical(let number?) = place.address.space { guest = number }
        let order = [board.processors[current]] + board.processors
        let found = order.first { processor in
            if let guest, guest != processor.guest { return false }
            guard let wanted = place.addressSpaceIdentifier else { return true }
            return (processor as? any EventfulProcessor)?.addressSpaceIdentifier == wanted
        }
        guard let found else {
            let what = [guest.map { "VMID \($0)" }, place.addressSpaceIdentifier.map { "ASID \($0)" }]
            throw Refusal(
                "no \(board.noun) has \(enumeration(what.compactMap(\.self))) selected, so that nothing says where that "
                    + "leads. Stop where one has: catch entry" + (guest.map { " vmid \($0)" } ?? "") + ".")
        }
        return found
    }
}
