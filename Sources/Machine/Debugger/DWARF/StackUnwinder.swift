/// A frame of a stack, and by what it was found.
public struct StackFrame: Equatable, Sendable {
    public enum Origin: Equatable, Sendable {
        /// The registers are the CPU's own: the innermost frame.
        case processor
        /// The compiler says of the instruction where its caller's registers are.
        case callFrameInformation
        /// Nothing is said, and the frame pointer leads to what looks like a frame's record: a guess.
        case framePointer
        /// Nothing is said, and there is no record: the function has perhaps called nobody yet. A guess.
        case linkRegister
    }
    public var registers: FrameRegisters
    public var origin: Origin

    /// It has called the frame before it: the program counter is where that one returns to.
    public var isCaller: Bool { origin != .processor }

    /// An address of the instruction that is executed, or that has called: what calls in its last instruction returns into
    /// the function behind it.
    public var instruction: UInt64 { registers.programCounter &- (isCaller ? 1 : 0) }
}

/// Who called whom: from registers, memory and the images of what runs there, the frames of a stack.
///
/// A frame is left as the call frame information of its image says. Where none says anything of the instruction, as of most
/// assembly, frame pointers are followed; and where they lead nowhere, the innermost frame's caller is in the link register.
public struct StackUnwinder {
    private let convention: FrameConvention
    private let programs: [SourcePrograms.Program]

    /// - Parameter programs: of two that say something of an address, the first one is asked. There may be none.
    public init(_ machine: ELFFile.Machine, _ programs: [SourcePrograms.Program]) {
        convention = FrameConvention(machine)
        self.programs = programs
    }

    /// The frames from the innermost on, whose registers these are; at most so many.
    public func frames(from registers: FrameRegisters, limit: Int, memory: @escaping FrameMemory) -> [StackFrame] {
        var frames = [StackFrame(registers: registers, origin: .processor)]
        while frames.count < limit, let last = frames.last, let caller = caller(of: last, memory: memory) {
            frames.append(caller)
        }
        return frames
    }

    /// The frame that called this one; nil at the outermost frame, or where it cannot be known.
    public func caller(of frame: StackFrame, memory: @escaping FrameMemory) -> StackFrame? {
        for program in programs {
            let found = program.information.frames.caller(
                of: frame.registers, isCaller: frame.isCaller, bias: program.bias, memory: memory)
            switch found {
            case .frame(let caller): return StackFrame(registers: caller, origin: .callFrameInformation)
            case .outermost: return nil
            case .unknown: continue
            }
        }
        if let caller = convention.callerByFramePointer(of: frame.registers, memory: memory) {
            return StackFrame(registers: caller, origin: .framePointer)
        }
        guard !frame.isCaller else { return nil }
        return convention.callerByLinkRegister(of: frame.registers).map {
            StackFrame(registers: $0, origin: .linkRegister)
        }
    }
}
