import AArch64ISA
import ISA

/// A PE's registers by number: x0 to x30, sp, pc, cpsr, v0 to v31, fpsr and fpcr by GDB's names ("AArch64 Features"), then
/// every system register that the PE has, as the manual spells it.
struct AArch64DebugRegisters: DebugRegisterFile {
    private let element: AArch64.ProcessingElement
    private let places: [Place]
    let registers: [DebugRegister]

    private enum Place {
        case general(Int), stackPointer, programCounter, processorState, vector(Int)
        /// FPSR and FPCR have names of their own in GDB's feature.
        case system(UInt16)
    }

    init(_ element: AArch64.ProcessingElement) {
        self.element = element
        var list: [(Place, DebugRegister)] = (0..<31).map {
            (.general($0), DebugRegister("x\($0)", bits: 64, .general))
        }
        list.append((.stackPointer, DebugRegister("sp", bits: 64, .general, .dataPointer)))
        list.append((.programCounter, DebugRegister("pc", bits: 64, .general, .codePointer)))
        list.append((.processorState, DebugRegister("cpsr", bits: 32, .general)))
        list += (0..<32).map { (.vector($0), DebugRegister("v\($0)", bits: 128, .vector, .vector)) }
        let system = element.systemRegisterList
        for name in ["FPSR", "FPCR"] {
            guard let key = system.first(where: { $0.name == name })?.key else { continue }
            list.append((.system(key), DebugRegister(name.lowercased(), bits: 32, .float)))
        }
        for (key, name) in system where name != "FPSR" && name != "FPCR" {
            list.append((.system(key), DebugRegister(name, bits: 64, .system)))
        }
        places = list.map(\.0)
        registers = list.map(\.1)
    }

    func read(_ number: Int) -> [UInt8]? {
        guard places.indices.contains(number) else { return nil }
        let value: UInt64?
        switch places[number] {
        case .general(let index): value = element.generalRegister(index)
        case .stackPointer: value = element.selectedStackPointer
        case .programCounter: value = element.programCounter
        case .processorState: value = element.processorState
        case .vector(let index):
            return element.state.pointee.core.vectors[2 * index].littleEndianBytes(8)
                + element.state.pointee.core.vectors[2 * index + 1].littleEndianBytes(8)
        case .system(let key): value = element.systemRegisterAtRest(key)
        }
        return value?.littleEndianBytes(registers[number].bits / 8)
    }

    func write(_ number: Int, _ bytes: [UInt8]) -> Bool {
        guard places.indices.contains(number), bytes.count == registers[number].bits / 8 else { return false }
        let value = UInt64(littleEndianBytes: bytes)
        switch places[number] {
        case .general(let index): element.setGeneralRegister(index, value)
        case .stackPointer: element.selectedStackPointer = value
        case .programCounter: element.setProgramCounter(value)
        case .processorState: return element.setProcessorState(value)
        case .vector(let index):
            element.state.pointee.core.vectors[2 * index] = value
            element.state.pointee.core.vectors[2 * index + 1] = UInt64(littleEndianBytes: bytes.dropFirst(8))
        case .system(let key): return element.setSystemRegister(key, value)
        }
        return true
    }
}
