/// The management terminal, and what all terminals share.
public enum Management {
    public static let version: Text = "0.1"
    /// Bytes of the largest script.
    static let scriptLimit = Configuration.SCRIPT_LIMIT_KIB << 10
    // SAFETY: made once, at boot.
    nonisolated(unsafe) public private(set) static var commands = CommandRegistry {
        VirtualFileSystem.completions(of: $0)
    }
    nonisolated(unsafe) private static var input = RingBuffer(capacity: Configuration.TERMINAL_INPUT_BYTES)
    private static let inputLock = SpinLock()
    nonisolated(unsafe) private static var arrived: Semaphore?
    /// Whoever executes a command holds it: one terminal at a time.
    nonisolated(unsafe) private(set) static var exclusion: Mutex?

    /// For commands that only wait: other terminals' commands are executed meanwhile.
    static func whileOthersWork<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        exclusion?.unlock()
        defer { exclusion?.lock() }
        return try body()
    }

    /// Adds all commands that Hyper has by itself.
    static func addCommands() throws(HyperError) {
        try commands.addBasicCommands(version: "Hyper \(version)")
        for command in BuiltIn.commands { try commands.add(command) }
    }

    /// Starts the thread of the terminal on the console.
    static func startTerminal() {
        let arrived = Semaphore()
        Self.arrived = arrived
        Console.device?.onInput = { bytes in
            inputLock.withLock { for byte in bytes { input.append(byte) } }
            Self.arrived?.signal()
        }
        exclusion = Mutex()
        let terminal = Terminal(commands, exclusion: exclusion) { bytes in for byte in bytes { Console.write(byte) } }
        Console.terminal = terminal
        let thread = Scheduler.makeThread("terminal") {
            VirtualDisks.addAllPartitions()
            runBootScript(terminal)
            terminal.start()
            while true {
                arrived.wait()
                var bytes: [UInt8] = []
                while let byte = inputLock.withLock({ input.popFirst() }) { bytes.append(byte) }
                if !bytes.isEmpty { terminal.receive(bytes) }
            }
        }
        Scheduler.wake(thread)
    }

    /// The commands in `bootcmd="..."` of the boot arguments, or else in the file `/boot.script`.
    private static func runBootScript(_ terminal: Terminal) {
        if let arguments = HostDevices.tree.child("chosen")?.text("bootargs"), let commands = bootCommand(arguments) {
            return terminal.run(commands)
        }
        guard let script = try? VirtualFileSystem.contents(of: "/boot.script", limit: scriptLimit) else { return }
        terminal.runScript(script, name: "/boot.script")
    }

    /// Arguments are words with spaces between them; in double quotes, a space is one like others.
    static func bootCommand(_ arguments: Text) -> Text? {
        let key: Text = "bootcmd="
        var words = [Text()]
        var isQuoted = false
        for byte in arguments.bytes {
            switch byte {
            case 0x22: isQuoted.toggle()
            case 0x20 where !isQuoted: words.append(Text())
            default: words[words.count - 1].append(byte)
            }
        }
        guard let word = words.first(where: { $0.hasPrefix(key) }), word.count > key.count else { return nil }
        return Text(word.bytes.dropFirst(key.count))
    }
}
