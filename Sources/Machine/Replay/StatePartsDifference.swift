import ISA

extension StateParts {
    /// Registers and pages that are named; what follows is counted.
    private static let mostNames = 6

    /// In what `board`, which has these parts now, is not as it was.
    func differences(from was: StateParts, on board: any Board) -> [String] {
        guard names == was.names else { return ["the machine has other CPUs or devices than it had"] }
        var texts: [String] = []
        for index in names.indices where hashes[index] != was.hashes[index] {
            guard index < registers.count, index < was.registers.count else {
                texts.append("the state of \(names[index]) is not what it was")
                continue
            }
            texts.append(registerText(index, was.registers[index], board.processors[index], board.memory))
        }
        return texts
    }

    private func registerText(
        _ index: Int, _ was: [UInt64], _ processor: any InspectableProcessor, _ memory: PhysicalMemory
    ) -> String {
        let fields = MachineState.Section.listing(processor, memory).fields
        // What no record has told of was zero.
        let changed = registers[index].indices.filter { registers[index][$0] != ($0 < was.count ? was[$0] : 0) }
        let named = changed.prefix(Self.mostNames).map { field in
            let name = field < fields.count ? fields[field].name : "field \(field)"
            return "\(name) is \(hexadecimal(registers[index][field])), and was "
                + hexadecimal(field < was.count ? was[field] : 0)
        }
        let more = changed.count - named.count
        return "\(names[index]): " + named.joined(separator: ", ") + (more > 0 ? ", and \(more) more" : "")
    }
}

extension RecordedParts.Memory {
    private static let mostPages = 4

    /// In what memory is not as it was.
    /// - Parameters:
    ///   - pages: memory as it is, up to date.
    ///   - changed: the pages that have changed since memory was compared last.
    ///   - name: the nearest symbol of an address, where there is one.
    func differences(
        _ pages: PageHashes, changed: [PageHashes.Page], name: (UInt64) -> String?
    ) -> [String] {
        guard changes != pages.changes else { return [] }
        let listed = Set(self.pages.map(\.number))
        var found = self.pages.filter { page in
            pages.hash(of: page.number).map { UInt16(truncatingIfNeeded: $0) != page.hash } ?? true
        }.map { ($0.number, "is not what it was") }
        found += changed.filter { !listed.contains($0.number) }.map { ($0.number, "has changed, and had not then") }
        guard !found.isEmpty else { return ["memory is not what it was, in a page that is not known"] }
        found.sort { $0.0 < $1.0 }
        var texts = found.prefix(Self.mostPages).map { number, what in
            let address = number * PhysicalMemory.pageSize
            return "the page of memory at \(hexadecimal(address))" + (name(address).map { " (\($0))" } ?? "")
                + " \(what)"
        }
        if found.count > texts.count { texts.append("and \(found.count - texts.count) more pages") }
        return texts
    }
}
