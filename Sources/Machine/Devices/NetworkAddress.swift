/// The address of a network card, `52:54:00:12:34:56`.
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
    /// Six, in the order they travel.
    public let bytes: [UInt8]

    /// What QEMU gives its first card.
    public static let standard = MACAddress(bytes: [0x52, 0x54, 0x00, 0x12, 0x34, 0x56])

    private init(bytes: [UInt8]) { self.bytes = bytes }

    public init(_ text: String) throws(ValueError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        bytes = parts.compactMap { part in
            part.count == 2 && part.allSatisfy(\.isHexDigit) ? UInt8(part, radix: 16) : nil
        }
        guard parts.count == 6, bytes.count == 6 else {
            throw ValueError(
                problem: "\"\(text.prefix(40))\" is not a MAC address",
                mend: "Write six bytes in hexadecimal: \(Self.standard).")
        }
        // The first bit on the wire marks groups (IEEE 802.3, "Address fields").
        guard bytes[0] & 1 == 0, bytes != [0, 0, 0, 0, 0, 0] else {
            throw ValueError(
                problem: "\(text) is the address of no single card",
                mend: "Make the first byte even, and not all of them zero: \(Self.standard).")
        }
    }

    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}

/// An address of the internet protocol, version 4: `10.0.2.15`.
public struct IPv4Address: Hashable, Sendable, CustomStringConvertible {
    /// Four, in the order they travel.
    public let bytes: [UInt8]

    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) { bytes = [a, b, c, d] }

    /// nil where `text` is not four numbers from 0 to 255.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        bytes = parts.compactMap { part in
            part.allSatisfy(\.isNumber) && (part == "0" || part.first != "0") ? UInt8(part) : nil
        }
        guard parts.count == 4, bytes.count == 4 else { return nil }
    }

    public var description: String { bytes.map(String.init).joined(separator: ".") }
}
