import RISCV

// Fences on other harts (SBI 2.0, chapter 8). One request is in flight at a time: its sender holds a lock, writes the
// request, interrupts the targets, fences on its own hart, and waits until all have answered. Harts that wait for the
// lock answer requests meanwhile.

/// One fence: what to do, over which addresses.
struct RemoteFence {
    enum Kind { case instruction, supervisor, supervisorASID, guest, guestVMID, virtual, virtualASID }

    var kind: Kind
    var start: UInt64 = 0
    var size: UInt64 = 0
    /// ASID or VMID.
    var identifier: UInt64 = 0
    /// hgatp of the caller, whose VMID the HFENCE.VVMA of any hart must use.
    var hgatp: UInt64 = 0

    /// Beyond this many pages, everything is fenced at once.
    private static let pageLimit: UInt64 = 64

    /// A function of the RFENCE extension; nil if there is no such function on this hart.
    init?(_ function: UInt64, _ frame: Frame, _ hart: Hart) {
        switch function {
        case 0: kind = .instruction
        case 1: kind = .supervisor
        case 2: kind = .supervisorASID
        case 3: kind = .guestVMID
        case 4: kind = .guest
        case 5: kind = .virtualASID
        case 6: kind = .virtual
        default: return nil
        }
        if function == 0 { return }
        start = frame[12]
        size = frame[13]
        identifier = frame[14]
        guard function >= 3 else { return }
        guard hart.features.contains(.hypervisor) else { return nil }
        hgatp = csr_read_hgatp()
    }

    /// A legacy call (5 to 7).
    init?(legacy number: UInt64, _ frame: Frame) {
        switch number {
        case 5: kind = .instruction
        case 6: kind = .supervisor
        case 7: kind = .supervisorASID
        default: return nil
        }
        start = frame[11]
        size = frame[12]
        identifier = frame[13]
    }

    /// All addresses: size -1, or start and size zero.
    private var isEverything: Bool { size == ~0 || start == 0 && size == 0 }

    /// A range that wraps around is no range.
    func checkRange() throws(SBIError) {
        guard !isEverything, size > 0 else { return }
        guard start <= ~0 - (size - 1) else { throw .invalidAddress }
    }

    func perform(on targets: HartSet, from hart: Hart) {
        var others = targets
        let includesSelf = others.remove(hart)
        if others.count > 0 {
            lock(&requestLock)
            request = self
            requester = hart.identifier
            atomic_store_word(&requestPending, UInt32(others.count))
            others.raise(.remoteFence)
            if includesSelf { performHere() }
            // Nobody else can ask while the lock is held; the last to answer sends an interrupt.
            waitForEvents(hart) { atomic_load_word(&requestPending) == 0 }
            unlock(&requestLock)
        } else if includesSelf {
            performHere()
        }
    }

    func performHere() {
        let everything = isEverything || size / 4096 > Self.pageLimit
        switch kind {
        case .instruction: fence_instruction()
        case .supervisor:
            everything ? sfence_vma_all() : forEachPage { sfence_vma_address($0) }
        case .supervisorASID:
            everything ? sfence_vma_asid(identifier) : forEachPage { sfence_vma_address_asid($0, identifier) }
        case .guest:
            everything ? hfence_gvma_all() : forEachPage { hfence_gvma_address($0 >> 2) }
        case .guestVMID:
            everything ? hfence_gvma_vmid(identifier) : forEachPage { hfence_gvma_address_vmid($0 >> 2, identifier) }
        case .virtual:
            withCallersGuest { everything ? hfence_vvma_all() : forEachPage { hfence_vvma_address($0) } }
        case .virtualASID:
            withCallersGuest {
                everything ? hfence_vvma_asid(identifier) : forEachPage { hfence_vvma_address_asid($0, identifier) }
            }
        }
    }

    private func withCallersGuest(_ body: () -> Void) {
        let own = csr_read_hgatp()
        csr_write_hgatp(hgatp)
        body()
        csr_write_hgatp(own)
    }

    private func forEachPage(_ body: (UInt64) -> Void) {
        guard size > 0 else { return }
        var page = start & ~4095
        let last = (start &+ (size - 1)) & ~4095
        while true {
            body(page)
            if page == last { return }
            page &+= 4096
        }
    }
}

nonisolated(unsafe) private var requestLock = Lock()
nonisolated(unsafe) private var requester: UInt64 = 0
nonisolated(unsafe) private var requestPending: UInt32 = 0
nonisolated(unsafe) private var request = RemoteFence(.instruction)

extension RemoteFence {
    fileprivate init(_ kind: Kind) { self.kind = kind }
}

/// Answers what other harts have asked of this one. A start is left to the caller.
@discardableResult
func handleEvents(_ hart: Hart) -> HartEvents {
    let events = hart.takeEvents()
    if events.contains(.remoteFence) {
        request.performHere()
        // Read before the answer: after the last one the next request may already be written.
        let asker = requester
        if atomic_subtract_word(&requestPending, 1) == 1 { Hart(asker)?.raise(HartEvents()) }
    }
    if events.contains(.softwareInterrupt) { csr_set_mip(Interrupt.supervisorSoftware) }
    return events
}
