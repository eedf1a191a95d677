/// What a person calls a function of Swift whose symbol is mangled: `$e5Image14DeviceTreeNodeC5childyACSgAA4TextVF` is
/// `DeviceTreeNode.child`.
///
/// Only the start is read, which names types and the function (swift/docs/ABI/Mangling.rst): modules, parameters and what
/// the optimiser has done to it are left out. So nothing in a hostile file makes it slow, or recurse.
public func shortSymbolName(_ symbol: String) -> String {
    let bytes = Array(symbol.utf8.prefix(1024))
    guard bytes.count > 2, bytes[0] == UInt8(ascii: "$"), bytes[1] == UInt8(ascii: "e") || bytes[1] == UInt8(ascii: "s")
    else { return symbol }
    var reader = MangledName(bytes: bytes[2...])
    let names = reader.names()
    return names.allSatisfy(\.isEmpty) ? symbol : names.joined(separator: ".")
}

private struct MangledName {
    var bytes: ArraySlice<UInt8>
    /// Words of identifiers, which later ones may be made of.
    private var words: [[UInt8]] = []

    init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// Types of the standard library that have a letter.
    private static let standard: [UInt8: String] = [
        UInt8(ascii: "a"): "Array", UInt8(ascii: "b"): "Bool", UInt8(ascii: "D"): "Dictionary",
        UInt8(ascii: "d"): "Double",
        UInt8(ascii: "h"): "Set", UInt8(ascii: "i"): "Int", UInt8(ascii: "P"): "UnsafePointer",

        UInt8(ascii: "p"): "UnsafeMutablePointer",
        UInt8(ascii: "q"): "Optional", UInt8(ascii: "R"): "UnsafeBufferPointer",

        UInt8(ascii: "r"): "UnsafeMutableBufferPointer",
        UInt8(ascii: "S"): "String", UInt8(ascii: "s"): "Substring", UInt8(ascii: "u"): "UInt",
        UInt8(ascii: "V"): "UnsafeRawPointer",
        UInt8(ascii: "v"): "UnsafeMutableRawPointer",
    ]

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte) }
    private static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }

    /// The names of the context, outermost first, and of what is in it.
    mutating func names() -> [String] {
        var names: [String] = []
        // The first is the module, or a type of the standard library's.
        if let first = bytes.first, first == UInt8(ascii: "s") {
            bytes = bytes.dropFirst()
        } else if bytes.first == UInt8(ascii: "S"), let kind = bytes.dropFirst().first, let name = Self.standard[kind] {
            bytes = bytes.dropFirst(2)
            names.append(name)
        } else if identifier() == nil {
            return []
        }
        while let next = bytes.first {
            if next == UInt8(ascii: "E") {
                // An extension of it.
                bytes = bytes.dropFirst()
                continue
            }
            guard Self.isDigit(next), let name = identifier() else { break }
            names.append(name)
            passDiscriminator()
            // What is no type's name is the function's, and labels of its parameters follow.
            guard let kind = bytes.first, "CVOPB".utf8.contains(kind) else { break }
            bytes = bytes.dropFirst()
        }
        return names
    }

    /// What tells private names of files apart: an identifier of 33 characters, and `LL`.
    private mutating func passDiscriminator() {
        guard bytes.starts(with: "33_".utf8), bytes.dropFirst(35).starts(with: "LL".utf8) else { return }
        bytes = bytes.dropFirst(37)
    }

    /// A number and so many characters; one that begins with 0 has words of earlier ones in it.
    private mutating func identifier() -> String? {
        guard let first = bytes.first, Self.isDigit(first) else { return nil }
        var text: [UInt8] = []
        guard first == UInt8(ascii: "0") else {
            guard let part = counted() else { return nil }
            note(part)
            return String(decoding: part, as: UTF8.self)
        }
        bytes = bytes.dropFirst()
        var hasMore = true
        while hasMore {
            while hasMore, let byte = bytes.first, Self.isUpper(byte) || Self.isLower(byte) {
                bytes = bytes.dropFirst()
                // A capital letter is the last word's.
                hasMore = Self.isLower(byte)
                let place = Int(byte) - (hasMore ? 0x61 : 0x41)
                guard place < words.count else { return nil }
                text += words[place]
            }
            if bytes.first == UInt8(ascii: "0") {
                bytes = bytes.dropFirst()
                break
            }
            guard let part = counted() else { return nil }
            note(part)
            text += part
        }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func counted() -> [UInt8]? {
        var count = 0
        while let byte = bytes.first, Self.isDigit(byte), count < 1024 {
            count = count * 10 + Int(byte - 0x30)
            bytes = bytes.dropFirst()
        }
        guard count > 0, count <= bytes.count else { return nil }
        defer { bytes = bytes.dropFirst(count) }
        return Array(bytes.prefix(count))
    }

    /// Words begin with a capital letter behind a small one, and after an underscore, and have two characters or more.
    private mutating func note(_ identifier: [UInt8]) {
        var word: [UInt8] = []
        func isStart(_ byte: UInt8) -> Bool { !Self.isDigit(byte) && byte != 0x5f }
        for (place, byte) in identifier.enumerated() {
            let previous = place > 0 ? identifier[place - 1] : 0
            if !word.isEmpty, byte == 0x5f || !Self.isUpper(previous) && Self.isUpper(byte) {
                if word.count >= 2, words.count < 26 { words.append(word) }
                word = []
            }
            if !word.isEmpty || isStart(byte) { word.append(byte) }
        }
        if word.count >= 2, words.count < 26 { words.append(word) }
    }
}
