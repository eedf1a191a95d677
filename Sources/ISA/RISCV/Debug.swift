/// What debuggers see of the instruction set: instructions as text, and registers read without effect.
///
/// The text is that of LLVM's assembler, with the aliases of the manual's table of pseudoinstructions. The operands come
/// from the same tables as the decoder's, so that what is printed is what is executed.
extension RISCV {
    /// An instruction as an assembler would write it.
    public struct Disassembly: Equatable, Sendable {
        public var mnemonic: String
        public var operands: String
        /// In bytes: 2 or 4.
        public var length: Int
        /// Where a jump or branch leads that says so itself; it is the last of the operands.
        public var target: UInt64?
    }

    /// Every extension's instructions, whatever a hart has.
    private static let debugDecoder = Decoder(.all)

    /// The text of `word`, of which the low half counts if it is a compressed instruction.
    public static func disassemble(_ word: UInt32, at address: UInt64) -> Disassembly {
        let length = word & 3 == 3 ? 4 : 2
        let bits = length == 2 ? word & 0xffff : word
        guard let encoding = debugDecoder.encoding(of: bits), encoding.operation != .illegal else {
            if bits == 0 { return Disassembly(mnemonic: "unimp", operands: "", length: length) }
            return Disassembly(
                mnemonic: length == 2 ? ".half" : ".word", operands: hexadecimal(UInt64(bits)), length: length)
        }
        let writer = DisassemblyWriter(word: bits, address: address, encoding: encoding)
        return writer.disassembly
    }

    /// The name of integer register `number`, as the calling convention has it.
    public static func integerRegisterName(_ number: Int) -> String { integerNames[number] }

    public static func floatRegisterName(_ number: Int) -> String { floatNames[number] }

    static let integerNames =
        "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6"
        .split(separator: " ").map(String.init)
    static let floatNames =
        ("ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 "
        + "fs11 ft8 ft9 ft10 ft11").split(separator: " ").map(String.init)

    static func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

    static func hexadecimal(signed value: Int64) -> String {
        (value < 0 ? "-0x" : "0x") + String(value.magnitude, radix: 16)
    }

    // MARK: Control and status registers

    /// The registers of volume II's "CSR Listing" that some hart here may have, by number.
    public static let registerNames: [(number: UInt16, name: String)] = {
        var list: [(UInt16, String)] = [
            (0x001, "fflags"), (0x002, "frm"), (0x003, "fcsr"), (0x100, "sstatus"), (0x104, "sie"), (0x105, "stvec"),
            (0x106, "scounteren"), (0x10a, "senvcfg"), (0x140, "sscratch"), (0x141, "sepc"), (0x142, "scause"),
            (0x143, "stval"), (0x144, "sip"), (0x14d, "stimecmp"), (0x180, "satp"), (0x200, "vsstatus"),
            (0x204, "vsie"), (0x205, "vstvec"), (0x240, "vsscratch"), (0x241, "vsepc"), (0x242, "vscause"),
            (0x243, "vstval"), (0x244, "vsip"), (0x24d, "vstimecmp"), (0x280, "vsatp"), (0x300, "mstatus"),
            (0x301, "misa"), (0x302, "medeleg"), (0x303, "mideleg"), (0x304, "mie"), (0x305, "mtvec"),
            (0x306, "mcounteren"), (0x30a, "menvcfg"), (0x320, "mcountinhibit"), (0x340, "mscratch"), (0x341, "mepc"),
            (0x342, "mcause"), (0x343, "mtval"), (0x344, "mip"), (0x34a, "mtinst"), (0x34b, "mtval2"),
            (0x600, "hstatus"), (0x602, "hedeleg"), (0x603, "hideleg"), (0x604, "hie"), (0x605, "htimedelta"),
            (0x606, "hcounteren"), (0x607, "hgeie"), (0x60a, "henvcfg"), (0x643, "htval"), (0x644, "hip"),
            (0x645, "hvip"), (0x64a, "htinst"), (0x680, "hgatp"), (0x747, "mseccfg"), (0x7a0, "tselect"),
            (0x7a1, "tdata1"), (0x7a2, "tdata2"), (0x7a3, "tdata3"), (0x7a4, "tinfo"), (0xb00, "mcycle"),
            (0xb02, "minstret"), (0xc00, "cycle"), (0xc01, "time"), (0xc02, "instret"), (0xda0, "scountovf"),
            (0xe12, "hgeip"), (0xf11, "mvendorid"), (0xf12, "marchid"), (0xf13, "mimpid"), (0xf14, "mhartid"),
            (0xf15, "mconfigptr"),
        ]
        for index in 0..<4 as Range<UInt16> {
            list += [
                (0x10c + index, "sstateen\(index)"), (0x30c + index, "mstateen\(index)"),
                (0x60c + index, "hstateen\(index)"),
            ]
        }
        for index in stride(from: 0, to: 16, by: 2) as StrideTo<UInt16> {
            list.append((0x3a0 + index, "pmpcfg\(index)"))
        }
        for index in 0..<64 as Range<UInt16> { list.append((0x3b0 + index, "pmpaddr\(index)")) }
        for index in 3..<32 as Range<UInt16> {
            list += [
                (0x320 + index, "mhpmevent\(index)"), (0xb00 + index, "mhpmcounter\(index)"),
                (0xc00 + index, "hpmcounter\(index)"),
            ]
        }
        return list.sorted { $0.0 < $1.0 }
    }()

    private static let namesByNumber = Dictionary(uniqueKeysWithValues: registerNames.map { ($0.number, $0.name) })

    public static func registerName(_ number: UInt16) -> String {
        namesByNumber[number] ?? hexadecimal(UInt64(number))
    }
}

extension RISCV.Hart {
    /// What the control and status register reads as in machine mode, read without effect; nil where there is none.
    public func register(_ number: UInt16) -> UInt64? {
        switch number {
        // These do not read while the status registers switch floating point off.
        case 0x001: return UInt64(state.pointee.core.floatFlags)
        case 0x002: return UInt64(state.pointee.core.floatRounding)
        case 0x003: return UInt64(state.pointee.core.floatRounding) << 5 | UInt64(state.pointee.core.floatFlags)
        default: break
        }
        let record = state.pointee.core.fault
        defer { state.pointee.core.fault = record }
        guard exists(number) else { return nil }
        do throws(Fault) { return try readCSR(number) | dirtyFloat(number) } catch { return nil }
    }

    /// What a status register is to have of a floating-point register's write that is noted and not in it yet.
    private func dirtyFloat(_ number: UInt16) -> UInt64 {
        let isStatus = number == 0x100 || number == 0x300 || number == 0x200 && state.pointee.virtual
        return isStatus && state.pointee.core.floatDirty != 0 ? Status.fs | Status.sd : 0
    }

    /// The bits at `address` that the hart would execute next, read without effect; nil where it could not.
    public func instructionWord() -> UInt32? {
        let record = state.pointee.core.fault
        defer { state.pointee.core.fault = record }
        do throws(Fault) { return try fetchWord(state.pointee.core.programCounter) } catch { return nil }
    }

    /// Whether physical memory protection lets a mode below machine mode do this.
    public func protectionAllows(_ address: UInt64, _ size: UInt64, _ access: RISCV.Access, machine: Bool = false)
        -> Bool
    {
        protection.allows(address, size, access, machine: machine)
    }

    /// Interrupts that are pending, as mip reads.
    public var pendingInterrupts: UInt64 { pending }
}

// MARK: Writing

extension RISCV.Hart {
    /// Writes a control and status register as machine mode would, also where the status registers switch floating point
    /// off. All that follows from it does.
    /// - Returns: false where there is none, or it is read-only.
    public func setRegister(_ number: UInt16, _ value: UInt64) -> Bool {
        // Bits 11:10 say read-only (section "CSR Address Mapping Conventions").
        guard exists(number), number >> 10 != 3 else { return false }
        foldFloatDirty()
        switch number {
        case 0x001: state.pointee.core.floatFlags = UInt8(value & 31)
        case 0x002: state.pointee.core.floatRounding = UInt8(value & 7)
        // Here there is no instruction that is not counted because it writes the counter.
        case 0xb00:
            writeCounter(0, state.pointee.mcountinhibit & 1 != 0 ? value : value &+ 1)
        case 0xb02:
            writeCounter(2, state.pointee.mcountinhibit & 4 != 0 ? value : value &+ 1)
        case 0x003:
            state.pointee.core.floatFlags = UInt8(value & 31)
            state.pointee.core.floatRounding = UInt8(value >> 5 & 7)
        default:
            let record = state.pointee.core.fault
            defer { state.pointee.core.fault = record }
            do throws(Fault) {
                try writeCSR(number, number == 0x344 || number == 0x144 ? softwarePending(value, number) : value)
            } catch {
                return false
            }
        }
        return true
    }

    /// What software has to write so that mip or sip reads as `value`. A bit that is to stay as it reads is left as it is:
    /// of SEIP a wire's part reads too, which nobody has written.
    private func softwarePending(_ value: UInt64, _ number: UInt16) throws(Fault) -> UInt64 {
        let shown = try readCSR(number)
        let own = state.pointee.mip | shown & ~Self.externalPending
        return own ^ (shown ^ value)
    }

    /// The address of the next instruction; its lowest bit is always 0.
    public func setProgramCounter(_ address: UInt64) { state.pointee.core.programCounter = address & ~1 }

    /// Writes integer register `number`; x0 stays 0.
    public func setIntegerRegister(_ number: Int, _ value: UInt64) {
        if number > 0, number < 32 { state.pointee.core.registers[number] = value }
    }

    /// The 64 bits of f0 to f31.
    public func floatRegister(_ number: Int) -> UInt64 {
        state.pointee.core.registers[Int(RISCV.firstFloatRegister) + number]
    }

    /// Writes a floating-point register. It counts as dirty, as software's writes do, where floating point is on.
    public func setFloatRegister(_ number: Int, _ value: UInt64) {
        state.pointee.core.registers[Int(RISCV.firstFloatRegister) + number] = value
        if state.pointee.core.floatEnabled != 0 { state.pointee.core.floatDirty = 1 }
    }

    /// Has the hart go on in another mode.
    /// - Returns: false where it has not that mode.
    public func setMode(_ privilege: RISCV.Privilege, virtual: Bool) -> Bool {
        guard !virtual || privilege != .machine && features.contains(.h) else { return false }
        foldFloatDirty()
        if counterIsActive { updateCounters() }
        state.pointee.privilege = privilege
        state.pointee.virtual = virtual
        privilegeChanged()
        interruptsChanged()
        return true
    }
}
