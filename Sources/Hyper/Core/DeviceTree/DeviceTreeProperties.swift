/// Values as the Devicetree Specification has them ("Property values"). A value that is not of the type asked for is
/// nil, as one that is missing.
extension DeviceTreeNode {
    public func bytes(_ name: Text) -> [UInt8]? { properties.first { $0.name == name }?.value }

    public func has(_ name: Text) -> Bool { bytes(name) != nil }

    public func u32(_ name: Text) -> UInt32? {
        guard let cells = cells(name), cells.count == 1 else { return nil }
        return cells[0]
    }

    public func u64(_ name: Text) -> UInt64? {
        guard let cells = cells(name), cells.count == 2 else { return nil }
        return UInt64(cells[0]) << 32 | UInt64(cells[1])
    }

    /// A number of one or of two cells, such as `timebase-frequency`.
    public func number(_ name: Text) -> UInt64? { u32(name).map { UInt64($0) } ?? u64(name) }

    /// Nil, too, where the value ends within a cell.
    public func cells(_ name: Text) -> [UInt32]? {
        guard let bytes = bytes(name), bytes.count % 4 == 0 else { return nil }
        return Self.cells(bytes)
    }

    /// The whole cells of the value.
    static func cells(_ bytes: [UInt8]) -> [UInt32] {
        var cells: [UInt32] = []
        cells.reserveCapacity(bytes.count / 4)
        for index in 0..<bytes.count / 4 {
            let cell = bytes[index * 4..<index * 4 + 4]
            cells.append(cell.reduce(0) { $0 << 8 | UInt32($1) })
        }
        return cells
    }

    /// A value that is one string.
    public func text(_ name: Text) -> Text? {
        guard let strings = strings(name), strings.count == 1 else { return nil }
        return strings[0]
    }

    /// Nil, too, where the last string has no end.
    public func strings(_ name: Text) -> [Text]? {
        guard let bytes = bytes(name) else { return nil }
        if bytes.isEmpty { return [] }
        guard bytes.last == 0 else { return nil }
        return Text(bytes.dropLast()).split(0, keepsEmpty: true)
    }

    // MARK: Properties that any node has

    public var phandle: UInt32? { u32("phandle") ?? u32("linux,phandle") }

    public var compatible: [Text] { strings("compatible") ?? [] }

    public func isCompatible(with text: Text) -> Bool { compatible.contains { $0 == text } }

    /// Whether the device is there to be used: `status` is missing or `okay`.
    public var isOkay: Bool {
        guard has("status") else { return true }
        let status = text("status")
        return status == "okay" || status == "ok"
    }

    // MARK: Change

    /// A property without a value, which says something by being there.
    public func set(_ name: Text) { set(name, bytes: []) }

    public func set(_ name: Text, u32 value: UInt32) { set(name, cells: [value]) }

    public func set(_ name: Text, u64 value: UInt64) {
        set(name, cells: [UInt32(truncatingIfNeeded: value >> 32), UInt32(truncatingIfNeeded: value)])
    }

    public func set(_ name: Text, cells: [UInt32]) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(cells.count * 4)
        for cell in cells { bytes.append(bigEndian: cell) }
        set(name, bytes: bytes)
    }

    public func set(_ name: Text, text: Text) { set(name, bytes: text.bytes + [0]) }

    public func set(_ name: Text, strings: [Text]) {
        var bytes: [UInt8] = []
        for string in strings { bytes += string.bytes + [0] }
        set(name, bytes: bytes)
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: UInt32) {
        append(UInt8(truncatingIfNeeded: value >> 24))
        append(UInt8(truncatingIfNeeded: value >> 16))
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }
}
