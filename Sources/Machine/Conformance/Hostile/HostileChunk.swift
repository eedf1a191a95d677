import ISA

/// A short program that does its worst: accesses to any address, garbage in any CSR, and devices set up wrongly. It counts
/// what it has done in x27, passes over what traps, and ends in a loop.
///
/// Registers: x5 and x6 address and value, x7 and x8 results, x27 the count, x28 to x30 the handler's.
struct HostileChunk {
    private typealias Layout = RISCVVirtLayout
    private var a: RISCVAssembler
    private var random: SplitMix64
    private let harts: Int
    private let memorySize: UInt64
    private var mode = RISCVRandomBlock.Mode.machine

    /// Where virtqueues, their tables and other structures of drivers lie.
    static let structures = RISCVVirtLayout.ramBase + 0x20_0000
    private static let structuresSize: UInt64 = 0x1_0000

    /// - Parameter address: where the code goes; it is entered there, in M-mode.
    static func code(at address: UInt64, random: SplitMix64, harts: Int, memorySize: UInt64) -> [UInt8] {
        var chunk = HostileChunk(
            a: RISCVAssembler(base: address), random: random, harts: harts, memorySize: memorySize)
        chunk.begin()
        for _ in 0..<48 { chunk.deed() }
        chunk.a.label("end")
        chunk.a.emit("wfi")
        chunk.a.emit("jal", to: "end")
        chunk.a.finish()
        return chunk.a.bytes
    }

    private mutating func begin() {
        a.loadAddress(30, of: "trap")
        a.csr("csrrw", 0x305, 30)
        if !random.chance(5) {
            // All of memory, for everyone.
            a.load(30, .max >> 10)
            a.csr("csrrw", 0x3b0, 30)
            a.load(30, 0x1f)
            a.csr("csrrw", 0x3a0, 30)
        }
        mode = random.pick([.machine, .machine, .supervisor, .user, .guestSupervisor, .guestUser])
        a.load(27, 0)
        a.load(30, mode.returnBits | 3 << 13)
        a.csr("csrrs", 0x300, 30)
        a.loadAddress(30, of: "body")
        a.csr("csrrw", 0x341, 30)
        a.emit("fence.i")
        a.emit("mret")
        // An exception's instruction is passed over; of interrupts no more is to come.
        a.label("trap")
        a.csr("csrrs", rd: 30, 0x342, 0)
        a.emit("blt", rs1: 30, rs2: 0, to: "interrupt")
        a.csr("csrrs", rd: 30, 0x341, 0)
        a.emit("addi", rd: 30, rs1: 30, 4)
        a.csr("csrrw", 0x341, 30)
        a.emit("mret")
        a.label("interrupt")
        a.csr("csrrw", 0x304, 0)
        a.emit("mret")
        a.label("body")
    }

    private mutating func done(_ count: Int64 = 1) { a.emit("addi", rd: 27, rs1: 27, count) }

    private mutating func deed() {
        switch random.below(100) {
        case ..<60: access(address(), value())
        case ..<85: csr()
        case ..<88: startVirtIO()
        case ..<93: descriptor()
        case ..<95: directMemoryAccess()
        case ..<97: a.emit(random.pick(["sfence.vma", "hfence.vvma", "hfence.gvma", "fence.i"]))
        case ..<98: a.emit("wfi")
        default: a.word(UInt32(truncatingIfNeeded: random.next()) | 3)
        }
    }

    private mutating func value() -> UInt64 {
        switch random.below(5) {
        case 0: random.below(16)
        case 1: random.below(256)
        case 2: .max
        case 3: 1 << random.below(64 as UInt64)
        default: random.next()
        }
    }

    // MARK: Addresses

    /// Registers of each device, those that do most.
    private mutating func register() -> UInt64 {
        func pick(_ base: UInt64, _ offsets: [UInt64]) -> UInt64 { base + random.pick(offsets) }
        switch random.below(8) {
        case 0: return pick(Layout.uart.base, [0, 1, 2, 3, 4, 5, 6, 7])
        case 1: return pick(Layout.rtc.base, [0, 4, 8, 0xc, 0x10, 0x14, 0x18, 0x1c])
        case 2:
            let hart: UInt64 = random.below(UInt64(harts + 1))
            return pick(Layout.clint.base, [hart * 4, 0x4000 + hart * 8, 0xbff8, 0xbffc])
        case 3:
            let context: UInt64 = random.below(UInt64(2 * harts + 1))
            let word: UInt64 = random.below(4) * 4
            var offsets: [UInt64] = [0x1000 + word, 0x20_0000 + context * 0x1000, 0x20_0004 + context * 0x1000]
            offsets.append(0x2000 + context * 0x80 + word)
            offsets.append(random.below(96) * 4)
            return pick(Layout.plic.base, offsets)
        case 4: return pick(Layout.flash.base, [0, 4, 8, 0x40, 0x3fffc, 0x40000, 0x7fff8, Layout.flash.size])
        case 5: return pick(Layout.firmwareConfiguration.base, [0, 8, 0x10, 0x14])
        default: return virtio() + random.pick(Self.virtioRegisters)
        }
    }

    private static let virtioRegisters: [UInt64] = [
        0, 4, 8, 0xc, 0x10, 0x14, 0x20, 0x24, 0x30, 0x34, 0x38, 0x44, 0x50, 0x50, 0x50, 0x60, 0x64, 0x70, 0x80, 0x84,
        0x90,
        0x94, 0xa0, 0xa4, 0xac, 0xb0, 0xb4, 0xb8, 0xbc, 0xfc, 0x100, 0x104, 0x108, 0x120,
    ]

    /// One of the slots, mostly one that is not empty.
    private mutating func virtio() -> UInt64 {
        let last = UInt64(Layout.virtioCount)
        let slot = random.chance(90) ? random.pick([0, 1, last - 2, last - 1]) : random.below(last)
        return Layout.virtio.base + slot * Layout.virtio.size
    }

    private mutating func address() -> UInt64 {
        let regions = [
            Layout.uart, Layout.rtc, Layout.clint, Layout.plic, Layout.flash, Layout.firmwareConfiguration,
            Layout.resetROM, Layout.virtio,
        ]
        switch random.below(20) {
        case ..<9: return register() + (random.chance(10) ? random.below(8) : 0)
        case ..<12:
            let region = random.pick(regions)
            return region.base &+ random.below(region.size + 16) &- 8
        case ..<14: return Layout.ramBase + random.below(memorySize)
        case 14: return Layout.ramBase + memorySize &- 8 &+ random.below(16)
        case 15: return Self.structures + random.below(Self.structuresSize)
        case 16: return random.next() >> 8
        case 17: return random.below(1 << 32)
        case 18: return 0 &- random.below(64)
        default: return random.next()
        }
    }

    private static let loads = ["lb", "lh", "lw", "ld", "lbu", "lhu", "lwu"]
    private static let stores = ["sb", "sh", "sw", "sd"]
    private static let atomics = RISCV.Template.all.filter {
        let name = $0.mnemonic
        return name.hasPrefix("amo") || name.hasPrefix("lr.") || name.hasPrefix("sc.") || name.hasPrefix("hlv")
            || name.hasPrefix("hsv")
    }

    private mutating func access(_ address: UInt64, _ value: UInt64) {
        a.load(5, address)
        a.load(6, value)
        switch random.below(20) {
        case ..<9: a.emit(random.pick(Self.loads), rd: 7, rs1: 5)
        case ..<18: a.emit(random.pick(Self.stores), rs1: 5, rs2: 6)
        case 18: a.emit(random.pick(["fld", "flw"]), rd: 7, rs1: 5)
        default:
            let template = random.pick(Self.atomics)
            var word = template.setting(.rs1, of: template.word(free: 0), to: 5)
            word = template.setting(.rs2, of: word, to: 6)
            a.word(template.setting(.rd, of: word, to: 7))
        }
        done()
    }

    private mutating func store(_ name: String, _ address: UInt64, _ value: UInt64) {
        a.load(5, address)
        a.load(6, value)
        a.emit(name, rs1: 5, rs2: 6)
    }

    // MARK: CSRs

    /// Ranges in which most of what exists lies.
    private static let ranges: [ClosedRange<Int64>] = [
        0x001...0x003, 0x100...0x106, 0x10a...0x10f, 0x140...0x14d, 0x180...0x180, 0x200...0x205, 0x240...0x24d,
        0x280...0x280, 0x300...0x306, 0x30a...0x30f, 0x320...0x343, 0x34a...0x34b, 0x3a0...0x3ef, 0x600...0x60f,
        0x640...0x64a, 0x680...0x680, 0x7a0...0x7a8, 0xb00...0xb1f, 0xc00...0xc1f, 0xda0...0xda0, 0xe12...0xe12,
        0xf11...0xf15,
    ]

    private mutating func csr() {
        let range = random.pick(Self.ranges)
        var number = range.lowerBound + Int64(random.below(Int(range.count)))
        if random.chance(30) { number = Int64(random.below(4096)) }
        // The handler is kept, most of the time.
        if number == 0x305, random.chance(90) { number = 0x105 }
        a.load(6, value())
        a.csr(random.pick(["csrrw", "csrrs", "csrrc"]), rd: random.pick([0, 7, 8]), number, 6)
        done()
        // So that code stays where it is, most of the time.
        if number == 0x300, mode == .machine, random.chance(90) {
            a.load(6, 1 << 17)
            a.csr("csrrc", 0x300, 6)
        }
    }

    // MARK: Structures of drivers

    /// A driver's first steps (VirtIO 1.2, 3.1.1), with queues that may be anywhere.
    private mutating func startVirtIO() {
        let base = virtio()
        let sizes: [UInt64] = [0, 1, 2, 8, 8, 8, 64, 1024, 0x8000, .max]
        let size = random.pick(sizes)
        func area(_ offset: UInt64) -> UInt64 { Self.structures + offset }
        let areas = (0..<3).map { index in random.chance(90) ? area(UInt64(index) * 0x1000) : address() }
        var steps: [(UInt64, UInt64)] = [
            (0x70, 0), (0x70, 1), (0x70, 3), (0x24, 0), (0x20, value()), (0x24, 1), (0x20, 1), (0x70, 11),
            (0x30, random.below(3)), (0x38, size),
        ]
        for (register, area) in zip([0x80, 0x90, 0xa0] as [UInt64], areas) {
            steps += [(register, area & 0xffff_ffff), (register + 4, area >> 32)]
        }
        steps += [(0x44, 1), (0x70, 15), (0x50, random.below(3))]
        for (register, value) in steps { store("sw", base + register, value) }
        done(Int64(steps.count))
    }

    /// A descriptor of the queues that lie at the structures, and an entry of their available ring, that are nearly right:
    /// chains that loop, indirect tables in one another, and lengths without end.
    private mutating func descriptor() {
        let table = Self.structures + (random.chance(10) ? 0x4000 : 0)
        let index: UInt64 = random.below(9)
        let target = random.chance(50) ? Self.structures + random.below(Self.structuresSize) : address()
        let lengths: [UInt64] = [16, 16, 32, 512, 0x1000, 0xffff_ffff, 0x8000_0000]
        let length = random.pick(lengths) &+ (random.chance(10) ? random.below(16) : 0)
        let flags: UInt64 = random.chance(90) ? random.below(8) : random.below(0x1_0000)
        let next: UInt64 = random.below(10)
        store("sd", table + index * 16, target)
        let rest = length & 0xffff_ffff | flags << 32 | next << 48
        store("sd", table + index * 16 + 8, rest)
        store("sh", Self.structures + 0x1004 + random.below(16) * 2, random.below(10))
        store("sh", Self.structures + 0x1002, random.chance(80) ? random.below(16) : random.next())
        store("sw", virtio() + 0x50, random.below(2))
        done(5)
    }

    /// fw_cfg's DMA: control, length and address, big-endian (QEMU's docs/specs/fw_cfg).
    private mutating func directMemoryAccess() {
        let at = random.chance(90) ? Self.structures + 0x8000 : address()
        let keys: [UInt64] = [0, 1, 0x19, 0x19, 0x20, 0xffff]
        let control: UInt64 = random.below(64) | random.pick(keys) << 16
        let lengths: [UInt64] = [0, 4, 64, 0x1000, 0xffff_ffff, 0x8000_0000]
        let length = random.pick(lengths)
        store("sd", at, (control << 32 | length).byteSwapped)
        store("sd", at &+ 8, address().byteSwapped)
        store("sd", Layout.firmwareConfiguration.base + 0x10, at.byteSwapped)
        done(3)
    }
}
