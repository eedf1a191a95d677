/// A device tree as source text, which `dtc` compiles back to the same tree.
///
/// A blob does not say what its values are. As in `dtc`, a value that reads as strings is printed as strings, one of
/// whole cells as cells, and another as bytes; but a property whose binding fixes its type is printed as that, so
/// that a clock of 0x00384000 Hz does not come out as the string "\08@".
extension DeviceTree {
    /// The text, ending with a newline; the same for the same tree.
    public var source: String {
        var text = "/dts-v1/;\n"
        if !reservations.isEmpty { text += "\n" }
        for reservation in reservations {
            text += "/memreserve/ \(hexadecimal(reservation.address)) \(hexadecimal(reservation.size));\n"
        }
        text += "\n"
        Self.print(root, indentation: "", to: &text)
        return text
    }

    private static func print(_ node: Node, indentation: String, to text: inout String) {
        text += "\(indentation)\(node.name.isEmpty ? "/" : node.name) {\n"
        for property in node.properties {
            text += "\(indentation)\t\(property.name)"
            if !property.value.isEmpty { text += " = " + format(property) }
            text += ";\n"
        }
        for (index, child) in node.children.enumerated() {
            if index > 0 || !node.properties.isEmpty { text += "\n" }
            print(child, indentation: indentation + "\t", to: &text)
        }
        text += "\(indentation)};\n"
    }

    /// Numbers by their bindings, whatever they look like.
    private static let cellNames: Set<String> = [
        "reg", "ranges", "dma-ranges", "phandle", "linux,phandle", "interrupts", "interrupts-extended",
        "interrupt-parent", "interrupt-map", "interrupt-map-mask", "clock-frequency", "timebase-frequency", "clocks",
        "msi-parent", "bus-range", "bank-width", "regmap", "offset", "value", "mask", "cpu", "riscv,ndev", "rng-seed",
        "kaslr-seed", "linux,initrd-start", "linux,initrd-end", "virtual-reg", "cache-size", "cache-line-size",
        "riscv,cbom-block-size", "riscv,cboz-block-size",
    ]

    /// Strings by their bindings, even when empty.
    private static let stringNames: Set<String> = [
        "compatible", "model", "status", "device_type", "bootargs", "stdout-path", "name", "mmu-type", "riscv,isa",
    ]

    private static func format(_ property: Property) -> String {
        let value = property.value
        let areCells = value.count % 4 == 0
        if areCells, cellNames.contains(property.name) || property.name.hasPrefix("#") { return cells(value) }
        if looksLikeStrings(value, canBeEmpty: stringNames.contains(property.name)) { return strings(value) }
        if areCells { return cells(value) }
        let digits = value.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return "[" + digits.joined(separator: " ") + "]"
    }

    /// Printable text that ends with NUL, without more NULs than other characters.
    private static func looksLikeStrings(_ value: [UInt8], canBeEmpty: Bool) -> Bool {
        guard value.last == 0 else { return false }
        var nuls = 0
        for byte in value {
            switch byte {
            case 0: nuls += 1
            case 0x07...0x0d, 0x20...0x7e: break
            default: return false
            }
        }
        return canBeEmpty || nuls <= value.count - nuls
    }

    private static func cells(_ value: [UInt8]) -> String {
        let cells = stride(from: 0, to: value.count, by: 4).map { start in
            hexadecimal(value[start..<start + 4].reduce(0 as UInt32) { $0 << 8 | UInt32($1) })
        }
        return "<" + cells.joined(separator: " ") + ">"
    }

    private static func strings(_ value: [UInt8]) -> String {
        let escapes: [UInt8: String] = [
            0x07: "\\a", 0x08: "\\b", 0x09: "\\t", 0x0a: "\\n", 0x0b: "\\v", 0x0c: "\\f", 0x0d: "\\r", 0x22: "\\\"",
            0x5c: "\\\\",
        ]
        let strings = value.dropLast().split(separator: 0, omittingEmptySubsequences: false).map { string in
            "\"" + string.map { escapes[$0] ?? String(UnicodeScalar($0)) }.joined() + "\""
        }
        return strings.joined(separator: ", ")
    }
}
