import CVNC
import Glibc
import Machine

/// Shows a machine's display to VNC clients, and hands their keys and pointers to it (RFC 6143, by libvncserver).
///
/// All of it happens in ``look(isIdle:)``, on the thread that runs the machine and between its instructions.
final class VNCServer {
    private let display: Display
    private let server: rfbScreenInfoPtr
    /// What the library reads: red, green, blue, and nothing. Its own memory, since the library keeps the address.
    private var frame: UnsafeMutableRawBufferPointer
    /// What clients call the window.
    private let title = strdup("orrery")
    private var keys: Set<UInt16> = []
    private var buttons: Int32 = 0
    private var nextLook: UInt64 = 0

    /// How often clients are looked at while the machine is busy, in nanoseconds.
    private static let interval: UInt64 = 10_000_000
    /// So many messages of a client are taken at once: a fast one does not stop the machine.
    private static let mostRounds = 100
    /// A client that stops half way through a message is waited for so long, in milliseconds: the machine stands then.
    /// One that takes nothing is for five seconds, which the library decides.
    private static let patience: Int32 = 500

    /// - Throws: when nobody could connect.
    init(_ display: Display, address: IPv4Address, port: UInt16) throws(InputError) {
        let name = "--display vnc:\(address):\(port)"
        self.display = display
        rfbLogEnable(0)
        let size = VirtIOGPU.preferredSize
        guard let server = rfbGetScreen(nil, nil, Int32(size.width), Int32(size.height), 8, 3, 4) else {
            throw InputError(file: name, problem: "this computer has no room for the display")
        }
        self.server = server
        // SAFETY: the frame has the size that the server is told of, here and in `resize`, and outlives the server.
        frame = .allocate(byteCount: size.width * size.height * 4, alignment: 4)
        frame.initializeMemory(as: UInt8.self, repeating: 0)
        server.pointee.frameBuffer = frame.baseAddress?.assumingMemoryBound(to: CChar.self)
        server.pointee.desktopName = UnsafePointer(title)
        server.pointee.listenInterface = inet_addr(address.description)
        server.pointee.port = Int32(port)
        server.pointee.ipv6port = 0
        server.pointee.alwaysShared = 1
        // The guest's cursor is part of the picture.
        server.pointee.cursor = nil
        server.pointee.deferUpdateTime = 0
        server.pointee.maxClientWait = Self.patience
        server.pointee.ignoreSIGPIPE = 0
        // SAFETY: the server is gone before this object is; its callbacks come only from `look` and `deinit`.
        server.pointee.screenData = Unmanaged.passUnretained(self).toOpaque()
        server.pointee.kbdAddEvent = { isDown, symbol, client in
            VNCServer.of(client)?.key(symbol, isDown: isDown != 0)
        }
        server.pointee.ptrAddEvent = { buttons, x, y, client in
            VNCServer.of(client)?.pointer(buttons, x: x, y: y)
        }
        server.pointee.newClientHook = { client in
            client?.pointee.clientGoneHook = { VNCServer.of($0)?.release() }
            return RFB_CLIENT_ACCEPT
        }
        rfbStartServer(server)
        guard server.pointee.listenSock >= 0 else {
            throw InputError(
                file: name, problem: "cannot listen there: " + String(cString: strerror(errno)),
                mend: "Give another port; another program may have this one.")
        }
    }

    deinit {
        Self.withoutBrokenPipes {
            rfbShutdownServer(server, 1)
            rfbScreenCleanup(server)
        }
        frame.deallocate()
        free(title)
    }

    private static func of(_ client: rfbClientPtr?) -> VNCServer? {
        // SAFETY: as where it was set.
        client?.pointee.screen.pointee.screenData.map { Unmanaged<VNCServer>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Clients that went away without a word are no reason to end: SIGPIPE is, where standard output is a closed pipe.
    private static func withoutBrokenPipes(_ body: () -> Void) {
        var (ignoring, before) = (sigaction(), sigaction())
        ignoring.__sigaction_handler.sa_handler = SIG_IGN
        sigaction(SIGPIPE, &ignoring, &before)
        body()
        sigaction(SIGPIPE, &before, nil)
    }

    /// What an idle machine waits for.
    var descriptors: [pollfd] {
        var sockets = [server.pointee.listenSock]
        let iterator = rfbGetClientIterator(server)
        while let client = rfbClientIteratorNext(iterator) { sockets.append(client.pointee.sock) }
        rfbReleaseClientIterator(iterator)
        return sockets.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    }

    /// Deals with what clients sent and shows them what changed: now and then, or at once while the machine is idle.
    func look(isIdle: Bool = false) {
        let now = HostTime.now
        guard isIdle || now >= nextLook else { return }
        nextLook = now + Self.interval
        Self.withoutBrokenPipes {
            // Each round takes a message of each client.
            var rounds = 0
            while rounds < Self.mostRounds, rfbCheckFds(server, 0) > 0 { rounds += 1 }
            if let damage = display.screen.takeDamage() { show(damage) }
            _ = rfbProcessEvents(server, 0)
        }
    }

    // MARK: The picture

    private var size: Rectangle {
        Rectangle(width: Int(server.pointee.width), height: Int(server.pointee.height))
    }

    private func show(_ damage: Rectangle) {
        let screen = display.screen
        // A screen that is off is black, and as large as it was.
        guard screen.width > 0 else {
            frame.initializeMemory(as: UInt8.self, repeating: 0)
            return mark(size)
        }
        if size != Rectangle(width: screen.width, height: screen.height) { resize(screen.width, screen.height) }
        let part = damage.intersection(size)
        let pixels = screen.pixels(part)
        // SAFETY: `part` lies in the frame, whose size is `size`.
        for (row, y) in part.rows.enumerated() {
            let start = (y * size.width + part.x) * 4
            let source = pixels[row * part.width * 4..<(row + 1) * part.width * 4]
            UnsafeMutableRawBufferPointer(rebasing: frame[start..<start + source.count]).copyBytes(from: source)
        }
        mark(part)
    }

    private func mark(_ part: Rectangle) {
        let (right, bottom) = (Int32(part.columns.upperBound), Int32(part.rows.upperBound))
        rfbMarkRectAsModified(server, Int32(part.x), Int32(part.y), right, bottom)
    }

    private func resize(_ width: Int, _ height: Int) {
        let old = frame
        frame = .allocate(byteCount: width * height * 4, alignment: 4)
        frame.initializeMemory(as: UInt8.self, repeating: 0)
        let start = frame.baseAddress?.assumingMemoryBound(to: CChar.self)
        rfbNewFramebuffer(server, start, Int32(width), Int32(height), 8, 3, 4)
        old.deallocate()
    }

    // MARK: Keys and pointer

    private func key(_ symbol: rfbKeySym, isDown: Bool) {
        guard let code = VNCKeys.code(of: symbol) else { return }
        // A key that is held is sent again and again; the guest repeats it as it likes.
        guard isDown ? keys.insert(code).inserted : keys.remove(code) != nil else { return }
        display.keyboard.receive([.key(code, isDown: isDown)])
    }

    private func pointer(_ mask: Int32, x: Int32, y: Int32) {
        typealias Tablet = VirtIOInput.Tablet
        func place(_ value: Int32, _ size: Int) -> UInt32 {
            let last = max(size - 1, 1)
            return UInt32(min(max(Int(value), 0), last) * Int(Tablet.maximum) / last)
        }
        var events = [
            InputEvent.absolute(Tablet.x, place(x, size.width)), .absolute(Tablet.y, place(y, size.height)),
        ]
        let changed = mask ^ buttons
        for (bit, code) in [(0, Tablet.left), (1, Tablet.middle), (2, Tablet.right)] where changed >> bit & 1 != 0 {
            events.append(.key(code, isDown: mask >> bit & 1 != 0))
        }
        // A notch of a wheel is a button that goes down and up (RFC 6143, section 7.5.5).
        let wheels: [(bit: Int, code: UInt16, notches: Int32)] = [
            (3, Tablet.wheel, 1), (4, Tablet.wheel, -1), (5, Tablet.horizontalWheel, -1),
            (6, Tablet.horizontalWheel, 1),
        ]
        for wheel in wheels where (changed & mask) >> wheel.bit & 1 != 0 {
            events.append(.relative(wheel.code, wheel.notches))
        }
        buttons = mask
        display.tablet.receive(events)
    }

    /// Lets go of everything: who held it is gone.
    private func release() {
        for code in keys.sorted() { display.keyboard.receive([.key(code, isDown: false)]) }
        keys = []
        let held = [(0, VirtIOInput.Tablet.left), (1, VirtIOInput.Tablet.middle), (2, VirtIOInput.Tablet.right)].filter
        {
            buttons >> $0.0 & 1 != 0
        }
        display.tablet.receive(held.map { .key($0.1, isDown: false) })
        buttons = 0
    }
}
