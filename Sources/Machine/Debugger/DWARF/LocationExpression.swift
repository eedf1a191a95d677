import CDW

/// Where something is, or what it is (2.6).
enum DebugLocation: Equatable {
    case memory(UInt64)
    /// By DWARF's number.
    case register(Int)
    case value(UInt64)
    case bytes([UInt8])
    /// One after the other, each of so many bytes.
    indirect case pieces([(location: DebugLocation, size: Int)])
    /// It was optimised away.
    case absent

    static func == (a: DebugLocation, b: DebugLocation) -> Bool {
        switch (a, b) {
        case (.memory(let a), .memory(let b)), (.value(let a), .value(let b)): a == b
        case (.register(let a), .register(let b)): a == b
        case (.bytes(let a), .bytes(let b)): a == b
        case (.absent, .absent): true
        case (.pieces(let a), .pieces(let b)): a.count == b.count && zip(a, b).allSatisfy { $0 == $1 }
        default: false
        }
    }
}

/// The stack machine that location expressions are programs of (2.5).
struct LocationMachine {
    let registers: FrameRegisters
    let memory: FrameMemory
    /// What is added to addresses of the program where it runs.
    let bias: UInt64
    var canonicalFrameAddress: UInt64?
    var frameBase: UInt64?
    private var stack: [UInt64] = []
    /// Branches may lead backwards for ever.
    private static let mostOperations = 100_000
    private static let mostEntries = 1024

    init(
        registers: FrameRegisters, memory: @escaping FrameMemory, bias: UInt64, canonicalFrameAddress: UInt64? = nil,
        frameBase: UInt64? = nil
    ) {
        self.registers = registers
        self.memory = memory
        self.bias = bias
        self.canonicalFrameAddress = canonicalFrameAddress
        self.frameBase = frameBase
    }

    /// - Parameter attribute: what the expression is the value of; it may name addresses by their numbers in a table.
    /// - Returns: nil where an operation is not known, or needs what is not known.
    mutating func evaluate(
        _ operations: UnsafeMutablePointer<Dwarf_Op>, _ count: Int,
        of attribute: UnsafeMutablePointer<Dwarf_Attribute>? = nil
    ) -> DebugLocation? {
        stack = []
        var pieces: [(location: DebugLocation, size: Int)] = []
        /// What was named by other means than the stack.
        var named: DebugLocation?
        var index = 0
        var budget = Self.mostOperations
        while index < count {
            budget -= 1
            guard budget > 0, stack.count < Self.mostEntries else { return nil }
            let operation = operations[index]
            index += 1
            let atom = UInt32(operation.atom)
            switch atom {
            case DW_OP_reg0.raw...DW_OP_reg31.raw: named = .register(Int(atom - DW_OP_reg0.raw))
            case DW_OP_regx.raw: named = Int(exactly: operation.number).map { .register($0) }
            case DW_OP_stack_value.raw:
                guard let top = stack.popLast() else { return nil }
                named = .value(top)
            case DW_OP_implicit_value.raw:
                // SAFETY: libdw gives the length of the block in the image and the place of its bytes.
                guard operation.number <= 1 << 16, let start = UnsafePointer<UInt8>(bitPattern: UInt(operation.number2))
                else { return nil }
                named = .bytes(Array(UnsafeBufferPointer(start: start, count: Int(operation.number))))
            case DW_OP_piece.raw:
                guard operation.number <= 1 << 16, pieces.count < 64 else { return nil }
                let location = named ?? stack.popLast().map { .memory($0) } ?? .absent
                pieces.append((location, Int(operation.number)))
                (named, stack) = (nil, [])
            case DW_OP_bra.raw, DW_OP_skip.raw:
                if atom == DW_OP_bra.raw {
                    guard let condition = stack.popLast() else { return nil }
                    if condition == 0 { continue }
                }
                // It leads on from behind its three bytes (2.5.1.5).
                let target = operation.offset &+ 3 &+ operation.number
                guard let place = (0..<count).first(where: { operations[$0].offset == target }) else { return nil }
                index = place
            case DW_OP_addrx.raw, DW_OP_constx.raw:
                var entry = Dwarf_Attribute()
                var address: Dwarf_Addr = 0
                guard let attribute, dwarf_getlocation_attr(attribute, operations + (index - 1), &entry) == 0,
                    dwarf_formaddr(&entry, &address) == 0
                else { return nil }
                stack.append(atom == DW_OP_addrx.raw ? address &+ bias : address)
            default:
                guard step(atom, operation) else { return nil }
            }
        }
        if !pieces.isEmpty { return .pieces(pieces) }
        if let named { return named }
        return stack.popLast().map { .memory($0) } ?? .absent
    }

    /// One operation on the stack alone.
    private mutating func step(_ atom: UInt32, _ operation: Dwarf_Op) -> Bool {
        let (number, second) = (operation.number, operation.number2)
        switch atom {
        case DW_OP_addr.raw: stack.append(number &+ bias)
        case DW_OP_const1u.raw, DW_OP_const1s.raw, DW_OP_const2u.raw, DW_OP_const2s.raw, DW_OP_const4u.raw,
            DW_OP_const4s.raw, DW_OP_const8u.raw, DW_OP_const8s.raw, DW_OP_constu.raw, DW_OP_consts.raw:
            stack.append(number)
        case DW_OP_lit0.raw...DW_OP_lit31.raw: stack.append(UInt64(atom - DW_OP_lit0.raw))
        case DW_OP_breg0.raw...DW_OP_breg31.raw: return push(registers[Int(atom - DW_OP_breg0.raw)], plus: number)
        case DW_OP_bregx.raw: return push(Int(exactly: number).flatMap { registers[$0] }, plus: second)
        case DW_OP_fbreg.raw: return push(frameBase, plus: number)
        case DW_OP_call_frame_cfa.raw: return push(canonicalFrameAddress, plus: 0)
        case DW_OP_deref.raw, DW_OP_deref_size.raw:
            let size = atom == DW_OP_deref.raw ? 8 : number
            guard let address = stack.popLast(), 1...8 ~= size, let bytes = memory(address, Int(size)) else {
                return false
            }
            stack.append(UInt64(littleEndianBytes: bytes))
        case DW_OP_dup.raw: return push(stack.last, plus: 0)
        case DW_OP_drop.raw: return stack.popLast() != nil
        case DW_OP_pick.raw, DW_OP_over.raw:
            let depth = atom == DW_OP_over.raw ? 1 : number
            guard depth < stack.count else { return false }
            stack.append(stack[stack.count - 1 - Int(depth)])
        case DW_OP_swap.raw:
            guard stack.count >= 2 else { return false }
            stack.swapAt(stack.count - 1, stack.count - 2)
        case DW_OP_rot.raw:
            guard stack.count >= 3 else { return false }
            stack.insert(stack.removeLast(), at: stack.count - 2)
        case DW_OP_plus_uconst.raw:
            guard let top = stack.popLast() else { return false }
            stack.append(top &+ number)
        case DW_OP_neg.raw, DW_OP_not.raw, DW_OP_abs.raw:
            guard let top = stack.popLast() else { return false }
            let isNegative = Int64(bitPattern: top) < 0
            stack.append(atom == DW_OP_not.raw ? ~top : atom == DW_OP_neg.raw || isNegative ? 0 &- top : top)
        case DW_OP_nop.raw: break
        default: return binary(atom)
        }
        return true
    }

    private mutating func push(_ value: UInt64?, plus offset: UInt64) -> Bool {
        guard let value else { return false }
        stack.append(value &+ offset)
        return true
    }

    private mutating func binary(_ atom: UInt32) -> Bool {
        guard stack.count >= 2 else { return false }
        let (b, a) = (stack.removeLast(), stack.removeLast())
        let (signedA, signedB) = (Int64(bitPattern: a), Int64(bitPattern: b))
        let result: UInt64
        switch atom {
        case DW_OP_plus.raw: result = a &+ b
        case DW_OP_minus.raw: result = a &- b
        case DW_OP_mul.raw: result = a &* b
        case DW_OP_and.raw: result = a & b
        case DW_OP_or.raw: result = a | b
        case DW_OP_xor.raw: result = a ^ b
        case DW_OP_div.raw:
            guard signedB != 0 else { return false }
            result = UInt64(bitPattern: signedA.dividedReportingOverflow(by: signedB).partialValue)
        case DW_OP_mod.raw:
            guard b != 0 else { return false }
            result = a % b
        case DW_OP_shl.raw: result = a << b
        case DW_OP_shr.raw: result = a >> b
        case DW_OP_shra.raw: result = UInt64(bitPattern: signedA >> Int64(clamping: b))
        case DW_OP_eq.raw: result = a == b ? 1 : 0
        case DW_OP_ne.raw: result = a != b ? 1 : 0
        case DW_OP_lt.raw: result = signedA < signedB ? 1 : 0
        case DW_OP_le.raw: result = signedA <= signedB ? 1 : 0
        case DW_OP_gt.raw: result = signedA > signedB ? 1 : 0
        case DW_OP_ge.raw: result = signedA >= signedB ? 1 : 0
        default: return false
        }
        stack.append(result)
        return true
    }
}
