/// The header of a Linux kernel image as `arch/*/boot/Image`, which other kernels and hypervisors use too.
///
/// RISC-V and AArch64 share its layout (Linux, Documentation/arch/riscv/boot-image-header.rst and
/// Documentation/arch/arm64/booting.rst). An EFI stub makes no difference: it hides in the first two instructions.
///
///     0x00  code0, code1: executable; "MZ" with an EFI stub
///     0x08  text_offset:  distance from the start of RAM
///     0x10  image_size:   bytes in memory, with what follows the file
///     0x18  flags:        bit 0: big-endian
///     0x38  magic:        "RSC\x05" or "ARM\x64"
public struct KernelImage: Equatable, Sendable {
    public let machine: ELFFile.Machine
    public let textOffset: UInt64
    /// Bytes in memory; at least those of the file. It may claim anything up to 2^64-1.
    public let memorySize: UInt64
    /// `image_size` is there: old kernels have none, and then `text_offset` means nothing.
    public let hasSize: Bool

    private static let headerSize: UInt64 = 0x40

    /// Nil when `bytes` have no such header.
    public init?(_ input: InputFile) throws(InputError) {
        let reader = ByteReader(input.bytes)
        guard let magic: UInt32 = reader.integer(at: 0x38), let flags: UInt64 = reader.integer(at: 0x18),
            let textOffset: UInt64 = reader.integer(at: 0x08), let imageSize: UInt64 = reader.integer(at: 0x10),
            reader.count >= Self.headerSize
        else { return nil }
        switch magic {
        case 0x0543_5352: machine = .riscv  // "RSC\x05"
        case 0x644d_5241: machine = .aarch64  // "ARM\x64"
        default: return nil
        }
        guard flags & 1 == 0 else {
            throw InputError(
                file: input.name, offset: 0x18, problem: "is a big-endian kernel image", mend: "Build it little-endian."
            )
        }
        self.textOffset = textOffset
        memorySize = max(imageSize, reader.count)
        hasSize = imageSize != 0
    }
}
