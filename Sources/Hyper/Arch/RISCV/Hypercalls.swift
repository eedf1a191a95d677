import RISCV

/// The SBI as guests find it (SBI 2.0): extension in a7, function in a6, arguments from a0; error in a0, value in a1.
enum Hypercalls {
    private enum Extension {
        static let setTimer: UInt64 = 0, putCharacter: UInt64 = 1, getCharacter: UInt64 = 2, shutdown: UInt64 = 8
        static let base: UInt64 = 0x10, time: UInt64 = 0x5449_4d45, interrupt: UInt64 = 0x0073_5049
        static let remoteFence: UInt64 = 0x5246_4e43, hartState: UInt64 = 0x48_534d, reset: UInt64 = 0x5352_5354
        static let console: UInt64 = 0x4442_434e
    }

    private static let notSupported: Int64 = -2, invalidParameter: Int64 = -3, alreadyAvailable: Int64 = -6
    /// "HYPR", which nobody has registered.
    private static let implementation: UInt64 = 0x4859_5052

    @inline(__always)
    static func handle(_ vcpu: VCPUReference) {
        let state = vcpu.state
        state.pointee.programCounter &+= 4
        let number = state.pointee[17]
        if number == Extension.time {
            guard state.pointee[16] == 0 else { return answer(state, notSupported) }
            GuestTimer.set(vcpu, state.pointee[10])
            return answer(state, 0)
        }
        if number == Extension.base { return base(state) }
        handleOthers(vcpu, state, number)
    }

    @inline(__always)
    private static func answer(_ state: UnsafeMutablePointer<RISCVVCPUState>, _ error: Int64, _ value: UInt64 = 0) {
        state.pointee[10] = UInt64(bitPattern: error)
        state.pointee[11] = value
    }

    private static func base(_ state: UnsafeMutablePointer<RISCVVCPUState>) {
        switch state.pointee[16] {
        case 0: answer(state, 0, 2 << 24)  // version 2.0
        case 1: answer(state, 0, implementation)
        case 2: answer(state, 0, 1)
        case 3: answer(state, 0, isPresent(state.pointee[10]) ? 1 : 0)
        case 4, 5, 6: answer(state, 0, 0)
        default: answer(state, notSupported)
        }
    }

    private static func isPresent(_ number: UInt64) -> Bool {
        switch number {
        case Extension.setTimer, Extension.putCharacter, Extension.getCharacter, Extension.shutdown, Extension.base,
            Extension.time, Extension.interrupt, Extension.remoteFence, Extension.hartState, Extension.reset,
            Extension.console:
            true
        default: false
        }
    }

    private static func handleOthers(
        _ vcpu: VCPUReference, _ state: UnsafeMutablePointer<RISCVVCPUState>, _ number: UInt64
    ) {
        // It does not return: before anything is held.
        let stop: UInt64 = 1
        if number == Extension.hartState, state.pointee[16] == stop { vcpu.stop() }
        let guest = vcpu.pointee.guest.takeUnretainedValue()
        switch number {
        case Extension.interrupt: interrupt(guest, state)
        case Extension.remoteFence: remoteFence(guest, state)
        case Extension.hartState: hartState(vcpu, guest, state)
        case Extension.console: console(guest, state)
        case Extension.reset: reset(guest, state)
        case Extension.setTimer:
            GuestTimer.set(vcpu, state.pointee[10])
            state.pointee[10] = 0
        case Extension.putCharacter:
            guest.console?.write(UInt8(truncatingIfNeeded: state.pointee[10]))
            state.pointee[10] = 0
        case Extension.getCharacter:
            state.pointee[10] = guest.console?.read().map { UInt64($0) } ?? ~0
        case Extension.shutdown: guest.halt("powered off by its own request")
        default: answer(state, notSupported)
        }
    }

    /// System reset (SBI 2.0, chapter 10): the type is in a0. Where it is made, nobody sees an answer.
    private static func reset(_ guest: Guest, _ state: UnsafeMutablePointer<RISCVVCPUState>) {
        let shutdown: UInt64 = 0, coldReboot: UInt64 = 1, warmReboot: UInt64 = 2
        guard state.pointee[16] == 0 else { return answer(state, notSupported) }
        switch state.pointee[10] & 0xffff_ffff {
        case shutdown: guest.halt("powered off by its own request")
        case coldReboot, warmReboot: guest.requestReset()
        default: answer(state, invalidParameter)
        }
    }

    /// Does something for each hart that a mask names (SBI 2.0, 3.2), where a base of all ones means all of them; false,
    /// and nothing is done, where it names one that is not there.
    private static func forEachHart(
        _ guest: Guest, mask: UInt64, base: UInt64, _ body: (VCPUReference) -> Void = { _ in }
    ) -> Bool {
        if base == ~0 {
            for vcpu in guest.vcpus { body(vcpu) }
            return true
        }
        guard mask != 0 else { return true }
        let (last, overflows) = base.addingReportingOverflow(UInt64(63 - mask.leadingZeroBitCount))
        guard !overflows, last < UInt64(guest.vcpus.count) else { return false }
        var rest = mask
        while rest != 0 {
            body(guest.vcpus[Int(base) + rest.trailingZeroBitCount])
            rest &= rest &- 1
        }
        return true
    }

    private static func interrupt(_ guest: Guest, _ state: UnsafeMutablePointer<RISCVVCPUState>) {
        guard state.pointee[16] == 0 else { return answer(state, notSupported) }
        let areThere = forEachHart(guest, mask: state.pointee[10], base: state.pointee[11]) {
            $0.set(line: RISCVPort.line(GuestInterrupt.software), true)
        }
        answer(state, areThere ? 0 : invalidParameter)
    }

    /// Fences that a guest asks for on others of its harts (SBI 2.0, chapter 8) are made for all of the guest, on all of
    /// the host's harts.
    private static func remoteFence(_ guest: Guest, _ state: UnsafeMutablePointer<RISCVVCPUState>) {
        guard state.pointee[16] <= 2 else { return answer(state, notSupported) }
        guard forEachHart(guest, mask: state.pointee[10], base: state.pointee[11]) else {
            return answer(state, invalidParameter)
        }
        fence_instruction()
        hfence_vvma_all()
        if CPUs.count > 1 {
            let remoteInstructionFence: UInt64 = 0, remoteVirtualFence: UInt64 = 6, allHarts = ~UInt64(0)
            if state.pointee[16] == 0 {
                _ = sbi_fence(remoteInstructionFence, 0, allHarts, 0, 0, 0)
            } else {
                _ = sbi_fence(remoteVirtualFence, 0, allHarts, 0, ~0, 0)
            }
        }
        answer(state, 0)
    }

    private static func hartState(
        _ vcpu: VCPUReference, _ guest: Guest, _ state: UnsafeMutablePointer<RISCVVCPUState>
    ) {
        let start: UInt64 = 0, status: UInt64 = 2, suspend: UInt64 = 3
        let (function, number) = (state.pointee[16], state.pointee[10])
        if function == suspend { return self.suspend(vcpu, state) }
        guard function == start || function == status else { return answer(state, notSupported) }
        guard number < UInt64(guest.vcpus.count) else { return answer(state, invalidParameter) }
        let target = guest.vcpus[Int(number)]
        if function == status { return answer(state, 0, target.pointee.isStarted ? 0 : 1) }
        let isStarted = target.start(entry: state.pointee[11], argument: state.pointee[12])
        answer(state, isStarted ? 0 : alreadyAvailable)
    }

    /// Suspends the hart until it has an interrupt (SBI 2.0, 9.4): retentive, and it goes on behind the call; or not, and
    /// it begins anew at an address.
    private static func suspend(_ vcpu: VCPUReference, _ state: UnsafeMutablePointer<RISCVVCPUState>) {
        let retentive: UInt64 = 0, nonRetentive: UInt64 = 0x8000_0000
        let (type, entry, argument) = (state.pointee[10], state.pointee[11], state.pointee[12])
        guard type == retentive || type == nonRetentive else { return answer(state, invalidParameter) }
        answer(state, 0)
        GuestTimer.arm(vcpu)
        vcpu.waitForInterrupt()
        guard type == nonRetentive else { return }
        // As at its start (9.1): translation and interrupts off, a0 its number, a1 the argument.
        csr_write_vsatp(0)
        csr_write_vsstatus(csr_read_vsstatus() & ~2)
        state.pointee[10] = UInt64(vcpu.pointee.index)
        state.pointee[11] = argument
        state.pointee.programCounter = entry
    }

    /// The debug console (SBI 2.0, chapter 12). An address has two halves, of which the upper one is 0 here.
    private static func console(_ guest: Guest, _ state: UnsafeMutablePointer<RISCVVCPUState>) {
        let write: UInt64 = 0, read: UInt64 = 1, writeByte: UInt64 = 2
        let (count, address) = (state.pointee[10], state.pointee[11])
        switch state.pointee[16] {
        case writeByte:
            guest.console?.write(UInt8(truncatingIfNeeded: count))
            answer(state, 0)
        case write:
            let part = min(count, 4096)
            // Fewer than all may be written, too: those that lie side by side.
            guard state.pointee[12] == 0, let bytes = guest.space.piece(address, count: part) else {
                return answer(state, invalidParameter)
            }
            for byte in bytes { guest.console?.write(byte) }
            answer(state, 0, UInt64(bytes.count))
        case read:
            guard state.pointee[12] == 0,
                let bytes = guest.space.piece(address, count: max(count, 1), write: true)
            else { return answer(state, invalidParameter) }
            var done = 0
            while done < min(Int(clamping: count), bytes.count), let byte = guest.console?.read() {
                bytes[done] = byte
                done += 1
            }
            answer(state, 0, UInt64(done))
        default: answer(state, notSupported)
        }
    }
}
