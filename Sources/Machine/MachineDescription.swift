/// Everything that decides a run, as the user wrote it: the flags of `orrery run` and the lines of a description file
/// are the same words and end here.
///
/// What was not given is nil or empty, so that flags can override a file; whoever builds the machine knows the defaults.
public struct MachineDescription: Equatable, Sendable {
    /// The words, in the order that a saved file has them.
    public enum Key: String, CaseIterable, Sendable {
        case machine, cpu, harts, memory, firmware, kernel, append, initrd, module, dtb, drive, net, flash, display,
            screenshot,
            input, until
        case failOn = "fail-on"
        case timeout
        case maxInstructions = "max-instructions"
        case seed, engine
        case jitThreshold = "jit-threshold"
        case jitInjectFaults = "jit-inject-faults"
        case jitDisable = "jit-disable"
        case jitPerfMap = "jit-perf-map"

        /// May be given several times.
        public var isList: Bool { [.module, .drive, .flash, .failOn, .jitDisable].contains(self) }
        /// For those who develop the JIT: helps do not mention it.
        public var isHidden: Bool { rawValue.hasPrefix("jit-") }
    }

    /// A disk or flash image: `disk.img`, `disk.img,read-only` or `disk.img,snapshot`.
    public struct Drive: Hashable, Sendable, CustomStringConvertible {
        public var path: String
        public var isReadOnly: Bool
        /// What the guest writes stays in memory, and the file as it is.
        public var isSnapshot: Bool

        public init(path: String, isReadOnly: Bool = false, isSnapshot: Bool = false) {
            self.path = path
            self.isReadOnly = isReadOnly
            self.isSnapshot = isSnapshot
        }

        public init(_ text: String) throws(ValueError) {
            let parts = text.split(separator: ",", omittingEmptySubsequences: false)
            path = String(parts[0])
            isReadOnly = parts.dropFirst().contains("read-only")
            isSnapshot = parts.dropFirst().contains("snapshot")
            for option in parts.dropFirst() where option != "read-only" && option != "snapshot" {
                throw ValueError(
                    problem: "\"\(option.prefix(40))\" is not an option of a drive",
                    mend: "Write the path alone, or the path and \",read-only\" or \",snapshot\"; a path has no comma.")
            }
            guard !(isReadOnly && isSnapshot) else {
                throw ValueError(
                    problem: "a drive is either read-only or a snapshot",
                    mend: "With \",snapshot\" the guest may write, and the file stays as it is.")
            }
            guard !path.isEmpty else {
                throw ValueError(problem: "a drive has no path", mend: "Write the path of a disk image.")
            }
        }

        public var description: String { path + (isReadOnly ? ",read-only" : isSnapshot ? ",snapshot" : "") }
    }

    /// An image that is loaded beside the others: `Image,console=hvc0`, or `initrd.gz`.
    public struct Module: Hashable, Sendable, CustomStringConvertible {
        public var path: String
        /// The command line of a kernel; nil of what is none, or has none.
        public var arguments: String?

        public init(path: String, arguments: String? = nil) {
            self.path = path
            self.arguments = arguments
        }

        /// - Parameter text: a path without a comma and, behind one, the command line.
        public init(_ text: String) throws(ValueError) {
            let parts = text.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
            path = String(parts[0])
            arguments = parts.count > 1 ? String(parts[1]) : nil
            guard !path.isEmpty else {
                throw ValueError(problem: "a module has no path", mend: "Write the path of an image.")
            }
        }

        public var description: String { path + (arguments.map { "," + $0 } ?? "") }
    }

    /// The board, by one of its names, and options behind it; nil for the one whose CPUs execute the program.
    public var machine: String?
    /// The CPU model and its features, as the board calls them.
    public var cpu: String?
    public var harts: Int?
    public var memory: ByteCount?
    /// A path, or `none`.
    public var firmware: String?
    public var kernel: String?
    /// The kernel's command line.
    public var append: String?
    public var initrd: String?
    /// For a hypervisor: what its guests are made of.
    public var modules: [Module] = []
    public var dtb: String?
    public var drives: [Drive] = []
    /// What the network card is connected to.
    public var net: Network?
    /// What the flash banks hold, the first one first.
    public var flash: [Drive] = []
    public var display: DisplayOption?
    /// The path of the picture that is made of the screen when the run has ended.
    public var screenshot: String?
    /// The path of a script of what is typed.
    public var input: String?
    /// The run succeeds when the console matches this regular expression.
    public var until: String?
    /// The run fails when the console matches one of these.
    public var failOn: [String] = []
    /// Of virtual time, so that it strikes at the same instruction in every run.
    public var timeout: TimeSpan?
    public var maxInstructions: Count?
    /// What everything random in the machine is made from.
    public var seed: UInt64?
    public var engine: Engine?
    /// How often code is executed before the JIT translates it.
    public var jitThreshold: Count?
    /// Let translated code give up where it need not, so that the ways out of it are tested.
    public var jitInjectsFaults: Bool?
    /// Optimisations that the JIT leaves out.
    public var jitDisabled: [String] = []
    /// Whether Linux' perf is told of translated code.
    public var jitPerfMap: Bool?

    public init() {}

    // MARK: Text

    /// Gives `key` its value or, for a list, values, as the user wrote them.
    public mutating func set(_ key: Key, _ texts: [String]) throws(ValueError) {
        guard let text = texts.first, key.isList || texts.count == 1 else {
            throw ValueError(
                problem: "\(key.rawValue) has \(texts.isEmpty ? "no value" : "\(texts.count) values")",
                mend: "Give it \(key.isList ? "at least one" : "one").")
        }
        for text in texts {
            guard !text.isEmpty || key == .append else {
                throw ValueError(problem: "\(key.rawValue) is empty", mend: "Give it a value, or leave it out.")
            }
            guard !text.utf8.contains(0) else {
                throw ValueError(problem: "\(key.rawValue) contains a NUL character", mend: "Take it out.")
            }
        }
        switch key {
        case .machine: machine = text
        case .cpu: cpu = text
        case .harts: harts = Int(try Self.number(text, key, in: 1...UInt64(MachineCatalog.maximumProcessors)))
        case .memory: memory = try Self.memory(text)
        case .firmware: firmware = text
        case .kernel: kernel = text
        case .append: append = text
        case .initrd: initrd = text
        case .module:
            var new: [Module] = []
            for text in texts { new.append(try Module(text)) }
            modules = new
        case .dtb: dtb = text
        case .drive:
            var new: [Drive] = []
            for text in texts { new.append(try Drive(text)) }
            drives = new
        case .net: net = try Network(text)
        case .flash:
            var new: [Drive] = []
            for text in texts { new.append(try Drive(text)) }
            flash = new
        case .display: display = try DisplayOption(text)
        case .screenshot: screenshot = text
        case .input: input = text
        case .until: until = text
        case .failOn: failOn = texts
        case .timeout: timeout = try TimeSpan(text)
        case .maxInstructions: maxInstructions = Count(try Self.number(text, key, in: 1...UInt64.max))
        case .seed: seed = try Count(text).value
        case .engine: engine = try Engine(text)
        case .jitThreshold: jitThreshold = try Count(text)
        case .jitInjectFaults: jitInjectsFaults = try Self.truth(text, key)
        case .jitDisable:
            var new: [String] = []
            for text in texts { new.append(try Self.optimisation(text)) }
            jitDisabled = new
        case .jitPerfMap: jitPerfMap = try Self.truth(text, key)
        }
    }

    /// The value or values of `key`, as ``set(_:_:)`` reads them; empty when it was not given.
    public func texts(_ key: Key) -> [String] {
        func list(_ value: (some CustomStringConvertible)?) -> [String] { value.map { [$0.description] } ?? [] }
        return switch key {
        case .machine: list(machine)
        case .cpu: list(cpu)
        case .harts: list(harts)
        case .memory: list(memory)
        case .firmware: list(firmware)
        case .kernel: list(kernel)
        case .append: list(append)
        case .initrd: list(initrd)
        case .module: modules.map(\.description)
        case .dtb: list(dtb)
        case .drive: drives.map(\.description)
        case .net: list(net)
        case .flash: flash.map(\.description)
        case .display: list(display)
        case .screenshot: list(screenshot)
        case .input: list(input)
        case .until: list(until)
        case .failOn: failOn
        case .timeout: list(timeout)
        case .maxInstructions: list(maxInstructions)
        case .seed: list(seed)
        case .engine: list(engine)
        case .jitThreshold: list(jitThreshold)
        case .jitInjectFaults: list(jitInjectsFaults)
        case .jitDisable: jitDisabled
        case .jitPerfMap: list(jitPerfMap)
        }
    }

    private static func number(_ text: String, _ key: Key, in range: ClosedRange<UInt64>) throws(ValueError) -> UInt64 {
        let value = try Count(text).value
        guard range.contains(value) else {
            let limit = value < range.lowerBound ? "at least \(range.lowerBound)" : "at most \(range.upperBound)"
            throw ValueError(
                problem: "\(key.rawValue) is \(value), and must be \(limit)", mend: "Give another number.")
        }
        return value
    }

    private static func memory(_ text: String) throws(ValueError) -> ByteCount {
        let size = try ByteCount(text)
        guard ((64 << 10)...(1 << 40)).contains(size.bytes), size.bytes % 4096 == 0 else {
            throw ValueError(
                problem: "memory is \(size), and must be a multiple of 4K from 64K to 1T", mend: "Try 256M.")
        }
        return size
    }

    // MARK: Combining

    /// This description with everything that `other` gives instead: a file, overridden by flags.
    public func overridden(by other: MachineDescription) -> MachineDescription {
        var result = self
        result.machine = other.machine ?? machine
        result.cpu = other.cpu ?? cpu
        result.harts = other.harts ?? harts
        result.memory = other.memory ?? memory
        result.firmware = other.firmware ?? firmware
        result.kernel = other.kernel ?? kernel
        result.append = other.append ?? append
        result.initrd = other.initrd ?? initrd
        result.modules = other.modules.isEmpty ? modules : other.modules
        result.dtb = other.dtb ?? dtb
        result.drives = other.drives.isEmpty ? drives : other.drives
        result.net = other.net ?? net
        result.flash = other.flash.isEmpty ? flash : other.flash
        result.display = other.display ?? display
        result.screenshot = other.screenshot ?? screenshot
        result.input = other.input ?? input
        result.until = other.until ?? until
        result.failOn = other.failOn.isEmpty ? failOn : other.failOn
        result.timeout = other.timeout ?? timeout
        result.maxInstructions = other.maxInstructions ?? maxInstructions
        result.seed = other.seed ?? seed
        result.engine = other.engine ?? engine
        result.jitThreshold = other.jitThreshold ?? jitThreshold
        result.jitInjectsFaults = other.jitInjectsFaults ?? jitInjectsFaults
        result.jitPerfMap = other.jitPerfMap ?? jitPerfMap
        result.jitDisabled = other.jitDisabled.isEmpty ? jitDisabled : other.jitDisabled
        return result
    }

    /// This description with each of its paths replaced.
    public func mapPaths(_ transform: (String) -> String) -> MachineDescription {
        var result = self
        result.firmware = firmware.map { $0 == "none" ? $0 : transform($0) }
        result.kernel = kernel.map(transform)
        result.initrd = initrd.map(transform)
        result.modules = modules.map { Module(path: transform($0.path), arguments: $0.arguments) }
        result.dtb = dtb.map(transform)
        func image(_ drive: Drive) -> Drive {
            Drive(path: transform(drive.path), isReadOnly: drive.isReadOnly, isSnapshot: drive.isSnapshot)
        }
        result.drives = drives.map(image)
        result.flash = flash.map(image)
        result.screenshot = screenshot.map(transform)
        result.input = input.map(transform)
        return result
    }
}
