/// A value that a debugger shows: what it is of, and where.
struct DebugValue {
    let type: DebugType?
    /// In bytes.
    let size: Int
    let location: DebugLocation
    /// Of a structure's member that is narrower than its type.
    var bits: (offset: UInt64, count: UInt64)?
    /// Of an address that was taken of something.
    var pointee: DebugType?
    /// How a value without a type is shown.
    var form = Form.integer
    enum Form { case integer, address, float, vector, unknown }

    init(type: DebugType?, size: Int, location: DebugLocation) {
        self.type = type
        self.size = size
        self.location = location
    }

    init(_ variable: DebugVariable) {
        self.init(type: variable.type, size: variable.type?.size ?? 8, location: variable.location)
    }

    init(_ register: DebugRegister, _ bytes: [UInt8]?) {
        self.init(type: nil, size: register.bits / 8, location: bytes.map { .bytes($0) } ?? .absent)
        form =
            switch register.kind {
            case .float: .float
            case .vector: .vector
            case .codePointer, .dataPointer: .address
            case .integer: .integer
            }
    }

    /// A number, as arithmetic makes them.
    init(_ number: UInt64) { self.init(type: nil, size: 8, location: .value(number)) }

    var typeName: String? { type?.name ?? pointee.map { $0.name + " *" } }
}

/// Reads values and works out expressions in one frame of a machine that stands.
struct DebugEvaluator {
    let program: DebuggedProgram
    let processor: Int
    let registers: FrameRegisters
    let isCaller: Bool
    let inlined: Int
    /// Elements of an array that are shown, and characters of a string.
    private static let mostElements = 1000
    private static let longestText = 200

    // MARK: Bytes and numbers

    func memory(_ address: UInt64, _ count: Int) -> [UInt8]? {
        guard count <= 1 << 16 else { return nil }
        let bytes = program.target.readMemory(DebugAddress(address), count: count, of: processor)
        return bytes.count == count ? bytes : nil
    }

    func bytes(of value: DebugValue) -> [UInt8]? { bytes(value.location, value.size) }

    private func bytes(_ location: DebugLocation, _ size: Int) -> [UInt8]? {
        guard 0...1 << 16 ~= size else { return nil }
        switch location {
        case .memory(let address): return memory(address, size)
        case .register(let number):
            return register(number).map { Array(($0.littleEndianBytes(max(size, 8))).prefix(size)) }
        case .value(let value): return Array(value.littleEndianBytes(max(size, 8)).prefix(size))
        case .bytes(let bytes): return bytes.count >= size ? Array(bytes.prefix(size)) : nil
        case .pieces(let pieces):
            var all: [UInt8] = []
            for piece in pieces {
                guard all.count < size else { break }
                guard let part = bytes(piece.location, piece.size) else { return nil }
                all += part
            }
            return all.count >= size ? Array(all.prefix(size)) : nil
        case .absent: return nil
        }
    }

    /// By DWARF's number; those beyond the general ones are the CPU's now.
    private func register(_ number: Int) -> UInt64? {
        if number < 32 { return registers[number] }
        // f0 to f31 are 32 to 63 for RISC-V, v0 to v31 are 64 to 95 for AArch64.
        let first = program.target.architecture == .riscv ? ("f", 32) : ("v", 64)
        let names = program.target.registers.enumerated().filter {
            program.target.architecture == .riscv
                ? $0.element.group == .float && $0.element.bits == 64 : $0.element.group == .vector
        }
        guard !isCaller, names.indices.contains(number - first.1) else { return nil }
        return program.target.readRegister(names[number - first.1].offset, of: processor)
            .map { UInt64(littleEndianBytes: $0) }
    }

    /// The value as a number of at most eight bytes, with its sign where its type has one.
    func number(of value: DebugValue) -> UInt64? {
        switch value.type?.kind {
        case .structure?: return nil
        case .array?:
            // It stands for where it begins.
            if case .memory(let address) = value.location { return address }
            return nil
        case .optional?: return held(by: value).flatMap { self.number(of: $0) }
        default: break
        }
        guard value.size > 0, let bytes = bytes(of: value) else { return nil }
        var number = UInt64(littleEndianBytes: bytes)
        var width = UInt64(min(bytes.count, 8) * 8)
        if let bits = value.bits {
            guard bits.offset < 64, bits.count > 0, bits.count < 64 else { return nil }
            number = number >> bits.offset & ((1 << bits.count) &- 1)
            width = bits.count
        }
        if isSigned(value.type), width < 64, number >> (width - 1) & 1 == 1 { number |= ~0 << width }
        return number
    }

    private func isSigned(_ type: DebugType?) -> Bool { if case .signed? = type?.kind { true } else { false } }

    /// Where the value points, or is.
    func pointee(of value: DebugValue) -> UInt64? {
        if case .pointer? = value.type?.kind { return number(of: value) }
        if value.type == nil, value.form == .address { return number(of: value) }
        if case .memory(let address) = value.location { return address }
        return nil
    }

    // MARK: Text

    func text(of value: DebugValue, isHexadecimal: Bool = false) -> String { text(of: value, isHexadecimal, depth: 0) }

    private func text(of value: DebugValue, _ isHexadecimal: Bool, depth: Int) -> String {
        if value.location == .absent { return value.type == nil ? "(not there)" : "(optimised out)" }
        guard let kind = value.type?.kind else { return textWithoutType(value, isHexadecimal) }
        switch kind {
        case .structure, .array:
            guard depth < 2 else { return "{...}" }
            if case .array(let element, let count) = kind, case .character = element.kind,
                let bytes = bytes(DebugValue(type: nil, size: min(count, Self.longestText), location: value.location))
            {
                return quoted(bytes.prefix { $0 != 0 })
            }
            let parts = children(of: value)
            var isArray = false
            if case .array = kind { isArray = true }
            let shown = parts.prefix(8).map {
                (isArray ? "" : $0.name + " = ") + text(of: $0.value, isHexadecimal, depth: depth + 1)
            }
            return "{" + (shown + (parts.count > 8 ? ["..."] : [])).joined(separator: ", ") + "}"
        case .optional(let payload, let none):
            switch held(by: value, payload, none) {
            case .value(let held): return text(of: held, isHexadecimal, depth: depth)
            case .nothing: return "nil"
            case .unknown: return "(no memory)"
            }
        case .opaque:
            guard let bytes = bytes(of: value), !bytes.isEmpty else { return "(\(value.size) bytes)" }
            if bytes.count <= 8 { return hexadecimal(UInt64(littleEndianBytes: bytes)) }
            let digits = bytes.prefix(32).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            return digits.joined(separator: " ") + (bytes.count > 32 ? " ..." : "")
        default: break
        }
        guard let number = number(of: value) else { return "(no memory)" }
        switch kind {
        case .pointer(let target):
            var text = hexadecimal(number)
            if let name = program.symbols.name(number), number != 0 { text += " <\(name)>" }
            if case .character? = target?.kind, let string = string(at: number) { text += " " + string }
            return text
        case .boolean: return number == 0 ? "false" : number == 1 ? "true" : String(number)
        case .character:
            let scalar = Unicode.Scalar(UInt8(truncatingIfNeeded: number))
            return isHexadecimal ? hexadecimal(number) : "\(number) '\(printable(String(scalar)))'"
        case .enumeration(let names):
            let mask = value.size < 8 ? (1 as UInt64) << UInt64(value.size * 8) &- 1 : .max
            return names.first { $0.value & mask == number & mask }?.name ?? String(number)
        case .float:
            return value.size == 4
                ? String(Float(bitPattern: UInt32(truncatingIfNeeded: number)))
                : value.size == 8 ? String(Double(bitPattern: number)) : hexadecimal(number)
        case .signed where !isHexadecimal: return String(Int64(bitPattern: number))
        case .signed:
            let mask = value.size < 8 ? (1 as UInt64) << UInt64(value.size * 8) &- 1 : .max
            return hexadecimal(number & mask)
        default: return isHexadecimal ? hexadecimal(number) : String(number)
        }
    }

    private func bytes(_ value: DebugValue) -> [UInt8]? { bytes(of: value) }

    private func textWithoutType(_ value: DebugValue, _ isHexadecimal: Bool) -> String {
        guard let bytes = bytes(of: value) else { return "(not there)" }
        let number = UInt64(littleEndianBytes: bytes)
        switch value.form {
        case .vector:
            return "0x" + bytes.reversed().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        case .float where bytes.count == 8:
            return "\(Double(bitPattern: number)) (\(hexadecimal(number)))"
        case .address:
            return hexadecimal(number) + (program.symbols.name(number).map { " <\($0)>" } ?? "")
        default: return hexadecimal(number)
        }
    }

    private func string(at address: UInt64) -> String? {
        var bytes: [UInt8] = []
        while bytes.count < Self.longestText {
            let piece = program.target.readMemory(
                DebugAddress(address &+ UInt64(bytes.count)), count: 64, of: processor)
            let text = piece.prefix { $0 != 0 }
            bytes += text
            if text.count < piece.count { return quoted(bytes[...]) }
            if piece.count < 64 { return nil }
        }
        return quoted(bytes.prefix(Self.longestText)) + "..."
    }

    private func quoted(_ bytes: ArraySlice<UInt8>) -> String {
        "\"" + printable(String(decoding: bytes, as: UTF8.self)) + "\""
    }

    // MARK: Parts

    private enum Held {
        case value(DebugValue), nothing, unknown
    }

    /// What is in an optional value.
    private func held(by value: DebugValue, _ payload: DebugType, _ none: OptionalNone) -> Held {
        let held = DebugValue(type: payload, size: payload.size, location: value.location)
        switch none {
        case .byte(let offset):
            guard let place = location(value.location, offset, 1), let byte = bytes(place, 1) else { return .unknown }
            return byte == [0] ? .value(held) : .nothing
        case .value(let none):
            guard let bytes = bytes(of: value) else { return .unknown }
            return UInt64(littleEndianBytes: bytes) == none ? .nothing : .value(held)
        }
    }

    /// The value itself where it is not optional; nil where nothing is in it.
    func held(by value: DebugValue) -> DebugValue? {
        guard case .optional(let payload, let none)? = value.type?.kind else { return value }
        if case .value(let held) = held(by: value, payload, none) { return held }
        return nil
    }

    /// An object of Swift, which is known by its address.
    func isReference(_ value: DebugValue) -> Bool {
        if case .pointer(let target?)? = held(by: value)?.type?.kind { return target.isInstance }
        return false
    }

    func hasChildren(_ value: DebugValue) -> Bool {
        switch value.type?.kind {
        case .optional?: held(by: value).map { hasChildren($0) } ?? false
        case .structure?: value.location != .absent
        case .array(_, let count)?: count > 0 && value.location != .absent
        case .pointer(let target)?: target.map { $0.size > 0 } ?? false && (number(of: value) ?? 0) != 0
        default: false
        }
    }

    func children(of value: DebugValue) -> [(name: String, value: DebugValue)] {
        switch value.type?.kind {
        case .optional?: return held(by: value).map { children(of: $0) } ?? []
        case .structure(let members)?:
            return members.compactMap { member in part(member, of: value).map { (member.name, $0) } }
        case .array(let element, let count)?:
            let size = element.size
            guard size > 0 else { return [] }
            return (0..<min(count, Self.mostElements)).compactMap { index in
                let (offset, isTooFar) = index.multipliedReportingOverflow(by: size)
                guard !isTooFar, let location = location(value.location, UInt64(offset), size) else { return nil }
                return ("[\(index)]", DebugValue(type: element, size: size, location: location))
            }
        case .pointer(let target?)?:
            guard let address = number(of: value) else { return [] }
            let pointee = DebugValue(type: target, size: target.size, location: .memory(address))
            // What a structure is made of, in place of one that holds it.
            if case .structure = target.kind { return children(of: pointee) }
            return [("*", pointee)]
        default: return []
        }
    }

    private func part(_ member: DebugType.Member, of value: DebugValue) -> DebugValue? {
        // A bit field is read where its type's alignment would have it.
        let size = member.type.size
        var (offset, bits) = (member.offset, member.bits)
        if let place = bits, size > 0 {
            offset = place.offset / UInt64(size * 8) &* UInt64(size)
            bits = (place.offset % UInt64(size * 8), place.count)
        }
        guard let location = location(value.location, offset, size) else { return nil }
        var part = DebugValue(type: member.type, size: size, location: location)
        part.bits = bits
        return part
    }

    private func location(_ location: DebugLocation, _ offset: UInt64, _ size: Int) -> DebugLocation? {
        switch location {
        case .memory(let address): return .memory(address &+ offset)
        case .absent: return .absent
        default:
            guard let end = Int(exactly: offset).map({ $0.addingReportingOverflow(size) }), !end.overflow,
                let bytes = bytes(location, end.partialValue)
            else { return .absent }
            return .bytes(Array(bytes.suffix(size)))
        }
    }

    // MARK: Names

    func variable(_ name: String) -> DebugValue? {
        let variables = program.sources.variables(
            of: registers, isCaller: isCaller, inlined: inlined, memory: { memory($0, $1) })
        if let found = variables.first(where: { $0.name == name }) { return DebugValue(found) }
        if let global = program.sources.global(named: name, near: registers.programCounter) {
            return DebugValue(global)
        }
        if let value = register(named: name) { return value }
        guard let address = program.symbols.address(of: name) else { return nil }
        // Without a type it is its address, as a linker's symbol is.
        var value = DebugValue(address)
        value.form = .address
        return value
    }

    func register(named name: String) -> DebugValue? {
        let name = name == "s0" && program.target.architecture == .riscv ? "fp" : name
        guard let number = program.target.registers.firstIndex(where: { $0.name == name }) else { return nil }
        let register = program.target.registers[number]
        // A caller's general registers are what the unwinder found.
        if isCaller {
            if name == "pc" { return DebugValue(register, registers.programCounter.littleEndianBytes(8)) }
            if number < 32, register.group == .general {
                return DebugValue(register, registers[number].map { $0.littleEndianBytes(8) })
            }
        }
        return DebugValue(register, program.target.readRegister(number, of: processor))
    }
}
