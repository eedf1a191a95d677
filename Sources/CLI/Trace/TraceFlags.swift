import ArgumentParser
import Machine

/// The flags of tracing, which are no words of a description: what a machine is does not depend on who watches it.
struct TraceFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write what happens: instructions, exceptions, csr, mmio or all, one event a line, to standard error.",
            valueName: "what[,what]"))
    var trace: String?

    @Option(help: ArgumentHelp("Only in these modes: M, HS, U, VS, VU.", valueName: "mode[,mode]"))
    var tracePrivilege: String?

    @Option(help: ArgumentHelp("Only in the guest with this VMID.", valueName: "number"))
    var traceVmid: String?

    @Option(help: ArgumentHelp("Only code at these addresses; may be given again.", valueName: "from-to"))
    var traceRange: [String] = []

    @Option(help: ArgumentHelp("Write the trace to a file.", valueName: "file"), completion: .file())
    var traceFile: String?

    /// Nil when there is nothing to trace.
    func options() throws -> TraceOptions? {
        func read<T>(_ flag: String, _ body: () throws(ValueError) -> T) throws -> T {
            do throws(ValueError) { return try body() } catch { throw UsageError(flag: flag, error) }
        }
        guard let trace else {
            let others = [
                ("trace-privilege", tracePrivilege != nil), ("trace-vmid", traceVmid != nil),
                ("trace-range", !traceRange.isEmpty), ("trace-file", traceFile != nil),
            ]
            guard let flag = others.first(where: { $0.1 })?.0 else { return nil }
            throw UsageError("--\(flag) does nothing without --trace. Add --trace all.")
        }
        var options = try read("trace") { () throws(ValueError) in try TraceOptions(trace) }
        if let tracePrivilege {
            try read("trace-privilege") { () throws(ValueError) in try options.setLevels(tracePrivilege) }
        }
        if let traceVmid {
            options.guest = try read("trace-vmid") { () throws(ValueError) in try Count(traceVmid).value }
        }
        for range in traceRange {
            try read("trace-range") { () throws(ValueError) in try options.addRange(range) }
        }
        return options
    }

    /// Where the lines go, if that is not standard error.
    func file() throws -> OutputFile? { try traceFile.map { try OutputFile($0) } }
}
