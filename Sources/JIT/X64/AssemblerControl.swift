import ISA

/// Conditions, jumps, and what fills the room between them.
extension X64.Assembler {
    // MARK: Conditions

    /// The low byte of the register = 1 where the condition holds, else 0; its other bits stay.
    public mutating func set(_ condition: X64.Condition, _ target: Register) {
        instruction(
            0x0f90 | UInt32(condition.rawValue), reg: 0, .register(target), .byte,
            needsREX: isUniform(.byte, target.rawValue))
    }

    /// The byte in memory = 1 where the condition holds, else 0.
    public mutating func set(_ condition: X64.Condition, _ memory: Memory) {
        instruction(0x0f90 | UInt32(condition.rawValue), reg: 0, .memory(memory), .byte)
    }

    /// target = source where the condition holds. A 32-bit move clears the high half in any case.
    public mutating func move(
        if condition: X64.Condition, _ target: Register, _ source: Operand, _ width: Width = .double
    ) {
        instruction(0x0f40 | UInt32(condition.rawValue), reg: target.rawValue, source, width)
    }

    // MARK: Jumps and calls

    /// Jumps, in two bytes where the label is bound and near, else in five.
    public mutating func jump(_ label: Label) {
        guard !isNear(label) else { return jumpShort(label) }
        byte(0xe9)
        reference(label)
    }

    /// Jumps where the condition holds, in two bytes where the label is bound and near, else in six.
    public mutating func jump(if condition: X64.Condition, _ label: Label) {
        guard !isNear(label) else { return jumpShort(if: condition, label) }
        byte(0x0f)
        byte(0x80 | condition.rawValue)
        reference(label)
    }

    /// Jumps in two bytes. A label that turns out to lie farther off than -128 to 127 bytes is noted in ``hasOverflowed``.
    public mutating func jumpShort(_ label: Label) {
        byte(0xeb)
        reference(label, size: 1)
    }

    /// Jumps in two bytes where the condition holds. A label that turns out to lie farther off than -128 to 127 bytes is
    /// noted in ``hasOverflowed``.
    public mutating func jumpShort(if condition: X64.Condition, _ label: Label) {
        byte(0x70 | condition.rawValue)
        reference(label, size: 1)
    }

    /// Jumps to an address of the host, in five bytes. One beyond 2 GiB is noted in ``hasOverflowed``.
    /// - Parameter base: the address that the start of the buffer has when the code runs.
    public mutating func jump(toAddress address: UInt, from base: UInt) {
        byte(0xe9)
        displacement(toAddress: address, from: base)
    }

    /// Jumps to an address of the host where the condition holds, in six bytes; as ``jump(toAddress:from:)``.
    public mutating func jump(if condition: X64.Condition, toAddress address: UInt, from base: UInt) {
        byte(0x0f)
        byte(0x80 | condition.rawValue)
        displacement(toAddress: address, from: base)
    }

    /// Calls an address of the host, in five bytes; as ``jump(toAddress:from:)``.
    public mutating func call(toAddress address: UInt, from base: UInt) {
        byte(0xe8)
        displacement(toAddress: address, from: base)
    }

    public mutating func jump(to operand: Operand) { instruction(0xff, reg: 4, operand, .word) }
    public mutating func call(_ operand: Operand) { instruction(0xff, reg: 2, operand, .word) }

    public mutating func call(_ label: Label) {
        byte(0xe8)
        reference(label)
    }

    public mutating func `return`() { byte(0xc3) }

    public mutating func push(_ register: Register) {
        if register.rawValue >= 8 { byte(0x41) }
        byte(0x50 | register.rawValue & 7)
    }

    public mutating func pop(_ register: Register) {
        if register.rawValue >= 8 { byte(0x41) }
        byte(0x58 | register.rawValue & 7)
    }

    // MARK: Traps and padding

    /// Stops a debugger here (INT3).
    public mutating func breakpoint() { byte(0xcc) }

    /// Inverts the carry flag (CMC).
    public mutating func complementCarry() { byte(0xf5) }

    /// Raises the invalid-opcode exception: this place is never reached (UD2).
    public mutating func undefined() {
        byte(0x0f)
        byte(0x0b)
    }

    /// Does nothing until the place is a multiple of `alignment`, counted from the start of the buffer, or so many bytes
    /// ahead of one.
    public mutating func align(to alignment: Int, ahead: Int = 0) {
        var missing = (alignment - (count + ahead) % alignment) % alignment
        while missing > 0 {
            let length = min(missing, Self.noOperations.count)
            for value in Self.noOperations[length - 1] { byte(value) }
            missing -= length
        }
    }

    /// The recommended sequences of NOP, by their lengths (SDM volume 2, "NOP").
    private static let noOperations: [[UInt8]] = [
        [0x90],
        [0x66, 0x90],
        [0x0f, 0x1f, 0x00],
        [0x0f, 0x1f, 0x40, 0x00],
        [0x0f, 0x1f, 0x44, 0x00, 0x00],
        [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
        [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
        [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
        [0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    ]
}
