/// The CPU interface of a GICv3, which a PE reaches by system registers (IHI 0069, 12.2).
///
/// The PE decides what an access means: whether it is UNDEFINED or trapped (ICC_SRE_ELx, HCR_EL2, ICH_HCR_EL2), and
/// whether an encoding of EL1 is the physical interface's register, ICC_*, or the virtual one's, ICV_* (HCR_EL2.FMO and
/// IMO). ICC_SRE_ELx are the PE's own, and constant: there is nothing but system registers. The interface does the rest,
/// and sets the PE's interrupt wires.
public protocol InterruptControllerInterface: AnyObject {
    /// Who makes the next accesses, where there is EL3. Without it nobody says.
    func enter(_ security: AArch64.InterfaceSecurity)
    /// Reads and writes ICC_*_EL3.
    func read(_ register: AArch64.MonitorInterfaceRegister) -> UInt64
    func write(_ register: AArch64.MonitorInterfaceRegister, _ value: UInt64)
    /// Reads ICC_*. Registers that can only be written read zero, for the PE does not let anyone read them.
    func read(_ register: AArch64.InterfaceRegister) -> UInt64
    /// Writes ICC_*.
    func write(_ register: AArch64.InterfaceRegister, _ value: UInt64)
    /// Reads ICV_*. SGI registers have no virtual twin: a hypervisor traps them.
    func readVirtual(_ register: AArch64.InterfaceRegister) -> UInt64
    /// Writes ICV_*.
    func writeVirtual(_ register: AArch64.InterfaceRegister, _ value: UInt64)
    /// Reads ICH_*.
    func read(_ register: AArch64.HypervisorInterfaceRegister) -> UInt64
    /// Writes ICH_*.
    func write(_ register: AArch64.HypervisorInterfaceRegister, _ value: UInt64)
}

extension InterruptControllerInterface {
    public func enter(_ security: AArch64.InterfaceSecurity) {}
    public func read(_ register: AArch64.MonitorInterfaceRegister) -> UInt64 { 0 }
    public func write(_ register: AArch64.MonitorInterfaceRegister, _ value: UInt64) {}
}

extension AArch64 {
    /// What a PE holds its CPU interface by: no reference is counted for calls of what a class has as a constant.
    final class InterruptConnection {
        let interface: any InterruptControllerInterface
        init(_ interface: any InterruptControllerInterface) { self.interface = interface }
    }

    /// ICC_* and ICV_*, named without their beginning and `_EL1`. A value is CRm and op2 of the encoding, in the space of
    /// op0 3, op1 0 and CRn 12, or CRn 4 for ``pmr``. Encodings that are not here do not exist: priorities of five bits
    /// need one Active Priorities Register for each group.
    public enum InterfaceRegister: UInt8, CaseIterable, Sendable {
        case pmr = 0o60
        case iar0 = 0o100, eoir0, hppir0, bpr0, ap0r0
        case ap1r0 = 0o110
        case dir = 0o131, rpr = 0o133, sgi1r = 0o135, asgi1r, sgi0r
        case iar1 = 0o140, eoir1, hppir1, bpr1, ctlr, igrpen0 = 0o146, igrpen1
    }

    /// Who accesses a CPU interface of a PE with EL3.
    public struct InterfaceSecurity: Equatable, Sendable {
        public var isEL3: Bool
        /// EL0 to EL2 are in Secure state (SCR_EL3.NS is 0): banked registers are that state's, at EL3 too.
        public var isSecureBelowEL3: Bool
        /// SCR_EL3.FIQ and IRQ: what is an FIQ, or an IRQ, below EL3 is EL3's.
        public var fiqsAreEL3s: Bool
        public var irqsAreEL3s: Bool

        public init(isEL3: Bool, isSecureBelowEL3: Bool, fiqsAreEL3s: Bool = false, irqsAreEL3s: Bool = false) {
            self.isEL3 = isEL3
            self.isSecureBelowEL3 = isSecureBelowEL3
            self.fiqsAreEL3s = fiqsAreEL3s
            self.irqsAreEL3s = irqsAreEL3s
        }

        /// The access is Secure, as all of EL3's are.
        public var isSecure: Bool { isEL3 || isSecureBelowEL3 }
    }

    /// ICC_*_EL3; a value is CRm and op2 of the encoding, in the space of op0 3, op1 6 and CRn 12.
    public enum MonitorInterfaceRegister: UInt8, CaseIterable, Sendable {
        case ctlr = 0o144, igrpen1 = 0o147
    }

    /// ICH_*, named without `_EL2`; a value is CRm and op2 of the encoding, in the space of op0 3, op1 4 and CRn 12.
    public enum HypervisorInterfaceRegister: UInt8, CaseIterable, Sendable {
        case ap0r0 = 0o100
        case ap1r0 = 0o110
        case hcr = 0o130, vtr, misr, eisr, elrsr = 0o135, vmcr = 0o137
        case lr0 = 0o140, lr1, lr2, lr3
    }
}
