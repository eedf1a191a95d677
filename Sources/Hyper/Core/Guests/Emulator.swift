/// How a device of a guest is made, chosen by what the guest's device tree calls it.
public struct Emulator {
    public let name: Text
    public let compatible: [Text]
    public let make: (Context) throws(HyperError) -> any EmulatedDevice

    public init(
        _ name: Text, compatible: [Text], make: @escaping (Context) throws(HyperError) -> any EmulatedDevice
    ) {
        self.name = name
        self.compatible = compatible
        self.make = make
    }

    /// What an emulator is told of the device.
    public struct Context {
        public let guest: Guest
        public let region: GuestRegion

        /// The device's line of that place among its `interrupts`.
        public func interrupt(_ index: Int = 0) throws(HyperError) -> InterruptLine {
            guard index < region.interrupts.count else {
                throw region.node.wrong(
                    "interrupts", "must name \(index + 1) of the guest's interrupts for this device")
            }
            return InterruptLine(guest.interrupts, Int(region.interrupts[index]))
        }
    }
}

/// The emulators that there are. Modules bring some and take them away.
public enum Emulators {
    // SAFETY: changed by one thread at a time: at boot, and by whoever holds the mutex of the management.
    nonisolated(unsafe) public private(set) static var all: [Emulator] = []

    public static func add(_ emulator: Emulator) { all.append(emulator) }
    public static func remove(_ name: Text) { all.removeAll { $0.name == name } }

    static func find(_ compatible: [Text]) -> Emulator? {
        for name in compatible {
            if let emulator = all.first(where: { $0.compatible.contains(name) }) { return emulator }
        }
        return nil
    }
}
