import JIT

/// What executes the guest's instructions. The run is the same with each.
public enum Engine: String, CaseIterable, Sendable, CustomStringConvertible {
    /// Translates hot code to the host's, and interprets the rest.
    case jit
    /// Interprets all of it.
    case interpreter

    /// Of a machine whose description names none.
    public static let `default` = Engine.jit

    public init(_ text: String) throws(ValueError) {
        let names = Self.allCases.map(\.rawValue)
        guard let engine = Self(rawValue: text) else {
            throw ValueError(
                problem: "there is no engine \"\(text.prefix(40))\"",
                mend: nearestWord(to: text, among: names).map { "Did you mean \($0)?" }
                    ?? "There are \(names.joined(separator: " and ")).")
        }
        self = engine
    }

    public var description: String { rawValue }
}

extension MachineDescription {
    /// What is said of the JIT, over its own defaults.
    public var jitOptions: HotCode.Options {
        var options = HotCode.Options()
        if let jitThreshold { options.threshold = Int(clamping: jitThreshold.value) }
        if let jitInjectsFaults { options.injectsFaults = jitInjectsFaults }
        for (name, value) in OptimizationSwitches.names where jitDisabled.contains(name) {
            options.switches.remove(value)
        }
        return options
    }

    /// `text`, when the JIT has an optimisation of that name.
    static func optimisation(_ text: String) throws(ValueError) -> String {
        let names = OptimizationSwitches.names.map(\.name)
        guard names.contains(text) else {
            throw ValueError(
                problem: "the JIT has no optimisation \"\(text.prefix(40))\"",
                mend: nearestWord(to: text, among: names).map { "Did you mean \($0)?" }
                    ?? "It has \(names.joined(separator: ", ")).")
        }
        return text
    }

    static func truth(_ text: String, _ key: Key) throws(ValueError) -> Bool {
        switch text {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default:
            throw ValueError(
                problem: "\(key.rawValue) is \"\(text.prefix(40))\", and must be true or false", mend: "Write true.")
        }
    }
}
