import ArgumentParser
import Machine

/// The words of a machine description as flags. Their values are read where a file's are, by ``MachineDescription``.
struct MachineOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "A machine description (.yaml), or the program to run: an ELF file, a kernel image or raw bytes.",
            valueName: "file"),
        completion: .file())
    var file: String?

    @Option(
        help: ArgumentHelp(
            "The board: `orrery machines` lists them and their options. Without it the one that runs the program.",
            valueName: "name[,option=value]..."))
    var machine: String?

    @Option(
        help: ArgumentHelp(
            "The CPU: max, or rv64 and features: rv64,h,zba=off; of AArch64 a model: cortex-a72.", valueName: "features"
        ))
    var cpu: String?

    @Option(help: ArgumentHelp("How many harts, or CPUs (1).", valueName: "count"))
    var harts: String?

    @Option(name: [.long, .customShort("m")], help: ArgumentHelp("Size of RAM (128M).", valueName: "size"))
    var memory: String?

    @Option(
        help: ArgumentHelp(
            "What runs first, in M-mode: a file, or none. Without it orrery's own firmware, except for a program linked "
                + "at the start of RAM. On AArch64 what the first flash bank holds.", valueName: "file|none"),
        completion: .file())
    var firmware: String?

    @Option(help: ArgumentHelp("The program that the firmware starts.", valueName: "file"), completion: .file())
    var kernel: String?

    @Option(help: ArgumentHelp("The kernel's command line.", valueName: "text"))
    var append: String?

    @Option(help: ArgumentHelp("A RAM disk for the kernel.", valueName: "file"), completion: .file())
    var initrd: String?

    @Option(
        help: ArgumentHelp(
            "A further image for a hypervisor, which finds it in the device tree's /chosen as a multiboot module: a "
                + "kernel where it is one, or has a command line, else a RAM disk; again for the next one.",
            valueName: "file[,bootargs]"), completion: .file())
    var module: [String] = []

    @Option(help: ArgumentHelp("A device tree in place of the board's own.", valueName: "file"), completion: .file())
    var dtb: String?

    @Option(
        help: ArgumentHelp(
            "A disk image; again for the next disk. With ,snapshot the guest's writes stay in memory.",
            valueName: "file[,read-only|,snapshot]"), completion: .file())
    var drive: [String] = []

    @Option(
        help: ArgumentHelp(
            "A network card in the VirtIO slot after the disks (none). With user the guest is 10.0.2.15 behind this "
                + "computer, 10.0.2.2, and hostfwd leads from a port here, of 127.0.0.1 unless an address is given, to "
                + "one of the guest's.",
            valueName: "none|user[,hostfwd=tcp::2222-:22]...[,mac=address][,restrict=on]"))
    var net: String?

    @Option(
        help: ArgumentHelp("What a flash bank holds; again for the second.", valueName: "file[,read-only|,snapshot]"),
        completion: .file())
    var flash: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where the machine's screen is seen: none, and it has none; headless, for screenshots; vnc:PORT or "
                + "vnc:ADDRESS:PORT, for VNC clients of this computer, or that come by the address.",
            valueName: "display"))
    var display: String?

    @Option(
        help: ArgumentHelp(
            "At the end, write what the screen shows, or showed last, to a PNG file.", valueName: "file"),
        completion: .file())
    var screenshot: String?

    @Option(
        help: ArgumentHelp("A script that types at the console, in place of standard input.", valueName: "file"),
        completion: .file())
    var input: String?

    @Option(help: ArgumentHelp("End the run well when a line of the console matches.", valueName: "regex"))
    var until: String?

    @Option(help: ArgumentHelp("End the run badly when a line matches; may be given again.", valueName: "regex"))
    var failOn: [String] = []

    @Option(help: ArgumentHelp("End the run after so much of the machine's own time: 10s, 250ms.", valueName: "time"))
    var timeout: String?

    @Option(help: ArgumentHelp("End the run after so many instructions: 2000000, 5M.", valueName: "count"))
    var maxInstructions: String?

    @Option(help: ArgumentHelp("What everything random in the machine is made from (0).", valueName: "number"))
    var seed: String?

    @OptionGroup var engine: EngineOptions

    /// The words that say what a machine is, and not how it is run.
    private static let lasting: [MachineDescription.Key] = [
        .machine, .cpu, .harts, .memory, .firmware, .kernel, .append, .initrd, .module, .dtb, .drive, .flash, .seed,
    ]

    /// The flags over what a snapshot says of its machine: they may say how it is run, and no more.
    func description(over saved: MachineDescription) throws -> MachineDescription {
        if let file {
            throw UsageError("\(file): the snapshot of --from says what the machine is. Leave the file out.")
        }
        let flags = try description()
        if let key = Self.lasting.first(where: { !flags.texts($0).isEmpty }) {
            throw UsageError("--\(key.rawValue): the snapshot of --from says what the machine is. Leave it out.")
        }
        return saved.overridden(by: flags)
    }

    /// The flags over the file, if one was given.
    func description() throws -> MachineDescription {
        var flags = MachineDescription()
        let values: [(MachineDescription.Key, [String])] = [
            (.machine, [machine].compactMap(\.self)), (.cpu, [cpu].compactMap(\.self)),
            (.harts, [harts].compactMap(\.self)), (.memory, [memory].compactMap(\.self)),
            (.firmware, [firmware].compactMap(\.self)), (.kernel, [kernel].compactMap(\.self)),
            (.append, [append].compactMap(\.self)), (.initrd, [initrd].compactMap(\.self)), (.module, module),
            (.dtb, [dtb].compactMap(\.self)), (.drive, drive), (.net, [net].compactMap(\.self)), (.flash, flash),
            (.display, [display].compactMap(\.self)), (.screenshot, [screenshot].compactMap(\.self)),
            (.input, [input].compactMap(\.self)),
            (.until, [until].compactMap(\.self)), (.failOn, failOn), (.timeout, [timeout].compactMap(\.self)),
            (.maxInstructions, [maxInstructions].compactMap(\.self)), (.seed, [seed].compactMap(\.self)),
        ]
        for (key, texts) in values + engine.values where !texts.isEmpty { try flags.set(flag: key, texts) }
        guard let file else { return flags }
        if file.hasSuffix(".yaml") || file.hasSuffix(".yml") {
            return try DescriptionFile.read(file).overridden(by: flags)
        }
        guard flags.kernel == nil else {
            throw UsageError("\(file) and --kernel \(flags.kernel ?? "") both name a program. Leave one out.")
        }
        flags.kernel = file
        return flags
    }
}

extension MachineDescription {
    /// Gives the word `key` what the user wrote after the flag of that name.
    mutating func set(flag key: Key, _ texts: [String]) throws(UsageError) {
        do throws(ValueError) { try set(key, texts) } catch { throw UsageError(flag: key.rawValue, error) }
    }
}
