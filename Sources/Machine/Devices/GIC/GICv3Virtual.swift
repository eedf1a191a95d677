import AArch64ISA
import ISA

/// The virtual CPU interface of one CPU of a GICv3: ICV_* for the virtual machine that the CPU runs, whose interrupts are
/// in the List registers, and ICH_* for its hypervisor.
///
/// IHI 0069H, chapter 6 and sections 12.3 and 12.4. Four List registers and five bits of priority.
final class GICv3VirtualInterface {
    typealias Register = AArch64.InterfaceRegister
    typealias HypervisorRegister = AArch64.HypervisorInterfaceRegister

    private static let listCount = ListRegisters<GICv3ListRegister>.count

    /// ICH_VTR_EL2: TDS, nV4, A3V, INTIDs of 24 bits; bits of priority and of preemption, List registers.
    private static let type: UInt64 = {
        let bits = UInt64(GICv3InterfaceRegisters.priorityBits - 1)
        return bits << 29 | bits << 26 | 1 << 23 | 1 << 21 | 1 << 20 | 1 << 19 | UInt64(listCount - 1)
    }()

    /// EOIcount, TDIR, TSEI, TALL1, TALL0, TC, and the enables of ICH_HCR_EL2.
    private static let writableControl: UInt64 = 0xf800_7cff

    /// The Redistributor has its interfaces.
    var redistributor: Uncounted<GICv3Redistributor>!
    private let irq: InterruptLine
    private let fiq: InterruptLine
    private let maintenance: InterruptLine

    private var control = HypervisorControl(rawValue: 0)
    private var lists = ListRegisters<GICv3ListRegister>()
    private var registers = GICv3InterfaceRegisters()
    private var pending = PendingInterrupt.none
    /// Told of each virtual INTID that is acknowledged; nil where nobody asks.
    var acknowledged: ((UInt32) -> Void)?

    init(irq: InterruptLine, fiq: InterruptLine, maintenance: InterruptLine) {
        self.irq = irq
        self.fiq = fiq
        self.maintenance = maintenance
    }

    func reset() {
        control = HypervisorControl(rawValue: 0)
        lists.reset()
        registers.reset()
        update()
    }

    // MARK: Signals

    /// Looks anew for what is pending. List registers of groups that the virtual machine disables are passed over.
    private func update() {
        pending = lists.highestPending { registers.isEnabled($0.group) }
        signal()
        maintenance.set(control.isEnabled && maintenanceStatus.rawValue != 0)
    }

    private func signal() {
        let isSignalled = isSignalled
        irq.set(isSignalled && pending.group == .one)
        fiq.set(isSignalled && pending.group == .zero)
    }

    private var isSignalled: Bool { control.isEnabled && registers.priorities.suffices(pending) }

    private var maintenanceStatus: MaintenanceStatus {
        lists.maintenanceStatus(
            control, enablesGroup0: registers.enablesGroup0, enablesGroup1: registers.enablesGroup1)
    }

    // MARK: Acknowledge and end

    /// ICV_IAR0_EL1, ICV_IAR1_EL1.
    private func acknowledge(_ group: InterruptGroup) -> UInt64 {
        guard isSignalled, pending.group == group, let index = lists.index(pending.intid, { $0 == .pending }) else {
            return UInt64(SpecialINTID.spurious)
        }
        registers.priorities.activate(pending)
        // LPIs are never active.
        lists[index].state = pending.intid >= GICv3LPIs.first ? .invalid : .active
        update()
        acknowledged?(UInt32(lists[index].virtualID))
        return UInt64(lists[index].virtualID)
    }

    /// ICV_HPPIR0_EL1, ICV_HPPIR1_EL1.
    private func highestPending(_ group: InterruptGroup) -> UInt64 {
        UInt64(control.isEnabled && pending.group == group ? pending.intid : SpecialINTID.spurious)
    }

    /// ICV_EOIR0_EL1, ICV_EOIR1_EL1: the highest active priority is dropped, whatever its group, and the interrupt is
    /// deactivated if that was its own. Without a List register the end is counted (ICH_HCR_EL2.EOIcount).
    private func end(_ value: UInt64, _ group: InterruptGroup) {
        let intid = UInt32(value & 0xff_ffff)
        guard !SpecialINTID.range.contains(intid), let running = registers.priorities.runningGroup else { return }
        let dropped = registers.priorities.running
        registers.priorities.drop(running)
        if !registers.dropsPriorityOnly, intid < GICv3LPIs.first {
            if let index = lists.index(intid, \.isActive) {
                let list = lists[index]
                if list.group == group, registers.priorities.groupPriority(list.priority, group) == dropped {
                    deactivate(index)
                }
            } else {
                control.endCount += 1
            }
        }
        update()
    }

    /// ICV_DIR_EL1, which means nothing without VEOIM, nor for LPIs.
    private func deactivate(intid: UInt32) {
        guard registers.dropsPriorityOnly, !SpecialINTID.range.contains(intid), intid < GICv3LPIs.first else { return }
        if let index = lists.index(intid, \.isActive) {
            deactivate(index)
        } else {
            control.endCount += 1
        }
        update()
    }

    /// Ends the activity of a List register's interrupt, and with it of the physical interrupt it stands for.
    private func deactivate(_ index: Int) {
        lists[index].state = lists[index].state == .active ? .invalid : .pending
        let list = lists[index]
        if list.isHardware { redistributor.with { $0.deactivate(list.physicalID) } }
    }

    // MARK: ICV_*

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
        case .dir: deactivate(intid: UInt32(value & 0xff_ffff))
        default:
            registers.write(register, value)
            update()
        }
    }

    // MARK: ICH_*

    func read(_ register: HypervisorRegister) -> UInt64 {
        switch register {
        case .ap0r0: return registers.read(.ap0r0)
        case .ap1r0: return registers.read(.ap1r0)
        case .hcr: return UInt64(control.rawValue)
        case .vtr: return Self.type
        case .misr: return UInt64(maintenanceStatus.rawValue)
        case .eisr: return UInt64(lists.endStatus)
        case .elrsr: return UInt64(lists.emptyStatus)
        case .vmcr: return virtualMachineControl
        case .lr0: return lists[0].rawValue
        case .lr1: return lists[1].rawValue
        case .lr2: return lists[2].rawValue
        case .lr3: return lists[3].rawValue
        }
    }

    func write(_ register: HypervisorRegister, _ value: UInt64) {
        switch register {
        case .ap0r0: registers.write(.ap0r0, value)
        case .ap1r0: registers.write(.ap1r0, value)
        case .hcr: control = HypervisorControl(rawValue: UInt32(value & Self.writableControl))
        case .vmcr: virtualMachineControl = value
        case .lr0: lists[0] = GICv3ListRegister(rawValue: value)
        case .lr1: lists[1] = GICv3ListRegister(rawValue: value)
        case .lr2: lists[2] = GICv3ListRegister(rawValue: value)
        case .lr3: lists[3] = GICv3ListRegister(rawValue: value)
        case .vtr, .misr, .eisr, .elrsr: return
        }
        update()
    }

    /// ICH_VMCR_EL2, the hypervisor's view of what the virtual machine has written. VFIQEn is always set and VAckCtl never,
    /// since there are only system registers.
    private var virtualMachineControl: UInt64 {
        get {
            let priorities = registers.priorities
            var value = UInt64(priorities.mask) << 24 | UInt64(priorities.binaryPoint) << 21
            value |= UInt64(priorities.group1BinaryPoint) << 18 | 1 << 3
            if registers.enablesGroup0 { value |= 1 << 0 }
            if registers.enablesGroup1 { value |= 1 << 1 }
            if priorities.hasCommonBinaryPoint { value |= 1 << 4 }
            if registers.dropsPriorityOnly { value |= 1 << 9 }
            return value
        }
        set {
            registers.enablesGroup0 = newValue & 1 << 0 != 0
            registers.enablesGroup1 = newValue & 1 << 1 != 0
            registers.priorities.hasCommonBinaryPoint = newValue & 1 << 4 != 0
            registers.dropsPriorityOnly = newValue & 1 << 9 != 0
            registers.priorities.setGroup1BinaryPoint(newValue >> 18)
            registers.priorities.setBinaryPoint(newValue >> 21)
            registers.priorities.setMask(newValue >> 24)
        }
    }

    // MARK: State

    func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("hcr", &control.rawValue)
        for index in 0..<Self.listCount {
            var value = lists[index].rawValue
            visitor.field("list register", &value)
            lists[index] = GICv3ListRegister(rawValue: value)
        }
        registers.describeState(&visitor)
        pending.describeState(&visitor)
        irq.describeState(&visitor)
        fiq.describeState(&visitor)
        maintenance.describeState(&visitor)
    }
}

/// ICH_LR<n>_EL2.
private struct GICv3ListRegister: ListRegister {
    /// All but what is reserved, and priority bits that are not implemented.
    private static let writable: UInt64 = 0xf0f8_1fff_ffff_ffff

    private(set) var rawValue: UInt64 = 0

    init() {}

    init(rawValue: UInt64) { self.rawValue = rawValue & Self.writable }

    var virtualID: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    var physicalID: UInt32 { UInt32(rawValue >> 32 & 0x1fff) }
    var priority: UInt16 { UInt16(rawValue >> 48 & 0xff) }
    var state: ListRegisterState {
        get { ListRegisterState(rawValue: UInt32(rawValue >> 62))! }
        set { rawValue = rawValue.replacing(at: 62, bits: 2, with: UInt64(newValue.rawValue)) }
    }
    var group: InterruptGroup { rawValue >> 60 & 1 == 0 ? .zero : .one }
    var isHardware: Bool { rawValue >> 61 & 1 != 0 }
    var asksForMaintenance: Bool { !isHardware && rawValue >> 41 & 1 != 0 }
}
