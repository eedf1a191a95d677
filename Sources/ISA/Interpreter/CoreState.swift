/// The head of every CPU's state block: what interpreter, JIT code, and debugger share whatever the architecture.
///
/// The block is one raw allocation with constant offsets; an architecture's own fields follow this head. The register
/// file is at offset 0, so that a register's number is its address.
public struct CoreState {
    /// Integer registers from 0, then (RISC-V) a sink for writes to x0, then floating-point registers.
    public var registers: InlineArray<80, UInt64> = .init(repeating: 0)
    public var vectors: InlineArray<64, UInt64> = .init(repeating: 0)
    /// The next instruction's address. Current only outside handlers: they derive it from their position.
    public var programCounter: UInt64 = 0

    // MARK: Time

    /// Instructions left in this turn, less `withheld`. Current only outside handlers and in their slow paths.
    public var budget: UInt64 = 0
    /// Taken out of the budget so that the turn stops after this instruction, to look at an interrupt or an event.
    public var withheld: UInt64 = 0
    /// The CPU's count of executed instructions when budget and withheld are both used up.
    public var turnEnd: UInt64 = 0
    /// The machine's virtual time, in nanoseconds, less the count of executed instructions. Constant during a turn.
    public var clockOffset: UInt64 = 0
    /// The CPU has given up what was left of its turn.
    public private(set) var hasEndedTurn = false
    /// Of the executed instructions, those that trapped and so did not retire.
    public var trapped: UInt64 = 0

    // MARK: Memory

    /// Data TLB of the current translation context.
    public var context: UnsafeMutablePointer<TranslationContext>
    /// That of accesses with less privilege than the CPU has.
    public var unprivileged: UnsafeMutablePointer<TranslationContext>
    /// The object that owns this block, for slow paths.
    public var owner: UnsafeMutableRawPointer?
    /// Host address of the reserved memory, or 0.
    public var reservation: UInt64 = 0

    // MARK: Floating point and flags

    /// Exceptions gathered since software cleared them, in ``FloatFlags``' bits.
    public var floatFlags: UInt8 = 0
    /// The dynamic rounding mode, in ``RoundingMode``'s encoding. Values above 4 are reserved.
    public var floatRounding: UInt8 = 0
    /// Not 0 while software may use floating point.
    public var floatEnabled: UInt8 = 0
    /// Set by every write of a floating-point register or flag.
    public var floatDirty: UInt8 = 0
    /// Not 0 while floating-point registers, rounding and flags are the host's: never outside of translated code. Next
    /// to ``floatDirty``, so that both are looked at together.
    public var floatLoaded: UInt8 = 0
    /// What governs operations beside the rounding mode, in the architecture's own encoding (``ArmFloat/Controls``).
    public var floatControls: UInt8 = 0
    /// Not 0 since an integer was saturated (Arm's FPSR.QC).
    public var saturated: UInt8 = 0
    public var flags = FlagsRecord()

    #if DEBUG
    /// What the last handler would have jumped to, had this build tail calls.
    public var successor: Successor?
    #endif

    // MARK: Translated code

    /// What a helper that was called by translated code asks for, in ``TranslatedEvent``'s encoding.
    public var event: UInt8 = 0

    /// A jump by register, but no return, went to a page that was not entered: its hint's number and 1, for an
    /// architecture that asks.
    public var missedJump: UInt8 = 0

    /// Not 0 since an access of translated code was refused because it is a device's.
    public var refusedDevice: UInt8 = 0

    /// The host's address of the RAM, its size, and its granules of code (``PhysicalMemory/Region/codeGranules``).
    public var memoryHost: UInt64 = 0
    public var memorySize: UInt64 = 0
    public var codeGranules: UInt64 = 0
    /// What governs the host's floating point for the guest, and for the host itself, while the other one is in force.
    public var floatControl: UInt32 = 0
    public var hostFloatControl: UInt32 = 0
    /// What translated code has in vector registers of its own while it calls out.
    public var floatsAside: InlineArray<3, UInt64> = .init(repeating: 0)
    /// For results that have no register.
    private var spills: InlineArray<64, UInt64> = .init(repeating: 0)
    public static let spillCount = 64
    public static let spillOffset = MemoryLayout<CoreState>.offset(of: \.spills)!

    // MARK: The fault being raised

    public var fault = FaultRecord()

    public init(context: UnsafeMutablePointer<TranslationContext>) {
        self.context = context
        unprivileged = context
    }

    /// Instructions executed so far, retired or trapped: this CPU's own time.
    public var executed: UInt64 {
        @inlinable @inline(__always) get { turnEnd &- budget &- withheld }
    }

    /// The machine's virtual time in nanoseconds.
    public var virtualTime: UInt64 {
        @inlinable @inline(__always) get { clockOffset &+ executed }
    }

    /// Ends the turn after the instruction in progress.
    @inlinable @inline(__always)
    public mutating func stopSoon() {
        guard budget > 1 else { return }
        withheld &+= budget &- 1
        budget = 1
    }

    /// Begins a turn of `count` instructions.
    package mutating func beginTurn(_ count: UInt64) {
        turnEnd = executed &+ count
        hasEndedTurn = false
        budget = count
        withheld = 0
    }

    /// What was not used of the turn is given back: it ends here.
    package mutating func giveBackTurn() {
        turnEnd = executed
        budget = 0
        withheld = 0
    }

    /// Ends the turn for good after the instruction in progress: what is left of it is forgone.
    package mutating func endTurn() {
        hasEndedTurn = true
        suspendTurn()
    }

    /// Comes back to who has begun the turn after the instruction in progress, as if no more had been allowed: what is left of it
    /// is to be run later.
    package mutating func suspendTurn() {
        stopSoon()
        turnEnd &-= withheld
        withheld = 0
    }

    /// Shortens the turn so that it ends when `executed` reaches `limit`.
    package mutating func limitTurn(to limit: UInt64) {
        guard limit < turnEnd else { return }
        // The instruction in progress has to finish.
        let earliest = executed &+ 1
        let cut = turnEnd &- max(limit, earliest)
        let fromWithheld = min(cut, withheld)
        withheld &-= fromWithheld
        budget &-= min(cut &- fromWithheld, budget &- 1)
        turnEnd &-= cut
    }
}

#if DEBUG
/// The arguments of the next handler.
public struct Successor {
    public let slot: UnsafeMutableRawPointer
    public let page: UInt64
    public let slots: UnsafeMutableRawPointer
    public let budget: UInt64
    public let tlb: UnsafeMutableRawPointer

    @inlinable
    public init(
        slot: UnsafeMutableRawPointer, page: UInt64, slots: UnsafeMutableRawPointer, budget: UInt64,
        tlb: UnsafeMutableRawPointer
    ) {
        (self.slot, self.page, self.slots, self.budget, self.tlb) = (slot, page, slots, budget, tlb)
    }
}
#endif

/// What a faulting operation leaves for the exception entry.
public struct FaultRecord: Sendable {
    /// The architecture's cause number.
    public var cause: UInt64 = 0
    /// The address or other value that the architecture reports with it.
    public var value: UInt64 = 0
    /// The guest-physical address, for faults of the second stage.
    public var guestPhysical: UInt64 = 0
    /// An architecture's further detail (RISC-V: the pseudo-instruction of an implicit access, or 0).
    public var detail: UInt64 = 0

    public init(cause: UInt64 = 0, value: UInt64 = 0, guestPhysical: UInt64 = 0, detail: UInt64 = 0) {
        self.cause = cause
        self.value = value
        self.guestPhysical = guestPhysical
        self.detail = detail
    }
}
