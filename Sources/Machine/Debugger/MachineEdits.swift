import ISA

/// Changes memory and registers of a machine by hand, past all that keeps its own programs from it.
final class MachineEdits {
    private unowned let board: any Board
    private lazy var files = board.processors.map { $0.makeRegisterFile() }

    init(_ board: any Board) { self.board = board }

    /// - Returns: false, and nothing is changed, where it cannot be.
    func make(_ event: ExternalInput.Event) -> Bool {
        switch event {
        case .memoryEdit(let address, let bytes): write(address, bytes)
        case .registerEdit(let processor, let name, let bytes): set(name, of: processor, bytes)
        default: false
        }
    }

    private func write(_ address: UInt64, _ bytes: [UInt8]) -> Bool {
        let memory = board.memory
        let count = UInt64(bytes.count)
        guard count > 0 else { return true }
        // Before the host's memory is asked for, the end must be an address.
        guard !address.addingReportingOverflow(count).overflow, let host = memory.host(address, count: count) else {
            return false
        }
        memory.willChange(address, count: count)
        // SAFETY: `count` bytes from there on are a region's.
        host.copyMemory(from: bytes, byteCount: bytes.count)
        memory.noteEdit(address, count: count)
        return true
    }

    private func set(_ name: String, of processor: UInt64, _ bytes: [UInt8]) -> Bool {
        guard processor < UInt64(files.count) else { return false }
        let file = files[Int(processor)]
        guard let number = file.registers.firstIndex(where: { $0.name == name }),
            bytes.count == (file.registers[number].bits + 7) / 8
        else { return false }
        return file.write(number, bytes)
    }
}
