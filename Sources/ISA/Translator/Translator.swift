/// What runs hot code in place of the interpreter, as a CPU's run loop sees it. A class and no protocol, as references to it are
/// not counted then.
open class Translator: CodeObserver {
    /// Runs translated code from the CPU's program counter, until something comes that translated code leaves to others:
    /// an instruction for the interpreter, an interrupt, the end of the turn.
    ///
    /// False where the code there is not translated, or cannot go on: then the interpreter must execute at least one
    /// instruction before it is asked again. The state is then as it is between any two instructions.
    open func run(_ processor: any TranslatableProcessor) -> Bool { false }
    /// Forgets all code: the processors' instructions are to be recorded otherwise. Not while translated code runs.
    open func forget() {}
}

/// What a translator asks of a CPU.
public protocol TranslatableProcessor: AnyObject {
    /// The architecture, as far as translated code depends on it.
    static var translation: GuestTranslation { get }

    var core: UnsafeMutablePointer<CoreState> { get }
    /// Every translation context there is.
    func forEachContext(_ body: (UnsafeMutablePointer<TranslationContext>) -> Void)
    /// The page of code at `address`, entered into the current context; nil where the fetch faults, or where not all of
    /// the page may be fetched.
    func codePage(at address: UInt64) -> CodePage?
    /// What the instruction at `address` is to the flow of control.
    func shape(of address: UInt64, in page: CodePage) -> InstructionShape
    /// Bytes of the instruction at `address`.
    func length(of address: UInt64, in page: CodePage) -> UInt8
    /// Records the meaning of the instruction at `address`; false, and nothing recorded, where its shape is
    /// `interpreted`.
    func record(_ address: UInt64, in page: CodePage, _ recorder: inout Recorder) -> Bool
    /// What a helper that makes the access of the instruction at `address` is told of it, in the architecture's own encoding.
    func accessDescription(of address: UInt64, in page: CodePage) -> UInt16
    /// A number for what the instruction at `address` does, for statistics; nil where the page is not at hand. Changes
    /// nothing that the guest could see.
    func operationNumber(at address: UInt64) -> Int?
    /// The mnemonic of the operation of that number.
    static func mnemonic(of number: Int) -> String
}

extension TranslatableProcessor {
    /// Nothing.
    public func accessDescription(of address: UInt64, in page: CodePage) -> UInt16 { 0 }
}

/// An architecture, as far as translated code depends on it.
public struct GuestTranslation: Sendable {
    /// The registers worth keeping in the host's, those used most first.
    public var integerRegisters: [UInt8]
    public var floatRegisters: [UInt8]
    /// The register that is always zero, and the one that takes what is written to it.
    public var zeroRegister: UInt8?
    public var sinkRegister: UInt8?
    /// Host address of a C function of the state block, an address, and a ``PageUse``: enters the page of the address
    /// into the current context. Gives a ``PageEntry``.
    public var enterPage: UInt
    /// Host address of a C function of the state block: enters the exception that the fault record describes, at the
    /// state's program counter, with the state's budget. Sets the state's event.
    public var raise: UInt
    /// Host address of a C function of the state block, a helper's identifier, and its two operands: calls the helper, with
    /// the state's program counter and budget; gives its result. Sets the state's event. Above the identifier's 16 bits are
    /// those of the access's description.
    public var callHelper: UInt

    /// Host address of a C function of the state block: does what the run loop does between instructions. Gives 0 where
    /// the code may go on, at the state's program counter.
    public var settle: UInt

    public init(
        integerRegisters: [UInt8], floatRegisters: [UInt8], zeroRegister: UInt8?, sinkRegister: UInt8?,
        enterPage: UInt, raise: UInt, callHelper: UInt, settle: UInt
    ) {
        self.settle = settle
        self.integerRegisters = integerRegisters
        self.floatRegisters = floatRegisters
        self.zeroRegister = zeroRegister
        self.sinkRegister = sinkRegister
        self.enterPage = enterPage
        self.raise = raise
        self.callHelper = callHelper
    }
}

/// What a page is to be entered for: accesses to so many bytes of it, which begin so many before the address that is
/// asked for.
public struct PageUse: RawRepresentable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public init(isWrite: Bool, isUpdate: Bool, bytes: UInt16, before: UInt16) {
        rawValue = (isWrite ? 1 : 0) | (isUpdate ? 2 : 0) | UInt64(bytes) << 8 | UInt64(before) << 24
    }

    public var isWrite: Bool { rawValue & 1 != 0 }
    /// A write that is part of an indivisible update, which reads first.
    public var isUpdate: Bool { rawValue & 2 != 0 }
    public var bytes: UInt64 { rawValue >> 8 & 0xffff }
    public var before: UInt64 { rawValue >> 24 & 0xffff }
}

/// What came of entering a page for translated code.
public enum PageEntry: UInt64, Sendable {
    /// The TLB cannot serve the access: the interpreter has to make it.
    case refused
    case entered
    /// The access faults; the fault record says how.
    case faulted
    /// The page was entered before, and what is written lies outside of its window, but holds no code.
    case besideCode
    /// What is read lies in two pages, which are neighbours in the host's memory too.
    case inTwoPages
}

/// What a helper that translated code called leaves in the state's event: bits.
public enum TranslatedEvent {
    /// The context may be another: the code goes on through its jump cache.
    public static let refresh: UInt8 = 1
    /// There may be interrupts to take, or the turn ends.
    public static let settle: UInt8 = 2
    /// The instruction raised an exception: the state's program counter is its handler's.
    public static let trapped: UInt8 = 4
}

/// A page of code as a CPU fetches from it.
public struct CodePage {
    /// Guest-physical address.
    public let physical: UInt64
    package let decoded: DecodedPage

    package init(physical: UInt64, decoded: DecodedPage) {
        self.physical = physical
        self.decoded = decoded
    }
}

/// What an instruction is to the flow of control.
public enum InstructionShape: Equatable, Sendable {
    /// It goes on to the next one.
    case plain
    /// As `plain`, and all it does is to set a register to what is soon computed from others.
    case simple
    /// It goes to the target or on to the next one.
    case branch(target: UInt64)
    /// It goes to the target. A call leaves the address behind it for a return.
    case jump(target: UInt64, isCall: Bool)
    /// It goes where a register says.
    case indirect(isCall: Bool)
    /// It goes elsewhere; what lies behind it is come to from there (a system call), or not (a return from one).
    case leave(returns: Bool)
    /// The interpreter has to execute it.
    case interpreted
}
