/// The management terminal, and what all terminals share.
public enum Management {
    public static let version: Text = "0.1"
    // SAFETY: made once, at boot.
    nonisolated(unsafe) public private(set) static var commands = CommandRegistry()
    nonisolated(unsafe) private static var input = RingBuffer(capacity: 4096)
    private static let inputLock = SpinLock()
    nonisolated(unsafe) private static var arrived: Semaphore?

    /// Adds all commands that Hyper has by itself.
    static func addCommands() throws(HyperError) {
        try commands.addBasicCommands(version: "Hyper \(version)")
        for command in [
            Command.guest, .vserial, .host, .thread, .memory, .heap, .vfs, .devtree, .net, .selftest, .shutdown, .reset,
        ] { try commands.add(command) }
    }

    /// Starts the thread of the terminal on the console.
    static func startTerminal() {
        let arrived = Semaphore()
        Self.arrived = arrived
        Console.device?.onInput = { bytes in
            inputLock.withLock { for byte in bytes { input.append(byte) } }
            Self.arrived?.signal()
        }
        let terminal = Terminal(commands) { bytes in for byte in bytes { Console.device?.write(byte) } }
        Console.terminal = terminal
        let thread = Scheduler.makeThread("terminal") {
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
        guard let script = try? VirtualFileSystem.contents(of: "/boot.script", limit: 64 << 10) else { return }
        terminal.runScript(script, name: "/boot.script")
    }

    static func bootCommand(_ arguments: Text) -> Text? {
        let key: Text = "bootcmd="
        var rest = arguments.bytes[...]
        while rest.count > key.count {
            if Text(rest.prefix(key.count)) == key {
                rest = rest.dropFirst(key.count)
                let end: UInt8 = rest.first == 0x22 ? 0x22 : 0x20
                if end == 0x22 { rest = rest.dropFirst() }
                return Text(rest.prefix { $0 != end })
            }
            rest = rest.dropFirst()
        }
        return nil
    }
}
