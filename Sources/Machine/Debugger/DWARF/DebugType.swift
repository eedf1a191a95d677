import CDW

/// The type of a variable, as its debug information describes it: an entry, whose parts are read when they are asked for, as
/// types name themselves.
struct DebugType {
    enum Kind {
        case signed, unsigned, boolean, character, float
        case pointer(to: DebugType?)
        case structure([Member])
        case array(of: DebugType, count: Int)
        case enumeration([(name: String, value: UInt64)])
        /// Of Swift: a value that may not be there.
        indirect case optional(DebugType, none: OptionalNone)
        /// Of which only the size is known.
        case opaque
    }

    struct Member {
        let name: String
        let type: DebugType
        /// In bytes.
        let offset: UInt64
        /// Of one that is narrower than its type (5.7.6): where it begins, from the structure's lowest bit on, and its width.
        let bits: (offset: UInt64, count: UInt64)?
    }

    private let die: Dwarf_Die
    /// Typedefs and qualifiers passed.
    let entry: Dwarf_Die
    /// Of a class of Swift: what its values, which are references, point to.
    private(set) var isInstance = false
    static let mostParts = 4096

    init(_ die: Dwarf_Die) {
        var (type, peeled) = (die, Dwarf_Die())
        entry = dwarf_peel_type(&type, &peeled) == 0 ? peeled : die
        self.die = die
    }

    var instance: DebugType {
        var type = self
        type.isInstance = true
        return type
    }

    /// As the program's language spells it.
    var name: String { isSwift ? swiftName : Self.name(of: die, depth: 0) }

    /// As C spells it.
    private static func name(of die: Dwarf_Die?, depth: Int) -> String {
        guard var die, depth < 16 else { return depth == 0 ? "void" : depth < 16 ? "void" : "..." }
        func inner() -> String { name(of: die.reference(DW_AT_type), depth: depth + 1) }
        if let name = die.name {
            switch die.tag {
            case DW_TAG_structure_type.raw: return "struct " + name
            case DW_TAG_union_type.raw: return "union " + name
            case DW_TAG_enumeration_type.raw: return "enum " + name
            default: return name
            }
        }
        switch die.tag {
        case DW_TAG_pointer_type.raw: return inner() + " *"
        case DW_TAG_reference_type.raw, DW_TAG_rvalue_reference_type.raw: return inner() + " &"
        case DW_TAG_const_type.raw: return "const " + inner()
        case DW_TAG_volatile_type.raw: return "volatile " + inner()
        case DW_TAG_array_type.raw: return inner() + " [" + (counts(die).first.map { String($0) } ?? "") + "]"
        case DW_TAG_subroutine_type.raw: return "function"
        case DW_TAG_structure_type.raw: return "struct"
        case DW_TAG_union_type.raw: return "union"
        case DW_TAG_enumeration_type.raw: return "enum"
        default: return "?"
        }
    }

    private static func counts(_ die: Dwarf_Die) -> [Int] {
        var counts: [Int] = []
        var next = die.firstChild
        while var child = next, counts.count < 8 {
            next = child.sibling
            guard child.tag == DW_TAG_subrange_type.raw else { continue }
            let last = child.number(DW_AT_upper_bound).map { $0 &+ 1 }
            counts.append(Int(clamping: child.number(DW_AT_count) ?? last ?? 0))
        }
        return counts
    }

    /// Of one value, in bytes; 0 where it has none.
    var size: Int {
        if let swiftSize { return swiftSize }
        var die = entry
        if die.tag == DW_TAG_array_type.raw, case .array(let element, let count) = kind {
            return element.size.multipliedReportingOverflow(by: count).overflow ? 0 : element.size * count
        }
        var size: Dwarf_Word = 0
        return dwarf_aggregate_size(&die, &size) == 0 ? Int(clamping: size) : 0
    }

    var kind: Kind {
        if isSwift { return swiftKind }
        var die = entry
        switch die.tag {
        case DW_TAG_base_type.raw:
            switch die.number(DW_AT_encoding).map({ UInt32(truncatingIfNeeded: $0) }) {
            case DW_ATE_signed.raw: return .signed
            case DW_ATE_unsigned.raw, DW_ATE_address.raw: return .unsigned
            case DW_ATE_boolean.raw: return .boolean
            case DW_ATE_signed_char.raw, DW_ATE_unsigned_char.raw, DW_ATE_UTF.raw: return .character
            case DW_ATE_float.raw: return .float
            default: return .opaque
            }
        case DW_TAG_pointer_type.raw, DW_TAG_reference_type.raw, DW_TAG_rvalue_reference_type.raw:
            return .pointer(to: die.reference(DW_AT_type).map { DebugType($0) })
        case DW_TAG_structure_type.raw, DW_TAG_class_type.raw, DW_TAG_union_type.raw:
            let members = members
            return members.isEmpty ? .opaque : .structure(members)
        case DW_TAG_array_type.raw:
            guard let element = die.reference(DW_AT_type).map({ DebugType($0) }) else { return .opaque }
            // Of several dimensions as one: a row after the other.
            let counts = Self.counts(die)
            let count = counts.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
            return .array(of: element, count: max(count, 0))
        case DW_TAG_enumeration_type.raw:
            var values: [(String, UInt64)] = []
            var next = die.firstChild
            while var child = next, values.count < Self.mostParts {
                next = child.sibling
                if let name = child.name, let value = child.number(DW_AT_const_value) { values.append((name, value)) }
            }
            return .enumeration(values)
        default: return .opaque
        }
    }

    private var members: [Member] {
        var members: [Member] = []
        var next = entry.firstChild
        while var child = next, members.count < Self.mostParts {
            next = child.sibling
            let isBase = child.tag == DW_TAG_inheritance.raw
            guard child.tag == DW_TAG_member.raw || isBase, let type = child.reference(DW_AT_type) else { continue }
            // What is static has no place here.
            if child.number(DW_AT_external) != nil { continue }
            var bits: (UInt64, UInt64)?
            if let count = child.number(DW_AT_bit_size), let offset = child.number(DW_AT_data_bit_offset) {
                bits = (offset, count)
            }
            members.append(
                Member(
                    name: child.name ?? (isBase ? "(base)" : "(anonymous)"), type: DebugType(type),
                    offset: child.number(DW_AT_data_member_location) ?? 0, bits: bits))
        }
        return members
    }
}

/// A variable or parameter that is in scope at some instruction.
struct DebugVariable {
    let name: String
    let type: DebugType?
    let location: DebugLocation
    let isParameter: Bool
}
