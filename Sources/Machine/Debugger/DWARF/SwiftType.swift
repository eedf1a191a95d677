import CDW

// Types of Swift. Their entries have names, members and sizes; but Swift 6.3 writes members' offsets as if none had an
// alignment, and does not say how cases of enumerations are told apart. Both follow from Swift's rules for types of fixed layout
// (swift/docs/ABI/TypeLayout.rst): a member lies at the first place behind the one before that its alignment allows, and the
// size ends behind the last one. What does not come to the size that the compiler has written is shown as bytes.

extension DebugType {
    /// How a type of Swift lies in memory.
    private struct Layout {
        var size: Int
        var alignment: Int
        var members: [Member] = []

        /// - Returns: whether there is room for it.
        mutating func append(_ name: String, _ type: DebugType, _ layout: Layout) -> Bool {
            let offset = (size + layout.alignment - 1) / layout.alignment * layout.alignment
            guard layout.size <= DebugType.largest, offset <= DebugType.largest else { return false }
            members.append(Member(name: name, type: type, offset: UInt64(offset), bits: nil))
            (size, alignment) = (offset + layout.size, max(alignment, layout.alignment))
            return true
        }
    }

    /// What may be looked at for one type: a damaged file may have types within each other in rings.
    struct Effort {
        private var depth = 0
        private var types = 2000

        mutating func within<T>(_ body: (inout Effort) -> T?) -> T? {
            guard depth < 12, types > 0 else { return nil }
            (depth, types) = (depth + 1, types - 1)
            defer { depth -= 1 }
            return body(&self)
        }
    }

    /// Larger types are bytes; it also bounds what is added up here.
    private static let largest = 1 << 24
    private static let word = 8
    /// An object of Embedded Swift begins with its class and its count of references.
    private static let objectHeader = 2 * word

    var isSwift: Bool {
        var die = entry
        return die.number(Self.runtimeClass).map { UInt32(truncatingIfNeeded: $0) == DW_LANG_Swift.raw } ?? false
    }

    /// DW_AT_APPLE_runtime_class, by which compilers say whose type it is.
    private static let runtimeClass = 0x3fe6

    // MARK: What it is

    /// In bytes; nil where the entry has to say it. Those of the standard library may have an entry without a size.
    var swiftSize: Int? { isSwift && !isInstance && pointer != nil ? Self.word : nil }

    /// The type's kind, of an entry of Swift's.
    var swiftKind: Kind {
        var effort = Effort()
        return swiftKind(&effort)
    }

    private func swiftKind(_ effort: inout Effort) -> Kind {
        if isInstance { return object(&effort).map { .structure($0.members) } ?? .opaque }
        if let pointer { return .pointer(to: pointer.target) }
        if let payload = optionalPayload {
            return optional(of: payload, &effort).map { .optional(payload, none: $0) } ?? .opaque
        }
        if let scalar = swiftScalar { return scalar }
        if let names = plainCases {
            return .enumeration(names.enumerated().map { ($0.element, UInt64($0.offset)) })
        }
        guard let members = layout(&effort)?.members, !members.isEmpty else { return .opaque }
        return .structure(members)
    }

    /// Of a pointer, or of a class, whose values are references.
    private var pointer: Pointer? {
        if isClass { return Pointer(target: instance) }
        guard isOfStandardLibrary else { return nil }
        switch entry.name {
        case "UnsafePointer", "UnsafeMutablePointer": return Pointer(target: parameters.first)
        case "UnsafeRawPointer", "UnsafeMutableRawPointer", "OpaquePointer": return Pointer(target: nil)
        default: return nil
        }
    }

    private struct Pointer {
        let target: DebugType?
    }

    private var optionalPayload: DebugType? {
        isOfStandardLibrary && entry.name == "Optional" ? parameters.first : nil
    }

    /// A number of the standard library's: a structure around one of the compiler's.
    private var swiftScalar: Kind? {
        guard isOfStandardLibrary, let name = entry.name, size > 0 else { return nil }
        let digits = name.drop { !$0.isNumber }
        guard digits.isEmpty || ["8", "16", "32", "64"].contains(digits) else { return nil }
        switch name.dropLast(digits.count) {
        case "Int": return .signed
        case "UInt": return .unsigned
        case "Bool" where digits.isEmpty: return .boolean
        case "Float", "Double": return .float
        default: return nil
        }
    }

    /// The names of an enumeration's cases, none of which has a value beside it; nil for all else. In memory they are numbered in
    /// the order in which they are declared, those with raw values too, of which Swift 6.3 writes 0 down for each.
    private var plainCases: [String]? {
        let names: [String]
        if entry.tag == DW_TAG_enumeration_type.raw {
            names = children.filter { $0.tag == DW_TAG_enumerator.raw }.compactMap(\.name)
        } else {
            guard let cases, cases.allSatisfy({ $0.payload == nil }) else { return nil }
            names = cases.map(\.name)
        }
        return 1...256 ~= names.count && size == 1 ? names : nil
    }

    private var cases: [(name: String, payload: DebugType?)]? {
        guard let part = children.first(where: { $0.tag == DW_TAG_variant_part.raw }) else { return nil }
        return DebugType.children(of: part).compactMap { variant in
            guard var member = variant.firstChild, let name = member.name else { return nil }
            return (name, member.reference(DW_AT_type).map { DebugType($0) })
        }
    }

    /// How an optional value says that there is none: a byte behind the payload, or a bit pattern that the payload has not.
    private func optional(of payload: DebugType, _ effort: inout Effort) -> OptionalNone? {
        guard let inner = payload.layout(&effort) else { return nil }
        if size == inner.size + 1 { return .byte(at: UInt64(inner.size)) }
        guard size == inner.size else { return nil }
        switch effort.within({ payload.swiftKind(&$0) }) {
        case .pointer?: return .value(0)
        case .boolean?: return .value(2)
        case .enumeration(let cases)?: return .value(UInt64(cases.count))
        default: return nil
        }
    }

    // MARK: Where it lies

    private func layout(_ effort: inout Effort) -> Layout? { effort.within { knownLayout(&$0) } }

    private func knownLayout(_ effort: inout Effort) -> Layout? {
        var entry = entry
        if pointer != nil { return Layout(size: Self.word, alignment: Self.word) }
        let size = size
        guard 1...Self.largest ~= size else { return nil }
        if plainCases != nil { return Layout(size: size, alignment: size) }
        if let payload = optionalPayload {
            guard let inner = payload.layout(&effort), size == inner.size || size == inner.size + 1 else { return nil }
            return Layout(size: size, alignment: inner.alignment)
        }
        if swiftScalar != nil { return Layout(size: size, alignment: size) }
        if let cases {
            var alignment = 1
            for payload in cases.compactMap(\.payload) {
                guard let inner = payload.layout(&effort) else { return nil }
                alignment = max(alignment, inner.alignment)
            }
            return Layout(size: size, alignment: alignment)
        }
        var layout = Layout(size: 0, alignment: 1)
        let stored = stored
        if append(stored, to: &layout, &effort), layout.size == size { return layout }
        // Of closures, existentials and arrays only the size is known. They hold pointers, and lie as those do: where one does
        // not, what has it does not come to its size.
        let isComplete = entry.reference(DW_AT_specification) == nil && !stored.isEmpty
        return isComplete || size % Self.word != 0 ? nil : Layout(size: size, alignment: Self.word)
    }

    /// Of an object: what its class inherits comes first.
    private func object(_ effort: inout Effort) -> Layout? {
        effort.within { effort in
            var layout = Layout(size: Self.objectHeader, alignment: Self.word)
            if var inheritance = children.first(where: { $0.tag == DW_TAG_inheritance.raw }) {
                guard let base = inheritance.reference(DW_AT_type).map({ DebugType($0) }),
                    let inherited = base.object(&effort)
                else { return nil }
                layout = inherited
            }
            // What is known of it is shown, though something behind is not.
            _ = append(stored, to: &layout, &effort)
            return layout
        }
    }

    private func append(
        _ members: [(name: String, type: DebugType)], to layout: inout Layout, _ effort: inout Effort
    ) -> Bool {
        for member in members {
            guard let inner = member.type.layout(&effort), layout.append(member.name, member.type, inner)
            else { return false }
        }
        return true
    }

    /// Its stored properties, or a tuple's elements.
    private var stored: [(name: String, type: DebugType)] {
        var stored: [(String, DebugType)] = []
        for var child in children where child.tag == DW_TAG_member.raw {
            guard child.number(DW_AT_external) == nil, let type = child.reference(DW_AT_type) else { continue }
            stored.append((child.name ?? String(stored.count), DebugType(type)))
        }
        return stored
    }

    // MARK: Entries

    private var children: [Dwarf_Die] { Self.children(of: entry) }

    private static func children(of die: Dwarf_Die) -> [Dwarf_Die] {
        var children: [Dwarf_Die] = []
        var next = die.firstChild
        while let child = next, children.count < mostParts {
            children.append(child)
            next = child.sibling
        }
        return children
    }

    private var mangledName: String {
        var die = entry
        return die.string(DW_AT_linkage_name) ?? die.name ?? ""
    }

    /// A symbol begins with `$e` of Embedded Swift, or `$s`; `S` or `s` behind it stand for the standard library, and `xSg` for
    /// an Optional.
    private var isOfStandardLibrary: Bool {
        // Of a type that takes parameters, the entry that this one completes says whose it is.
        var die = entry
        let name = (die.reference(DW_AT_specification).map { DebugType($0) } ?? self).mangledName
        let first = name.utf8.dropFirst(2).first
        return first == UInt8(ascii: "S") || first == UInt8(ascii: "s") || name.hasSuffix("xSgD")
    }

    private var isClass: Bool {
        var die = entry
        return !isInstance && mangledName.hasSuffix("CD") && die.number(DW_AT_byte_size) == UInt64(Self.word)
    }

    /// The types that it was made for. Where the compiler has put the type into an entry that has its size, they are in there.
    private var parameters: [DebugType] {
        func types(_ children: [Dwarf_Die]) -> [DebugType] {
            children.compactMap { child in
                var child = child
                guard child.tag == DW_TAG_template_type_parameter.raw else { return nil }
                return child.reference(DW_AT_type).map { DebugType($0) }
            }
        }
        let children = children
        let own = types(children)
        guard own.isEmpty, children.count == 1, var member = children.first,
            let type = member.reference(DW_AT_type)
        else { return own }
        return types(Self.children(of: type))
    }

    // MARK: Names

    /// As Swift spells it.
    var swiftName: String {
        var effort = Effort()
        return swiftName(&effort)
    }

    private func swiftName(_ effort: inout Effort) -> String {
        effort.within { effort in
            if let payload = optionalPayload { return payload.swiftName(&effort) + "?" }
            guard let name = entry.name else { return "?" }
            if name.hasPrefix("$") {
                let elements = stored.map { $0.type.swiftName(&effort) }
                if !elements.isEmpty { return "(" + elements.joined(separator: ", ") + ")" }
                let short = shortSymbolName(name)
                return short == name ? "?" : short
            }
            let parameters = parameters.map { $0.swiftName(&effort) }
            return parameters.isEmpty ? name : name + "<" + parameters.joined(separator: ", ") + ">"
        } ?? "..."
    }
}

/// How an optional value of Swift says that there is none.
enum OptionalNone {
    /// A byte there is 1, and 0 where there is a value.
    case byte(at: UInt64)
    /// It is this number.
    case value(UInt64)
}
