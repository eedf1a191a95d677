import ISA
import Testing

@testable import Machine

@Suite("Load plan")
struct LoadPlanTests {
    private let mebibyte: UInt64 = 1 << 20

    private func memory(_ mebibytes: UInt64) -> LoadPlan.Memory {
        .init(base: 0x8000_0000, size: mebibytes << 20)
    }

    private func raw(_ name: String, _ count: Int) throws -> LoadableImage {
        try image(name, [UInt8](repeating: 0x13, count: count))
    }

    private func image(_ name: String, _ bytes: [UInt8]) throws -> LoadableImage {
        try LoadableImage(InputFile(name: name, bytes: bytes), machine: .riscv, limit: 1 << 30)
    }

    private func file(_ name: String, _ count: Int) -> InputFile {
        InputFile(name: name, bytes: [UInt8](repeating: 0xaa, count: count))
    }

    private func refusal(
        _ mebibytes: UInt64, firmware: LoadableImage? = nil, kernel: LoadableImage? = nil, initrd: InputFile? = nil
    ) -> String {
        do throws(InputError) {
            _ = try LoadPlan(memory: memory(mebibytes), firmware: firmware, kernel: kernel, initrd: initrd)
            return "accepted"
        } catch {
            return error.description
        }
    }

    // The addresses are those that QEMU 7.2 reports (`info roms`) for the same files and memory; for the RAM disk in
    // 1 GiB, those of newer versions.
    @Test(
        "Firmware, kernel, RAM disk and device tree lie where QEMU's virt board puts them",
        arguments: [
            (256, 0x8820_0000, 0x8fe0_0000), (1024, 0xa020_0000, 0xbfe0_0000), (4096, 0xa020_0000, 0xbfe0_0000),
        ]
            as [(UInt64, UInt64, UInt64)])
    func placements(mebibytes: UInt64, initrd: UInt64, deviceTree: UInt64) throws {
        var plan = try LoadPlan(
            memory: memory(mebibytes), firmware: raw("fw.bin", 115_328), kernel: raw("k.bin", 100_000),
            initrd: file("i.cpio", 5000))
        #expect(plan.entry == 0x8000_0000)
        #expect(plan.kernelEntry == 0x8020_0000)
        #expect(plan.initrd == initrd..<initrd + 5000)
        let address = try plan.placeDeviceTree([UInt8](repeating: 0, count: 6000))
        #expect(address == deviceTree)
        #expect(plan.deviceTree == deviceTree)
        #expect(plan.placement(at: 0x8020_0000)?.role == .kernel)
    }

    @Test("Without firmware a kernel lies at the start of RAM; after large firmware at the next 2 MiB")
    func kernelBase() throws {
        #expect(try LoadPlan(memory: memory(16), kernel: raw("k.bin", 8)).entry == 0x8000_0000)
        let plan = try LoadPlan(memory: memory(16), firmware: raw("fw.bin", 3 << 20), kernel: raw("k.bin", 8))
        #expect(plan.kernelEntry == 0x8040_0000)
    }

    @Test("A segment outside memory is refused with the memory that would hold it")
    func outside() throws {
        var builder = ELFBuilder.program(at: 0x8000_0000)
        builder.segments += [
            .init(virtualAddress: 0x8000_1000, physicalAddress: 0x8000_1000, bytes: [], memorySize: 1),
            .init(virtualAddress: 0x8020_0000, physicalAddress: 0x8020_0000, bytes: [1], memorySize: 0x200_0000),
        ]
        let elf = try image("vmm.elf", builder.bytes())
        #expect(
            refusal(16, kernel: elf)
                == "vmm.elf: segment 2 (0x80200000-0x821fffff) lies outside memory: the machine has 16 MiB at "
                + "0x80000000. Give it --memory 64M.")
        #expect(refusal(64, kernel: elf) == "accepted")
    }

    @Test("A program below memory, at virtual addresses or with a stray entry point is told what to change")
    func misplaced() throws {
        let low = try image("low.elf", ELFBuilder.program(at: 0x1000).bytes())
        #expect(
            refusal(16, kernel: low).hasSuffix("Link it at 0x80000000 or above, or give the .bin file made from it."))
        let high = try image("vmlinux", ELFBuilder.program(at: 0xffff_ffff_8000_0000).bytes())
        #expect(refusal(16, kernel: high).contains("It is linked at virtual addresses"))
        var builder = ELFBuilder.program()
        builder.entry = 0x1234
        let stray = try image("stray.elf", builder.bytes())
        #expect(refusal(16, kernel: stray).contains("its entry point 0x1234 lies outside memory"))
    }

    @Test("A program that claims more than any machine has is refused without a suggestion")
    func enormous() throws {
        var builder = ELFBuilder.program()
        builder.segments[0].memorySize = 1 << 62
        let elf = try image("vmm.elf", builder.bytes())
        #expect(
            refusal(16, kernel: elf).hasSuffix("lies outside memory: the machine has 16 MiB at 0x80000000"))
    }

    @Test("Two programs at one place are refused")
    func overlap() throws {
        let elf = try image("vmm.elf", ELFBuilder.program().bytes())
        let text = refusal(16, firmware: try raw("fw.bin", 64), kernel: elf)
        #expect(text.contains("segment 0 (0x80000000-0x80000003) overlaps fw.bin (0x80000000-0x8000003f)"), "\(text)")
    }

    @Test("A RAM disk too large for its usual place follows the kernel; one too large for memory is refused")
    func largeInitrd() throws {
        let kernel = try raw("k.bin", 1 << 20)
        let firmware = try raw("fw.bin", 64)
        let plan = try LoadPlan(
            memory: memory(16), firmware: firmware, kernel: kernel, initrd: file("i.cpio", 8 << 20))
        #expect(plan.initrd?.lowerBound == 0x8040_0000)
        #expect(
            refusal(16, firmware: firmware, kernel: kernel, initrd: file("i.cpio", 20 << 20))
                == "i.cpio: no room for 20971520 bytes beside the kernel: the machine has 16 MiB at 0x80000000. "
                + "Give it --memory 32M.")
    }

    @Test("Further images follow the others, at multiples of 2 MiB, below the device tree or above it")
    func modules() throws {
        func modules(_ mebibytes: UInt64, _ sizes: [Int]) throws -> [UInt64] {
            var plan = try LoadPlan(
                memory: memory(mebibytes), firmware: raw("fw.bin", 64), kernel: raw("k.bin", 100_000),
                initrd: file("i.cpio", 5000), modules: sizes.map { file("m.bin", $0) })
            try plan.placeDeviceTree([UInt8](repeating: 0, count: 6000))
            return plan.modules.map(\.lowerBound)
        }
        #expect(try modules(256, [1, 3 << 20, 5]) == [0x8840_0000, 0x8860_0000, 0x88a0_0000])
        // The RAM disk is at 0xa0200000, and the tree's place begins at 0xbfe00000.
        #expect(try modules(4096, [0x1fa0_0000, 5]) == [0xa040_0000, 0xc000_0000])
        #expect(throws: InputError.self) { try modules(1024, [0x1fa0_0000, 5]) }
        #expect(throws: InputError.self) { try modules(256, [0]) }
    }

    @Test("In a RAM of 64 KiB the device tree takes the last pages")
    func tinyMemory() throws {
        var plan = try LoadPlan(memory: .init(base: 0x8000_0000, size: 0x1_0000), kernel: raw("k.bin", 0x1000))
        #expect(try plan.placeDeviceTree([UInt8](repeating: 0, count: 5000)) == 0x8000_e000)
        var full = try LoadPlan(memory: .init(base: 0x8000_0000, size: 0x1_0000), kernel: raw("k.bin", 0xf000))
        #expect(throws: InputError.self) { try full.placeDeviceTree([UInt8](repeating: 0, count: 5000)) }
    }

    @Test("Loading copies the bytes and clears the zero-filled tail, also the second time")
    func load() throws {
        var builder = ELFBuilder.program(at: 0x8000_0000, [1, 2, 3, 4])
        builder.segments[0].memorySize = 0x3000
        let plan = try LoadPlan(memory: memory(2), kernel: image("vmm.elf", builder.bytes()))
        let memory = PhysicalMemory()
        memory.addRegion(base: 0x8000_0000, size: 2 << 20)
        try plan.load(into: memory)
        var dirt: [UInt8] = [9, 9, 9, 9]
        #expect(memory.write(0x8000_0000, from: &dirt, count: 4))
        #expect(memory.write(0x8000_2ffc, from: &dirt, count: 4))
        #expect(memory.write(0x8000_3000, from: &dirt, count: 4))
        try plan.load(into: memory)
        var word: UInt32 = 0
        #expect(memory.read(0x8000_0000, into: &word, count: 4) && word == 0x0403_0201)
        #expect(memory.read(0x8000_2ffc, into: &word, count: 4) && word == 0)
        #expect(memory.read(0x8000_3000, into: &word, count: 4) && word == 0x0909_0909, "beyond the segment")
    }

    @Test("A plan for more memory than the machine has does not load")
    func loadElsewhere() throws {
        let plan = try LoadPlan(memory: memory(16), kernel: raw("k.bin", 64))
        #expect(throws: InputError.self) { try plan.load(into: PhysicalMemory()) }
    }
}
