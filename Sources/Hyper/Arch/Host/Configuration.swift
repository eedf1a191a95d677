// Made of firmware/Kconfig by firmware/configure: change those, not this.
// swift-format-ignore-file: the names are Kconfig's, so that one search finds a symbol everywhere.

/// What this build has. What is off is compiled all the same, and then left out as dead code.
enum Configuration: ConfigurationDefaults {
    static var CHECK_DEADLOCK: Bool { true }
}
