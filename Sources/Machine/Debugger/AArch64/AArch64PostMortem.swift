import AArch64ISA
import ISA

/// What post-mortems, traces and comparisons ask of a PE.
extension AArch64.ProcessingElement: InspectableProcessor {
    private typealias Hypervisor = AArch64.HypervisorConfiguration
    private typealias PSTATE = AArch64.PSTATE

    public static let noun = "CPU"

    public var privilege: PrivilegeLevel { Self.level(level, isTranslated: hasGuest) }

    static func level(_ level: Int, isTranslated: Bool) -> PrivilegeLevel {
        PrivilegeLevel("EL\(level)", isGuests: level < 2 && isTranslated)
    }

    /// VTTBR_EL2.VMID.
    public var guest: UInt64 { state.pointee.vttbr >> 48 }

    public var idleness: String? { isOff ? "is off" : isWaiting ? "waits (\(waitingInstruction))" : nil }

    private var waitingInstruction: String { state.pointee.waitsForEvent ? "wfe" : "wfi" }

    public var figures: ProcessorFigures {
        ProcessorFigures(
            exceptions: state.pointee.core.trapped, interrupts: statistics.interrupts,
            tlbMisses: statistics.tlbMisses, deviceAccesses: statistics.deviceAccesses,
            fetchMisses: statistics.fetchMisses)
    }

    public func instructionWord() -> UInt32? { nextInstruction() }

    // MARK: What it waits for

    public func activity(since: UInt64?) -> [String] {
        if isOff { return ["is off"] }
        var clauses: [String] = []
        if state.pointee.waiting {
            let since = since.map { " since \(seconds($0))" } ?? ""
            let timers = AArch64.GenericTimer.allCases.filter { state.pointee.timerControl[$0.rawValue] & 3 == 1 }
            var text = "waits (\(waitingInstruction))\(since)"
            text +=
                timers.isEmpty
                ? ", and none of its timers is on"
                : " for an interrupt; on are " + enumeration(timers.map { "the \(Self.name(of: $0))" })
            clauses.append(text)
            clauses += timers.filter { state.pointee.timerCompare[$0.rawValue] == .max }.map {
                "the \(Self.name(of: $0)) is set to the end of time"
            }
        } else {
            clauses.append("runs")
        }
        return clauses + obstacles
    }

    private static func name(of timer: AArch64.GenericTimer) -> String {
        switch timer {
        case .physical: "physical timer"
        case .virtual: "virtual timer"
        case .hypervisor: "EL2 physical timer"
        case .hypervisorVirtual: "EL2 virtual timer"
        case .securePhysical: "secure physical timer"
        }
    }

    /// Why pending interrupts are not taken (D1.13, "Asynchronous exception types").
    private var obstacles: [String] {
        let irq = (line: AArch64.Interrupt.irq, route: Hypervisor.imo, mask: PSTATE.irqMask)
        let fiq = (line: AArch64.Interrupt.fiq, route: Hypervisor.fmo, mask: PSTATE.fiqMask)
        let (lines, hcr) = (interruptLines, hasEL2 ? state.pointee.hcr : 0)
        let isVirtualIRQ = lines & AArch64.Interrupt.virtualIRQ != 0 || hcr & Hypervisor.vi != 0
        let isVirtualFIQ = lines & AArch64.Interrupt.virtualFIQ != 0 || hcr & Hypervisor.vf != 0
        let reasons: [(String, Bool, String?)] = [
            ("FIQ", lines & fiq.line != 0, obstacle(isFIQ: true, mask: fiq.mask, "PSTATE.F")),
            ("IRQ", lines & irq.line != 0, obstacle(isFIQ: false, mask: irq.mask, "PSTATE.I")),
            (
                "virtual FIQ", isVirtualFIQ,
                virtualObstacle(route: fiq.route, "HCR_EL2.FMO", mask: fiq.mask, "PSTATE.F")
            ),
            (
                "virtual IRQ", isVirtualIRQ,
                virtualObstacle(route: irq.route, "HCR_EL2.IMO", mask: irq.mask, "PSTATE.I")
            ),
        ]
        return reasons.compactMap { name, isPending, reason in
            isPending ? reason.map { "its \(name) is pending, but \($0)" } : nil
        }
    }

    private func obstacle(isFIQ: Bool, mask: UInt64, _ maskName: String) -> String? {
        let target = interruptTarget(isFIQ: isFIQ)
        if target < level { return "it is EL\(target)'s, which does not run" }
        let isMaskable = isInterruptMaskable(target: target)
        return isMaskable && state.pointee.pstate & mask != 0 ? "\(maskName) masks it" : nil
    }

    private func virtualObstacle(route: UInt64, _ routeName: String, mask: UInt64, _ maskName: String) -> String? {
        if state.pointee.hcr & route == 0 { return "\(routeName) is 0" }
        if level == 2 { return "it is the guest's, which does not run" }
        if state.pointee.hcr & Hypervisor.tge != 0 { return "HCR_EL2.TGE is 1" }
        return state.pointee.pstate & mask != 0 ? "\(maskName) masks it" : nil
    }

    // MARK: What happened last

    public var recentExceptions: [ExceptionRecord] { recentTraps.map(record) }

    public func observeExceptions(_ observer: ((ExceptionRecord) -> Void)?) {
        trapObserver = observer.map { observer in { [unowned self] in observer(record($0)) } }
    }

    public static let registerLabel = "msr"

    public func observeRegisters(_ observer: ((String, UInt64) -> Void)?) {
        registerObserver = observer.map { observer in { observer(AArch64.systemRegisterName($0), $1) } }
    }

    func record(_ trap: TrapRecord) -> ExceptionRecord {
        var detail = ""
        if let address = trap.address { detail += ", address \(hexadecimal(address))" }
        if let intermediate = trap.intermediate { detail += ", intermediate \(hexadecimal(intermediate))" }
        return ExceptionRecord(
            time: trap.time, kind: trap.kind != .synchronous ? .interrupt : trap.isCall ? .call : .fault,
            name: trap.name, cause: trap.syndrome, value: trap.address ?? 0, programCounter: trap.programCounter,
            from: Self.level(trap.fromLevel, isTranslated: hasGuest),
            to: Self.level(trap.toLevel, isTranslated: hasGuest), detail: detail,
            guestPhysical: trap.intermediate, repeats: trap.repeats, isInHandler: isInHandler(trap))
    }

    /// It came from a vector of the level that it goes to (D1.10.2).
    private func isInHandler(_ trap: TrapRecord) -> Bool {
        let offset = trap.programCounter &- state.pointee.vbar[trap.toLevel]
        return trap.fromLevel == trap.toLevel && offset < 0x800 && offset & 0x7f == 0
    }
}
