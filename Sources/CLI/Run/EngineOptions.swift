import ArgumentParser
import Machine

/// What executes instructions, as flags.
struct EngineOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What executes instructions: jit or interpreter (\(Engine.default)). The run is the same with each.",
            valueName: "engine"), completion: .list(Engine.allCases.map(\.rawValue)))
    var engine: String?

    @Flag(help: "Tell Linux' perf the names of translated code, in /tmp/perf-PID.map.")
    var jitPerfMap = false

    // For those who develop the JIT.

    /// How often code is executed before it is translated.
    @Option(help: .hidden)
    var jitThreshold: String?

    /// Lets translated code give up where it need not, so that the ways out of it are tested.
    @Flag(help: .hidden)
    var jitInjectFaults = false

    /// An optimisation to leave out; may be given again.
    @Option(help: .hidden)
    var jitDisable: [String] = []

    /// The words that were given, with their values.
    var values: [(MachineDescription.Key, [String])] {
        let all: [(MachineDescription.Key, [String])] = [
            (.engine, [engine].compactMap(\.self)), (.jitThreshold, [jitThreshold].compactMap(\.self)),
            (.jitInjectFaults, jitInjectFaults ? ["true"] : []), (.jitDisable, jitDisable),
            (.jitPerfMap, jitPerfMap ? ["true"] : []),
        ]
        return all.filter { !$0.1.isEmpty }
    }

    /// The flags again, for a child process.
    var arguments: [String] {
        values.flatMap { key, texts in
            key == .jitInjectFaults || key == .jitPerfMap
                ? ["--\(key.rawValue)"] : texts.flatMap { ["--\(key.rawValue)", $0] }
        }
    }
}
