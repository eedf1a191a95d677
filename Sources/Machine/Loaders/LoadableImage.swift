/// A file to run: an ELF executable, a kernel image or raw bytes, told apart by their contents.
public struct LoadableImage: Sendable {
    public enum Contents: Sendable {
        /// Says itself where it is loaded.
        case elf(ELFFile)
        /// Loaded where the board puts kernels.
        case kernel(KernelImage)
        /// Loaded where the board puts such files.
        case raw
    }

    public let file: InputFile
    public let contents: Contents

    /// Recognises `input`, after decompression if it is gzip.
    /// - Parameter limit: the most bytes to decompress: the machine's memory.
    public init(_ input: InputFile, machine: ELFFile.Machine, limit: Int) throws(InputError) {
        let input = try Self.decompressed(input, limit: limit)
        try Self.refuseOtherFormats(input)
        guard !input.bytes.isEmpty else { throw InputError(file: input.name, problem: "is empty") }
        file = input
        if ELFFile.isELF(input.bytes) {
            contents = .elf(try ELFFile(input, machine: machine))
        } else if let image = try KernelImage(input) {
            guard image.machine == machine else {
                throw InputError(
                    file: input.name, offset: 0x38,
                    problem: "is a kernel image for \(image.machine), and this machine is \(machine)",
                    mend: "Choose the image of the right architecture, or another --machine.")
            }
            contents = .kernel(image)
        } else {
            contents = .raw
        }
    }

    /// The file, or what is in it if it is gzip.
    static func decompressed(_ input: InputFile, limit: Int) throws(InputError) -> InputFile {
        Gzip.isGzip(input.bytes) ? try Gzip.inflate(input, limit: limit) : input
    }

    /// What the program's header says that it is for; nil where there is no such header.
    static func architecture(of input: InputFile) -> ELFFile.Machine? {
        ELFFile.machine(of: input) ?? (try? KernelImage(input))?.machine
    }

    /// Whether the bytes say themselves that they are a program.
    static func isProgram(_ bytes: ArraySlice<UInt8>) -> Bool {
        architecture(of: InputFile(name: "", bytes: Array(bytes.prefix(4096)))) != nil
    }

    /// The file's symbols; empty for what has none.
    public var symbols: SymbolTable {
        if case .elf(let elf) = contents { elf.symbols } else { SymbolTable() }
    }

    /// Whether the file says that it is loaded at `address`.
    func occupies(_ address: UInt64) -> Bool {
        guard case .elf(let elf) = contents else { return false }
        return elf.segments.contains { $0.physicalAddress <= address && address - $0.physicalAddress < $0.memorySize }
    }

    /// Compressed kernels would otherwise be run as raw bytes, and die of an illegal instruction.
    private static func refuseOtherFormats(_ input: InputFile) throws(InputError) {
        let formats: [(magic: [UInt8], name: String, tool: String)] = [
            ([0x28, 0xb5, 0x2f, 0xfd], "zstd", "zstd -d"), ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz", "xz -d"),
            ([0x02, 0x21, 0x4c, 0x18], "lz4", "lz4 -d"), ([0x04, 0x22, 0x4d, 0x18], "lz4", "lz4 -d"),
            ([0x42, 0x5a, 0x68], "bzip2", "bzip2 -d"), ([0x89, 0x4c, 0x5a, 0x4f], "lzop", "lzop -d"),
            ([0x5d, 0x00, 0x00], "lzma", "lzma -d"),
        ]
        for format in formats where input.bytes.starts(with: format.magic) {
            throw InputError(
                file: input.name, problem: "is compressed with \(format.name), which is not read here",
                mend: "Decompress it first, with \(format.tool).")
        }
        // EFI_ZBOOT: an EFI program that unpacks the kernel within it (Linux, drivers/firmware/efi/libstub/zboot-header.S).
        if input.bytes.starts(with: [0x4d, 0x5a, 0, 0, 0x7a, 0x69, 0x6d, 0x67]) {
            throw InputError(
                file: input.name, problem: "is a compressed EFI program (EFI_ZBOOT), which only EFI firmware unpacks",
                mend: "Give it the kernel's arch/*/boot/Image.")
        }
        if input.bytes.starts(with: [0xd0, 0x0d, 0xfe, 0xed]) {
            throw InputError(
                file: input.name, problem: "is a device tree, not a program", mend: "Give it with --dtb.")
        }
    }
}
