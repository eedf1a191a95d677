import Testing

@testable import Machine

@Suite("ELF loader")
struct ELFFileTests {
    private func load(_ bytes: [UInt8]) throws(InputError) -> ELFFile {
        try ELFFile(InputFile(name: "vmm.elf", bytes: bytes), machine: .riscv)
    }

    private func refusal(_ bytes: [UInt8]) -> String {
        do throws(InputError) {
            _ = try load(bytes)
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test("A program's segments come with their physical addresses, and its entry is translated to one")
    func segments() throws {
        var builder = ELFBuilder.program(at: 0xffff_ffff_8000_0000, [1, 2, 3, 4])
        builder.segments[0].physicalAddress = 0x8020_0000
        builder.segments[0].memorySize = 0x5000
        builder.entry = 0xffff_ffff_8000_0002
        let elf = try load(builder.bytes())
        #expect(elf.segments.count == 1)
        #expect(elf.segments[0].physicalAddress == 0x8020_0000)
        #expect(Array(elf.segments[0].bytes) == [1, 2, 3, 4])
        #expect(elf.segments[0].memorySize == 0x5000)
        #expect(elf.physicalEntry == 0x8020_0002)
        #expect(elf.physicalAddress(of: 0xffff_ffff_8000_4fff) == 0x8020_4fff)
        #expect(elf.physicalAddress(of: 0xffff_ffff_8000_5000) == nil)
    }

    @Test("Programs of another machine, width or byte order are refused by name")
    func wrongKinds() {
        var bytes = ELFBuilder.program().bytes()
        bytes[5] = 2
        #expect(
            refusal(bytes)
                == "vmm.elf: offset 0x5: is big-endian (ELFDATA2MSB). Build it little-endian for riscv64.")
        bytes[5] = 1
        bytes[4] = 1
        #expect(
            refusal(bytes) == "vmm.elf: offset 0x4: is a 32-bit ELF file (ELFCLASS32). Build it for riscv64.")
        bytes[4] = 2
        bytes.put(62 as UInt16, at: 18)
        #expect(
            refusal(bytes).hasPrefix("vmm.elf: offset 0x12: is for x86-64, and this machine is RISC-V. Build it for"))
        bytes.put(243 as UInt16, at: 18)
        bytes.put(1 as UInt16, at: 16)
        #expect(refusal(bytes).contains("is an object file (ET_REL), not an executable"))
    }

    @Test("A file cut short anywhere is refused, never read past its end")
    func truncated() {
        var builder = ELFBuilder.program()
        builder.symbols = [.init(name: "_start", value: 0x8000_0000, size: 4)]
        let whole = builder.bytes()
        #expect(refusal(whole) == "accepted")
        for length in 0..<whole.count { #expect(refusal(Array(whole[..<length])) != "accepted", "\(length) bytes") }
    }

    @Test(
        "Sizes and offsets that leave the file or wrap are refused",
        arguments: [
            (32, UInt64.max - 8, "the program headers"), (64 + 8, UInt64.max, "segment 0"),
            (64 + 32, UInt64.max, "segment 0"), (64 + 32, 5, "more bytes in the file (5) than in memory (4)"),
            (64 + 24, UInt64.max - 2, "wraps past the last address"), (64 + 40, UInt64.max, "wraps past"),
            (40, UInt64.max - 16, "section headers"), (40, 1 << 40, "section headers"),
        ])
    func hostileFields(offset: Int, value: UInt64, expected: String) {
        var bytes = ELFBuilder.program().bytes()
        bytes.put(value, at: offset)
        #expect(refusal(bytes).contains(expected), "\(refusal(bytes))")
    }

    @Test("Segments that overlap in memory are refused, with both numbers")
    func overlap() {
        var builder = ELFBuilder.program()
        builder.segments.append(
            .init(virtualAddress: 0, physicalAddress: 0x8000_0003, bytes: [1], memorySize: 1))
        #expect(refusal(builder.bytes()).contains("segments 0 and 1 overlap at 0x80000003"))
    }

    @Test("A symbol table outside the file, or without a terminated string table, is refused")
    func hostileSymbols() {
        var builder = ELFBuilder.program()
        builder.symbols = [.init(name: "main", value: 0x8000_0000)]
        let whole = builder.bytes()
        let sections = whole.count - 4 * 64
        var bytes = whole
        bytes.put(UInt64.max - 3, at: sections + 2 * 64 + 24)  // sh_offset of .symtab
        #expect(refusal(bytes).contains("the symbol table (section 2"))
        bytes = whole
        bytes.put(77 as UInt32, at: sections + 2 * 64 + 40)  // sh_link
        #expect(refusal(bytes).contains("names (section 77) are not a string table"))
        bytes = whole
        bytes[sections - 1] = 0x41  // the NUL that ends the strings
        #expect(refusal(bytes).contains("are not a string table"))
        bytes = whole
        bytes.put(0x1000 as UInt32, at: 64 + 56 + 8 + 24)  // st_name of symbol 1
        #expect(refusal(bytes).contains("symbol 1 has a name outside the string table"))
    }

    @Test("An address belongs to the innermost symbol around it, a label reaches to the next symbol")
    func locations() throws {
        var builder = ELFBuilder.program(at: 0x1000, [UInt8](repeating: 0, count: 0x100))
        builder.symbols = [
            .init(name: "outer", value: 0x1000, size: 0x40), .init(name: "inner", value: 0x1010, size: 0x10),
            .init(name: "label", value: 0x1018, type: 0, isGlobal: false),
            .init(name: "$x", value: 0x1030, type: 0), .init(name: "local", value: 0x1060, type: 0, isGlobal: false),
            .init(name: "global", value: 0x1060, type: 0), .init(name: "stack_size", value: 0x1070, section: 0xfff1),
            .init(name: "object", value: 0x1080, size: 8, type: 1), .init(name: "last", value: 0x10f0, type: 0),
        ]
        let symbols = try load(builder.bytes()).symbols
        func name(_ address: UInt64) -> String? { symbols.location(of: address)?.description }
        #expect(name(0xfff) == nil)
        #expect(name(0x1000) == "outer")
        #expect(name(0x1010) == "inner")
        #expect(name(0x101f) == "inner+0xf", "a label inside a function is the function's")
        #expect(name(0x1020) == "outer+0x20")
        #expect(name(0x103f) == "outer+0x3f")
        #expect(name(0x1040) == nil, "nothing reaches here")
        #expect(name(0x1060) == "global")
        #expect(name(0x107f) == "global+0x1f", "an absolute symbol is not a place")
        #expect(name(0x1087) == "object+0x7")
        #expect(name(0x1088) == nil)
        #expect(name(0x10ff) == "last+0xf")
        #expect(name(0x1100) == nil, "a label ends with its section")
        #expect(symbols.address(of: "stack_size") == 0x1070)
        #expect(symbols.address(of: "tohost") == nil)
        #expect(symbols.address(of: "inne") == nil)
    }

    @Test("Mapping symbols name no place, and functions of Swift, whose names begin like them, do")
    func dollars() throws {
        var builder = ELFBuilder.program(at: 0x1000, [UInt8](repeating: 0, count: 0x100))
        builder.symbols = ["$x", "$d", "$d.7", "$xrv64i2p1_m2p0", "$a", "$t.x"].enumerated().map {
            .init(name: $1, value: 0x1000 + UInt64($0) * 4, size: 4)
        }
        builder.symbols.append(.init(name: "$e5Image5GuestC3runyyF", value: 0x1080, size: 4))
        let symbols = try load(builder.bytes()).symbols
        #expect(symbols.count == 1)
        #expect(symbols.location(of: 0x1082)?.description == "Guest.run+0x2")
        #expect(symbols.address(of: "$e5Image5GuestC3runyyF") == 0x1080)
    }

    @Test("A global symbol is preferred to a local one of the same name")
    func globalName() throws {
        var builder = ELFBuilder.program()
        builder.symbols = [
            .init(name: "tohost", value: 0x8000_0001, isGlobal: false), .init(name: "tohost", value: 0x8000_0002),
        ]
        #expect(try load(builder.bytes()).physicalAddress(ofSymbol: "tohost") == 0x8000_0002)
    }

    @Test("The end of a segment has a physical address too, one past it has none")
    func endOfSegment() throws {
        var builder = ELFBuilder.program(at: 0x1000, [1, 2, 3, 4])
        builder.segments[0].physicalAddress = 0x8000_0000
        builder.symbols = [.init(name: "end_signature", value: 0x1004), .init(name: "beyond", value: 0x1005)]
        let elf = try load(builder.bytes())
        #expect(elf.physicalAddress(ofSymbol: "end_signature") == 0x8000_0004)
        #expect(elf.physicalAddress(ofSymbol: "beyond") == nil)
        #expect(elf.physicalAddress(ofSymbol: "tohost") == nil)
    }

    @Test("Names with control characters cannot steer the terminal")
    func controlCharacters() throws {
        var builder = ELFBuilder.program()
        builder.symbols = [.init(name: "a\u{1b}[2Jb", value: 0x8000_0000, size: 4)]
        #expect(try load(builder.bytes()).symbols.location(of: 0x8000_0000)?.description == "a\\u{1b}[2Jb")
        #expect(
            InputError(file: "a\nb", at: .line(3), problem: "is odd", mend: "Rename it.").description
                == "a\\u{a}b:3: is odd. Rename it.")
    }
}
