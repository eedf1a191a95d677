import RISCV

// The SBI's front door (SBI 2.0, chapter 3): extension in a7, function in a6, arguments in a0 to a5, an error in a0 and
// a value in a1. Parameters that the specification makes 32 bits wide are cut to that here.

enum SBIError: Int64, Error {
    case failed = -1, notSupported = -2, invalidParameter = -3, denied = -4, invalidAddress = -5
    case alreadyAvailable = -6, alreadyStarted = -7, alreadyStopped = -8
}

/// Extensions that `probe` acknowledges. Legacy ones (0 to 8) have no function numbers.
enum SBIExtension {
    static let base: UInt64 = 0x10
    static let time: UInt64 = 0x5449_4d45
    static let interProcessor: UInt64 = 0x73_5049
    static let remoteFence: UInt64 = 0x5246_4e43
    static let hartState: UInt64 = 0x48_534d
    static let systemReset: UInt64 = 0x5352_5354
    static let debugConsole: UInt64 = 0x4442_434e

    static func isPresent(_ number: UInt64) -> Bool {
        switch number {
        case 0...8, base, time, interProcessor, remoteFence, hartState, systemReset, debugConsole: true
        default: false
        }
    }
}

/// Who we are, to the Base extension. The number is not one of those the specification lists: "ORRY" in ASCII.
enum Identity {
    static let specification: UInt64 = 2 << 24
    static let implementation: UInt64 = 0x4f52_5259
    static let version: UInt64 = 0x0001
}

func handleCall(_ frame: Frame, _ hart: Hart) {
    let number = frame[17]
    if number <= 8 {
        handleLegacyCall(frame, hart, number)
        return
    }
    frame.pc &+= 4
    do throws(SBIError) {
        let value = try call(number, frame[16], frame, hart)
        frame[10] = 0
        frame[11] = value
    } catch {
        frame[10] = UInt64(bitPattern: error.rawValue)
        frame[11] = 0
    }
}

private func call(_ number: UInt64, _ function: UInt64, _ frame: Frame, _ hart: Hart) throws(SBIError) -> UInt64 {
    switch number {
    case SBIExtension.base: return try callBase(function, frame[10])
    case SBIExtension.time:
        guard function == 0 else { throw .notSupported }
        hart.setTimer(frame[10])
        return 0
    case SBIExtension.interProcessor:
        guard function == 0 else { throw .notSupported }
        try HartSet(mask: frame[10], base: frame[11]).raise(.softwareInterrupt)
        return 0
    case SBIExtension.remoteFence:
        guard let fence = RemoteFence(function, frame, hart) else { throw .notSupported }
        try fence.checkRange()
        fence.perform(on: try HartSet(mask: frame[10], base: frame[11]), from: hart)
        return 0
    case SBIExtension.hartState: return try callHartState(function, frame, hart)
    case SBIExtension.systemReset:
        guard function == 0 else { throw .notSupported }
        return try resetSystem(type: frame[10], reason: frame[11])
    case SBIExtension.debugConsole: return try callDebugConsole(function, frame)
    default: throw .notSupported
    }
}

/// Base extension (SBI 2.0, chapter 4).
private func callBase(_ function: UInt64, _ argument: UInt64) throws(SBIError) -> UInt64 {
    switch function {
    case 0: return Identity.specification
    case 1: return Identity.implementation
    case 2: return Identity.version
    case 3: return SBIExtension.isPresent(argument) ? 1 : 0
    case 4: return csr_read_mvendorid()
    case 5: return csr_read_marchid()
    case 6: return csr_read_mimpid()
    default: throw .notSupported
    }
}

/// System reset (SBI 2.0, chapter 10): type and reason are 32-bit.
private func resetSystem(type: UInt64, reason: UInt64) throws(SBIError) -> UInt64 {
    let shutdown: UInt32 = 0, coldReboot: UInt32 = 1, warmReboot: UInt32 = 2
    let noReason: UInt32 = 0, systemFailure: UInt32 = 1, firstVendorValue: UInt32 = 0xe000_0000
    let type = UInt32(truncatingIfNeeded: type), reason = UInt32(truncatingIfNeeded: reason)
    guard type <= warmReboot else { throw type >= 0xf000_0000 ? .notSupported : .invalidParameter }
    guard reason <= systemFailure || reason >= firstVendorValue else { throw .invalidParameter }
    switch type {
    case coldReboot, warmReboot: Finisher.stop(.reset)
    case shutdown where reason == noReason: Finisher.stop(.success)
    default: Finisher.stop(.failure)
    }
}

/// Guards the console, so that each call's bytes stay together.
nonisolated(unsafe) private var consoleLock = Lock()

/// Debug console (SBI 2.0, chapter 12).
private func callDebugConsole(_ function: UInt64, _ frame: Frame) throws(SBIError) -> UInt64 {
    if function == 2 {
        lock(&consoleLock)
        defer { unlock(&consoleLock) }
        guard Console.send(UInt8(truncatingIfNeeded: frame[10])) else { throw .failed }
        return 0
    }
    guard function < 2 else { throw .notSupported }
    let count = frame[10], address = frame[11]
    guard frame[12] == 0 else { throw .invalidParameter }
    if count == 0 { return 0 }
    guard platform.isSupervisorMemory(address, count: count),
        let start = UnsafeMutablePointer<UInt8>(bitPattern: UInt(address))
    else { throw .invalidParameter }
    lock(&consoleLock)
    defer { unlock(&consoleLock) }
    // SAFETY: the range is memory, and not the firmware's.
    var done: UInt64 = 0
    if function == 0 {
        while done < count, Console.send(start[Int(done)]) { done += 1 }
    } else {
        while done < count, let byte = Console.receive() {
            start[Int(done)] = byte
            done += 1
        }
    }
    return done
}

/// Legacy extensions (SBI 2.0, chapter 5): one value in a0, a1 unchanged, hart masks by virtual address.
private func handleLegacyCall(_ frame: Frame, _ hart: Hart, _ number: UInt64) {
    var result: UInt64 = 0
    switch number {
    case 0: hart.setTimer(frame[10])
    case 1:
        lock(&consoleLock)
        Console.put(UInt8(truncatingIfNeeded: frame[10]))
        unlock(&consoleLock)
    case 2:
        lock(&consoleLock)
        result = Console.receive().map { UInt64($0) } ?? ~0
        unlock(&consoleLock)
    case 3:
        result = csr_read_mip() >> 1 & 1
        csr_clear_mip(Interrupt.supervisorSoftware)
    case 4...7:
        var mask = platform.hartMask
        if frame[10] != 0, !load_as_interrupted(frame[10], false, &mask) {
            // The caller's pointer faulted: the fault is the caller's, at its ecall.
            redirect(Trap(hart), frame, hart)
            return
        }
        let targets = HartSet(ignoringStoppedIn: mask)
        if number == 4 {
            targets.raise(.softwareInterrupt)
        } else if let fence = RemoteFence(legacy: number, frame) {
            fence.perform(on: targets, from: hart)
        }
    default: Finisher.stop(.success)
    }
    frame[10] = result
    frame.pc &+= 4
}
