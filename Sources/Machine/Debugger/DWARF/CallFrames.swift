import CDW
import Glibc

/// A frame's registers by DWARF's numbers, as far as they are known.
///
/// x0 to x31 are 0 to 31 for RISC-V (*RISC-V ELF psABI*, "DWARF Register Numbers"); x0 to x30 and sp are for AArch64 (*DWARF for
/// the Arm 64-bit Architecture*, "DWARF register names").
public struct FrameRegisters: Equatable, Sendable {
    public var programCounter: UInt64
    public var values: [UInt64?]

    public init(programCounter: UInt64, values: [UInt64?]) {
        self.programCounter = programCounter
        self.values = values
    }

    public subscript(_ number: Int) -> UInt64? { values.indices.contains(number) ? values[number] : nil }
}

/// Reads as many bytes as are asked for, or none.
public typealias FrameMemory = (_ address: UInt64, _ count: Int) -> [UInt8]?

/// How the frame of a function is left, from any of its instructions, by call frame information (6.4) of .debug_frame or
/// .eh_frame.
struct CallFrames {
    private let tables: [OpaquePointer]
    /// Of .eh_frame; libdw ends the other with the file.
    private let owned: OpaquePointer?
    private let convention: FrameConvention

    init(elf: OpaquePointer, dwarf: OpaquePointer?, _ machine: ELFFile.Machine) {
        convention = FrameConvention(machine)
        owned = dwarf_getcfi_elf(elf)
        tables = [dwarf.flatMap { dwarf_getcfi($0) }, owned].compactMap(\.self)
    }

    func end() {
        if let owned { dwarf_cfi_end(owned) }
    }

    /// The caller of a frame, by what the compiler says of the instruction.
    /// - Parameters:
    ///   - isCaller: the program counter is where a call returns to, which is another function's where the call is its last
    ///     instruction.
    ///   - bias: what is added to the program's addresses where it runs.
    func caller(
        of frame: FrameRegisters, isCaller: Bool, bias: UInt64, memory: @escaping FrameMemory
    ) -> Found {
        withRules(of: frame, isCaller: isCaller, bias: bias) { rules in
            caller(of: frame, rules, bias, memory)
        } ?? .unknown
    }

    enum Found: Equatable {
        case frame(FrameRegisters)
        /// There is no caller.
        case outermost
        /// Nothing is said of the instruction.
        case unknown
    }

    /// The value that the stack pointer had before the frame was made; nil where nothing is said of it.
    func canonicalFrameAddress(
        of frame: FrameRegisters, isCaller: Bool, bias: UInt64, memory: @escaping FrameMemory
    ) -> UInt64? {
        withRules(of: frame, isCaller: isCaller, bias: bias) { rules in
            canonicalFrameAddress(rules, LocationMachine(registers: frame, memory: memory, bias: bias))
        } ?? nil
    }

    private func withRules<T>(
        of frame: FrameRegisters, isCaller: Bool, bias: UInt64, _ body: (OpaquePointer) -> T
    ) -> T? {
        let address = frame.programCounter &- bias &- (isCaller ? 1 : 0)
        for table in tables {
            var rules: OpaquePointer?
            guard dwarf_cfi_addrframe(table, address, &rules) == 0, let rules else { continue }
            // SAFETY: libdw gives it as malloc does, for the caller to free.
            defer { free(UnsafeMutableRawPointer(rules)) }
            return body(rules)
        }
        return nil
    }

    private func canonicalFrameAddress(_ rules: OpaquePointer, _ machine: LocationMachine) -> UInt64? {
        var machine = machine
        var operations: UnsafeMutablePointer<Dwarf_Op>?
        var count = 0
        guard dwarf_frame_cfa(rules, &operations, &count) == 0, count > 0, let operations,
            case .memory(let address)? = machine.evaluate(operations, count)
        else { return nil }
        return address
    }

    private func caller(
        of frame: FrameRegisters, _ rules: OpaquePointer, _ bias: UInt64, _ memory: @escaping FrameMemory
    ) -> Found {
        var machine = LocationMachine(registers: frame, memory: memory, bias: bias)
        guard let canonical = canonicalFrameAddress(rules, machine) else { return .unknown }
        machine.canonicalFrameAddress = canonical
        var caller = FrameRegisters(programCounter: 0, values: frame.values)
        let returnColumn = Int(dwarf_frame_info(rules, nil, nil, nil))
        var returnAddress: UInt64?
        for number in Set(frame.values.indices).union([returnColumn]) {
            let value = register(number, rules, machine, frame)
            if frame.values.indices.contains(number) { caller.values[number] = value }
            if number == returnColumn { returnAddress = value }
        }
        caller.values[convention.stackPointer] = canonical
        guard let returnAddress, returnAddress != 0 else { return .outermost }
        caller.programCounter = convention.withoutAuthentication(returnAddress)
        // It is no caller of itself.
        guard caller.programCounter != frame.programCounter || canonical != frame[convention.stackPointer] else {
            return .outermost
        }
        return .frame(caller)
    }

    private func register(
        _ number: Int, _ rules: OpaquePointer, _ machine: LocationMachine, _ frame: FrameRegisters
    ) -> UInt64? {
        var machine = machine
        var operations: UnsafeMutablePointer<Dwarf_Op>?
        var count = 0
        return withUnsafeTemporaryAllocation(of: Dwarf_Op.self, capacity: 3) { own in
            own.initialize(repeating: Dwarf_Op())
            guard let base = own.baseAddress,
                dwarf_frame_register(rules, Int32(number), base, &operations, &count) == 0
            else { return nil }
            // It is as it was, or nobody expects it back; libdw does not tell what is said to be undefined from what nothing is
            // said of, but that the link register is kept it says itself. Where that is undefined, nobody has called.
            guard count > 0, let operations else {
                let isKept = operations == nil || convention.keeps(number) && number != convention.linkRegister
                return isKept ? frame[number] : nil
            }
            switch machine.evaluate(operations, count) {
            case .memory(let address)?: return frameWord(address, machine.memory)
            case .value(let value)?: return value
            case .register(let other)?: return frame[other]
            case .bytes, .pieces, .absent, nil: return nil
            }
        }
    }
}
