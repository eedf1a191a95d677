/// All guests.
public enum Guests {
    // SAFETY: changed by threads that hold `mutex`.
    nonisolated(unsafe) public private(set) static var all: [Guest] = []
    /// Guests' descriptions that `guest create` knows, by name.
    nonisolated(unsafe) public static var descriptions: [DeviceTreeNode] = []
    // SAFETY: as above.
    nonisolated(unsafe) private static var identifiers: UInt64 = 0

    public static func find(_ name: Text) throws(HyperError) -> Guest {
        guard let guest = all.first(where: { $0.name == name }) else {
            throw HyperError("there is no guest \(name); `guest list` shows those that there are")
        }
        return guest
    }

    /// Makes a guest of the description.
    @discardableResult
    public static func make(_ node: DeviceTreeNode, name: Text, vcpus: Int = 1) throws(HyperError) -> Guest {
        guard !all.contains(where: { $0.name == name }) else { throw HyperError("there is a guest \(name) already") }
        let description = try GuestDescription(node, vcpuCount: vcpus)
        let identifier = (~identifiers).trailingZeroBitCount
        guard identifier < 64 else { throw HyperError("there are 64 guests, as many as can be: destroy one") }
        let guest = try GuestBuilder.make(description, name: name, identifier: identifier)
        identifiers |= 1 << UInt64(identifier)
        all.append(guest)
        return guest
    }

    public static func destroy(_ guest: Guest) {
        guest.destroy()
        identifiers &= ~(1 << UInt64(guest.identifier))
        all.removeAll { $0 === guest }
    }
}
