import ISA

/// Something that a CPU has done, as stops on events are chosen by.
public enum ProcessorEvent {
    /// It has taken an exception or an interrupt.
    case exception(ExceptionRecord, ExitingException)
    /// It has returned from one, as from that level; where a guest was entered, says so.
    case returned(from: PrivilegeLevel, entersGuest: Bool)
    /// An instruction has written a system register.
    case write(register: String, value: UInt64)
}

/// A CPU that tells of events, and can be stopped at them.
public protocol EventfulProcessor: ExitingProcessor {
    /// Has `observer` told of what the CPU does, beside whoever is told of it already. Meanwhile everything is interpreted, which
    /// changes nothing of the run.
    /// - Returns: what ends that.
    func observeEvents(_ observer: @escaping (ProcessorEvent) -> Void) -> () -> Void
    /// Has the CPU stop where it is: behind the instruction in progress, or before the handler of an interrupt.
    func stopForDebugger()
    /// The ASID that addresses are translated by at the current level, or in the guest that runs there.
    var addressSpaceIdentifier: UInt64 { get }
    /// Where the descriptor of the second stage lies that says where a guest's physical address leads, or that it leads nowhere;
    /// nil where there is none. The guest is the one that the CPU has selected.
    func secondStageDescriptor(of address: UInt64, _ memory: PhysicalMemory) -> UInt64?
    /// What an access that faulted was for.
    static func accessKind(of exception: ExceptionRecord) -> AccessKind?
    /// What the manual numbers exceptions by: mcause, or the class of ESR_ELx. Of an interrupt its number, where it has one.
    static func number(of exception: ExceptionRecord) -> UInt64?
    /// All exceptions, in words.
    static var exceptionNames: [String] { get }
    static var interruptNames: [String] { get }
    /// All system registers.
    static var systemRegisterNames: [String] { get }
}

// MARK: RISC-V

extension RISCV.Hart: EventfulProcessor {
    public func observeEvents(_ observer: @escaping (ProcessorEvent) -> Void) -> () -> Void {
        let others = (trapObserver, registerObserver, returnObserver)
        trapObserver = { [unowned self] trap in
            others.0?(trap)
            observer(.exception(record(trap), exitingException(trap)))
        }
        registerObserver = { number, value in
            others.1?(number, value)
            observer(.write(register: RISCV.registerName(number), value: value))
        }
        returnObserver = { [unowned self] privilege, virtual in
            others.2?(privilege, virtual)
            let from = PrivilegeLevel(RISCV.Mode(privilege, virtual: virtual, features: features))
            observer(.returned(from: from, entersGuest: !virtual && self.privilege.isGuests))
        }
        return { [unowned self] in (trapObserver, registerObserver, returnObserver) = others }
    }

    /// satp.ASID, or vsatp's in a guest.
    public var addressSpaceIdentifier: UInt64 {
        (state.pointee.virtual ? state.pointee.vsatp : state.pointee.satp) >> 44 & 0xffff
    }

    public func secondStageDescriptor(of address: UInt64, _ memory: PhysicalMemory) -> UInt64? {
        let walk = RISCVTranslationWalk(
            address, hart: self, memory: memory, access: .read, mode: .virtualSupervisor, isChecked: false,
            isGuestPhysical: true)
        return walk.steps.last?.entryAddress
    }

    public static func accessKind(of exception: ExceptionRecord) -> AccessKind? {
        switch exception.cause {
        case RISCV.Cause.instructionPage, RISCV.Cause.instructionGuestPage, RISCV.Cause.instructionAccess: .execute
        case RISCV.Cause.loadPage, RISCV.Cause.loadGuestPage, RISCV.Cause.loadAccess: .read
        case RISCV.Cause.storePage, RISCV.Cause.storeGuestPage, RISCV.Cause.storeAccess: .write
        default: nil
        }
    }

    public static func number(of exception: ExceptionRecord) -> UInt64? { exception.cause & ~(1 << 63) }

    public static var exceptionNames: [String] {
        // What is reserved has a number alone.
        (0..<24).map(RISCV.Cause.name).filter { !$0.hasPrefix("exception ") }
    }

    public static var interruptNames: [String] { RISCV.Interrupt.all.map { RISCV.Cause.describe(1 << 63 | $0) } }
    public static var systemRegisterNames: [String] { RISCV.registerNames.map(\.name) }
}
