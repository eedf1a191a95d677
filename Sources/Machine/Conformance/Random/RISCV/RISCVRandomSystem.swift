import ISA

/// The privileged part of random blocks: what their CSRs start with, and the items that read and write CSRs, order
/// address translation, and access memory as another mode would.
extension RISCVRandomGenerator {
    private enum Bit {
        static let sum: UInt64 = 1 << 18, mxr: UInt64 = 1 << 19
        static let mprv: UInt64 = 1 << 17, mpp: UInt64 = 3 << 11, mpv: UInt64 = 1 << 39
        static let tvm: UInt64 = 1 << 20, tw: UInt64 = 1 << 21
        // Of hstatus.
        static let spvp: UInt64 = 1 << 8, hu: UInt64 = 1 << 9, vtw: UInt64 = 1 << 21
    }

    /// mstatus, vsstatus and hstatus of a new block.
    mutating func setStatus(of block: inout RISCVRandomBlock) {
        for bit in [Bit.sum, Bit.mxr] {
            if random.chance(50) { block.statusBits |= bit }
            if random.chance(50) { block.guestStatusBits |= bit }
        }
        if random.chance(30) { block.statusBits |= Bit.tw }
        for bit in [Bit.spvp, Bit.hu, Bit.vtw] where random.chance(50) { block.hypervisorStatusBits |= bit }
        changesMXR = true
        accessesGuest = false
        // What follows is said by RISCVRandomExclusion.
        if mayBeGuest {
            switch RISCVRandomProgram.executeOnly(tableSeed) {
            case .none, .executable: break
            case .first: block.statusBits &= ~Bit.mxr
            case .both:
                changesMXR = false
                block.guestStatusBits &= ~Bit.mxr
                if block.statusBits & Bit.mxr != 0 { block.guestStatusBits |= Bit.mxr }
            }
        } else {
            if random.chance(25) { block.statusBits |= Bit.tvm }
            accessesGuest = block.translates && random.chance(60)
            if accessesGuest {
                changesMXR = false
                block.guestStatusBits = Bit.sum | block.statusBits & Bit.mxr
            }
        }
    }

    // MARK: CSRs

    /// CSRs that are read anywhere, for their value in the modes that may and for the exception in those that may not.
    private static let readable: [Int64] = [
        // sstatus, stvec, scounteren, senvcfg, sscratch, sepc, satp.
        0x100, 0x105, 0x106, 0x10a, 0x140, 0x141, 0x180,
        // vsstatus, vstvec, vsscratch, vsepc, vsatp.
        0x200, 0x205, 0x240, 0x241, 0x280,
        // mstatus, medeleg, mideleg, mie, mtvec, mcounteren, mscratch, mepc, mhartid.
        0x300, 0x302, 0x303, 0x304, 0x305, 0x306, 0x340, 0x341, 0xf14,
        // hstatus, hedeleg, hideleg, hie, htimedelta, hcounteren, hgeie, hip, hvip, hgatp, hgeip.
        0x600, 0x602, 0x603, 0x604, 0x605, 0x606, 0x607, 0x644, 0x645, 0x680, 0xe12,
        // PMP: pmpcfg0, pmpaddr0.
        0x3a0, 0x3b0,
    ]

    /// A CSR's number without what is left out in the present mode.
    private mutating func readableNumber() -> Int64 {
        while true {
            let number = random.pick(Self.readable)
            // For each of these see RISCVRandomExclusion.
            if mode == .guestUser, number >> 8 & 3 != 3 { continue }
            if mode == .machine || mode == .supervisor, mayBeGuest, number == 0x200 { continue }
            if mode == .machine, accessesGuest, number == 0x300 { continue }
            if mode == .supervisor, trapsVirtualMemory, number == 0x680 { continue }
            return number
        }
    }

    private var trapsVirtualMemory: Bool { present.statusBits & Bit.tvm != 0 }

    mutating func csr() -> [UInt32] {
        switch random.below(10) {
        case ..<4: return floatingCSR()
        case 4, 5: return [RISCVAssembler.word("csrrs", rd: destination(), readableNumber())]
        case 6: return mode == .guestUser ? floatingCSR() : status()
        case 7: return mode == .machine ? accessAsOther() : valueRegister()
        default: return written()
        }
    }

    private mutating func floatingCSR() -> [UInt32] {
        let number = random.pick([0x001, 0x002, 0x003] as [Int64])
        // A rounding mode that is reserved makes much of what follows illegal.
        if number == 0x002, random.chance(80) {
            return [RISCVAssembler.word("csrrwi", rd: destination(), rs1: random.below(5), number)]
        }
        let name = random.pick(["csrrw", "csrrs", "csrrc", "csrrwi", "csrrsi", "csrrci"])
        let source = number != 1 && !name.hasSuffix("i") && random.chance(80) ? 0 : random.below(32)
        return [RISCVAssembler.word(name, rd: destination(), rs1: source, number)]
    }

    /// SUM, MXR and FS of sstatus, or in VS-mode of vsstatus.
    private mutating func status() -> [UInt32] {
        var bits: UInt64 = 0
        let floating: UInt64 = 3 << 13
        if random.chance(50), !accessesGuest || mode != .guestSupervisor { bits |= Bit.sum }
        if random.chance(50), mayChangeMXR { bits |= Bit.mxr }
        if random.chance(10) { bits |= random.pick([floating, 1 << 13, 1 << 14]) }
        // Floating point is mostly on.
        let name = bits & floating != 0 && random.chance(30) ? "csrrc" : random.pick(["csrrs", "csrrs", "csrrc"])
        if name == "csrrc", bits & floating != 0 {
            return RISCVAssembler.loading(30, bits) + [
                RISCVAssembler.word(name, rd: destination(), rs1: 30, 0x100), general(),
            ]
                + RISCVAssembler.loading(30, floating) + [RISCVAssembler.word("csrrs", rs1: 30, 0x100)]
        }
        return RISCVAssembler.loading(30, bits) + [RISCVAssembler.word(name, rd: destination(), rs1: 30, 0x100)]
    }

    private var mayChangeMXR: Bool {
        guard changesMXR else { return false }
        return !mayBeGuest || mode == .guestSupervisor
            || [.none, .executable].contains(RISCVRandomProgram.executeOnly(tableSeed))
    }

    /// A register that traps leave a value in. What they leave differs in what is not compared, so each is written before
    /// it is read. mcause is WLRL, so it is only read.
    private mutating func valueRegister() -> [UInt32] {
        let numbers: [Int64] =
            switch mode {
            case .machine: [0x343, 0x143, 0x243, 0x643, 0x141, 0x241]
            case .supervisor: [0x143, 0x243, 0x643, 0x343, 0x141, 0x241]
            case .guestSupervisor: [0x143, 0x243, 0x141]
            case .user: [0x143, 0x141]
            case .guestUser: []
            }
        if mode == .machine, random.chance(10) {
            // With bit 1 set, an AMO's fault reads as a store's: see RISCVRandomExclusion.
            let rd = destination()
            return [RISCVAssembler.word("csrrs", rd: rd, 0x342), RISCVAssembler.word("ori", rd: rd, rs1: rd, 2)]
        }
        guard !numbers.isEmpty else { return floatingCSR() }
        let number = random.pick(numbers)
        // Bit 0 of sepc: see RISCVRandomExclusion.
        if number & 0xff == 0x41 {
            return [
                RISCVAssembler.word("andi", rd: 30, rs1: random.below(32), -2),
                RISCVAssembler.word("csrrw", rs1: 30, number),
                RISCVAssembler.word("csrrs", rd: destination(), number),
            ]
        }
        return [
            RISCVAssembler.word("csrrw", rs1: random.below(32), number),
            RISCVAssembler.word(
                random.pick(["csrrw", "csrrs", "csrrc"]), rd: destination(), rs1: random.below(31) + 1, number),
        ]
    }

    /// CSRs whose fields are WARL, and those that decide where traps go, within what keeps the program in hand.
    private mutating func written() -> [UInt32] {
        guard mode != .guestUser else { return floatingCSR() }
        let rd = destination()
        func masked(_ number: Int64, _ bits: UInt64) -> [UInt32] {
            let word = RISCVAssembler.word(random.pick(["csrrs", "csrrc"]), rd: rd, rs1: 30, number)
            return RISCVAssembler.loading(30, bits) + [word]
        }
        switch random.below(9) {
        case 0, 1:
            // medeleg and hedeleg, where loads' causes and stores' stay together, without the ECALL that ends a block.
            let bits: [UInt64] = [1 << 1, 1 << 3, 1 << 5 | 1 << 7, 1 << 12, 1 << 13 | 1 << 15]
            return masked(random.pick([0x302, 0x602]), random.pick(bits))
        case 2, 3:
            let number: Int64 = random.pick([0x603, 0x645])
            let name = random.pick(["csrrw", "csrrs", "csrrc"])
            return [RISCVAssembler.word(name, rd: rd, rs1: random.below(31) + 1, number)]
        case 4:
            let number: Int64 = random.pick([0x605, 0x607, 0x303])
            if number == 0x303 {
                // Bit 13: see RISCVRandomExclusion.
                let value = integer() & ~(1 << 13)
                return RISCVAssembler.loading(30, value) + [RISCVAssembler.word("csrrw", rd: rd, rs1: 30, number)]
            }
            return [RISCVAssembler.word("csrrw", rd: rd, rs1: random.below(32), number)]
        case 5:
            // All bits but IR, by which handlers count.
            let number: Int64 = random.pick([0x106, 0x306, 0x606])
            return [RISCVAssembler.word(random.pick(["csrrsi", "csrrci"]), rd: rd, rs1: random.below(32) & ~4, number)]
        case 6: return [RISCVAssembler.word(random.pick(["csrrsi", "csrrci"]), rd: rd, rs1: 1, 0x10a)]
        default: return translation()
        }
    }

    /// Another ASID or VMID for the same tables, or for satp a reserved MODE, which is not taken.
    private mutating func translation() -> [UInt32] {
        typealias Layout = RISCVRandomLayout
        var registers: [(number: Int64, mode: UInt64, roots: [UInt64])] = []
        switch mode {
        case .machine, .supervisor:
            registers = [
                (0x180, present.satpMode, Layout.supervisorRoots), (0x280, present.vsatpMode, Layout.guestRoots),
                (0x680, present.hgatpMode, Layout.secondStageRoots),
            ]
            if mode == .supervisor, trapsVirtualMemory { registers.removeLast() }
        case .guestSupervisor: registers = [(0x180, present.vsatpMode, Layout.guestRoots)]
        case .user: registers = [(0x180, present.satpMode, Layout.supervisorRoots)]
        case .guestUser: return floatingCSR()
        }
        let register = random.pick(registers)
        var value = RISCVRandomBlock.translation(register.mode, register.roots)
        let isSecond = register.number == 0x680
        if random.chance(80) {
            let identifier: UInt64 = random.next() & (isSecond ? 0x3fff : 0xffff)
            if register.mode != 0 { value |= identifier << 44 }
        } else if register.number == 0x180 {
            let reserved: [UInt64] = [1, 5, 7, 11, 15]
            value = random.pick(reserved) << 60 | random.next() >> 8
        }
        return RISCVAssembler.loading(30, value) + [
            RISCVAssembler.word("csrrw", rd: destination(), rs1: 30, register.number)
        ]
    }

    // MARK: Memory as another mode sees it

    /// A register that leads near a window's border.
    private mutating func window(in register: Int) -> [UInt32] {
        let offset = Int64(random.below(480)) - 240
        let address = RISCVRandomLayout.windows + UInt64(random.below(16) + 1) * 0x1000 &+ UInt64(bitPattern: offset)
        return RISCVAssembler.loading(register, random.chance(60) ? address & ~7 : address)
    }

    /// A load or store with MPRV set, as S-mode or U-mode; then MPRV is cleared.
    private mutating func accessAsOther() -> [UInt32] {
        let access = RISCVAssembler.word(
            random.pick(["lb", "lh", "lw", "ld", "lbu", "lhu", "lwu"]), rd: destination(), rs1: 28)
        let store = RISCVAssembler.word(random.pick(["sb", "sh", "sw", "sd"]), rs1: 28, rs2: random.below(32))
        guard present.translates else { return valueRegister() }
        let asSupervisor: UInt64 = random.chance(50) ? 1 << 11 : 0
        var words = RISCVAssembler.loading(30, Bit.mpp | Bit.mpv)
        words.append(RISCVAssembler.word("csrrc", rs1: 30, 0x300))
        words += window(in: 28)
        words += RISCVAssembler.loading(30, Bit.mprv | asSupervisor)
        words.append(RISCVAssembler.word("csrrs", rs1: 30, 0x300))
        words.append(random.chance(50) ? access : store)
        words += RISCVAssembler.loading(30, Bit.mprv)
        words.append(RISCVAssembler.word("csrrc", rs1: 30, 0x300))
        return words
    }

    private static let guestAccesses = known.filter {
        $0.mnemonic.hasPrefix("hlv") || $0.mnemonic.hasPrefix("hsv")
    }

    private mutating func guestAccess() -> [UInt32] {
        var template = random.pick(Self.guestAccesses)
        // HLVX on pages that may be read but not executed: see RISCVRandomExclusion.
        while template.mnemonic.hasPrefix("hlvx"), RISCVRandomProgram.executeOnly(tableSeed) != .executable {
            template = random.pick(Self.guestAccesses)
        }
        var word = template.word(free: UInt32(truncatingIfNeeded: random.next()))
        if template.register(.rd) != nil { word = template.setting(.rd, of: word, to: destination()) }
        return window(in: 28) + [template.setting(.rs1, of: word, to: 28)]
    }

    // MARK: Fences and waiting

    mutating func system() -> [UInt32] {
        if accessesGuest, random.chance(40) { return guestAccess() }
        if mode == .guestUser || random.chance(30) { return [RISCVAssembler.word("fence.i")] }
        if random.chance(10), mode.isUser || mode != .machine && present.statusBits & Bit.tw != 0 {
            return [RISCVAssembler.word("wfi")]
        }
        var names = ["sfence.vma", "hfence.vvma", "hfence.gvma"]
        if !mode.isUser { names += ["sinval.vma", "hinval.vvma", "hinval.gvma", "sfence.w.inval", "sfence.inval.ir"] }
        let name = random.pick(names)
        if name.hasPrefix("sfence.w") || name.hasPrefix("sfence.i") { return [RISCVAssembler.word(name)] }
        return [RISCVAssembler.word(name, rs1: random.pick([0, 2, 3, 4]), rs2: random.pick([0, 0, random.below(32)]))]
    }
}
