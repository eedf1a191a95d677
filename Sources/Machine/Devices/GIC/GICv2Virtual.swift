import ISA

/// The virtual interface control of one CPU, GICH: the List registers, from which the virtual machine that the CPU runs
/// has its interrupts.
///
/// "ARM Generic Interrupt Controller Architecture Specification", version 2.0, IHI 0048B, chapter 5. Four List registers
/// and five bits of priority, as a GIC-400 has them.
final class GICv2VirtualControl: BankedRegisters, GICv2InterruptSource {
    /// Offsets (table 5-3).
    enum Register: UInt64 {
        case hypervisorControl = 0x00
        case type = 0x04
        case virtualMachineControl = 0x08
        case maintenanceStatus = 0x10
        case endStatus = 0x20
        case emptyStatus = 0x30
        case activePriorities = 0xf0
        case list = 0x100
    }

    private static let listCount = ListRegisters<GICv2ListRegister>.count
    /// INTID of the maintenance interrupt, a PPI.
    static let maintenanceINTID = 25
    private static let priorityBits: UInt8 = 5
    /// EOICount, and the enables of GICH_HCR.
    private static let writableControl: UInt32 = 0xf800_00ff

    private let distributor: GICv2Distributor
    private let cpu: Int
    private let maintenance: InterruptLine
    /// GICV, the CPU interface that the virtual machine sees. It holds this, which does not hold it.
    private var interface: Uncounted<GICv2CPUInterface>!

    private var control = HypervisorControl(rawValue: 0)
    private var lists = ListRegisters<GICv2ListRegister>()

    init(distributor: GICv2Distributor, cpu: Int, maintenance: InterruptLine) {
        self.distributor = distributor
        self.cpu = cpu
        self.maintenance = maintenance
    }

    /// Makes the interface, of which there is one. - Precondition: it outlives every use of this.
    func makeInterface(irq: InterruptLine, fiq: InterruptLine) -> GICv2CPUInterface {
        let interface = GICv2CPUInterface(
            source: self, cpu: cpu, irq: irq, fiq: fiq,
            priorities: InterruptPriorities(bits: Self.priorityBits, hasSharedActivePriorities: true))
        self.interface = Uncounted(interface)
        update()
        return interface
    }

    func reset() {
        control = HypervisorControl(rawValue: 0)
        lists.reset()
        update()
    }

    // MARK: Signals

    /// States anew what is pending for the virtual machine.
    private func update() {
        interface.with { $0.setPending(lists.highestPending(), isEnabled: control.isEnabled) }
        updateMaintenance()
    }

    private func updateMaintenance() {
        maintenance.set(control.isEnabled && !maintenanceStatus.isEmpty)
    }

    /// GICH_MISR (5.3.5).
    private var maintenanceStatus: MaintenanceStatus {
        let groups = interface.with { $0.control }
        return lists.maintenanceStatus(
            control, enablesGroup0: groups.contains(.enableGroup0), enablesGroup1: groups.contains(.enableGroup1))
    }

    // MARK: What the virtual CPU interface asks for

    func identifier(_ interrupt: PendingInterrupt, _ cpu: Int) -> UInt32 {
        lists.index(interrupt.intid, { $0 == .pending }).map { lists[$0].identifier } ?? SpecialINTID.spurious
    }

    func acknowledge(_ interrupt: PendingInterrupt, _ cpu: Int) -> UInt32 {
        guard let index = lists.index(interrupt.intid, { $0 == .pending }) else { return SpecialINTID.spurious }
        lists[index].state = .active
        update()
        return lists[index].identifier
    }

    /// One without a List register may be ended as of either group: both have one Active Priorities Register.
    func group(_ intid: UInt32, _ cpu: Int) -> InterruptGroup? {
        lists.index(intid, \.isActive).map { lists[$0].group } ?? .one
    }

    /// Ends the interrupt in its List register, and with it the physical interrupt it stands for. Without one the end is
    /// counted, if it was an end of anything (5.3.2, EOICount).
    func deactivate(_ intid: UInt32, _ cpu: Int, isAnyActive: Bool) {
        if let index = lists.index(intid, \.isActive) {
            lists[index].state = lists[index].state == .active ? .invalid : .pending
            if lists[index].isHardware {
                distributor.deactivate(lists[index].physicalID, self.cpu, isAnyActive: true)
            }
        } else if isAnyActive {
            control.endCount += 1
        }
        update()
    }

    func interfaceChanged() { updateMaintenance() }

    // MARK: Registers

    func read(_ offset: UInt64) -> UInt32 {
        switch Register(rawValue: offset) {
        case .hypervisorControl: return control.rawValue
        case .type:
            let bits = UInt32(Self.priorityBits - 1)
            return bits << 29 | bits << 26 | UInt32(Self.listCount - 1)
        case .virtualMachineControl: return virtualMachineControl
        case .maintenanceStatus: return maintenanceStatus.rawValue
        case .endStatus: return lists.endStatus
        case .emptyStatus: return lists.emptyStatus
        case .activePriorities: return interface.with { $0.priorities.activeWord(0, .zero) }
        case .list, nil: return listIndex(offset).map { lists[$0].rawValue } ?? 0
        }
    }

    func write(_ offset: UInt64, _ value: UInt32) {
        switch Register(rawValue: offset) {
        case .hypervisorControl: control = HypervisorControl(rawValue: value & Self.writableControl)
        case .virtualMachineControl: setVirtualMachineControl(value)
        case .activePriorities: interface.with { $0.setActivePriorities(value) }
        case .type, .maintenanceStatus, .endStatus, .emptyStatus: return
        case .list, nil:
            guard let index = listIndex(offset) else { return }
            lists[index] = GICv2ListRegister(rawValue: value)
        }
        update()
    }

    private func listIndex(_ offset: UInt64) -> Int? {
        guard offset >= Register.list.rawValue else { return nil }
        let index = (offset - Register.list.rawValue) / 4
        return index < Self.listCount ? Int(index) : nil
    }

    /// GICH_VMCR, the hypervisor's view of what the virtual machine has written to GICV (5.3.4).
    private var virtualMachineControl: UInt32 {
        interface.with {
            $0.control.rawValue | UInt32($0.priorities.group1BinaryPoint) << 18
                | UInt32($0.priorities.binaryPoint) << 21 | UInt32($0.priorities.mask >> 3) << 27
        }
    }

    private func setVirtualMachineControl(_ value: UInt32) {
        typealias Register = GICv2CPUInterfaceRegister
        interface.with {
            $0.write(Register.control.rawValue, value)
            $0.write(Register.aliasedBinaryPoint.rawValue, value >> 18 & 7)
            $0.write(Register.binaryPoint.rawValue, value >> 21 & 7)
            $0.write(Register.priorityMask.rawValue, (value >> 27) << 3)
        }
    }

    // MARK: State

    func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("hcr", &control.rawValue)
        for index in 0..<Self.listCount { visitor.field("list register", &lists[index].rawValue) }
        maintenance.describeState(&visitor)
    }
}

/// GICH_LRn (5.3.9).
private struct GICv2ListRegister: ListRegister {
    var rawValue: UInt32 = 0
    var virtualID: UInt32 { rawValue & 0x3ff }
    var physicalID: UInt32 { rawValue >> 10 & 0x3ff }
    var priority: UInt16 { UInt16(rawValue >> 23 & 0x1f) << 3 }
    var state: ListRegisterState {
        get { ListRegisterState(rawValue: rawValue >> 28 & 3)! }
        set { rawValue = rawValue.replacing(at: 28, bits: 2, with: newValue.rawValue) }
    }
    var group: InterruptGroup { rawValue >> 30 & 1 == 0 ? .zero : .one }
    var isHardware: Bool { rawValue >> 31 != 0 }
    var asksForMaintenance: Bool { !isHardware && rawValue >> 19 & 1 != 0 }
    /// What GICV_IAR reads: for an SGI, with the CPU that sent it.
    var identifier: UInt32 { isHardware || virtualID >= 16 ? virtualID : rawValue & 0x1fff }
}
