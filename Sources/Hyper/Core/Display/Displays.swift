/// What a guest shows.
public final class VirtualDisplay {
    public let name: Text
    /// The guest's name.
    public let guest: Text
    /// What is seen; nil while it shows nothing. Changed and read by who holds the mutex of ``Displays``.
    public internal(set) var screen: Screen?
    /// Brings what the guest has drawn since into the screen; which part has changed. For those whose guests do not say when
    /// they draw. Called with the mutex held.
    var refresh: (() -> Rectangle)?

    public init(name: Text, guest: Text) {
        self.name = name
        self.guest = guest
    }
}

/// A screen of the host's hardware.
public protocol HostDisplay: AnyObject {
    var place: Text { get }
    /// Why it does not work any more; nil while it does.
    var failure: Text? { get }
    /// Its pixels, once it is turned on, which happens when they are asked for first. May wait: for threads.
    func open() throws(HyperError) -> Screen
    /// Shows what has changed of them. May wait.
    func flush(_ rectangle: Rectangle) throws(HyperError)
}

/// The screens of guests, of which one at a time is on the host's.
public enum Displays {
    /// Nanoseconds between looks at what guests draw that do not say when.
    private static let refreshPeriod: UInt64 = 50_000_000

    // SAFETY: made with the first display, at boot or by whoever holds the mutex of the management, and never again.
    nonisolated(unsafe) private static var mutex: Mutex?
    // SAFETY: guarded by `mutex`.
    nonisolated(unsafe) private static var virtualDisplays: [VirtualDisplay] = []
    nonisolated(unsafe) private static var hostDisplay: (any HostDisplay)?
    nonisolated(unsafe) private static var shownDisplay: VirtualDisplay?
    nonisolated(unsafe) private static var refresher: ThreadReference?
    nonisolated(unsafe) private static var isRefreshing = false

    private static func locked<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        guard let mutex else { return try body() }
        return try mutex.withLock(body)
    }

    private static func prepare() { if mutex == nil { mutex = Mutex() } }

    public static var all: [VirtualDisplay] { locked { virtualDisplays } }
    public static var host: (any HostDisplay)? { locked { hostDisplay } }
    public static var shown: VirtualDisplay? { locked { shownDisplay } }

    public static func find(_ name: Text) throws(HyperError) -> VirtualDisplay {
        // A guest's name alone is its first.
        guard let display = all.first(where: { $0.name == name || $0.guest == name }) else {
            throw HyperError("there is no display \(name); `display list` shows those that there are")
        }
        return display
    }

    // MARK: Coming and going

    /// The first one is the machine's; others are left alone.
    public static func add(_ display: any HostDisplay) {
        prepare()
        locked { if hostDisplay == nil { hostDisplay = display } }
    }

    public static func remove(_ display: any HostDisplay) {
        locked { if hostDisplay === display { hostDisplay = nil } }
    }

    public static func add(_ display: VirtualDisplay) {
        prepare()
        locked { virtualDisplays.append(display) }
    }

    /// Once this returns nobody looks at it any more.
    public static func remove(_ display: VirtualDisplay) {
        locked {
            virtualDisplays.removeAll { $0 === display }
            display.screen = nil
            display.refresh = nil
            guard shownDisplay === display else { return }
            shownDisplay = nil
            try? draw(nil)
        }
    }

    // MARK: What is seen

    /// Shows the display on the host's screen.
    public static func show(_ display: VirtualDisplay) throws(HyperError) {
        try locked { () throws(HyperError) in
            guard hostDisplay != nil else { throw HyperError("the machine has no screen") }
            shownDisplay = display
            try draw(display)
        }
        startRefreshing()
    }

    /// The display has another screen, or none. Called by threads.
    public static func setScreen(_ screen: Screen?, of display: VirtualDisplay) {
        locked {
            display.screen = screen
            if shownDisplay === display { try? draw(display) }
        }
    }

    /// The guest has drawn: `body` brings it into the display's screen. What is first drawn is shown, until somebody chooses.
    /// Called by threads.
    public static func update(_ display: VirtualDisplay, _ rectangle: Rectangle, _ body: (Screen) -> Void) {
        locked {
            guard let screen = display.screen else { return }
            body(screen)
            guard let hostDisplay else { return }
            if shownDisplay == nil {
                shownDisplay = display
                return (try? draw(display)) ?? ()
            }
            guard shownDisplay === display, let target = try? hostDisplay.open() else { return }
            let part = target.copy(rectangle, of: screen)
            if !part.isEmpty { try? hostDisplay.flush(part) }
        }
    }

    /// All of a display, on a screen that is black otherwise. The mutex is held.
    private static func draw(_ display: VirtualDisplay?) throws(HyperError) {
        guard let hostDisplay else { return }
        let target = try hostDisplay.open()
        target.clear()
        _ = display?.refresh?()
        if let screen = display?.screen { target.copy(screen.bounds, of: screen) }
        try hostDisplay.flush(target.bounds)
    }

    /// What can be seen of a display now, row by row. `body` is called with the mutex held.
    public static func look<Failure: Error>(
        at display: VirtualDisplay, _ body: (Screen) throws(Failure) -> Void
    ) throws(Failure) {
        try locked { () throws(Failure) in
            _ = display.refresh?()
            if let screen = display.screen { try body(screen) }
        }
    }

    // MARK: Guests that do not say when they draw

    /// While such a guest is shown, a thread looks at it from time to time.
    static func startRefreshing() {
        let isNew = locked {
            guard shownDisplay?.refresh != nil, !isRefreshing else { return false }
            isRefreshing = true
            return true
        }
        guard isNew else { return }
        // The last one has ended.
        if let old = refresher {
            while old.pointee.state != .finished { Scheduler.sleep(refreshPeriod) }
            CPUs.leaveHandlers()
            Scheduler.destroy(old)
        }
        let thread = Scheduler.makeThread("display", priority: Thread.guestPriority) {
            while locked({ refreshShown() }) { Scheduler.sleep(refreshPeriod) }
        }
        refresher = thread
        Scheduler.wake(thread)
    }

    /// Whether there is somebody to look at. The mutex is held.
    private static func refreshShown() -> Bool {
        guard let display = shownDisplay, let refresh = display.refresh, let hostDisplay,
            let target = try? hostDisplay.open()
        else {
            isRefreshing = false
            return false
        }
        let changed = refresh()
        if let screen = display.screen, !changed.isEmpty {
            let part = target.copy(changed, of: screen)
            if !part.isEmpty { try? hostDisplay.flush(part) }
        }
        return true
    }
}
