import Testing

@testable import Machine

@Suite("Load plan of AArch64's board")
struct AArch64LoadPlanTests {
    private func memory(_ mebibytes: UInt64) -> LoadPlan.Memory { .init(base: 0x4000_0000, size: mebibytes << 20) }

    private func image(_ name: String, _ bytes: [UInt8]) throws -> LoadableImage {
        try LoadableImage(InputFile(name: name, bytes: bytes), machine: .aarch64, limit: 1 << 30)
    }

    /// A kernel image of 100,000 bytes.
    private func kernelImage(textOffset: UInt64, imageSize: UInt64) throws -> LoadableImage {
        let header = ImageFormatTests.header(magic: "ARM\u{64}", textOffset: textOffset, imageSize: imageSize)
        return try image("Image", header + [UInt8](repeating: 0, count: 100_000 - header.count))
    }

    private func raw(_ count: Int = 4000) throws -> LoadableImage {
        try image("raw.bin", [UInt8](repeating: 0x14, count: count))
    }

    private func elf(at address: UInt64, memorySize: UInt64 = 4) throws -> LoadableImage {
        var builder = ELFBuilder.program(at: address)
        builder.machine = 183
        builder.segments[0].memorySize = memorySize
        return try image("vmm.elf", builder.bytes())
    }

    private let initrd = InputFile(name: "initrd", bytes: [UInt8](repeating: 0xaa, count: 5000))

    private func plan(
        _ mebibytes: UInt64, _ kernel: LoadableImage?, _ initrd: InputFile? = nil, deviceTree size: Int = 6000
    ) throws -> LoadPlan {
        var plan = try LoadPlan(
            memory: memory(mebibytes), rules: AArch64LoadRules(), kernel: kernel, initrd: initrd)
        try plan.placeDeviceTree([UInt8](repeating: 0, count: size))
        return plan
    }

    private func refusal(_ mebibytes: UInt64, _ kernel: LoadableImage, _ initrd: InputFile? = nil) throws -> String {
        do throws(InputError) {
            _ = try LoadPlan(memory: memory(mebibytes), rules: AArch64LoadRules(), kernel: kernel, initrd: initrd)
            return "accepted"
        } catch {
            return error.description
        }
    }

    struct Case: Sendable {
        let mebibytes: UInt64
        /// Of a kernel image; nil for raw bytes.
        let header: (textOffset: UInt64, imageSize: UInt64)?
        let hasInitrd: Bool
        let kernel: UInt64
        let initrd: UInt64
        let deviceTree: UInt64
    }

    // What QEMU 7.2 reports (`info roms`) for the same files and memory with `-M virt,virtualization=on`.
    @Test(
        "Kernel, RAM disk and device tree lie where QEMU's virt board puts them",
        arguments: [
            Case(
                mebibytes: 128, header: (0, 0x30_0000), hasInitrd: true, kernel: 0x4020_0000, initrd: 0x4400_0000,
                deviceTree: 0x4420_0000),
            Case(
                mebibytes: 256, header: (0, 0x30_0000), hasInitrd: true, kernel: 0x4020_0000, initrd: 0x4800_0000,
                deviceTree: 0x4820_0000),
            Case(
                mebibytes: 1024, header: (0x8_0000, 0x30_0000), hasInitrd: true, kernel: 0x4008_0000,
                initrd: 0x4800_0000, deviceTree: 0x4820_0000),
            Case(
                mebibytes: 1024, header: (0x1000, 0x30_0000), hasInitrd: false, kernel: 0x4000_1000, initrd: 0,
                deviceTree: 0x4800_0000),
            Case(
                mebibytes: 64, header: (0x20_0000, 0), hasInitrd: true, kernel: 0x4008_0000, initrd: 0x4200_0000,
                deviceTree: 0x4220_0000),
            Case(
                mebibytes: 512, header: (0, 0xa00_0000), hasInitrd: true, kernel: 0x4020_0000, initrd: 0x4a20_0000,
                deviceTree: 0x4a40_0000),
            Case(
                mebibytes: 16, header: (0, 0x30_0000), hasInitrd: true, kernel: 0x4020_0000, initrd: 0x4080_0000,
                deviceTree: 0x40a0_0000),
            Case(
                mebibytes: 128, header: nil, hasInitrd: true, kernel: 0x4008_0000, initrd: 0x4400_0000,
                deviceTree: 0x4420_0000),
            Case(
                mebibytes: 64, header: nil, hasInitrd: false, kernel: 0x4008_0000, initrd: 0, deviceTree: 0x4200_0000),
        ])
    func placements(_ wanted: Case) throws {
        let kernel =
            try wanted.header.map { try kernelImage(textOffset: $0.textOffset, imageSize: $0.imageSize) } ?? raw()
        let plan = try plan(wanted.mebibytes, kernel, wanted.hasInitrd ? initrd : nil)
        #expect(plan.entry == wanted.kernel)
        #expect(plan.placement(at: wanted.kernel)?.role == .kernel)
        #expect(plan.initrd == (wanted.hasInitrd ? wanted.initrd..<wanted.initrd + 5000 : nil))
        #expect(plan.deviceTree == wanted.deviceTree)
    }

    @Test("A bare-metal program finds the device tree at the start of RAM, where QEMU has it too")
    func bareMetal() throws {
        let plan = try plan(128, elf(at: 0x4020_0000))
        #expect(plan.entry == 0x4020_0000)
        #expect(plan.deviceTree == 0x4000_0000)
    }

    @Test("A program at the start of RAM is given its tree behind it")
    func startOfMemory() throws {
        #expect(try plan(128, elf(at: 0x4000_0000)).deviceTree == 0x4400_0000)
        #expect(try plan(128, elf(at: 0x4000_0000), initrd).deviceTree == 0x4420_0000)
        // 8 KiB before the program are too few for this tree.
        #expect(try plan(128, elf(at: 0x4000_2000), deviceTree: 0x2001).deviceTree == 0x4400_0000)
        #expect(try plan(128, elf(at: 0x4000_2000), deviceTree: 0x2000).deviceTree == 0x4000_0000)
    }

    @Test("Without a program the first CPU starts in flash, and finds the tree at the start of RAM")
    func flash() throws {
        let plan = try plan(128, nil)
        #expect(plan.entry == 0)
        #expect(plan.deviceTree == 0x4000_0000)
    }

    @Test("In little memory the tree goes where there is room")
    func littleMemory() throws {
        // 2 MiB: the RAM disk's place is 1 MiB, and the next multiple of 2 MiB is the end.
        let small = try plan(2, raw(), initrd)
        #expect(small.initrd?.lowerBound == 0x4010_0000)
        #expect(small.deviceTree == 0x4000_0000)
        // The kernel is from 0x40001000 on, and the RAM disk up to the end but for one page.
        let image = try kernelImage(textOffset: 0x1000, imageSize: 0x10_0000)
        let disk = InputFile(name: "initrd", bytes: [UInt8](repeating: 1, count: 0xf_e000))
        let full = try plan(2, image, disk, deviceTree: 4096)
        #expect(full.initrd == 0x4010_1000..<0x401f_f000)
        #expect(full.deviceTree == 0x4000_0000)
        let larger = InputFile(name: "initrd", bytes: [UInt8](repeating: 1, count: 0xf_f000))
        #expect(throws: InputError.self) { try plan(2, image, larger, deviceTree: 4097) }
    }

    @Test("Further images follow, each at a multiple of 2 MiB, and leave the tree its place")
    func modules() throws {
        let files = [(1, "a"), (3 << 20, "b"), (5, "c")].map {
            InputFile(name: $0.1, bytes: [UInt8](repeating: 7, count: $0.0))
        }
        func plan(_ kernel: LoadableImage, _ initrd: InputFile?) throws -> LoadPlan {
            var plan = try LoadPlan(
                memory: memory(128), rules: AArch64LoadRules(), kernel: kernel, initrd: initrd, modules: files)
            try plan.placeDeviceTree([UInt8](repeating: 0, count: 6000))
            return plan
        }
        let image = try plan(kernelImage(textOffset: 0, imageSize: 0x30_0000), initrd)
        #expect(image.deviceTree == 0x4420_0000)
        #expect(image.modules == [0x4440_0000..<0x4440_0001, 0x4460_0000..<0x4490_0000, 0x44a0_0000..<0x44a0_0005])
        // A bare-metal program's tree is at the start, and a large one ends behind the RAM disk's place.
        let program = try plan(elf(at: 0x4020_0000, memorySize: 0x500_0000), nil)
        #expect(program.deviceTree == 0x4000_0000)
        #expect(program.modules.first == 0x4540_0000..<0x4540_0001)
        let small = LoadPlan.Memory(base: 0x4000_0000, size: 8 << 20)
        #expect {
            try LoadPlan(memory: small, rules: AArch64LoadRules(), kernel: raw(), modules: files)
        } throws: { error in
            "\(error)" == "b: no room for 3145728 bytes beside the other images: the machine has 8 MiB at 0x40000000. "
                + "Give it --memory 32M."
        }
    }

    @Test("A RAM disk that does not fit behind the kernel is refused with the memory that holds it")
    func largeInitrd() throws {
        let disk = InputFile(name: "initrd", bytes: [UInt8](repeating: 1, count: 9 << 20))
        let text = try refusal(16, raw(), disk)
        #expect(
            text == "initrd: no room for 9437184 bytes beside the kernel: the machine has 16 MiB at 0x40000000. "
                + "Give it --memory 32M.")
    }

    @Test("An offset beyond memory, or beyond all addresses, is refused")
    func hostileOffset() throws {
        #expect(
            try refusal(16, kernelImage(textOffset: 0x800_0000, imageSize: 0x10_0000)).contains(
                "the file (0x48000000-0x480fffff) lies outside memory: the machine has 16 MiB at 0x40000000. "
                    + "Give it --memory 256M."))
        #expect(
            try refusal(16, kernelImage(textOffset: .max - 0x3fff_ffff, imageSize: 0x10_0000)).contains(
                "asks for a place beyond the last address (text_offset)"))
        #expect(
            try refusal(16, kernelImage(textOffset: .max - 0x4000_0000, imageSize: 0x10_0000)).contains(
                "claims 0x100000 bytes of memory"))
    }
}
