// Made of firmware/Kconfig by firmware/configure: change those, not this.
// swift-format-ignore-file: the names are Kconfig's, so that one search finds a symbol everywhere.

/// What this build has. What is off is compiled all the same, and then left out as dead code.
enum Configuration: ConfigurationDefaults {
    static var DRIVER_GOLDFISH_RTC: Bool { false }
    static var DRIVER_NS16550: Bool { false }
    static var DRIVER_PLIC: Bool { false }
    static var EMULATOR_PLIC: Bool { false }
}
