/// Registers (g, G, p and P).
///
/// The general ones and those of floating point and vectors are in g, where a debugger looks at each stop; those of the
/// system are many, and are read by p one by one.
extension GDBSession {
    /// What g has, in order.
    private var common: Range<Int> {
        0..<(target.registers.firstIndex { $0.group == .system } ?? target.registers.count)
    }

    /// A register's digits: `x` for what cannot be read.
    func digits(_ number: Int, of processor: Int) -> String {
        if let bytes = target.readRegister(number, of: processor) { return Hexadecimal.text(bytes) }
        return String(repeating: "xx", count: target.registers[number].bits / 8)
    }

    func readRegisters(of processor: Int) -> GDBReply {
        .text(common.map { digits($0, of: processor) }.joined())
    }

    /// As many registers as there are digits of; `x` leaves one as it is.
    func writeRegisters(_ digits: [UInt8], of processor: Int) throws(GDBError) -> GDBReply {
        var rest = digits[...]
        var values: [(number: Int, bytes: [UInt8])] = []
        for number in common where !rest.isEmpty {
            let field = rest.prefix(target.registers[number].bits / 4)
            rest = rest.dropFirst(field.count)
            if field.contains(UInt8(ascii: "x")) { continue }
            guard field.count == target.registers[number].bits / 4, let bytes = Hexadecimal.bytes(field) else {
                throw .malformed("\(target.registers[number].name) is not that long")
            }
            values.append((number, bytes))
        }
        guard rest.isEmpty else { throw .malformed("it has more than all registers") }
        for (number, bytes) in values where target.readRegister(number, of: processor) != bytes {
            // x0 of RISC-V is written too, in vain.
            _ = target.writeRegister(number, of: processor, bytes)
        }
        return .ok
    }

    func readRegister(_ number: UInt64, of processor: Int) throws(GDBError) -> GDBReply {
        .text(digits(try register(number), of: processor))
    }

    func writeRegister(_ number: UInt64, _ bytes: [UInt8], of processor: Int) throws(GDBError) -> GDBReply {
        let number = try register(number)
        let register = target.registers[number]
        guard bytes.count == register.bits / 8 else {
            throw .malformed("\(register.name) has \(register.bits / 8) bytes, and not \(bytes.count)")
        }
        guard target.writeRegister(number, of: processor, bytes) else {
            throw .refused("\(register.name) cannot be written, or not with that value")
        }
        return .ok
    }

    private func register(_ number: UInt64) throws(GDBError) -> Int {
        guard let number = Int(exactly: number), target.registers.indices.contains(number) else {
            throw .malformed("there are \(target.registers.count) registers")
        }
        return number
    }

    /// The program counter's number.
    var programCounter: Int? { target.registers.firstIndex { $0.name == "pc" } }

    func programCounter(of processor: Int) -> UInt64? {
        programCounter.flatMap { target.readRegister($0, of: processor) }.map { UInt64(littleEndianBytes: $0) }
    }
}
