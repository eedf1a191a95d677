import AArch64ISA
import ISA

/// The CPU interface of one CPU of a GICv3: physical interrupts by ICC_*, a virtual machine's by ICV_*, and its
/// hypervisor's side, ICH_*.
///
/// "Arm Generic Interrupt Controller Architecture Specification, GIC architecture version 3 and version 4", IHI 0069H,
/// sections 4.1 and 12.2, with five bits of priority. With one Security state, Group 0 interrupts are FIQs and those of
/// Group 1 IRQs (4.6.2); what is otherwise with two is in GICv3SecureInterface.swift.
final class GICv3CPUInterface: InterruptControllerInterface {
    typealias Register = AArch64.InterfaceRegister

    /// The Redistributor has its interfaces.
    private(set) var redistributor: Uncounted<GICv3Redistributor>!
    private let irq: InterruptLine
    private let fiq: InterruptLine
    private let group1: (secure: InterruptLine, nonSecure: InterruptLine)?
    let virtual: GICv3VirtualInterface

    var registers = GICv3InterfaceRegisters()
    /// What there is for Secure state.
    var secure = GICv3SecureInterfaceRegisters()
    /// Who accesses registers. With one Security state nobody says, and everyone may do everything.
    var security = AArch64.InterfaceSecurity(isEL3: true, isSecureBelowEL3: false)
    var hasSecurity: Bool { group1 != nil }
    /// The highest priority pending interrupt, as the Redistributor last stated it.
    private(set) var pending = PendingInterrupt.none
    /// Told of each INTID that is acknowledged; nil where nobody asks.
    var acknowledged: ((UInt32) -> Void)?

    init(outputs: GICOutputs, maintenance: InterruptLine) {
        irq = outputs.irq
        fiq = outputs.fiq
        group1 = outputs.group1
        virtual = GICv3VirtualInterface(
            irq: outputs.virtualIRQ, fiq: outputs.virtualFIQ, maintenance: maintenance)
    }

    /// The Redistributor that has this interface is ready.
    func connect(to redistributor: GICv3Redistributor) {
        self.redistributor = Uncounted(redistributor)
        virtual.redistributor = self.redistributor
    }

    func reset() {
        registers.reset()
        secure = GICv3SecureInterfaceRegisters()
        virtual.reset()
        signal()
    }

    // MARK: Signals

    /// The Redistributor's highest priority pending interrupt is now this one.
    func setPending(_ interrupt: PendingInterrupt) {
        pending = interrupt
        signal()
    }

    /// Whether the pending interrupt is signalled. One of a group that is disabled here hides all of lower priority
    /// (ICC_HPPIR0_EL1).
    @inline(__always)
    private var isSignalled: Bool {
        registers.priorities.suffices(pending) && isEnabled(pending.group)
    }

    @inline(__always)
    func signal() {
        let isSignalled = isSignalled
        fiq.set(isSignalled && pending.group == .zero)
        if let group1 {
            group1.secure.set(isSignalled && pending.group == .secureOne)
            group1.nonSecure.set(isSignalled && pending.group == .one)
        } else {
            irq.set(isSignalled && pending.group == .one)
        }
    }

    // MARK: Acknowledge and end

    /// ICC_IAR0_EL1, ICC_IAR1_EL1.
    @inline(__always)
    private func acknowledge(_ registers: RegisterGroup) -> UInt64 {
        guard isSignalled else { return UInt64(SpecialINTID.spurious) }
        guard handles(pending.group, by: registers) else { return otherGroup(than: registers) }
        let interrupt = pending
        self.registers.priorities.activate(interrupt)
        // The Redistributor goes on to state what is pending now, and so the signals.
        redistributor.with { $0.acknowledge(interrupt) }
        acknowledged?(interrupt.intid)
        return UInt64(interrupt.intid)
    }

    /// ICC_HPPIR0_EL1, ICC_HPPIR1_EL1.
    private func highestPending(_ registers: RegisterGroup) -> UInt64 {
        guard isEnabled(pending.group), pending != .none else { return UInt64(SpecialINTID.spurious) }
        return handles(pending.group, by: registers) ? UInt64(pending.intid) : otherGroup(than: registers)
    }

    /// ICC_EOIR0_EL1, ICC_EOIR1_EL1. Ends come in the reverse order of acknowledgements (4.1.1); one of the group whose
    /// priority is not the highest active is ignored.
    @inline(__always)
    private func end(_ value: UInt64, _ registers: RegisterGroup) {
        let intid = UInt32(value & 0xff_ffff)
        guard redistributor.with({ $0.exists(intid) }), let group = self.registers.priorities.runningGroup,
            handles(group, by: registers)
        else { return }
        self.registers.priorities.drop(group)
        if !dropsPriorityOnly { redistributor.with { $0.deactivate(intid) } }
        signal()
    }

    // MARK: ICC_*

    func read(_ register: Register) -> UInt64 {
        switch register {
        case .iar0: return acknowledge(.zero)
        case .iar1: return acknowledge(.one)
        case .hppir0: return highestPending(.zero)
        case .hppir1: return highestPending(.one)
        default: return hasSecurity ? readBanked(register) : registers.read(register)
        }
    }

    func write(_ register: Register, _ value: UInt64) {
        switch register {
        case .eoir0: end(value, .zero)
        case .eoir1: end(value, .one)
        case .dir:
            // Without EOImode the interrupt was deactivated by its end.
            let intid = UInt32(value & 0xff_ffff)
            if dropsPriorityOnly, mayDeactivate(redistributor.with { $0.group(intid) }) {
                redistributor.with { $0.deactivate(intid) }
            }
        case .sgi0r: sendSGI(value, .zero)
        case .sgi1r: sendSGI(value, hasSecurity && security.isSecure ? .secureOne : .one)
        // Group 1 of the other Security state; where that is not there, what is left of it is Group 0 (table 12-14).
        case .asgi1r: sendSGI(value, !hasSecurity ? .zero : security.isSecure ? .one : .secureOne)
        default:
            if hasSecurity { writeBanked(register, value) } else { registers.write(register, value) }
            signal()
        }
    }

    @inline(__always)
    private func sendSGI(_ value: UInt64, _ group: InterruptGroup) {
        let isSecure = security.isSecure
        redistributor.with { $0.sendSGI(value, group, isSecure: isSecure) }
    }

    // MARK: ICV_*, ICH_*

    func readVirtual(_ register: Register) -> UInt64 { virtual.read(register) }

    func writeVirtual(_ register: Register, _ value: UInt64) { virtual.write(register, value) }

    func read(_ register: AArch64.HypervisorInterfaceRegister) -> UInt64 { virtual.read(register) }

    func write(_ register: AArch64.HypervisorInterfaceRegister, _ value: UInt64) { virtual.write(register, value) }

    // MARK: State

    func describeState(_ visitor: inout some StateVisitor) {
        registers.describeState(&visitor)
        if hasSecurity {
            secure.describeState(&visitor)
            registers.priorities.describeSecureState(&visitor)
            group1?.secure.describeState(&visitor)
            group1?.nonSecure.describeState(&visitor)
        }
        pending.describeState(&visitor)
        irq.describeState(&visitor)
        fiq.describeState(&visitor)
        virtual.describeState(&visitor)
    }
}
