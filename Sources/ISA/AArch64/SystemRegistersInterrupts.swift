import ISA

/// Access to a GICv3's CPU interface (Arm IHI 0069, 12.2 and 12.4): who may, and whether EL1 reaches the physical or the
/// virtual one. The registers themselves are the interrupt controller's.
///
/// There is no other way to the CPU interface: ICC_SRE_ELx.SRE is 1 and so is ICC_SRE_EL2.Enable, for good, and the traps
/// that they are for never happen.
extension AArch64.ProcessingElement {
    private typealias Hypervisor = AArch64.HypervisorConfiguration

    /// Bits of ICH_HCR_EL2.
    private enum Virtual {
        static let tc: UInt64 = 1 << 10
        static let tall0: UInt64 = 1 << 11
        static let tall1: UInt64 = 1 << 12
        static let tdir: UInt64 = 1 << 14
        static let traps = tc | tall0 | tall1 | tdir
    }

    /// The conditions of the registers' accessor pseudocode.
    func checkInterruptController(
        _ control: AArch64.SystemRegister.Control, _ access: AArch64.SystemAccess
    ) throws(Fault) {
        guard level == 1, isEL2Enabled else { return try checkMonitorInterrupts(control, access) }
        let virtual = state.pointee.ichHCR
        let isTrapped =
            switch control {
            case .interruptsCommon: virtual & Virtual.tc != 0
            case .interruptsGroup0: virtual & Virtual.tall0 != 0
            case .interruptsGroup1: virtual & Virtual.tall1 != 0
            case .interruptsDeactivate: virtual & (Virtual.tc | Virtual.tdir) != 0
            // A guest's are for EL2 to send.
            case .interruptsGenerate: virtual & Virtual.tc != 0 || isVirtual(Hypervisor.imo | Hypervisor.fmo)
            default: false
            }
        if isTrapped { throw systemTrap(access, toLevel: 2) }
        try checkMonitorInterrupts(control, access)
    }

    /// SCR_EL3.IRQ and FIQ: interrupts that are EL3's are nobody else's to handle, but for a guest's own.
    private func checkMonitorInterrupts(
        _ control: AArch64.SystemRegister.Control, _ access: AArch64.SystemAccess
    ) throws(Fault) {
        guard hasEL3, level < 3 else { return }
        typealias Monitor = AArch64.SecureConfiguration
        let (own, routes): (UInt64, UInt64) =
            switch control {
            case .interruptsGroup0: (Hypervisor.fmo, Monitor.fiq)
            case .interruptsGroup1: (Hypervisor.imo, Monitor.irq)
            default: (Hypervisor.imo | Hypervisor.fmo, Monitor.irq | Monitor.fiq)
            }
        if !isVirtual(own), state.pointee.scr & routes == routes { throw systemTrap(access, toLevel: 3) }
    }

    /// EL1 has the virtual interface in place of the physical one, for interrupts that HCR_EL2 routes to EL2.
    private func isVirtual(_ routes: UInt64) -> Bool { level == 1 && hypervisorConfiguration & routes != 0 }

    /// Whether an encoding is ICV_*: registers of group 0 by FMO, of group 1 by IMO, and common ones by either.
    private func isVirtual(_ register: AArch64.InterfaceRegister) -> Bool {
        switch register {
        case .iar0, .eoir0, .hppir0, .bpr0, .ap0r0, .igrpen0: isVirtual(Hypervisor.fmo)
        case .iar1, .eoir1, .hppir1, .bpr1, .ap1r0, .igrpen1: isVirtual(Hypervisor.imo)
        case .pmr, .ctlr, .dir, .rpr, .sgi0r, .sgi1r, .asgi1r: isVirtual(Hypervisor.imo | Hypervisor.fmo)
        }
    }

    // MARK: Registers

    /// - Parameter number: CRm and op2.
    func readInterruptInterface(_ number: UInt8) -> UInt64 {
        guard let interruptInterface, let register = AArch64.InterfaceRegister(rawValue: number) else { return 0 }
        return interruptInterface.with {
            if hasEL3 { $0.interface.enter(interfaceSecurity) }
            return isVirtual(register) ? $0.interface.readVirtual(register) : $0.interface.read(register)
        }
    }

    func writeInterruptInterface(_ number: UInt8, _ value: UInt64) {
        guard let interruptInterface, let register = AArch64.InterfaceRegister(rawValue: number) else { return }
        interruptInterface.with {
            if hasEL3 { $0.interface.enter(interfaceSecurity) }
            if isVirtual(register) {
                $0.interface.writeVirtual(register, value)
            } else {
                $0.interface.write(register, value)
            }
        }
    }

    private var interfaceSecurity: AArch64.InterfaceSecurity {
        typealias Monitor = AArch64.SecureConfiguration
        let configuration = state.pointee.scr
        return AArch64.InterfaceSecurity(
            isEL3: level == 3, isSecureBelowEL3: isSecureBelowEL3, fiqsAreEL3s: configuration & Monitor.fiq != 0,
            irqsAreEL3s: configuration & Monitor.irq != 0)
    }

    // MARK: Translated code

    /// Whether an MRS or MSR of code that is recorded is of a register of the interface, and the level may access that. What
    /// else may forbid it, or have something virtual in its place, is looked at by each access.
    func isInterruptInterface(_ operands: Operands, isRead: Bool) -> Bool {
        guard level != 0, !isNested, !hasEL3 else { return false }
        let entry = registers.entries + Int(registers.places[Int(operands.immediateBits & 0x7fff)])
        guard entry.pointee.computed == .interruptInterface else { return false }
        return level >= Int(isRead ? entry.pointee.readLevel : entry.pointee.writeLevel)
    }

    /// Nothing traps the access, and no register is virtual.
    @inline(__always)
    private var hasPhysicalInterface: Bool {
        let (routes, traps) = (
            state.pointee.hcr & (Hypervisor.imo | Hypervisor.fmo), state.pointee.ichHCR & Virtual.traps
        )
        return level == 2 || routes | traps == 0
    }

    /// ``readSystemRegister(_:target:)`` of such a register.
    @inline(__always)
    func readInterruptInterface(key: UInt64, target: UInt64) throws(Fault) -> UInt64 {
        guard hasPhysicalInterface, let interruptInterface,
            let register = AArch64.InterfaceRegister(rawValue: UInt8(truncatingIfNeeded: key & 0x7f))
        else {
            return try readSystemRegister(
                UInt16(truncatingIfNeeded: key & 0x7fff), target: UInt8(truncatingIfNeeded: target))
        }
        return interruptInterface.with { $0.interface.read(register) }
    }

    /// ``writeSystemRegister(_:_:target:)`` of such a register.
    /// - Parameter key: with the general-purpose register above it.
    @inline(__always)
    func writeInterruptInterface(key: UInt64, _ value: UInt64) throws(Fault) {
        guard hasPhysicalInterface, let interruptInterface,
            let register = AArch64.InterfaceRegister(rawValue: UInt8(truncatingIfNeeded: key & 0x7f))
        else {
            return try writeSystemRegister(
                UInt16(truncatingIfNeeded: key & 0x7fff), value, target: UInt8(truncatingIfNeeded: key >> 16))
        }
        interruptInterface.with { $0.interface.write(register, value) }
    }

    func readInterruptMonitor(_ number: UInt8) -> UInt64 {
        guard let register = AArch64.MonitorInterfaceRegister(rawValue: number) else { return 0 }
        return interruptInterface?.with { $0.interface.read(register) } ?? 0
    }

    func writeInterruptMonitor(_ number: UInt8, _ value: UInt64) {
        guard let register = AArch64.MonitorInterfaceRegister(rawValue: number) else { return }
        interruptInterface?.with { $0.interface.write(register, value) }
    }

    func readInterruptHypervisor(_ number: UInt8) -> UInt64 {
        guard let register = AArch64.HypervisorInterfaceRegister(rawValue: number) else { return 0 }
        return interruptInterface?.with { $0.interface.read(register) } ?? 0
    }

    func writeInterruptHypervisor(_ number: UInt8, _ value: UInt64) {
        guard let register = AArch64.HypervisorInterfaceRegister(rawValue: number) else { return }
        if register == .hcr { state.pointee.ichHCR = value }
        interruptInterface?.with { $0.interface.write(register, value) }
    }
}

/// MRS and MSR of the interface's registers in translated code, for which no table is asked what they are.
extension AArch64 {
    static func readInterruptInterface(_ e: inout Recorder, _ i: Operands) {
        let number = e.constant(i.immediateBits)
        let target = e.constant(target(i))
        let value = e.call(Helper.readInterruptInterface.identifier, number, target)
        e.setRegister(i.rd, value)
    }

    static func writeInterruptInterface(_ e: inout Recorder, _ i: Operands) {
        let number = e.constant(i.immediateBits | target(i) &<< 16)
        let value = e.register(i.rd)
        _ = e.call(Helper.writeInterruptInterface.identifier, number, value)
    }
}
