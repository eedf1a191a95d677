/// PSCI and the SMC Calling Convention as guests find them, by HVC or SMC (DEN0022, DEN0028): the function in w0, arguments
/// from x1, the answer in x0.
enum Hypercalls {
    private enum Function {
        static let conventionVersion: UInt64 = 0x8000_0000, conventionFeatures: UInt64 = 0x8000_0001
        static let version: UInt64 = 0x8400_0000, suspend: UInt64 = 0x8400_0001, off: UInt64 = 0x8400_0002
        static let on: UInt64 = 0x8400_0003, affinityInformation: UInt64 = 0x8400_0004
        static let migrateInformation: UInt64 = 0x8400_0006
        static let systemOff: UInt64 = 0x8400_0008, systemReset: UInt64 = 0x8400_0009, features: UInt64 = 0x8400_000a
        static let systemReset2: UInt64 = 0x8400_0012
        /// The same with 64-bit arguments.
        static let wide: UInt64 = 0x4000_0000
    }

    private static let success: Int64 = 0, notSupported: Int64 = -1, invalidParameters: Int64 = -2,
        alreadyOn: Int64 = -4
    private static let version: Int64 = 0x1_0001

    @inline(__always)
    static func handle(_ vcpu: VCPUReference) {
        let state = vcpu.state
        let function = state.pointee[0] & 0xffff_ffff
        if function == Function.version { return answer(state, version) }
        handleOthers(vcpu, state, function)
    }

    @inline(__always)
    private static func answer(_ state: UnsafeMutablePointer<AArch64VCPUState>, _ value: Int64) {
        state.pointee[0] = UInt64(bitPattern: value)
    }

    @inline(never)
    private static func handleOthers(
        _ vcpu: VCPUReference, _ state: UnsafeMutablePointer<AArch64VCPUState>, _ function: UInt64
    ) {
        // It does not return: before anything is held.
        if function == Function.off { vcpu.stop() }
        let guest = vcpu.pointee.guest.takeUnretainedValue()
        switch function {
        case Function.conventionVersion: answer(state, 0x1_0001)
        case Function.conventionFeatures: answer(state, notSupported)
        case Function.suspend, Function.suspend | Function.wide: suspend(vcpu, state)
        case Function.on, Function.on | Function.wide:
            let arguments = self.arguments(state, function)
            answer(state, start(guest, arguments))
        case Function.affinityInformation, Function.affinityInformation | Function.wide:
            let off: Int64 = 1, on: Int64 = 0
            let arguments = self.arguments(state, function)
            guard arguments.1 == 0, let target = target(guest, arguments.0) else {
                return answer(state, invalidParameters)
            }
            answer(state, target.pointee.isStarted ? on : off)
        case Function.migrateInformation:
            let isNotNeeded: Int64 = 2
            answer(state, isNotNeeded)
        case Function.systemOff: guest.halt("powered off by its own request")
        case Function.systemReset: guest.requestReset()
        case Function.systemReset2, Function.systemReset2 | Function.wide:
            let warmReset: UInt64 = 0
            guard state.pointee[1] & 0xffff_ffff == warmReset else { return answer(state, invalidParameters) }
            guest.requestReset()
        case Function.features: answer(state, isPresent(state.pointee[1] & 0xffff_ffff) ? success : notSupported)
        default: answer(state, notSupported)
        }
    }

    private static func arguments(
        _ state: UnsafeMutablePointer<AArch64VCPUState>, _ function: UInt64
    ) -> (UInt64, UInt64, UInt64) {
        let mask: UInt64 = function & Function.wide != 0 ? .max : 0xffff_ffff
        return (state.pointee[1] & mask, state.pointee[2] & mask, state.pointee[3] & mask)
    }

    private static func isPresent(_ function: UInt64) -> Bool {
        switch function & ~Function.wide {
        case Function.suspend, Function.on, Function.affinityInformation, Function.systemReset2: true
        case Function.conventionVersion, Function.version, Function.off, Function.migrateInformation,
            Function.systemOff, Function.systemReset, Function.features:
            function & Function.wide == 0
        default: false
        }
    }

    /// The VCPU of an affinity: guests have them in one cluster.
    private static func target(_ guest: Guest, _ affinity: UInt64) -> VCPUReference? {
        affinity < UInt64(guest.vcpus.count) ? guest.vcpus[Int(affinity)] : nil
    }

    private static func start(_ guest: Guest, _ arguments: (affinity: UInt64, entry: UInt64, context: UInt64)) -> Int64
    {
        guard let target = target(guest, arguments.affinity) else { return invalidParameters }
        return target.start(entry: arguments.entry, argument: arguments.context) ? success : alreadyOn
    }

    /// Suspends the CPU until it has an interrupt (5.4). A power-down that is asked for may be a standby, too, from which the
    /// call returns.
    private static func suspend(_ vcpu: VCPUReference, _ state: UnsafeMutablePointer<AArch64VCPUState>) {
        answer(state, success)
        vcpu.waitForInterrupt()
    }
}
