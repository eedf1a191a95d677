import ISA

/// Debug's registers that are more than bits (D2, D19.4): the OS Lock.
extension AArch64.ProcessingElement {
    /// OSLAR_EL1: the one bit of it.
    func setOSLock(_ value: UInt64) {
        state.pointee.osLock = value & 1 != 0
        debugChanged()
    }

    /// DBGAUTHSTATUS_EL1: debug is there and not allowed, in Non-secure state (NSID, NSNID), and where there is such a
    /// state in Secure state (SID, SNID).
    var debugAuthentication: UInt64 { hasEL3 ? 0xaa : 0xa }

    /// OSLSR_EL1: OSLM says that the lock is there (0b10, in bits 3 and 0), and OSLK whether it is set.
    var osLockStatus: UInt64 { 1 << 3 | (state.pointee.osLock ? 1 << 1 : 0) }
}
