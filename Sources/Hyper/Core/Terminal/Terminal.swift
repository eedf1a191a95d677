/// A terminal that somebody types commands on: on a UART, or at the other end of a TCP connection.
///
/// It does no I/O: its owner passes the bytes on that arrive, one thread at a time, and sends those that the sink is given.
/// Anybody may write, on any CPU and at any time.
public final class Terminal: TerminalOutput {
    static let prompt: Text = "hyper# "

    private let commands: CommandRegistry
    /// Held while commands are executed, or looked at: by one terminal at a time.
    private let exclusion: Mutex?
    /// Guards the editor, the capture, and the order of what the sink is given. Not held while commands are executed.
    private let lock = SpinLock()
    private var editor = LineEditor(prompt: prompt)
    private var capture: Capture?

    /// Who gets the keys instead of the editor.
    private final class Capture {
        let handler: (_ byte: UInt8) -> Void
        let onRelease: () -> Void
        /// How much of `ESC x q` has come; for the thread that receives.
        var escape = Escape.none

        enum Escape { case none, escape, x }

        init(handler: @escaping (_ byte: UInt8) -> Void, onRelease: @escaping () -> Void) {
            self.handler = handler
            self.onRelease = onRelease
        }
    }

    /// - Parameters:
    ///   - exclusion: is shared by all terminals.
    ///   - sink: is called with interrupts off.
    public init(
        _ commands: CommandRegistry, isInteractive: Bool = true, exclusion: Mutex? = nil,
        sink: @escaping (_ bytes: [UInt8]) -> Void
    ) {
        self.commands = commands
        self.exclusion = exclusion
        super.init(isInteractive: isInteractive, sink: sink)
    }

    public override var terminal: Terminal? { self }

    /// The width of the screen.
    public var columns: Int {
        get { lock.withLock { editor.columns } }
        set { lock.withLock { editor.columns = newValue } }
    }

    /// The lines that were entered, the oldest first.
    public var history: [Text] { lock.withLock { editor.history.lines } }

    // MARK: Output

    /// Prints the prompt for the first time.
    public func start() { lock.withLock { showLine() } }

    /// Sends the bytes as they are; if somebody edits a line, above it.
    public override func send(_ bytes: [UInt8]) {
        lock.withLock {
            let isEditing = editor.isShown
            hideLine()
            emit(bytes)
            if isEditing { showLine() }
        }
    }

    /// Shows the line that is edited, or what has changed of it.
    private func showLine() {
        guard capture == nil else { return }
        if !editor.isShown { beginRow() }
        editor.show()
        flush()
    }

    private func hideLine() {
        guard editor.isShown else { return }
        editor.hide()
        flush()
    }

    /// Ends the row that somebody left unfinished.
    private func beginRow() {
        if !isAtLineStart { emit([UInt8(ascii: "\r"), UInt8(ascii: "\n")]) }
    }

    private func flush() {
        let output = editor.takeOutput()
        guard !output.isEmpty else { return }
        emit(output.bytes)
        // The editor takes a line off the screen, or leaves it, for an empty row.
        if !editor.isShown { isAtLineStart = true }
    }

    // MARK: Input

    /// Does what the bytes ask for that came from the terminal.
    public func receive(_ bytes: [UInt8]) {
        for byte in bytes {
            if let capture = lock.withLock({ capture }) { pass(byte, to: capture) } else { edit(byte) }
        }
        lock.withLock { showLine() }
    }

    private func edit(_ byte: UInt8) {
        let request = lock.withLock {
            defer { flush() }
            return editor.receive(byte)
        }
        switch request {
        case .execute(let line):
            run(line)
            lock.withLock { if capture == nil { beginRow() } }
        case .complete(let text):
            exclusion?.lock()
            let completion = commands.complete(text)
            exclusion?.unlock()
            lock.withLock { editor.complete(completion) }
        case nil: break
        }
    }

    /// Executes a line of commands, and prints what was wrong with it.
    public func run(_ line: Text) {
        exclusion?.lock()
        defer { exclusion?.unlock() }
        do throws(HyperError) { try commands.run(line, self) } catch { write(error) }
    }

    /// Executes a script, and prints what was wrong with it.
    public func runScript(_ script: [UInt8], name: Text = "script", stopsAtErrors: Bool = true) {
        exclusion?.lock()
        defer { exclusion?.unlock() }
        do throws(HyperError) {
            try commands.runScript(script, name: name, stopsAtErrors: stopsAtErrors, self)
        } catch {
            write(error)
        }
    }

    // MARK: Capture

    /// Passes all keys on to the handler until `ESC x q` is typed or the capture is released.
    /// - Parameter onRelease: the terminal is the editor's again, or another handler's.
    public func capture(_ handler: @escaping (_ byte: UInt8) -> Void, onRelease: @escaping () -> Void = {}) {
        replaceCapture(Capture(handler: handler, onRelease: onRelease))
    }

    /// Ends the capture, if there is one.
    public func release() {
        replaceCapture(nil)
        lock.withLock { showLine() }
    }

    private func replaceCapture(_ new: Capture?) {
        let old = lock.withLock {
            defer { capture = new }
            if new != nil { hideLine() }
            return capture
        }
        old?.onRelease()
    }

    /// The escape character goes on at once, since a guest's editor may wait for it and nothing else. What waits is an `x`
    /// behind it, until the next key tells whether it was meant for the guest.
    private func pass(_ byte: UInt8, to capture: Capture) {
        switch (capture.escape, byte) {
        case (.escape, UInt8(ascii: "x")):
            capture.escape = .x
            return
        case (.x, UInt8(ascii: "q")): return release()
        case (.x, _): capture.handler(UInt8(ascii: "x"))
        default: break
        }
        capture.escape = byte == 0x1b ? .escape : .none
        capture.handler(byte)
    }
}
