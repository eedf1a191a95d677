import ISA

/// Where guest registers live while translated code runs: the same for all code, so that code may be entered at any
/// label, and left anywhere, without a move; but for loops, which may have another map of their own.
struct RegisterMap {
    enum Home: Equatable {
        case general(X64.Register)
        case vector(X64.VectorRegister)
        /// In the state block.
        case memory
    }

    /// Those that hold guest registers, in the order in which they are given away.
    static let generalRegisters: [X64.Register] = [.rbx, .rsi, .rdi, .r8, .r9, .r10, .r11, .r12, .r13]
    static let vectorRegisters: [X64.VectorRegister] = [
        .xmm3, .xmm4, .xmm5, .xmm6, .xmm7, .xmm8, .xmm9, .xmm10, .xmm11, .xmm12, .xmm13, .xmm14,
    ]

    /// Where no guest register has one of the host's: all but ``X64/Role/ones``.
    private static let vectorTemporaries: [X64.VectorRegister] = X64.Role.temporaryVectors + vectorRegisters

    /// On the heap, so that looking one up does not copy them all.
    private var homes = ContiguousArray<Home>(repeating: .memory, count: 256)
    /// What is in host registers, for entering and leaving code.
    private(set) var general: [(guest: UInt8, host: X64.Register)] = []
    private(set) var vector: [(guest: UInt8, host: X64.VectorRegister)] = []

    /// The guest's floating-point registers are the low parts of vector registers in the state block; all of the host's are
    /// for results on their way.
    let hasVectors: Bool
    /// Vector registers for results on their way.
    let temporaryVectors: [X64.VectorRegister]

    init(_ guest: GuestTranslation) {
        hasVectors = guest.floatRegisters.isEmpty
        temporaryVectors = hasVectors ? Self.vectorTemporaries : X64.Role.temporaryVectors
        general = Array(zip(guest.integerRegisters, Self.generalRegisters)).map { ($0, $1) }
        vector = Array(zip(guest.floatRegisters, Self.vectorRegisters)).map { ($0, $1) }
        for (guest, host) in general { homes[Int(guest)] = .general(host) }
        for (guest, host) in vector { homes[Int(guest)] = .vector(host) }
    }

    subscript(guest: UInt8) -> Home { homes[Int(guest)] }

    // MARK: Loops

    /// A host register that holds another register of the guest within a loop than elsewhere.
    struct Replacement {
        let host: X64.Register
        let outside: UInt8
        let inside: UInt8
    }

    /// What differs from the map that is everybody's.
    private(set) var replacements: [Replacement] = []

    /// The map of a loop, in which registers are used as often as `uses` says; nil where no other is better.
    func forLoop(_ uses: ContiguousArray<Int>) -> RegisterMap? {
        let wanted = uses.indices.filter { uses[$0] > 0 }.sorted { uses[$0] > uses[$1] }
            .prefix(general.count).map { UInt8($0) }
        var free = general.filter { !wanted.contains($0.guest) }
        var loop = self
        for guest in wanted where homes[Int(guest)] == .memory {
            guard let (outside, host) = free.popLast() else { break }
            loop.homes[Int(outside)] = .memory
            loop.homes[Int(guest)] = .general(host)
            loop.replacements.append(Replacement(host: host, outside: outside, inside: guest))
        }
        return loop.replacements.isEmpty ? nil : loop
    }
}

extension X64 {
    /// What the other registers are for while translated code runs.
    enum Role {
        /// The state block, plus ``stateBias``.
        static let state = Register.rbp
        /// The translation context.
        static let context = Register.r15
        /// Instructions left in the turn, less those of the segment that runs.
        static let budget = Register.r14
        /// For results on their way.
        static let temporaries: [Register] = [.rax, .rdx, .rcx]
        /// Brings the first 32 registers within reach of one byte of displacement.
        static let stateBias = 128

        /// A register of the guest in the state block.
        static func register(_ index: UInt8) -> Memory { field(8 * Int(index)) }

        /// What is at `offset` in the state block.
        static func field(_ offset: Int) -> Memory {
            Memory(state, Int32(truncatingIfNeeded: offset - stateBias))
        }

        static func field<Field>(_ path: KeyPath<CoreState, Field>) -> Memory {
            // A stored property has an offset.
            field(MemoryLayout<CoreState>.offset(of: path)!)
        }

        static func contextField<Field>(_ path: KeyPath<TranslationContext, Field>) -> Memory {
            Memory(context, Int32(truncatingIfNeeded: MemoryLayout<TranslationContext>.offset(of: path)!))
        }
    }
}
