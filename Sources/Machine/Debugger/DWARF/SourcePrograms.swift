/// The source of all that runs in a machine: of each program its debug information, and how far from where it was linked it
/// runs.
public final class SourcePrograms {
    public struct Program {
        public let information: DebugInformation
        /// What is added to its addresses.
        public let bias: UInt64

        public init(_ information: DebugInformation, bias: UInt64 = 0) {
            self.information = information
            self.bias = bias
        }
    }
    public let programs: [Program]

    /// - Parameter programs: of two that an address is of, the first one is asked.
    public init(_ programs: [Program]) { self.programs = programs }

    /// See ``DebugInformation/frames(at:)``.
    public func frames(at address: UInt64) -> [SourceFrame] {
        for program in programs {
            let frames = program.information.frames(at: address &- program.bias)
            if !frames.isEmpty { return frames }
        }
        return []
    }

    /// The addresses around this one that are of the same line; nil where none is known.
    public func statement(at address: UInt64) -> Range<UInt64>? {
        range(at: address) { $0.statement(at: $1) }
    }

    /// Those of the function that the address is in.
    public func functionRange(at address: UInt64) -> Range<UInt64>? {
        range(at: address) { $0.functionRange(at: $1) }
    }

    private func range(
        at address: UInt64, _ body: (DebugInformation, UInt64) -> Range<UInt64>?
    ) -> Range<UInt64>? {
        for program in programs {
            guard let range = body(program.information, address &- program.bias) else { continue }
            let (start, end) = (range.lowerBound &+ program.bias, range.upperBound &+ program.bias)
            return start < end ? start..<end : nil
        }
        return nil
    }

    /// See ``DebugInformation/addresses(file:line:)``.
    public func addresses(file: String, line: Int) -> (line: Int, addresses: [UInt64])? {
        let found = programs.compactMap { program in
            program.information.addresses(file: file, line: line).map { found in
                (line: found.line, addresses: found.addresses.map { $0 &+ program.bias })
            }
        }
        guard let line = found.map(\.line).min() else { return nil }
        return (line, found.filter { $0.line == line }.flatMap(\.addresses))
    }

    /// See ``DebugInformation/addresses(function:)``.
    public func addresses(function name: String) -> [UInt64] {
        programs.flatMap { program in program.information.addresses(function: name).map { $0 &+ program.bias } }
    }

    // MARK: Frames

    /// What finds the frames of a stack; nil where there is no program.
    public var unwinder: StackUnwinder? {
        programs.first.map { StackUnwinder($0.information.machine, programs) }
    }

    /// The frame that called this one.
    /// - Parameter isCaller: it has itself called another, so that its program counter is where that one returns to.
    /// - Returns: nil at the outermost frame, or where it cannot be known.
    public func caller(of frame: FrameRegisters, isCaller: Bool, memory: @escaping FrameMemory) -> FrameRegisters? {
        let frame = StackFrame(registers: frame, origin: isCaller ? .callFrameInformation : .processor)
        return unwinder?.caller(of: frame, memory: memory)?.registers
    }

    /// A frame and those that called it, from the innermost on; at most so many.
    public func stack(from frame: FrameRegisters, limit: Int, memory: @escaping FrameMemory) -> [FrameRegisters] {
        unwinder?.frames(from: frame, limit: limit, memory: memory).map(\.registers) ?? [frame]
    }
}
