import TestSupport
import ISA
import Testing

@testable import Machine

/// Damaged files: no reader may crash, hang or break its promises, whatever the bytes are. What a reader accepts must
/// be what its documentation says.
@Suite("Loaders on damaged files")
struct LoaderFuzzTests {
    /// An error is one line that begins with the file's name.
    private func accept<T>(_ body: () throws(InputError) -> T) throws(Violation) -> T? {
        do throws(InputError) {
            return try body()
        } catch {
            let text = error.description
            try require(text.hasPrefix("file") && !text.contains("\n") && text.utf8.count < 1000, "bad error: \(text)")
            return nil
        }
    }

    private static var programs: [[UInt8]] {
        var small = ELFBuilder.program(at: 0x8000_0000, [0x13, 0, 0, 0, 0x6f, 0, 0, 0])
        small.symbols = [.init(name: "_start", value: 0x8000_0000, size: 8)]
        var large = small
        large.segments += [
            .init(virtualAddress: 0x8000_1000, physicalAddress: 0x8000_1000, bytes: [1, 2, 3], memorySize: 0x2000),
            .init(virtualAddress: 0x8000_4000, physicalAddress: 0x8000_8000, bytes: [], memorySize: 0x10),
        ]
        large.symbols += [
            .init(name: "outer", value: 0x8000_1000, size: 0x100), .init(name: "inner", value: 0x8000_1010, size: 0x10),
            .init(name: "tohost", value: 0x8000_1040, type: 0), .init(name: "local", value: 0x8000_4000, type: 0),
        ]
        return [small.bytes(), large.bytes()]
    }

    @Test("ELF files")
    func elf() {
        fuzz("ELF", cases: 20_000, corpus: Self.programs) { bytes, random in
            let file = InputFile(name: "file", bytes: bytes)
            guard
                let elf = try accept({ () throws(InputError) in try ELFFile(file, machine: .riscv) })
            else { return }
            try require(!elf.segments.isEmpty && elf.segments.count <= ELFFile.maximumSegments, "segments")
            for segment in elf.segments {
                try require(UInt64(segment.bytes.count) <= segment.memorySize, "more bytes than memory")
                try require(segment.physicalAddress <= UInt64.max - segment.memorySize, "segment wraps")
            }
            try require(elf.symbols.count <= bytes.count / 24, "more symbols than the file has room for")
            let addresses = [0, elf.entry, UInt64.max, random.next(), elf.entry &+ random.next() % 0x4000]
            for address in addresses {
                guard let location = elf.symbols.location(of: address) else { continue }
                try require(location.symbol.address &+ location.offset == address, "wrong offset")
                let name = location.symbol.name
                // A name that is not UTF-8 is shown with replacement characters and not found by them.
                try require(name.contains("\u{fffd}") || elf.symbols.symbol(named: name) != nil, "no symbol \(name)")
            }
            _ = elf.physicalAddress(ofSymbol: "tohost")
        }
    }

    @Test("Programs, placed and loaded")
    func loadPlan() {
        var corpus = Self.programs
        corpus += [ImageFormatTests.header(magic: "RSC\u{05}"), ImageFormatTests.orreryGzip, [0x13, 0, 0, 0]]
        let ram = LoadPlan.Memory(base: 0x8000_0000, size: 16 << 20)
        let memory = PhysicalMemory()
        memory.addRegion(base: ram.base, size: ram.size)
        let rules: [any LoadRules] = [RISCVLoadRules(), AArch64LoadRules()]
        fuzz("load plan", cases: 10_000, corpus: corpus) { bytes, random in
            let file = InputFile(name: "file", bytes: bytes)
            guard
                let image = try accept({ () throws(InputError) in
                    try LoadableImage(file, machine: .riscv, limit: 1 << 20)
                })
            else { return }
            let rules = rules[Int(random.next() % 2)]
            let firmware = random.next() % 2 == 0 ? image : nil
            let kernel = random.next() % 4 != 0 ? image : nil
            let initrd = random.next() % 2 == 0 ? file : nil
            guard
                var plan = try accept({ () throws(InputError) in
                    try LoadPlan(memory: ram, rules: rules, firmware: firmware, kernel: kernel, initrd: initrd)
                })
            else { return }
            _ = try accept { () throws(InputError) in
                try plan.placeDeviceTree([UInt8](repeating: 1, count: 100), file: "file")
            }
            for (low, high) in zip(plan.placements, plan.placements.dropFirst()) {
                try require(low.end <= high.address, "\(low.range) and \(high.range) overlap")
            }
            for placement in plan.placements {
                try require(placement.address >= ram.base && placement.end <= ram.end, "\(placement.range) outside RAM")
            }
            let isReset = firmware == nil && kernel == nil && plan.entry == rules.resetAddress(ram)
            try require(isReset || ram.base <= plan.entry && plan.entry < ram.end, "entry outside RAM")
            try plan.load(into: memory)
        }
    }

    @Test("Kernel image headers")
    func kernelImage() {
        let corpus = [
            ImageFormatTests.header(magic: "RSC\u{05}"), ImageFormatTests.header(magic: "ARMd", imageSize: 0),
        ]
        fuzz("Image", cases: 10_000, corpus: corpus) { bytes, _ in
            let file = InputFile(name: "file", bytes: bytes)
            guard let image = try accept({ () throws(InputError) in try KernelImage(file) }), let image else { return }
            try require(image.memorySize >= bytes.count, "smaller than the file")
        }
    }

    @Test("gzip files")
    func gzip() {
        fuzz("gzip", cases: 10_000, corpus: [ImageFormatTests.orreryGzip, ImageFormatTests.zerosGzip]) { bytes, _ in
            let file = InputFile(name: "file", bytes: bytes)
            let contents = try accept { () throws(InputError) in try Gzip.inflate(file, limit: 50_000) }
            try require((contents?.bytes.count ?? 0) <= 50_000, "more than the limit")
        }
    }

    @Test("Device tree blobs")
    func deviceTree() throws {
        let corpus = try [
            DeviceTreeTests.sample.blob(), RISCVVirtDeviceTreeTests.tree(harts: 1).blob(), DeviceTree().blob(),
        ]
        fuzz("device tree", cases: 10_000, corpus: corpus) { bytes, _ in
            let file = InputFile(name: "file", bytes: bytes)
            guard var tree = try accept({ () throws(InputError) in try DeviceTree(file) }) else { return }
            let again = try DeviceTree(InputFile(name: "again", bytes: tree.blob()))
            try require(tree == again, "reads differently after writing")
            try require(!tree.source.isEmpty, "no source")
            tree.setBootArguments("quiet")
            tree.setInitrd(0x8400_0000..<0x8500_0000)
            tree.setMemory(base: 0x8000_0000, size: 1 << 30)
            _ = try tree.blob()
        }
    }

    @Test("Sizes, times and counts")
    func quantities() {
        let texts = ["64M", "1.5GiB", "0x1000", "250ms", "1e9", "18446744073709551615", "2.5e3k"]
        let corpus = texts.map { Array($0.utf8) }
        fuzz("quantities", cases: 20_000, corpus: corpus) { bytes, _ in
            let text = String(decoding: bytes, as: UTF8.self)
            if let size = try? ByteCount(text) {
                try require((try? ByteCount(size.description)) == size, "\(text) reads back differently")
            }
            if let time = try? TimeSpan(text) {
                try require((try? TimeSpan(time.description)) == time, "\(text) reads back differently")
            }
            if let count = try? Count(text) {
                try require((try? Count(count.description)) == count, "\(text) reads back differently")
            }
        }
    }
}
