import ISA

/// A hart's registers by number: x0 to x31, pc, f0 to f31 and their control registers, privilege, then every control and
/// status register that the hart has, by GDB's names ("RISC-V Features").
struct RISCVDebugRegisters: DebugRegisterFile {
    private let hart: RISCV.Hart
    private let places: [Place]
    let registers: [DebugRegister]

    private enum Place {
        case integer(Int), programCounter, float(Int)
        /// Of the privilege's two bits, and V: what GDB calls virtual registers.
        case privilege, virtualization
        case control(UInt16)
    }

    init(_ hart: RISCV.Hart) {
        self.hart = hart
        var list: [(Place, DebugRegister)] = (0..<32).map { number in
            // The frame pointer is s0's name in GDB's feature.
            let name = number == 8 ? "fp" : RISCV.integerRegisterName(number)
            let kind: DebugRegister.Kind =
                number == 1 ? .codePointer : [2, 3, 4, 8].contains(number) ? .dataPointer : .integer
            return (.integer(number), DebugRegister(name, bits: 64, .general, kind))
        }
        list.append((.programCounter, DebugRegister("pc", bits: 64, .general, .codePointer)))
        list += (0..<32).map { (.float($0), DebugRegister(RISCV.floatRegisterName($0), bits: 64, .float, .float)) }
        let floatControls: [UInt16] = [1, 2, 3]
        list += floatControls.map {
            (.control($0), DebugRegister(RISCV.registerName($0), bits: 32, .float))
        }
        list.append((.privilege, DebugRegister("priv", bits: 64, .system)))
        if hart.features.contains(.h) { list.append((.virtualization, DebugRegister("virt", bits: 64, .system))) }
        for (number, name) in RISCV.registerNames where !floatControls.contains(number) {
            guard hart.register(number) != nil else { continue }
            list.append((.control(number), DebugRegister(name, bits: 64, .system)))
        }
        places = list.map(\.0)
        registers = list.map(\.1)
    }

    func read(_ number: Int) -> [UInt8]? {
        guard places.indices.contains(number) else { return nil }
        let state = hart.state
        let value: UInt64? =
            switch places[number] {
            case .integer(let index): state.pointee.core.registers[index]
            case .programCounter: state.pointee.core.programCounter
            case .float(let index): hart.floatRegister(index)
            case .privilege: UInt64(state.pointee.privilege.rawValue)
            case .virtualization: state.pointee.virtual ? 1 : 0
            case .control(let index): hart.register(index)
            }
        return value?.littleEndianBytes(registers[number].bits / 8)
    }

    func write(_ number: Int, _ bytes: [UInt8]) -> Bool {
        guard places.indices.contains(number), bytes.count == registers[number].bits / 8 else { return false }
        let value = UInt64(littleEndianBytes: bytes)
        switch places[number] {
        case .integer(let index): hart.setIntegerRegister(index, value)
        case .programCounter: hart.setProgramCounter(value)
        case .float(let index): hart.setFloatRegister(index, value)
        case .privilege:
            guard let privilege = UInt8(exactly: value).flatMap({ RISCV.Privilege(rawValue: $0) }) else { return false }
            return hart.setMode(privilege, virtual: hart.state.pointee.virtual && privilege != .machine)
        case .virtualization:
            guard value < 2 else { return false }
            return hart.setMode(hart.state.pointee.privilege, virtual: value == 1)
        case .control(let index): return hart.setRegister(index, value)
        }
        return true
    }
}
