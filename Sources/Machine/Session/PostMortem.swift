import ISA

/// Why a machine stands where it stands: what is printed when a run ends badly.
///
///     hart 0  HS         idle_loop+0x1c      waits (wfi) since 1.204 s for the supervisor timer interrupt
///     hart 1  VS vmid 2  0xffffffff80001008  waits (wfi) since 0.98 s, and no interrupt is enabled
///     last exceptions of hart 1
///       1.204 s  VS -> HS  store guest-page fault at 0x80001234, address 0x10002004; nearest device serial@10000000, ...
public struct PostMortem {
    private let session: Session
    private let board: RISCVVirt
    private let symbols: SymbolFinder
    /// As many of the last exceptions of each hart are shown.
    private static let shownTraps = 4
    /// Harts beyond these say the same, as a rule.
    private static let shownHarts = 16

    public init(_ session: Session) {
        self.session = session
        board = session.board
        symbols = SymbolFinder(session.symbols)
    }

    /// The lines, each indented by two blanks, without their ends.
    public var lines: [String] {
        var lines = hartLines
        for hart in board.harts.prefix(Self.shownHarts) { lines += trapLines(hart) }
        if let address = board.space.lastUnmapped {
            lines.append("  last access that nothing answered: \(hexadecimal(address)); \(neighbourhood(address))")
        }
        return lines
    }

    // MARK: Where the harts are

    private var hartLines: [String] {
        let shown = board.harts.prefix(Self.shownHarts)
        let rows = shown.map { hart in
            let counter = hart.state.pointee.core.programCounter
            return (
                "hart \(hart.identifier)", hart.modeText,
                symbols.text(counter, virtual: hart.state.pointee.virtual), Self.activity(of: hart, board)
            )
        }
        let widths = (
            rows.map(\.0.count).max() ?? 0, rows.map(\.1.count).max() ?? 0, rows.map(\.2.count).max() ?? 0
        )
        var lines = rows.map {
            "  \(padded($0.0, widths.0))  \(padded($0.1, widths.1))  \(padded($0.2, widths.2))  \($0.3)"
        }
        if board.harts.count > shown.count { lines.append("  and \(board.harts.count - shown.count) harts more") }
        return lines
    }

    /// What the hart does, and what becomes of the interrupts that are pending for it.
    static func activity(of hart: RISCV.Hart, _ board: RISCVVirt) -> String {
        let state = hart.state
        let pending = hart.pendingInterrupts
        let enabled = state.pointee.mie
        var clauses: [String] = []
        if state.pointee.waiting {
            let awaited = RISCV.Interrupt.names(enabled)
            let since = board.scheduler.waitingSince[hart.identifier].map { " since \(seconds($0))" } ?? ""
            if awaited.isEmpty {
                clauses.append("waits (wfi)\(since), and no interrupt is enabled: mie is 0")
            } else {
                clauses.append("waits (wfi)\(since) for the " + enumeration(awaited))
            }
            clauses += timers(hart, board)
        } else {
            clauses.append("runs")
        }
        for number in RISCV.Interrupt.all where pending & 1 << number != 0 {
            if let reason = obstacle(hart, number) {
                clauses.append("its \(RISCV.Cause.describe(1 << 63 | number)) is pending, but \(reason)")
            }
        }
        return clauses.joined(separator: "; ")
    }

    /// Enabled timers that will never ring, as nobody set them.
    private static func timers(_ hart: RISCV.Hart, _ board: RISCVVirt) -> [String] {
        let state = hart.state
        let never = UInt64.max
        let usesComparators = state.pointee.menvcfg & 1 << 63 != 0
        func isEnabled(_ number: UInt64) -> Bool { state.pointee.mie & 1 << number != 0 }
        var clauses: [String] = []
        if isEnabled(RISCV.Interrupt.supervisorTimer), usesComparators, state.pointee.stimecmp == never {
            clauses.append("stimecmp is not set")
        }
        if isEnabled(RISCV.Interrupt.virtualSupervisorTimer), state.pointee.henvcfg & 1 << 63 != 0, usesComparators,
            state.pointee.vstimecmp == never
        {
            clauses.append("vstimecmp is not set")
        }
        return clauses
    }

    /// Why a pending interrupt is not taken (volume II, "Machine Interrupt Registers", and "Hypervisor Interrupt
    /// Registers"); nil where it is about to be.
    static func obstacle(_ hart: RISCV.Hart, _ number: UInt64) -> String? {
        let state = hart.state
        let bit: UInt64 = 1 << number
        let (privilege, virtual) = (state.pointee.privilege, state.pointee.virtual)
        if state.pointee.mie & bit == 0 { return "\(enableRegister(number, state)) does not enable it" }
        let sie: UInt64 = 1 << 1
        let mie: UInt64 = 1 << 3
        if state.pointee.mideleg & bit == 0 {
            return privilege == .machine && state.pointee.mstatus & mie == 0 ? "mstatus.MIE is 0" : nil
        }
        if privilege == .machine { return "mideleg delegates it, and the hart is in M-mode" }
        if state.pointee.hideleg & bit == 0 {
            if privilege == .supervisor && !virtual && state.pointee.mstatus & sie == 0 { return "sstatus.SIE is 0" }
            return nil
        }
        guard virtual else { return "hideleg delegates it to the guest, which does not run" }
        return privilege == .supervisor && state.pointee.vsstatus & sie == 0 ? "vsstatus.SIE is 0" : nil
    }

    /// The register in which whoever takes the interrupt enables it.
    private static func enableRegister(_ number: UInt64, _ state: UnsafeMutablePointer<RISCV.State>) -> String {
        let bit: UInt64 = 1 << number
        if state.pointee.hideleg & bit != 0 { return "vsie" }
        if state.pointee.mideleg & bit == 0 { return "mie" }
        let isGuests = [
            RISCV.Interrupt.virtualSupervisorSoftware, RISCV.Interrupt.virtualSupervisorTimer,
            RISCV.Interrupt.virtualSupervisorExternal, RISCV.Interrupt.supervisorGuestExternal,
        ].contains(number)
        return isGuests ? "hie" : "sie"
    }

    // MARK: What happened last

    private func trapLines(_ hart: RISCV.Hart) -> [String] {
        let traps = hart.recentTraps
        // Calls and interrupts are how a healthy system lives.
        let exceptions = traps.filter(Self.isTrouble)
        guard !exceptions.isEmpty else { return [] }
        var lines: [String] = []
        if let loop = Self.loop(in: traps) {
            let words = loop.map { "\(RISCV.Cause.describe($0.cause)) at \(location($0))" }
            var text = "  hart \(hart.identifier) goes round in a loop: \(enumeration(words))"
            text += loop.count == 1 ? ", \(grouped(loop[0].repeats + 1)) times in a row" : " in turn"
            if loop.contains(where: hart.isInHandler) { text += "; that is the trap handler itself" }
            lines.append(text)
        }
        lines.append("  last exceptions of hart \(hart.identifier)")
        return lines + exceptions.suffix(Self.shownTraps).map { "    " + describe($0) }
    }

    private static func isTrouble(_ trap: RISCV.Hart.TrapRecord) -> Bool {
        guard trap.cause >> 63 == 0 else { return false }
        return !(RISCV.Cause.userCall...RISCV.Cause.machineCall).contains(trap.cause)
    }

    /// The traps that come again and again, if the last ones are nothing else: up to four in turn, exceptions among them.
    static func loop(in traps: [RISCV.Hart.TrapRecord]) -> [RISCV.Hart.TrapRecord]? {
        if let last = traps.last, last.repeats >= 8 { return isTrouble(last) ? [last] : nil }
        guard traps.count >= 8 else { return nil }
        for period in 2...4 {
            let repeats = traps.indices.dropFirst(period).allSatisfy { index in
                let (a, b) = (traps[index], traps[index - period])
                return a.cause == b.cause && a.programCounter == b.programCounter && a.value == b.value
            }
            let cycle = Array(traps.suffix(period))
            if repeats, cycle.contains(where: isTrouble) { return cycle }
        }
        return nil
    }

    private func location(_ trap: RISCV.Hart.TrapRecord) -> String {
        symbols.text(trap.programCounter, virtual: trap.fromVirtual)
    }

    /// One trap in a line.
    func describe(_ trap: RISCV.Hart.TrapRecord) -> String {
        let features = board.features
        let from = RISCV.Mode(trap.fromPrivilege, virtual: trap.fromVirtual, features: features)
        let to = RISCV.Mode(trap.toPrivilege, virtual: trap.toVirtual, features: features)
        var text = "\(seconds(trap.time))  \(from.rawValue) -> \(to.rawValue)  "
        text += "\(RISCV.Cause.describe(trap.cause)) at \(location(trap))"
        guard trap.cause >> 63 == 0 else { return text }
        switch trap.cause {
        case RISCV.Cause.illegalInstruction, RISCV.Cause.virtualInstruction:
            let instruction = RISCV.disassemble(UInt32(truncatingIfNeeded: trap.value), at: trap.programCounter)
            text += ": \(instruction.mnemonic) \(instruction.operands)"
            while text.last == " " { text.removeLast() }
            text += " (\(hexadecimal(trap.value)))"
        case RISCV.Cause.userCall...RISCV.Cause.machineCall: break
        case RISCV.Cause.instructionGuestPage, RISCV.Cause.loadGuestPage, RISCV.Cause.storeGuestPage:
            text += ", address \(hexadecimal(trap.value)), guest-physical \(hexadecimal(trap.guestPhysical))"
            // A guest's RAM is where its hypervisor says; its devices tend to lie where the board's do.
            if trap.guestPhysical < RISCVVirtLayout.ramBase { text += "; " + neighbourhood(trap.guestPhysical) }
        default: text += ", address \(hexadecimal(trap.value))"
        }
        if trap.repeats > 0 { text += " (\(grouped(trap.repeats + 1)) times)" }
        return text
    }

    /// What lies at or near a physical address.
    private func neighbourhood(_ address: UInt64) -> String {
        let base = RISCVVirtLayout.ramBase
        if address >= base {
            let last = base + (board.memorySize - 1)
            return address <= last
                ? "that is RAM" : "RAM is \(hexadecimal(base))-\(hexadecimal(last)): give it more --memory?"
        }
        guard let mapping = board.space.nearestMapping(to: address) else { return "there is no device" }
        let range = "\(mapping.device.name), \(hexadecimal(mapping.base))-\(hexadecimal(mapping.end - 1))"
        let isInside = mapping.base <= address && address < mapping.end
        return (isInside ? "that is in " : "the nearest device is ") + range
    }
}
