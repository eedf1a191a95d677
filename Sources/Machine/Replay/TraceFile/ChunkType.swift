/// What a chunk of a trace file holds: four ASCII letters, which a hex dump shows.
public struct ChunkType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The letters as a little-endian integer.
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// - Precondition: `letters` are four of ASCII.
    public init(_ letters: StaticString) {
        precondition(letters.utf8CodeUnitCount == 4)
        // SAFETY: the string has the four bytes that are read.
        rawValue = UInt32(littleEndian: UnsafeRawPointer(letters.utf8Start).loadUnaligned(as: UInt32.self))
    }

    public static let description = ChunkType("DESC")
    public static let revision = ChunkType("REVN")
    public static let resources = ChunkType("RSRC")
    public static let resourceContent = ChunkType("RCON")
    public static let inputs = ChunkType("INPT")
    public static let stateHashes = ChunkType("HASH")
    public static let stateParts = ChunkType("PART")
    public static let parent = ChunkType("PRNT")
    public static let machineState = ChunkType("STAT")
    public static let memoryPages = ChunkType("PAGE")
    public static let snapshot = ChunkType("SNAP")
    public static let conclusion = ChunkType("CONC")
    public static let index = ChunkType("INDX")
    public static let footer = ChunkType("FOOT")

    /// Those that this program understands, in the order that listings have them.
    public static let known: [ChunkType] = [
        .description, .revision, .resources, .resourceContent, .parent, .inputs, .stateHashes, .stateParts,
        .machineState, .memoryPages, .snapshot, .conclusion, .index, .footer,
    ]

    public var isKnown: Bool { Self.known.contains(self) }

    /// `INPT`; what is no letter or digit is a question mark.
    public var description: String {
        String(
            String.UnicodeScalarView(
                (0..<4).map { index in
                    let byte = UInt8(truncatingIfNeeded: rawValue >> (8 * UInt32(index)))
                    let scalar = Unicode.Scalar(byte)
                    return scalar.properties.isAlphabetic && byte < 0x80 || ("0"..."9").contains(scalar) ? scalar : "?"
                }))
    }
}
