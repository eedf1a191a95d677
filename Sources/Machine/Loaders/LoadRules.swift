/// Where images lie in memory that do not say where they belong: what a board's loader is known to do, and images rely on.
public protocol LoadRules: Sendable {
    /// Where the first CPU starts when there is no program.
    func resetAddress(_ memory: LoadPlan.Memory) -> UInt64
    /// Where a kernel lies that does not say; nil where it asks for what is no address.
    /// - Parameter firmwareEnd: the end of firmware that is in memory.
    func kernelAddress(of kernel: LoadableImage, firmwareEnd: UInt64?, _ memory: LoadPlan.Memory) -> UInt64?
    /// Where the RAM disk may lie, the usual place first.
    func initrdAddresses(_ programs: LoadPlan.Programs, _ memory: LoadPlan.Memory) -> [UInt64]
    /// Where the device tree may lie, the usual place first.
    /// - Parameter initrd: the place of the RAM disk.
    func deviceTreeAddresses(
        size: UInt64, _ programs: LoadPlan.Programs, initrd: Range<UInt64>?, _ memory: LoadPlan.Memory
    ) -> [UInt64]
    /// What all other images leave free for the tree, which is made after them.
    func deviceTreeReserve(_ memory: LoadPlan.Memory) -> Range<UInt64>?
    /// Where further images begin, one after the other.
    func moduleAddress(_ programs: LoadPlan.Programs, initrd: Range<UInt64>?, _ memory: LoadPlan.Memory) -> UInt64
}

extension LoadPlan {
    /// What the rules ask of firmware and kernel.
    public struct Programs: Sendable {
        /// From their first byte to their last: of the kernel alone, where there is one.
        public let range: Range<UInt64>
        /// There is a kernel, and it does not say where it is loaded.
        public let isPlacedByRule: Bool
    }
}

extension UInt64 {
    /// The first multiple of `alignment`, a power of two, from here on; the last one that there is, where there is none.
    func alignedUp(_ alignment: UInt64) -> UInt64 {
        let (sum, wraps) = addingReportingOverflow(alignment - 1)
        return (wraps ? .max : sum) & ~(alignment - 1)
    }
}

/// QEMU's RISC-V `virt` board (hw/riscv/boot.c):
///
/// - a kernel that does not say lies at the first multiple of 2 MiB after the firmware, 0x80200000 in practice; without
///   firmware, at the start of RAM;
/// - the initial RAM disk lies half of the memory past the kernel's start, at most 512 MiB. (QEMU 7.2 has 128 MiB; newer
///   ones 512.) Where it does not fit there, it follows the kernel;
/// - the device tree lies as high as it goes in RAM below 3 GiB, at a multiple of 2 MiB. In a RAM so small that this
///   hits the program, it lies at the last page that holds it.
public struct RISCVLoadRules: LoadRules {
    private static let alignment: UInt64 = 2 << 20
    private static let maximumInitrdOffset: UInt64 = 512 << 20
    private static let deviceTreeCeiling: UInt64 = 3 << 30

    public init() {}

    public func resetAddress(_ memory: LoadPlan.Memory) -> UInt64 { memory.base }

    public func kernelAddress(
        of kernel: LoadableImage, firmwareEnd: UInt64?, _ memory: LoadPlan.Memory
    ) -> UInt64? {
        firmwareEnd?.alignedUp(Self.alignment) ?? memory.base
    }

    public func initrdAddresses(_ programs: LoadPlan.Programs, _ memory: LoadPlan.Memory) -> [UInt64] {
        let usual = programs.range.lowerBound &+ min(memory.size / 2, Self.maximumInitrdOffset)
        return [usual & ~4095, programs.range.upperBound.alignedUp(Self.alignment), Self.deviceTreeCeiling]
    }

    public func deviceTreeAddresses(
        size: UInt64, _ programs: LoadPlan.Programs, initrd: Range<UInt64>?, _ memory: LoadPlan.Memory
    ) -> [UInt64] {
        let top = deviceTreeTop(memory)
        guard size <= top - memory.base else { return [] }
        return [(top - size) & ~(Self.alignment - 1), (top - size) & ~4095]
    }

    public func deviceTreeReserve(_ memory: LoadPlan.Memory) -> Range<UInt64>? {
        let top = deviceTreeTop(memory)
        // No tree is larger than this.
        let reserve = min(Self.alignment, top - memory.base)
        return (top - reserve) & ~(Self.alignment - 1)..<top
    }

    public func moduleAddress(
        _ programs: LoadPlan.Programs, initrd: Range<UInt64>?, _ memory: LoadPlan.Memory
    ) -> UInt64 {
        max(programs.range.upperBound, initrd?.upperBound ?? 0).alignedUp(Self.alignment)
    }

    /// The end of the RAM that the device tree may lie in.
    private func deviceTreeTop(_ memory: LoadPlan.Memory) -> UInt64 {
        memory.base < Self.deviceTreeCeiling ? min(memory.end, Self.deviceTreeCeiling) : memory.end
    }
}

/// QEMU's arm `virt` board with CPUs of 64 bits (hw/arm/boot.c). Firmware is in flash, at address 0, and lies in no memory.
///
/// - A kernel image with a header lies at its `text_offset` from the start of RAM. An offset below 4 KiB is from 2 MiB on:
///   QEMU has code of its own at the start of RAM. Without a header, or with one that has no `image_size` (which makes
///   `text_offset` mean nothing), it lies at 0x80000;
/// - the initial RAM disk lies half of the memory from its start, at most 128 MiB, or after a kernel that goes further;
/// - the device tree follows the RAM disk, at a multiple of 2 MiB. Where no kernel is placed by these rules, it lies at
///   the start of RAM: that is where firmware and bare-metal programs look for it. Where that is taken, or there is no
///   room, it lies wherever there is. (QEMU then has it at address 0, or nowhere.)
public struct AArch64LoadRules: LoadRules {
    private static let alignment: UInt64 = 2 << 20
    private static let maximumInitrdOffset: UInt64 = 128 << 20
    private static let usualKernelOffset: UInt64 = 0x8_0000
    private static let leastKernelOffset: UInt64 = 4096

    public init() {}

    public func resetAddress(_ memory: LoadPlan.Memory) -> UInt64 { 0 }

    public func kernelAddress(
        of kernel: LoadableImage, firmwareEnd: UInt64?, _ memory: LoadPlan.Memory
    ) -> UInt64? {
        var offset = Self.usualKernelOffset
        if case .kernel(let header) = kernel.contents, header.hasSize {
            offset = header.textOffset
            if offset < Self.leastKernelOffset { offset += Self.alignment }
        }
        let (address, wraps) = memory.base.addingReportingOverflow(offset)
        return wraps ? nil : address
    }

    public func initrdAddresses(_ programs: LoadPlan.Programs, _ memory: LoadPlan.Memory) -> [UInt64] {
        [max(memory.base + min(memory.size / 2, Self.maximumInitrdOffset), programs.range.upperBound).alignedUp(4096)]
    }

    public func deviceTreeAddresses(
        size: UInt64, _ programs: LoadPlan.Programs, initrd: Range<UInt64>?, _ memory: LoadPlan.Memory
    ) -> [UInt64] {
        guard size <= memory.size else { return [] }
        let behind = addressBehind(programs, initrd: initrd, memory)
        let usual = programs.isPlacedByRule ? [behind, memory.base] : [memory.base, behind]
        let highest = memory.end - size
        return usual + [highest & ~(Self.alignment - 1), highest & ~4095]
    }

    /// The tree follows the RAM disk, wherever that lies.
    public func deviceTreeReserve(_ memory: LoadPlan.Memory) -> Range<UInt64>? { nil }

    public func moduleAddress(
        _ programs: LoadPlan.Programs, initrd: Range<UInt64>?, _ memory: LoadPlan.Memory
    ) -> UInt64 {
        let tree = addressBehind(programs, initrd: initrd, memory)
        return max(tree, tree &+ Self.alignment, programs.range.upperBound.alignedUp(Self.alignment))
    }

    private func addressBehind(
        _ programs: LoadPlan.Programs, initrd: Range<UInt64>?, _ memory: LoadPlan.Memory
    ) -> UInt64 {
        (initrd?.upperBound ?? initrdAddresses(programs, memory)[0]).alignedUp(Self.alignment)
    }
}
