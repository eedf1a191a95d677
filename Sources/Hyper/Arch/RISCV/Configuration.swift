// Made of firmware/Kconfig by firmware/configure: change those, not this.
// swift-format-ignore-file: the names are Kconfig's, so that one search finds a symbol everywhere.

/// What this build has. What is off is compiled all the same, and then left out as dead code.
enum Configuration: ConfigurationDefaults {
    static var DRIVER_GICV2: Bool { false }
    static var DRIVER_GICV3: Bool { false }
    static var DRIVER_GICV2M: Bool { false }
    static var DRIVER_GICV3_ITS: Bool { false }
    static var DRIVER_PL011: Bool { false }
    static var DRIVER_PL031: Bool { false }
    static var PCI_MESSAGES: Bool { false }
    static var EMULATOR_GICV2: Bool { false }
    static var EMULATOR_GICV3: Bool { false }
    static var EMULATOR_PL011: Bool { false }
    static var EMULATOR_PL031: Bool { false }
}
