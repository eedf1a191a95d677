import AArch64ISA
import ISA

/// The CPU interface of one CPU of a GICv3: physical interrupts by ICC_*, a virtual machine's by ICV_*, and its
/// hypervisor's side, ICH_*.
///
/// "Arm Generic Interrupt Controller Architecture Specification, GIC architecture version 3 and version 4", IHI 0069H,
/// sections 4.1 and 12.2, with one Security state and five bits of priority. Group 0 interrupts are FIQs and those of
/// Group 1 IRQs (4.6.2).
final class GICv3CPUInterface: InterruptControllerInterface {
    typealias Register = AArch64.InterfaceRegister

    /// The Redistributor has its interfaces.
    private var redistributor: Uncounted<GICv3Redistributor>!
    private let irq: InterruptLine
    private let fiq: InterruptLine
    let virtual: GICv3VirtualInterface

    private var registers = GICv3InterfaceRegisters()
    /// The highest priority pending interrupt, as the Redistributor last stated it.
    private var pending = PendingInterrupt.none

    init(outputs: GICOutputs, maintenance: InterruptLine) {
        irq = outputs.irq
        fiq = outputs.fiq
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
    private var isSignalled: Bool {
        registers.isEnabled(pending.group) && registers.priorities.suffices(pending)
    }

    private func signal() {
        let isSignalled = isSignalled
        irq.set(isSignalled && pending.group == .one)
        fiq.set(isSignalled && pending.group == .zero)
    }

    // MARK: Acknowledge and end

    /// ICC_IAR0_EL1, ICC_IAR1_EL1.
    private func acknowledge(_ group: InterruptGroup) -> UInt64 {
        guard isSignalled, pending.group == group else { return UInt64(SpecialINTID.spurious) }
        let interrupt = pending
        registers.priorities.activate(interrupt)
        // The Redistributor goes on to state what is pending now, and so the signals.
        redistributor.with { $0.acknowledge(interrupt) }
        return UInt64(interrupt.intid)
    }

    /// ICC_HPPIR0_EL1, ICC_HPPIR1_EL1.
    private func highestPending(_ group: InterruptGroup) -> UInt64 {
        UInt64(registers.isEnabled(group) && pending.group == group ? pending.intid : SpecialINTID.spurious)
    }

    /// ICC_EOIR0_EL1, ICC_EOIR1_EL1. Ends come in the reverse order of acknowledgements (4.1.1); one of the group whose
    /// priority is not the highest active is ignored.
    private func end(_ value: UInt64, _ group: InterruptGroup) {
        let intid = UInt32(value & 0xff_ffff)
        guard redistributor.with({ $0.exists(intid) }), registers.priorities.runningGroup == group else { return }
        registers.priorities.drop(group)
        if !registers.dropsPriorityOnly { redistributor.with { $0.deactivate(intid) } }
        signal()
    }

    // MARK: ICC_*

    func read(_ register: Register) -> UInt64 {
        switch register {
        case .iar0: return acknowledge(.zero)
        case .iar1: return acknowledge(.one)
        case .hppir0: return highestPending(.zero)
        case .hppir1: return highestPending(.one)
        default: return registers.read(register)
        }
    }

    func write(_ register: Register, _ value: UInt64) {
        switch register {
        case .eoir0: end(value, .zero)
        case .eoir1: end(value, .one)
        case .dir:
            // Without EOImode the interrupt was deactivated by its end.
            if registers.dropsPriorityOnly { redistributor.with { $0.deactivate(UInt32(value & 0xff_ffff)) } }
        case .sgi0r: redistributor.with { $0.sendSGI(value, .zero) }
        case .sgi1r: redistributor.with { $0.sendSGI(value, .one) }
        // Group 1 of the other Security state, which is not there: what is left of it is Group 0 (table 12-14).
        case .asgi1r: redistributor.with { $0.sendSGI(value, .zero) }
        default:
            registers.write(register, value)
            signal()
        }
    }

    // MARK: ICV_*, ICH_*

    func readVirtual(_ register: Register) -> UInt64 { virtual.read(register) }

    func writeVirtual(_ register: Register, _ value: UInt64) { virtual.write(register, value) }

    func read(_ register: AArch64.HypervisorInterfaceRegister) -> UInt64 { virtual.read(register) }

    func write(_ register: AArch64.HypervisorInterfaceRegister, _ value: UInt64) { virtual.write(register, value) }

    // MARK: State

    func describeState(_ visitor: inout some StateVisitor) {
        registers.describeState(&visitor)
        pending.describeState(&visitor)
        irq.describeState(&visitor)
        fiq.describeState(&visitor)
        virtual.describeState(&visitor)
    }
}
