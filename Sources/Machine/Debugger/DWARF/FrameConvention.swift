/// What a machine's calling convention says of registers and of frames on the stack (*RISC-V ELF psABI*; *Procedure Call Standard
/// for the Arm 64-bit Architecture*, AAPCS64). Registers are by DWARF's numbers.
struct FrameConvention: Sendable {
    private let machine: ELFFile.Machine

    init(_ machine: ELFFile.Machine) { self.machine = machine }

    var stackPointer: Int { machine == .riscv ? 2 : 31 }
    var framePointer: Int { machine == .riscv ? 8 : 29 }
    var linkRegister: Int { machine == .riscv ? 1 : 30 }

    /// A callee must give it back as it was (psABI, "Integer Register Convention"; AAPCS64, "General-purpose Registers").
    func keeps(_ number: Int) -> Bool {
        machine == .riscv ? [1, 3, 4, 8, 9].contains(number) || 18...27 ~= number : 19...30 ~= number
    }

    /// An AArch64 return address may be signed in its upper bits; bit 55 says what they were.
    func withoutAuthentication(_ address: UInt64) -> UInt64 {
        guard machine == .aarch64, address >> 48 != 0, address >> 48 != 0xffff else { return address }
        return address & 1 << 55 != 0 ? address | 0xffff << 48 : address & ~(0xffff << 48)
    }

    /// The caller by the frame record that the frame pointer points to: the one before it, and the return address.
    func callerByFramePointer(of frame: FrameRegisters, memory: FrameMemory) -> FrameRegisters? {
        // Stacks grow down: a caller's frame is above.
        guard let pointer = frame[framePointer], pointer != 0, pointer % 8 == 0, let stack = frame[stackPointer],
            pointer >= stack
        else { return nil }
        // RISC-V's points behind the record, AArch64's to it (psABI, "Frame Pointer Convention"; AAPCS64, "The Frame Pointer").
        let record = machine == .riscv ? pointer &- 16 : pointer
        guard let outer = frameWord(record, memory), let address = frameWord(record &+ 8, memory), address != 0
        else { return nil }
        var values = [UInt64?](repeating: nil, count: frame.values.count)
        values[framePointer] = outer
        values[stackPointer] = record &+ 16
        return FrameRegisters(programCounter: withoutAuthentication(address), values: values)
    }

    /// The caller of a function that has called nobody: only what it must keep is known of the caller's registers.
    func callerByLinkRegister(of frame: FrameRegisters) -> FrameRegisters? {
        guard let address = frame[linkRegister].map(withoutAuthentication), address != 0,
            address != frame.programCounter
        else { return nil }
        let values = frame.values.enumerated().map { number, value in
            keeps(number) && number != linkRegister || number == stackPointer ? value : nil
        }
        return FrameRegisters(programCounter: address, values: values)
    }
}

func frameWord(_ address: UInt64, _ memory: FrameMemory) -> UInt64? {
    memory(address, 8).map { UInt64(littleEndianBytes: $0) }
}
