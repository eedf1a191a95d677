/// The machine-level timer and software interrupts of a RISC-V board.
///
/// "RISC-V Advanced Core Local Interruptor Specification", version 1.0: an MSWI device and an MTIMER device in the layout
/// of SiFive's CLINT, as QEMU's `virt` board has them at 0x2000000 (device tree: `sifive,clint0`).
///
/// `mtime` is the virtual clock, scaled, plus what the guest has set it forward or back by. No tick happens: the next
/// match of each `mtimecmp` is one event in the clock's queue.
public final class ACLINT: Device {
    /// The register map.
    enum Register {
        /// One word a hart; bit 0 is the software interrupt.
        static let msip: Range<UInt64> = 0x0000..<0x4000
        /// One double word a hart.
        static let mtimecmp: Range<UInt64> = 0x4000..<0xbff8
        static let mtime: Range<UInt64> = 0xbff8..<0xc000
    }

    public let name: String
    /// Ticks of `mtime` a second: the device tree's `timebase-frequency`.
    public let frequency: UInt64
    private let clock: Clock
    private let softwareInterrupts: [InterruptLine]
    private let timerInterrupts: [InterruptLine]
    private var timers: [Clock.Timer] = []

    private var msip: [Bool]
    private var mtimecmp: [UInt64]
    /// What the guest's writes to `mtime` added to it.
    public private(set) var offset: UInt64 = 0

    /// Called after the guest has written `mtime`: whoever derived a deadline from it (the Sstc extension's `stimecmp`)
    /// has to do so again.
    public var timeChanged: () -> Void = {}

    /// - Parameters:
    ///   - frequency: ticks of `mtime` a second.
    ///   - softwareInterrupts: MSIP of each hart.
    ///   - timerInterrupts: MTIP of each hart, as many.
    public init(
        name: String, clock: Clock, frequency: UInt64 = 10_000_000, softwareInterrupts: [InterruptLine],
        timerInterrupts: [InterruptLine]
    ) {
        precondition(softwareInterrupts.count == timerInterrupts.count && timerInterrupts.count <= 4095)
        precondition((1...1_000_000_000).contains(frequency), "a timebase lies between 1 Hz and 1 GHz")
        self.name = name
        self.clock = clock
        self.frequency = frequency
        self.softwareInterrupts = softwareInterrupts
        self.timerInterrupts = timerInterrupts
        msip = Array(repeating: false, count: softwareInterrupts.count)
        // The specification leaves the reset value open. All ones: no timer interrupt before the guest asks for one.
        mtimecmp = Array(repeating: ~0, count: timerInterrupts.count)
        timers = timerInterrupts.indices.map { hart in Clock.Timer(clock) { [unowned self] in update(hart) } }
    }

    public func reset() {
        for hart in msip.indices {
            msip[hart] = false
            mtimecmp[hart] = ~0
            softwareInterrupts[hart].set(false)
        }
        setTime(0)
    }

    // MARK: Time

    /// Ticks since power-on at `nanoseconds`, rounded down.
    private func ticks(_ nanoseconds: UInt64) -> UInt64 {
        let product = nanoseconds.multipliedFullWidth(by: frequency)
        // The frequency is at most 1 GHz, so the quotient fits.
        return UInt64(1_000_000_000).dividingFullWidth((product.high, product.low)).quotient
    }

    /// The current value of `mtime`, which is also what the `time` CSR reads.
    public var mtime: UInt64 { ticks(clock.shown) &+ offset }

    /// The virtual time in nanoseconds at which `mtime` comes to be `value` or more, or nil when that is so far off that
    /// the machine's clock does not count to it.
    public func nanoseconds(at value: UInt64) -> UInt64? {
        guard value > mtime else { return clock.now }
        let passed = ticks(clock.now)
        let (target, overflow) = passed.addingReportingOverflow(value &- (passed &+ offset))
        return overflow ? nil : nanoseconds(ticks: target)
    }

    /// The first nanosecond at which so many ticks have passed since power-on: rounded up.
    private func nanoseconds(ticks: UInt64) -> UInt64? {
        let product = ticks.multipliedFullWidth(by: 1_000_000_000)
        guard product.high < frequency else { return nil }
        let (quotient, remainder) = frequency.dividingFullWidth((product.high, product.low))
        if remainder == 0 { return quotient }
        return quotient == .max ? nil : quotient + 1
    }

    private func setTime(_ value: UInt64) {
        offset = value &- ticks(clock.shown)
        for hart in mtimecmp.indices { update(hart) }
        timeChanged()
    }

    /// Sets the timer interrupt of `hart` to what mtime and mtimecmp say, and looks again when that changes.
    private func update(_ hart: Int) {
        let isDue = mtime >= mtimecmp[hart]
        timerInterrupts[hart].set(isDue)
        if !isDue, let time = nanoseconds(at: mtimecmp[hart]) {
            timers[hart].arm(at: time)
        } else {
            timers[hart].cancel()
        }
    }

    // MARK: Registers

    /// MSIP words are accessed whole; the 64-bit registers whole or by halves. Registers of absent harts read zero.
    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        switch offset {
        case Register.msip:
            try requireAligned(offset, size: size, width: 4)
            let hart = Int(offset / 4)
            return hart < msip.count && msip[hart] ? 1 : 0
        case Register.mtimecmp:
            try requireHalfOrWhole(offset, size: size)
            let hart = Int((offset - Register.mtimecmp.lowerBound) / 8)
            return hart < mtimecmp.count ? part(mtimecmp[hart], offset, size) : 0
        case Register.mtime:
            try requireHalfOrWhole(offset, size: size)
            return part(ticks(clock.read()) &+ self.offset, offset, size)
        default: throw AccessFault()
        }
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        switch offset {
        case Register.msip:
            try requireAligned(offset, size: size, width: 4)
            let hart = Int(offset / 4)
            guard hart < msip.count else { return }
            msip[hart] = value & 1 != 0
            softwareInterrupts[hart].set(msip[hart])
        case Register.mtimecmp:
            try requireHalfOrWhole(offset, size: size)
            let hart = Int((offset - Register.mtimecmp.lowerBound) / 8)
            guard hart < mtimecmp.count else { return }
            mtimecmp[hart] = replacing(mtimecmp[hart], offset, size, value)
            update(hart)
        case Register.mtime:
            try requireHalfOrWhole(offset, size: size)
            setTime(replacing(mtime, offset, size, value))
        default: throw AccessFault()
        }
    }

    private func requireHalfOrWhole(_ offset: UInt64, size: Int) throws(AccessFault) {
        guard size == 4 || size == 8, offset % UInt64(size) == 0 else { throw AccessFault() }
    }

    private func part(_ whole: UInt64, _ offset: UInt64, _ size: Int) -> UInt64 {
        size == 8 ? whole : (whole >> (offset % 8 * 8)) & 0xffff_ffff
    }

    private func replacing(_ whole: UInt64, _ offset: UInt64, _ size: Int, _ value: UInt64) -> UInt64 {
        size == 8 ? value : whole.replacing(at: Int(offset % 8) * 8, bits: 32, with: value)
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        for hart in msip.indices {
            visitor.field("msip", &msip[hart])
            visitor.field("mtimecmp", &mtimecmp[hart])
            timers[hart].describeState(&visitor)
            softwareInterrupts[hart].describeState(&visitor)
            timerInterrupts[hart].describeState(&visitor)
        }
        visitor.field("mtime offset", &offset)
    }
}
