import AArch64ISA

/// The fixed part of a random program for AArch64: it sets each block's registers, memory and translation, goes to the
/// block's level and code, notes every exception and goes on behind the instruction that it came from, and at the
/// block's end prints what has become of registers and memory.
///
/// A block ends with an SVC at a known place. EL1's vectors are HVCs, by which EL2's handler hears of EL1's exceptions
/// and returns from them, so that nothing that a block does to EL1 matters to the handler. The handler's memory is
/// where EL2's addresses are physical ones. X30 is in TPIDR_EL2 at first, and then X24 to X30 are saved.
///
/// On a CPU with EL3 the handler is there, in the same way, and both EL1's and EL2's vectors are SMCs.
struct AArch64RandomDriver {
    private typealias Layout = AArch64RandomLayout
    private var a = AArch64Assembler(base: AArch64RandomLayout.code)
    private let granule: AArch64RandomGranule
    private let hasEL3: Bool

    private init(_ granule: AArch64RandomGranule, hasEL3: Bool) {
        self.granule = granule
        self.hasEL3 = hasEL3
    }

    /// The handler's vectors, EL1's, and with EL3 EL2's.
    private static let ownVectors = AArch64RandomLayout.code + 0x800
    static let vectors1 = AArch64RandomLayout.code + 0x1000
    private static let vectors2 = AArch64RandomLayout.code + 0x1800

    /// Calls of EL1's vectors: this and the vector; and those of EL2's.
    private static let forwarded: Int64 = 0x7e00
    private static let forwarded2: Int64 = 0x7e10

    /// A register of the handler's level.
    private func own(_ name: String) -> String { name + (hasEL3 ? "_EL3" : "_EL2") }
    private var ownLevel: UInt64 { hasEL3 ? 3 : 2 }

    /// SCR_EL3 while the handler is at work: RW, HCE, NS, and nothing that traps.
    private static let secureConfiguration: UInt64 = 1 << 10 | 1 << 8 | 3 << 16 | 3 << 4 | 1
    /// MDCR_EL3.SPME: counters count in Secure state, and at EL3.
    static let countsInSecureState: UInt64 = 1 << 17

    /// - Parameters:
    ///   - first: the address of the first block's descriptor.
    ///   - hasEL3: it is entered at EL3.
    ///   - full: print each block's record in full, not its hash.
    static func assemble(first: UInt64, _ granule: AArch64RandomGranule, hasEL3: Bool, full: Bool) -> [UInt32] {
        var driver = AArch64RandomDriver(granule, hasEL3: hasEL3)
        driver.boot(first: first)
        driver.vectors()
        driver.handler()
        driver.beginBlock()
        driver.endBlock(full: full)
        driver.printNumber()
        driver.a.finish()
        precondition(driver.a.words.count * 4 < 0x1_0000)
        return driver.a.words
    }

    private mutating func boot(first: UInt64) {
        a.load(0, Self.ownVectors)
        a.write(own("VBAR"), 0)
        if hasEL3 {
            for (name, value) in [
                ("SCR_EL3", Self.secureConfiguration), ("CPTR_EL3", 0), ("MDCR_EL3", Self.countsInSecureState),
                ("HCR_EL2", AArch64RandomBlock.Hypervisor.rw), ("VBAR_EL2", Self.vectors2),
            ] {
                a.load(0, value)
                a.write(name, 0)
            }
            a.emit(.isb, 15)
        }
        // The first counter counts instructions that retire (INST_RETIRED, 8) at all levels, EL2 too (NSH).
        a.load(0, 1 << 27 | 8)
        a.word(AArch64Assembler.word(.msr_register, rd: 0, Self.eventType))
        a.load(0, 1)
        a.write("PMCNTENSET_EL0", 0)
        a.write("PMCR_EL0", 0)
        a.write("OSDLR_EL1", 31)
        a.write("OSLAR_EL1", 31)
        a.load(30, first)
        a.emit(.b, to: "begin_block")
    }

    /// PMEVTYPER0_EL0 and PMEVCNTR0_EL0.
    private static let eventType: Int64 = 1 << 14 | 3 << 11 | 14 << 7 | 12 << 3
    private static let eventCount: Int64 = 1 << 14 | 3 << 11 | 14 << 7 | 8 << 3

    private mutating func vectors() {
        a.align(to: 0x800)
        precondition(a.address == Self.ownVectors)
        for vector in 0..<16 {
            a.align(to: 0x80)
            a.write(own("TPIDR"), 30)
            a.load(30, Layout.state)
            store(28, Layout.save)
            a.load(28, ownLevel << 8 | UInt64(vector))
            a.emit(.b, to: "handler")
        }
        a.align(to: 0x800)
        precondition(a.address == Self.vectors1)
        for vector in 0..<16 {
            a.align(to: 0x80)
            a.emit(hasEL3 ? .smc : .hvc, Self.forwarded + Int64(vector))
        }
        a.align(to: 0x800)
        precondition(a.address == Self.vectors2)
        for vector in 0..<16 where hasEL3 {
            a.align(to: 0x80)
            a.emit(.smc, Self.forwarded2 + Int64(vector))
        }
        a.align(to: 0x80)
    }

    /// A register's doubleword of what X30 points to.
    private mutating func store(_ register: UInt32, _ place: Int, at base: UInt32 = 30) {
        a.emit(.str_unsigned, rd: register, rn: base, Int64(place * 8))
    }

    private mutating func load(_ register: UInt32, _ place: Int, at base: UInt32 = 30) {
        a.emit(.ldr_unsigned, rd: register, rn: base, Int64(place * 8))
    }

    private mutating func extract(_ rd: UInt32, _ rn: UInt32, _ low: Int64, _ width: Int64) {
        a.emit(.ubfm, rd: rd, rn: rn, 1 << 12 | low << 6 | (low + width - 1))
    }

    /// rd = rn AND a constant, by way of `scratch`.
    private mutating func and(_ rd: UInt32, _ rn: UInt32, _ value: UInt64, _ scratch: UInt32) {
        a.load(scratch, value)
        a.emit(.and_shifted, rd: rd, rn: rn, rm: scratch)
    }

    private mutating func compare(_ rn: UInt32, with rm: UInt32) { a.emit(.subs_shifted, rd: 31, rn: rn, rm: rm) }
    private mutating func compare(_ rn: UInt32, _ value: Int64) { a.emit(.subs_immediate, rd: 31, rn: rn, value) }
    private mutating func branch(_ condition: UInt32, _ label: String) { a.emit(.b_cond, rm: condition, to: label) }
    private static let equal: UInt32 = 0, notEqual: UInt32 = 1, lower: UInt32 = 3, higher: UInt32 = 8

    /// Instructions of a handler before it reads the counter (in vectors too), and from where it reads it again to its end.
    private static let countedBefore: Int64 = 13
    private static let countedAfter: Int64 = 14
    /// Those that lead into a block behind the counter's write: 31 registers and ERET.
    private static let countedInto: Int64 = 32

    private mutating func handler() {
        a.label("handler")
        for (index, register) in [24, 25, 26, 27, 29].enumerated() { store(UInt32(register), Layout.save + 1 + index) }
        a.read(29, own("TPIDR"))
        store(29, Layout.save + 6)
        a.word(AArch64Assembler.word(.mrs, rd: 29, Self.eventCount))
        store(29, Layout.handlerStart)
        a.read(24, "HPFAR_EL2")
        a.read(25, own("FAR"))
        a.read(26, own("ELR"))
        a.read(27, own("SPSR"))
        a.read(29, own("ESR"))
        store(24, Layout.save + 8)
        // Of an exception of EL1, the registers of EL1; those are also what is returned by. With EL3, of EL2's likewise.
        func forwards(_ level: UInt64, _ call: Int64, otherwise: String) {
            a.load(24, ((hasEL3 ? 0x17 : 0x16) << 26 | 1 << 25 | UInt64(call)) >> 4)
            extract(30, 29, 4, 28)
            compare(30, with: 24)
            branch(Self.notEqual, otherwise)
            extract(28, 29, 0, 4)
            a.load(24, level << 8)
            a.emit(.orr_shifted, rd: 28, rn: 28, rm: 24)
            a.load(30, Layout.state)
            if level < 2 { store(31, Layout.save + 8) }
        }
        forwards(1, Self.forwarded, otherwise: hasEL3 ? "not_el1" : "own")
        if hasEL3 {
            readException("_EL1")
            a.emit(.b, to: "known")
            a.label("not_el1")
            forwards(2, Self.forwarded2, otherwise: "own")
            readException("_EL2")
        } else {
            a.read(24, "HCR_EL2")
            a.emit(.tbnz, rd: 24, rm: 34, to: "host")
            readException("_EL1")
            a.emit(.b, to: "known")
            a.label("host")
            readException("_EL12")
        }
        a.emit(.b, to: "known")
        a.label("own")
        forget()
        a.label("known")
        a.load(30, Layout.state)
        store(26, Layout.save + 9)
        // The last SVC, whose return address is behind it.
        extract(24, 29, 26, 6)
        compare(24, 0x15)
        branch(Self.notEqual, "other")
        physical(24, 26)
        store(25, Layout.save + 10)
        load(25, Layout.end)
        a.emit(.add_immediate, rd: 25, rn: 25, 4)
        compare(24, with: 25)
        branch(Self.equal, "end_block")
        load(25, Layout.save + 10)
        a.label("other")
        note()
        // Where the block is still in its code.
        load(26, Layout.save + 9)
        physical(24, 26)
        load(25, Layout.start)
        compare(24, with: 25)
        branch(Self.lower, "lost")
        load(25, Layout.end)
        compare(24, with: 25)
        branch(Self.higher, "lost")
        // On behind the instruction; SVC and HVC have gone on already, and SMC where it is EL3's.
        extract(24, 29, 26, 6)
        a.emit(.sub_immediate, rd: 24, rn: 24, 0x15)
        compare(24, hasEL3 ? 2 : 1)
        branch(9, "return")
        a.emit(.add_immediate, rd: 26, rn: 26, 4)
        a.label("return")
        a.write(own("ELR"), 26)
        // Without IL and SS.
        and(27, 27, ~(3 << 20), 24)
        a.write(own("SPSR"), 27)
        let last = a.words.count
        a.word(AArch64Assembler.word(.mrs, rd: 29, Self.eventCount))
        load(27, Layout.handlerStart)
        a.emit(.sub_shifted, rd: 29, rn: 29, rm: 27)
        load(27, Layout.handlerCount)
        a.emit(.add_shifted, rd: 29, rn: 29, rm: 27)
        a.emit(.add_immediate, rd: 29, rn: 29, Self.countedBefore + Self.countedAfter)
        store(29, Layout.handlerCount)
        for (index, register) in [28, 24, 25, 26, 27, 29].enumerated() { load(UInt32(register), Layout.save + index) }
        a.emit(.ldr_unsigned, rd: 30, rn: 30, Int64(Layout.save + 6) * 8)
        precondition(a.words.count - last == Int(Self.countedAfter))
        a.emit(.eret)
        a.label("lost")
        a.load(24, 1)
        store(24, Layout.lost)
        a.emit(.b, to: "end_block")
    }

    /// X25, X26, X27 and X29: FAR, ELR, SPSR and ESR of a lower level, by names that end so.
    private mutating func readException(_ suffix: String) {
        for (register, name) in [(25, "FAR"), (26, "ELR"), (27, "SPSR"), (29, "ESR")] {
            a.read(UInt32(register), name + suffix)
        }
        forget()
        a.write("SPSR" + suffix, 27)
    }

    /// Takes from X27 what an SPSR may have or not have: see AArch64RandomExclusion on BTYPE and on illegal returns.
    /// Changes X24.
    private mutating func forget() {
        and(27, 27, ~(3 << 10), 24)
        extract(24, 29, 26, 6)
        compare(24, 0xe)
        let label = "state\(a.words.count)"
        branch(Self.notEqual, label)
        and(27, 27, ~(1 << 12 | 7 << 22), 24)
        a.label(label)
    }

    /// rd: the physical address of the block's code at rn, of either alias.
    private mutating func physical(_ rd: UInt32, _ rn: UInt32) {
        // The alias is memory's base: memory has less than that, so a bit higher than it tells.
        a.emit(.ubfm, rd: rd, rn: rn, 1 << 12 | 31 << 6 | 63)
        compare(rd, 1)
        let label = "physical\(a.words.count)"
        a.emit(.orr_shifted, rd: rd, rn: 31, rm: rn)
        branch(Self.notEqual, label)
        a.load(rd, Layout.userAlias)
        a.emit(.sub_shifted, rd: rd, rn: rn, rm: rd)
        a.label(label)
    }

    /// X25 to X29: FAR, ELR, SPSR, level and vector, ESR.
    private mutating func note() {
        load(24, Layout.exceptionCount)
        a.emit(.add_immediate, rd: 26, rn: 24, 1)
        store(26, Layout.exceptionCount)
        compare(24, Int64(Layout.logEntries))
        branch(2, "full")
        a.load(26, UInt64(Layout.logFields * 8))
        a.emit(.madd, rd: 24, rn: 24, rm: 26, ra: 30)
        func log(_ field: Int, _ register: UInt32) { store(register, Layout.log + field, at: 24) }
        load(26, Layout.save + 9)
        log(1, 26)
        log(4, 27)
        log(5, 28)
        // The faulting address, of those exceptions that have one: aborts, misaligned PCs, watchpoints.
        extract(26, 29, 26, 6)
        a.load(28, 1 << 0x20 | 1 << 0x21 | 1 << 0x22 | 1 << 0x24 | 1 << 0x25 | 1 << 0x34 | 1 << 0x35)
        a.emit(.lsrv, rd: 28, rn: 28, rm: 26)
        a.emit(.tbz, rd: 28, to: "no_address")
        log(2, 25)
        a.label("no_address")
        // The syndrome: see AArch64RandomExclusion on ISV. Aborts of a second stage are of a lower level, at EL2.
        a.emit(.orr_shifted, rd: 25, rn: 31, rm: 29)
        compare(26, 0x24)
        branch(Self.equal, "second_stage")
        compare(26, 0x20)
        branch(Self.equal, "second_stage")
        compare(26, 0x25)
        branch(Self.notEqual, "syndrome")
        a.label("first_stage")
        and(25, 25, ~(0x7ff << 14), 26)
        a.emit(.b, to: "syndrome")
        a.label("second_stage")
        load(28, Layout.log + 5, at: 24)
        a.emit(.tbz, rd: 28, rm: 9, to: "first_stage")
        if hasEL3 { a.emit(.tbnz, rd: 28, rm: 8, to: "first_stage") }
        a.read(28, "HCR_EL2")
        a.emit(.tbnz, rd: 28, rm: 27, to: "first_stage")
        // Translation, access flag and permission faults.
        extract(26, 29, 2, 4)
        a.emit(.sub_immediate, rd: 26, rn: 26, 1)
        compare(26, 2)
        branch(Self.higher, "first_stage")
        load(28, Layout.save + 8)
        log(3, 28)
        a.label("syndrome")
        log(0, 25)
        a.label("full")
    }

    /// Does `body` for each doubleword that blocks can reach, with its address in X1. Changes X1, X4 and X5.
    private mutating func forReachableMemory(_ name: String, _ body: (inout AArch64Assembler) -> Void) {
        a.load(1, Layout.scratch)
        a.load(4, Layout.scratch + Layout.scratchPages * granule.bytes)
        a.label(name)
        for half in ["low", "high"] {
            a.emit(.add_immediate, rd: 5, rn: 1, Layout.reach)
            a.label(name + half)
            body(&a)
            a.emit(.add_immediate, rd: 1, rn: 1, 8)
            compare(1, with: 5)
            branch(Self.notEqual, name + half)
            if half == "low" {
                a.load(5, granule.bytes - 2 * UInt64(Layout.reach))
                a.emit(.add_shifted, rd: 1, rn: 1, rm: 5)
            }
        }
        compare(1, with: 4)
        branch(Self.notEqual, name)
    }

    /// X30: the descriptor. At EL2, with the MMU off.
    private mutating func beginBlock() {
        a.label("begin_block")
        a.load(29, Layout.state)
        store(30, Layout.current, at: 29)
        for (field, place) in [(Layout.Field.start, Layout.start), (.end, Layout.end)] {
            load(1, field.rawValue, at: 30)
            store(1, place, at: 29)
        }
        // The record.
        a.emit(.add_immediate, rd: 1, rn: 29)
        a.load(2, Layout.state + UInt64(Layout.recordLength * 8))
        a.label("clear")
        a.emit(.str_post, rd: 31, rn: 1, 8)
        compare(1, with: 2)
        branch(Self.notEqual, "clear")
        // Memory.
        load(2, Layout.Field.seed.rawValue, at: 30)
        a.load(3, 0x5851_f42d_4c95_7f2d)
        a.load(6, 0x331)
        forReachableMemory("fill") { a in
            a.emit(.str_unsigned, rd: 2, rn: 1)
            a.emit(.madd, rd: 2, rn: 2, rm: 3, ra: 6)
        }
        a.load(1, granule.pristine)
        for (index, table) in granule.windowTables.enumerated() {
            a.load(2, table)
            a.emit(.add_immediate, rd: 4, rn: 2, Int64(Layout.windowCount * 8))
            a.label("copy\(index)")
            a.emit(.ldr_post, rd: 3, rn: 1, 8)
            a.emit(.str_post, rd: 3, rn: 2, 8)
            compare(2, with: 4)
            branch(Self.notEqual, "copy\(index)")
        }
        for name in Layout.givenRegisters1 { give(name) }
        for number in 0..<32 {
            a.load(2, UInt64(Layout.Field.vectors + 2 * number) * 8)
            a.emit(.add_shifted, rd: 2, rn: 30, rm: 2)
            a.word(AArch64Assembler.word(.ldur_q, rd: UInt32(number), rn: 2))
        }
        load(1, Layout.Field.hcr.rawValue, at: 30)
        a.write("HCR_EL2", 1)
        a.emit(.isb, 15)
        for name in hasEL3 ? Layout.givenRegisters2 : Layout.givenRegisters2.dropLast() { give(name) }
        load(1, Layout.Field.stackPointer2.rawValue, at: 30)
        if hasEL3 {
            a.write("SP_EL2", 1)
            load(1, Layout.Field.stackPointer3.rawValue, at: 30)
        }
        a.emit(.add_immediate, rd: 31, rn: 1)
        if hasEL3 {
            // Of Non-secure state; then of Secure state, if that is the block's. TLBI ALLE3.
            a.word(AArch64Assembler.system(4, 8, 7, 0))
            a.word(AArch64Assembler.system(4, 8, 7, 4))
            for name in Layout.givenRegisters3.dropLast() { give(name) }
            a.emit(.isb, 15)
            a.word(AArch64Assembler.system(6, 8, 7, 0))
        } else {
            // TLBI ALLE2.
            a.word(AArch64Assembler.system(4, 8, 7, 0))
        }
        // TLBI ALLE1; IC IALLU.
        a.word(AArch64Assembler.system(4, 8, 7, 4))
        a.emit(.dsb, 15)
        a.word(AArch64Assembler.system(0, 7, 5, 0))
        a.emit(.clrex, 15)
        store(31, Layout.handlerCount, at: 29)
        give((hasEL3 ? Layout.givenRegisters3 : Layout.givenRegisters2).last ?? "")
        a.emit(.isb, 15)
        // The counter is 0 when the block begins.
        a.emit(.movz, rd: 1)
        a.word(AArch64Assembler.word(.msr_register, rd: 1, Self.eventCount))
        for number in 0..<31 { load(UInt32(number), Layout.Field.registers + number, at: 30) }
        a.emit(.eret)
    }

    private mutating func give(_ name: String) {
        guard let index = Layout.givenRegisters.firstIndex(of: name) else { preconditionFailure(name) }
        load(1, Layout.Field.systemRegisters + index, at: 30)
        a.write(name, 1)
    }

    /// At EL2, with X30 at the record, X24 to X30 saved, SPSR in X27, and everything else as the block left it.
    private mutating func endBlock(full: Bool) {
        a.label("end_block")
        for register in 0...23 { store(UInt32(register), register) }
        for (index, register) in [28, 24, 25, 26, 27, 29, 30].enumerated() {
            load(1, Layout.save + index)
            store(1, register)
        }
        store(27, Layout.finalState)
        a.emit(.add_immediate, rd: 1, rn: 31)
        store(1, hasEL3 ? Layout.stackPointer3 : Layout.stackPointers + 2)
        if hasEL3 {
            a.read(1, "SP_EL2")
            store(1, Layout.stackPointers + 2)
            for (index, name) in Layout.recordedRegisters3.enumerated() {
                a.read(1, name)
                store(1, Layout.systemRegisters + Layout.recordedRegisters2.count + index)
            }
            for (name, value) in [
                ("SCTLR_EL3", 0x30c5_0830 as UInt64), ("CPTR_EL3", 0), ("SCR_EL3", Self.secureConfiguration),
                ("MDCR_EL3", Self.countsInSecureState),
            ] {
                a.load(1, value)
                a.write(name, 1)
                a.emit(.isb, 15)
            }
        }
        for (index, name) in Layout.recordedRegisters2.enumerated() {
            a.read(1, name)
            store(1, Layout.systemRegisters + index)
            if name == "HCR_EL2" {
                for (name, value) in [
                    ("SCTLR_EL2", 0x30c5_0830 as UInt64), ("HCR_EL2", AArch64RandomBlock.Hypervisor.rw),
                    ("CPTR_EL2", 0x33ff),
                ] {
                    a.load(1, value)
                    a.write(name, 1)
                    a.emit(.isb, 15)
                }
            }
        }
        for (index, name) in ["SP_EL0", "SP_EL1"].enumerated() {
            a.read(1, name)
            store(1, Layout.stackPointers + index)
        }
        for number in 0..<32 {
            a.load(2, Layout.state + UInt64(Layout.vectors + 2 * number) * 8)
            a.word(AArch64Assembler.word(.stur_q, rd: UInt32(number), rn: 2))
        }
        // Memory, and the tables that access flags were set in.
        func mix(_ a: inout AArch64Assembler) {
            a.emit(.ldr_unsigned, rd: 6, rn: 1)
            a.emit(.eor_shifted, rd: 2, rn: 2, rm: 6)
            a.emit(.madd, rd: 2, rn: 2, rm: 3, ra: 31)
            // EOR with LSR 29.
            a.emit(.eor_shifted, rd: 2, rn: 2, rm: 2, 1 << 6 | 29)
        }
        a.load(2, 0xcbf2_9ce4_8422_2325)
        a.load(3, 0x9e37_79b9_7f4a_7c15)
        forReachableMemory("sum", mix)
        store(2, Layout.memoryHash)
        a.load(7, Layout.state + UInt64(Layout.windowEntries * 8))
        for (index, table) in granule.windowTables.enumerated() {
            a.load(1, table)
            a.emit(.add_immediate, rd: 5, rn: 1, Int64(Layout.windowCount * 8))
            a.label("copy_table\(index)")
            a.emit(.ldr_post, rd: 6, rn: 1, 8)
            a.emit(.str_post, rd: 6, rn: 7, 8)
            compare(1, with: 5)
            branch(Self.notEqual, "copy_table\(index)")
        }
        // The record: printed, or summed up in the same way.
        a.emit(.add_immediate, rd: 1, rn: 30)
        a.load(5, Layout.state + UInt64(Layout.recordLength * 8))
        a.label("record")
        if full {
            a.emit(.ldr_unsigned, rd: 10, rn: 1)
            a.load(12, 16)
            a.load(17, 10)
            a.emit(.bl, to: "print")
        } else {
            mix(&a)
        }
        a.emit(.add_immediate, rd: 1, rn: 1, 8)
        compare(1, with: 5)
        branch(Self.notEqual, "record")
        a.load(29, Layout.state)
        if !full {
            a.emit(.add_immediate, rd: 10, rn: 2)
            a.load(12, 16)
            a.load(17, 0x20)
            a.emit(.bl, to: "print")
            // Instructions that the block executed: those that retired outside handlers, and those with exceptions.
            load(10, Layout.handlerStart, at: 29)
            load(11, Layout.handlerCount, at: 29)
            a.emit(.sub_shifted, rd: 10, rn: 10, rm: 11)
            a.emit(.sub_immediate, rd: 10, rn: 10, Self.countedBefore + Self.countedInto)
            load(11, Layout.exceptionCount, at: 29)
            a.emit(.add_shifted, rd: 10, rn: 10, rm: 11)
            // LSL 48.
            a.emit(.ubfm, rd: 10, rn: 10, 1 << 12 | 16 << 6 | 15)
            a.load(12, 4)
            a.load(17, 10)
            a.emit(.bl, to: "print")
        }
        load(30, Layout.current, at: 29)
        load(30, Layout.Field.next.rawValue, at: 30)
        a.emit(.cbnz, rd: 30, to: "begin_block")
        if hasEL3 {
            // The machine is Secure state's to turn off: GPIODIR and GPIODATA of pin 0 of its PL061.
            a.load(0, 0x90b_0000)
            a.load(1, 1)
            a.emit(.str_unsigned, rd: 1, rn: 0, 0x400, wide: false)
            a.emit(.str_unsigned, rd: 1, rn: 0, 4, wide: false)
        } else {
            // PSCI SYSTEM_OFF.
            a.load(0, 0x8400_0008)
            a.emit(.smc)
        }
        a.label("off")
        a.emit(.b, to: "off")
    }

    /// The X12 topmost hexadecimal digits of X10, and the character in X17; returns to X30. Changes X10 to X16.
    private mutating func printNumber() {
        a.label("print")
        a.load(11, 0x900_0000)
        a.label("digit")
        extract(13, 10, 60, 4)
        a.emit(.ubfm, rd: 10, rn: 10, 1 << 12 | 60 << 6 | 59)
        a.emit(.add_immediate, rd: 14, rn: 13, 0x30)
        compare(13, 10)
        branch(Self.lower, "put")
        a.emit(.add_immediate, rd: 14, rn: 13, 0x57)
        a.label("put")
        // UARTFR.TXFF, then UARTDR.
        a.emit(.ldr_unsigned, rd: 16, rn: 11, 0x18, wide: false)
        a.emit(.tbnz, rd: 16, rm: 5, to: "put", wide: false)
        a.emit(.str_unsigned, rd: 14, rn: 11, wide: false)
        a.emit(.subs_immediate, rd: 12, rn: 12, 1)
        branch(12, "digit")
        a.emit(.orr_shifted, rd: 14, rn: 31, rm: 17)
        a.emit(.cbz, rd: 12, to: "put")
        a.emit(.ret, rn: 30)
    }
}
