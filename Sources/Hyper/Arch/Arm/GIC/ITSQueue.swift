/// The queue by which an Interrupt Translation Service is told what messages mean (IHI 0069, 5.3, 12.19).
struct ITSQueue {
    enum Command: UInt64 {
        case move = 0x01, synchronise = 0x05, mapDevice = 0x08, mapCollection = 0x09, mapEvent = 0x0a
        case invalidate = 0x0c, discard = 0x0f
    }

    private enum Register {
        static let base: UInt64 = 0x80, write: UInt64 = 0x88, read: UInt64 = 0x90
        /// GITS_CREADR: the queue stands since a command is wrong.
        static let isStalled: UInt64 = 1 << 0
    }

    /// Of memory that the ITS reads and writes: valid, cached as CPUs cache it, and shared with them (GITS_CBASER, GITS_BASER).
    static let attributes: UInt64 = 1 << 63 | 7 << 59 | 1 << 10
    static let shareability: UInt64 = 3 << 10
    private static let commandSize: UInt64 = 32
    /// Looks at how far the ITS is, until it counts as broken.
    private static let limit = 1_000_000

    private let registers: UInt64
    private let memory: UInt64
    private var next: UInt64 = 0
    /// It does not do what it is told: nothing is asked of it any more.
    private(set) var isBroken = false

    /// - Precondition: the ITS is off.
    init(_ registers: UInt64, _ path: Text) throws(HyperError) {
        self.registers = registers
        memory = try Pages.allocate(1)
        Pages.clear(memory, count: 1)
        Port.writeDevice(registers + Register.base, width: 8, Self.attributes | memory)
        guard Port.readDevice(registers + Register.base, width: 8) & Self.shareability != 0 else {
            Pages.free(memory, 1)
            throw HyperError("\(path): it does not see what is in CPUs' caches, and pins have to do")
        }
        Port.writeDevice(registers + Register.write, width: 8, 0)
    }

    /// Adds a command, of which the first word has the device, the second an event, and the third what it is to be.
    mutating func add(_ command: Command, device: UInt32 = 0, event: UInt64 = 0, _ value: UInt64 = 0) {
        // SAFETY: `next` is within the one page that the queue is.
        let place = UnsafeMutablePointer<UInt64>(bitPattern: UInt(memory + next)).unsafelyUnwrapped
        place[0] = command.rawValue | UInt64(device) << 32
        place[1] = event
        place[2] = value
        place[3] = 0
        next = (next + Self.commandSize) % Pages.size
    }

    /// Has what was added done, and waits for that: less than a queue is long at once.
    mutating func run() {
        guard !isBroken else { return }
        Port.writeDevice(registers + Register.write, width: 8, next)
        for _ in 0..<Self.limit {
            let place = Port.readDevice(registers + Register.read, width: 8)
            if place == next { return }
            if place & Register.isStalled != 0 { break }
            Port.relax()
        }
        isBroken = true
    }
}
