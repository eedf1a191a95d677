/// The CPU interface of a GICv3, which a PE reaches by system registers (IHI 0069, 12.2).
///
/// The PE decides what an access means: whether it is UNDEFINED or trapped (ICC_SRE_ELx, HCR_EL2, ICH_HCR_EL2), and
/// whether an encoding of EL1 is the physical interface's register, ICC_*, or the virtual one's, ICV_* (HCR_EL2.FMO and
/// IMO). ICC_SRE_ELx are the PE's own, and constant: there is nothing but system registers. The interface does the rest,
/// and sets the PE's interrupt wires.
public protocol InterruptControllerInterface: AnyObject {
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

    /// ICH_*, named without `_EL2`; a value is CRm and op2 of the encoding, in the space of op0 3, op1 4 and CRn 12.
    public enum HypervisorInterfaceRegister: UInt8, CaseIterable, Sendable {
        case ap0r0 = 0o100
        case ap1r0 = 0o110
        case hcr = 0o130, vtr, misr, eisr, elrsr = 0o135, vmcr = 0o137
        case lr0 = 0o140, lr1, lr2, lr3
    }
}
