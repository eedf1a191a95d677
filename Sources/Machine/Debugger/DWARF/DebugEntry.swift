import CDW

/// Reads the attributes of debugging information entries, a kind each.
extension Dwarf_Die {
    /// Of an attribute: its own, or that of the entry which it completes or is a copy of (2.13, 3.3.8).
    private mutating func with<T>(_ attribute: UInt32, _ body: (inout Dwarf_Attribute) -> T?) -> T? {
        var value = Dwarf_Attribute()
        guard dwarf_attr_integrate(&self, attribute, &value) != nil else { return nil }
        return body(&value)
    }

    mutating func string<C: BinaryInteger>(_ attribute: C) -> String? {
        with(UInt32(attribute)) { dwarf_formstring(&$0).map { String(cString: $0) } }
    }

    mutating func number<C: BinaryInteger>(_ attribute: C) -> UInt64? {
        with(UInt32(attribute)) {
            var number: Dwarf_Word = 0
            return dwarf_formudata(&$0, &number) == 0 ? number : nil
        }
    }

    mutating func reference<C: BinaryInteger>(_ attribute: C) -> Dwarf_Die? {
        with(UInt32(attribute)) {
            var die = Dwarf_Die()
            return dwarf_formref_die(&$0, &die) == nil ? nil : die
        }
    }

    var firstChild: Dwarf_Die? {
        var (die, child) = (self, Dwarf_Die())
        return dwarf_child(&die, &child) == 0 ? child : nil
    }

    /// The entry behind it, in the same one.
    var sibling: Dwarf_Die? {
        var (die, next) = (self, Dwarf_Die())
        return dwarf_siblingof(&die, &next) == 0 ? next : nil
    }

    var tag: UInt32 {
        var die = self
        return UInt32(bitPattern: dwarf_tag(&die))
    }

    var name: String? {
        var die = self
        return dwarf_diename(&die).map { String(cString: $0) }
    }

    /// The addresses of its code (2.17); none where it has none.
    var ranges: [Range<UInt64>] {
        var die = self
        var ranges: [Range<UInt64>] = []
        var (base, start, end): (Dwarf_Addr, Dwarf_Addr, Dwarf_Addr) = (0, 0, 0)
        var offset = 0
        while ranges.count < 1 << 16 {
            offset = dwarf_ranges(&die, offset, &base, &start, &end)
            if offset <= 0 { break }
            // Linkers leave 0 for functions that they dropped.
            if start < end, start != 0 || base != 0 { ranges.append(start..<end) }
        }
        return ranges
    }
}

extension BinaryInteger {
    /// A constant of <dwarf.h>, as the values are compared here.
    var raw: UInt32 { UInt32(truncatingIfNeeded: self) }
}
