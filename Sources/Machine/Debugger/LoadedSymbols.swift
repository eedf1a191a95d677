/// The names of an image's addresses where it runs: a guest's program, or one that runs elsewhere than it was linked for.
struct LoadedSymbols {
    let file: String
    private let table: SymbolTable
    private let segments: [ELFFile.Segment]
    /// What is added to the image's addresses.
    let bias: UInt64
    /// The guest (VMID) whose program it is; nil for who has no guest's number, such as the hypervisor.
    let guest: UInt64?
    /// How its functions' frames are left, among others; nil where nobody has asked for it to be read.
    var information: DebugInformation?

    /// - Parameter address: where its first segment lies, where that is not where it was linked for.
    init(_ image: ELFFile, guest: UInt64?, at address: UInt64?) {
        let first = image.segments.map(\.virtualAddress).min() ?? 0
        self.init(image, guest: guest, bias: address.map { $0 &- first } ?? 0)
    }

    private init(_ image: ELFFile, guest: UInt64?, bias: UInt64) {
        (file, table, segments, self.guest, self.bias) = (image.file, image.symbols, image.segments, guest, bias)
    }

    /// Finds where the image runs: its one place that has the bytes which are at `address`.
    /// - Parameter read: a byte of what runs.
    /// - Returns: nil where the image has no such bytes, or has them in several places.
    static func found(
        _ image: ELFFile, guest: UInt64?, at address: UInt64, read: (UInt64) -> UInt8?
    ) -> LoadedSymbols? {
        // Whatever addresses the code has in it are relocated, or none: the more bytes, the fewer places. Where code differs from
        // its image, a shorter piece may not.
        for (before, count) in [(64, 192), (32, 96), (32, 32), (0, 32), (0, 16)] as [(UInt64, UInt64)] {
            let start = address &- before
            var bytes: [UInt8] = []
            for offset in 0..<count {
                guard let byte = read(start &+ offset) else { break }
                bytes.append(byte)
            }
            guard bytes.count == Int(count), Set(bytes).count > 4 else { continue }
            let places = image.segments.filter(\.isExecutable).flatMap { segment in
                Self.places(of: bytes, in: segment.bytes).map { segment.virtualAddress &+ UInt64($0) }
            }
            if places.count == 1 { return LoadedSymbols(image, guest: guest, bias: start &- places[0]) }
        }
        return nil
    }

    /// Where `piece` is in `bytes`: two places at most. Instructions are at even addresses.
    private static func places(of piece: [UInt8], in bytes: ArraySlice<UInt8>) -> [Int] {
        var places: [Int] = []
        bytes.withUnsafeBytes { bytes in
            guard bytes.count >= piece.count else { return }
            piece.withUnsafeBytes { piece in
                for start in stride(from: 0, through: bytes.count - piece.count, by: 2)
                where bytes[start] == piece[0] && bytes[start + 1] == piece[1] {
                    guard bytes[start..<start + piece.count].elementsEqual(piece) else { continue }
                    places.append(start)
                    if places.count == 2 { return }
                }
            }
        }
        return places
    }

    func name(_ address: UInt64) -> String? { table.location(of: address &- bias)?.description }

    func address(of name: String) -> UInt64? { table.address(of: name).map { $0 &+ bias } }

    /// `vmm.elf of guest 1, 0x40080000-0x400fffff`.
    var text: String {
        let first = segments.map(\.virtualAddress).min() ?? 0
        let last = segments.map { $0.virtualAddress &+ ($0.memorySize &- 1) }.max() ?? 0
        return file + (guest.map { " of guest \($0)" } ?? "")
            + ", \(hexadecimal(first &+ bias))-\(hexadecimal(last &+ bias))"
            + (bias == 0 ? "" : ", \(hexadecimal(bias)) further than it was linked for")
    }
}
