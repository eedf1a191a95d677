import AArch64ISA
import ISA

/// Events of a PE, and what else stops are chosen by.
extension AArch64.ProcessingElement: EventfulProcessor {
    private typealias Class = AArch64.ExceptionClass

    public func observeEvents(_ observer: @escaping (ProcessorEvent) -> Void) -> () -> Void {
        let others = (trapObserver, registerObserver, returnObserver)
        trapObserver = { [unowned self] trap in
            others.0?(trap)
            observer(.exception(record(trap), exitingException(trap)))
        }
        registerObserver = { key, value in
            others.1?(key, value)
            observer(.write(register: AArch64.systemRegisterName(key), value: value))
        }
        returnObserver = { [unowned self] from in
            others.2?(from)
            let entersGuest = from == 2 && privilege.isGuests
            observer(.returned(from: Self.level(from, isTranslated: hasGuest), entersGuest: entersGuest))
        }
        return { [unowned self] in (trapObserver, registerObserver, returnObserver) = others }
    }

    /// Of the register that TCR_ELx.A1 names, at EL0 and EL1 those of EL1.
    public var addressSpaceIdentifier: UInt64 {
        let regime = max(level, 1)
        let isSecond = state.pointee.tcr[regime] >> 22 & 1 != 0
        return (isSecond ? state.pointee.ttbr1[regime] : state.pointee.ttbr0[regime]) >> 48
    }

    public func secondStageDescriptor(of address: UInt64, _ memory: PhysicalMemory) -> UInt64? {
        secondStageDescriptor(of: address)
    }

    public static func accessKind(of exception: ExceptionRecord) -> AccessKind? {
        guard exception.kind == .fault else { return nil }
        switch exception.cause >> 26 & 0x3f {
        case Class.instructionAbortLower, Class.instructionAbort: return .execute
        // ISS.WnR; of a cache maintenance instruction as well.
        case Class.dataAbortLower, Class.dataAbort: return exception.cause >> 6 & 1 != 0 ? .write : .read
        default: return nil
        }
    }

    /// Which interrupt it is, the interrupt controller alone knows.
    public static func number(of exception: ExceptionRecord) -> UInt64? {
        exception.kind == .interrupt ? nil : exception.cause >> 26 & 0x3f
    }

    public static var exceptionNames: [String] {
        let classes = (0..<64 as Range<UInt64>).map { AArch64.exceptionName($0 << 26) }
        // What tells exceptions of one class apart comes behind a colon or a number sign.
        let names = classes.map { name in
            String(name.prefix { $0 != ":" && $0 != "#" }).split(separator: " ").joined(separator: " ")
        }
        var seen: Set<String> = []
        return names.filter { !$0.hasPrefix("exception ") && seen.insert($0).inserted }
    }

    public static var interruptNames: [String] { ["IRQ", "FIQ", "SError"] }
    public static var systemRegisterNames: [String] { AArch64.systemRegisterNames.map(\.name) }
}
