import ISA

/// The fixed part of a random program, in assembly: it sets each block's registers, memory and translation, goes to the
/// block's mode and code, skips every instruction that traps (and notes the trap), and at the block's end prints what
/// has become of registers and memory.
///
/// A block ends with an ECALL at a known place. Each level that can take traps has a handler: M, HS and VS. They work
/// alike: x31 points to the record, x27 to x30 are saved, the trap is noted, and the trapped instruction's length is
/// added to the exception's program counter. Code is read through the identity mapping of S-mode, for which the bit
/// that makes U-mode's alias is cleared.
struct RISCVRandomDriver {
    private typealias Layout = RISCVRandomLayout
    private var a = RISCVAssembler(base: RISCVRandomLayout.code)

    private enum Level: Int {
        case machine = 3
        case supervisor = 1
        case guest = 2
    }

    /// - Parameters:
    ///   - first: the address of the first block's descriptor.
    ///   - full: print each block's record in full, not its hash.
    static func assemble(first: UInt64, full: Bool) -> [UInt8] {
        var driver = RISCVRandomDriver()
        driver.boot(first: first)
        driver.beginBlock()
        driver.handler(.machine)
        driver.handler(.supervisor)
        driver.handler(.guest)
        driver.endBlock(full: full)
        driver.printNumber()
        driver.a.finish()
        precondition(driver.a.bytes.count < 0x1_0000)
        return driver.a.bytes
    }

    // MARK: CSR numbers

    private static let mstatus: Int64 = 0x300
    private static let medeleg: Int64 = 0x302
    private static let mtvec: Int64 = 0x305
    private static let mscratch: Int64 = 0x340
    private static let mepc: Int64 = 0x341
    private static let minstret: Int64 = 0xb02
    private static let instret: Int64 = 0xc02
    private static let stvec: Int64 = 0x105
    private static let vstvec: Int64 = 0x205

    private mutating func boot(first: UInt64) {
        a.loadAddress(31, of: "boot_skip")
        a.csr("csrrw", Self.mtvec, 31)
        // All of memory, for everyone.
        a.load(1, .max >> 10)
        a.csr("csrrw", 0x3b0, 1)
        a.load(1, 0x1f)
        a.csr("csrrw", 0x3a0, 1)
        // menvcfg and henvcfg: ADUE, so that hardware sets A and D, as QEMU always does.
        a.load(1, 1 << 61)
        a.csr("csrrs", 0x30a, 1)
        a.csr("csrrs", 0x60a, 1)
        a.loadAddress(1, of: "trap_machine")
        a.csr("csrrw", Self.mtvec, 1)
        a.loadAddress(1, of: "trap_supervisor")
        a.csr("csrrw", Self.stvec, 1)
        a.loadAddress(1, of: "trap_guest")
        a.csr("csrrw", Self.vstvec, 1)
        a.load(31, first)
        a.emit("jal", to: "begin_block")
        // A CSR that is not there is passed over.
        a.label("boot_skip")
        a.csr("csrrs", rd: 30, Self.mepc, 0)
        a.emit("addi", rd: 30, rs1: 30, 4)
        a.csr("csrrw", Self.mepc, 30)
        a.emit("mret")
    }

    /// Does `body` for each doubleword that blocks can reach, with its address in x1. Changes x1, x4 and x5.
    private mutating func forReachableMemory(_ name: String, _ body: (inout RISCVAssembler) -> Void) {
        a.load(1, Layout.scratch)
        a.load(4, Layout.scratch + Layout.scratchPages * 0x1000)
        a.label(name)
        for half in ["low", "high"] {
            a.emit("addi", rd: 5, rs1: 1, Layout.reach)
            a.label(name + half)
            body(&a)
            a.emit("addi", rd: 1, rs1: 1, 8)
            a.emit("bne", rs1: 1, rs2: 5, to: name + half)
            if half == "low" {
                a.load(5, 0x1000 - 2 * UInt64(Layout.reach))
                a.emit("add", rd: 1, rs1: 1, rs2: 5)
            }
        }
        a.emit("bne", rs1: 1, rs2: 4, to: name)
    }

    private static let windowTables = [
        Layout.supervisorWindows, Layout.guestWindows, Layout.secondStageWindows,
    ]

    /// x31: the descriptor.
    private mutating func beginBlock() {
        a.label("begin_block")
        a.load(30, Layout.state)
        a.emit("sd", rs1: 30, rs2: 31, Int64(Layout.current * 8))
        for (field, place) in [(Layout.Field.start, Layout.start), (.end, Layout.end)] {
            a.emit("ld", rd: 1, rs1: 31, Int64(field.rawValue * 8))
            a.emit("sd", rs1: 30, rs2: 1, Int64(place * 8))
        }
        // The record.
        a.emit("addi", rd: 1, rs1: 30, 0)
        a.emit("addi", rd: 2, rs1: 30, Int64(Layout.recordLength * 8))
        a.label("clear")
        a.emit("sd", rs1: 1, rs2: 0)
        a.emit("addi", rd: 1, rs1: 1, 8)
        a.emit("bne", rs1: 1, rs2: 2, to: "clear")
        // Memory.
        a.emit("ld", rd: 2, rs1: 31, Int64(Layout.Field.seed.rawValue * 8))
        a.load(3, 0x5851_f42d_4c95_7f2d)
        forReachableMemory("fill") { a in
            a.emit("sd", rs1: 1, rs2: 2)
            a.emit("mul", rd: 2, rs1: 2, rs2: 3)
            a.emit("addi", rd: 2, rs1: 2, 0x331)
        }
        a.load(1, Layout.pristine)
        for (index, table) in Self.windowTables.enumerated() {
            a.load(2, table)
            a.emit("addi", rd: 4, rs1: 2, Int64(Layout.windowCount * 8))
            a.label("copy\(index)")
            a.emit("ld", rd: 3, rs1: 1)
            a.emit("sd", rs1: 2, rs2: 3)
            a.emit("addi", rd: 1, rs1: 1, 8)
            a.emit("addi", rd: 2, rs1: 2, 8)
            a.emit("bne", rs1: 2, rs2: 4, to: "copy\(index)")
        }
        let registers: [(Layout.Field, Int64)] = [
            (.mstatus, Self.mstatus), (.vsstatus, 0x200), (.hstatus, 0x600), (.medeleg, Self.medeleg),
            (.hedeleg, 0x602), (.satp, 0x180),
            (.vsatp, 0x280), (.hgatp, 0x680), (.fcsr, 0x003), (.programCounter, Self.mepc),
        ]
        for (field, number) in registers {
            a.emit("ld", rd: 1, rs1: 31, Int64(field.rawValue * 8))
            a.csr("csrrw", number, 1)
        }
        // What traps have left: mcause, mtval, sepc, scause, stval, vsepc, vscause, vstval, htval. What blocks may have:
        // mideleg, hideleg, hvip, htimedelta, hgeie, senvcfg.
        for number: Int64 in [
            0x342, 0x343, 0x141, 0x142, 0x143, 0x241, 0x242, 0x243, 0x643, 0x303, 0x603, 0x645, 0x605, 0x607, 0x10a,
        ] {
            a.csr("csrrw", number, 0)
        }
        // mcounteren, hcounteren, scounteren: handlers read instret.
        for number: Int64 in [0x306, 0x606, 0x106] { a.csr("csrrwi", number, 4) }
        for number: Int64 in [Self.mscratch, 0x140, 0x240] { a.csr("csrrw", number, 30) }
        a.emit("sfence.vma")
        a.emit("hfence.vvma")
        a.emit("hfence.gvma")
        a.emit("fence.i")
        // A reservation that the last block left.
        a.emit("sc.d", rs1: 30)
        // instret is 0 when the block begins.
        a.emit("sd", rs1: 30, rs2: 0, Int64(Layout.handlerCount * 8))
        a.emit("addi", rd: 1, rs1: 0, -64)
        a.csr("csrrw", Self.minstret, 1)
        for number in 0..<32 {
            a.emit("fld", rd: number, rs1: 31, Int64((Layout.Field.registers + 32 + number) * 8))
        }
        for number in 1..<32 {
            a.emit("ld", rd: number, rs1: 31, Int64((Layout.Field.registers + number) * 8))
        }
        a.emit("mret")
    }

    /// Instructions of a handler before it reads instret, and from where it reads it again to its end.
    private static let countedBefore: Int64 = 5
    private static let countedAfter: Int64 = 13

    private mutating func handler(_ level: Level) {
        let (scratch, epc, cause, value): (Int64, Int64, Int64, Int64) =
            level == .machine ? (Self.mscratch, Self.mepc, 0x342, 0x343) : (0x140, 0x141, 0x142, 0x143)
        let (name, save) =
            switch level {
            case .machine: ("machine", Layout.saveMachine)
            case .supervisor: ("supervisor", Layout.saveSupervisor)
            case .guest: ("guest", Layout.saveGuest)
            }
        // Trap vectors are aligned to 4 bytes, as all code here is.
        a.label("trap_" + name)
        a.csr("csrrw", rd: 31, scratch, 31)
        for register in 27...30 { a.emit("sd", rs1: 31, rs2: register, Int64((save + register - 27) * 8)) }
        a.csr("csrrs", rd: 30, level == .machine ? Self.minstret : Self.instret, 0)
        a.emit("sd", rs1: 31, rs2: 30, Int64(Layout.handlerStart * 8))
        a.csr("csrrs", rd: 30, scratch, 0)
        a.emit("sd", rs1: 31, rs2: 30, Int64((save + 4) * 8))
        a.csr("csrrw", scratch, 31)
        a.csr("csrrs", rd: 28, cause, 0)
        a.csr("csrrs", rd: 29, epc, 0)
        // x30: the instruction's physical address.
        a.load(30, Layout.userAlias)
        a.emit("and", rd: 30, rs1: 30, rs2: 29)
        a.emit("xor", rd: 30, rs1: 30, rs2: 29)
        a.emit("ld", rd: 27, rs1: 31, Int64(Layout.end * 8))
        if level == .machine { a.emit("beq", rs1: 30, rs2: 27, to: "end_block") }
        a.emit("bltu", rs1: 27, rs2: 30, to: "lost_" + name)
        a.emit("ld", rd: 27, rs1: 31, Int64(Layout.start * 8))
        a.emit("bltu", rs1: 30, rs2: 27, to: "lost_" + name)
        // The next instruction: 4 bytes on where the two low bits are set, else 2.
        a.emit("lhu", rd: 27, rs1: 30)
        a.emit("sd", rs1: 31, rs2: 27, Int64(Layout.instruction * 8))
        a.emit("andi", rd: 30, rs1: 27, 3)
        a.emit("sltiu", rd: 30, rs1: 30, 3)
        a.emit("xori", rd: 30, rs1: 30, 1)
        a.emit("slli", rd: 30, rs1: 30, 1)
        a.emit("addi", rd: 30, rs1: 30, 2)
        a.emit("add", rd: 30, rs1: 30, rs2: 29)
        a.csr("csrrw", epc, 30)
        // An AMO's faults: bit 1 is set in the cause whether it is called a load's or a store's. See RISCVRandomExclusion.
        a.emit("andi", rd: 27, rs1: 27, 0x7f)
        a.emit("addi", rd: 27, rs1: 27, -0x2f)
        a.emit("bne", rs1: 27, rs2: 0, to: "noted_" + name)
        a.emit("ori", rd: 28, rs1: 28, 2)
        a.label("noted_" + name)
        a.emit("ld", rd: 27, rs1: 31, Int64(Layout.trapCount * 8))
        a.emit("addi", rd: 30, rs1: 27, 1)
        a.emit("sd", rs1: 31, rs2: 30, Int64(Layout.trapCount * 8))
        a.emit("sltiu", rd: 30, rs1: 27, Int64(Layout.logEntries))
        a.emit("beq", rs1: 30, rs2: 0, to: "full_" + name)
        a.load(30, UInt64(Layout.logFields * 8))
        a.emit("mul", rd: 27, rs1: 27, rs2: 30)
        a.emit("add", rd: 27, rs1: 27, rs2: 31)
        func log(_ field: Int, _ register: Int) {
            a.emit("sd", rs1: 27, rs2: register, Int64((Layout.log + field) * 8))
        }
        log(0, 28)
        log(1, 29)
        // A breakpoint's value may be its address or zero (3.1.16): it is not noted. QEMU cuts a misaligned access to
        // what is no memory into aligned ones, so an access fault's address is noted without its last three bits.
        a.emit("addi", rd: 28, rs1: 28, -3)
        a.emit("beq", rs1: 28, rs2: 0, to: "value_" + name)
        a.emit("addi", rd: 28, rs1: 28, 3)
        // The value of a SYSTEM instruction that is not allowed, other than those on CSRs: see RISCVRandomExclusion.
        a.emit("ld", rd: 30, rs1: 31, Int64(Layout.instruction * 8))
        a.load(29, 0x307f)
        a.emit("and", rd: 30, rs1: 30, rs2: 29)
        a.emit("xori", rd: 30, rs1: 30, 0x73)
        // Causes 2 and 22.
        a.emit("andi", rd: 29, rs1: 28, ~0x14)
        a.emit("xori", rd: 29, rs1: 29, 2)
        a.emit("or", rd: 30, rs1: 30, rs2: 29)
        a.emit("bne", rs1: 30, rs2: 0, to: "known_" + name)
        a.load(28, 0)
        a.emit("jal", to: "value_" + name)
        a.label("known_" + name)
        a.emit("ori", rd: 28, rs1: 28, 2)
        a.emit("addi", rd: 28, rs1: 28, -7)
        a.emit("sltiu", rd: 29, rs1: 28, 1)
        a.emit("slli", rd: 30, rs1: 29, 3)
        a.emit("sub", rd: 29, rs1: 30, rs2: 29)
        a.csr("csrrs", rd: 28, value, 0)
        a.emit("xori", rd: 29, rs1: 29, -1)
        a.emit("and", rd: 28, rs1: 28, rs2: 29)
        a.label("value_" + name)
        log(2, 28)
        // The level that took the trap, and the one that it came from.
        func bits(_ csr: Int64, _ shift: Int64, _ mask: Int64, to place: Int64) {
            a.csr("csrrs", rd: 28, csr, 0)
            a.emit("srli", rd: 28, rs1: 28, shift)
            a.emit("andi", rd: 28, rs1: 28, mask)
            a.emit("slli", rd: 28, rs1: 28, place)
            a.emit("or", rd: 29, rs1: 29, rs2: 28)
        }
        a.load(29, UInt64(level.rawValue) << 8)
        switch level {
        case .machine:
            bits(Self.mstatus, 11, 3, to: 0)
            bits(Self.mstatus, 39, 1, to: 4)
        case .supervisor:
            bits(0x100, 8, 1, to: 0)
            bits(0x600, 7, 1, to: 4)
        case .guest: bits(0x100, 8, 1, to: 0)
        }
        // GVA, where the trap's value is an address other than zero and the trap came from V = 1: see RISCVRandomExclusion.
        if level != .guest {
            a.emit("ld", rd: 28, rs1: 27, Int64(Layout.log * 8))
            // Access faults, page faults and guest-page faults.
            a.load(30, 0xb0_b0a2)
            a.emit("srl", rd: 30, rs1: 30, rs2: 28)
            a.emit("srli", rd: 28, rs1: 29, 4)
            a.emit("and", rd: 30, rs1: 30, rs2: 28)
            a.csr("csrrs", rd: 28, level == .machine ? Self.mstatus : 0x600, 0)
            a.emit("srli", rd: 28, rs1: 28, level == .machine ? 38 : 6)
            a.emit("and", rd: 30, rs1: 28, rs2: 30)
            a.csr("csrrs", rd: 28, value, 0)
            a.emit("sltu", rd: 28, rs1: 0, rs2: 28)
            a.emit("and", rd: 28, rs1: 28, rs2: 30)
            a.emit("slli", rd: 28, rs1: 28, 5)
            a.emit("or", rd: 29, rs1: 29, rs2: 28)
        }
        // The guest-physical address of guest-page faults, and of all traps from V = 1: see RISCVRandomExclusion.
        if level != .guest {
            a.emit("ld", rd: 28, rs1: 27, Int64(Layout.log * 8))
            a.load(30, 0xb0_0000)
            a.emit("srl", rd: 30, rs1: 30, rs2: 28)
            a.emit("srli", rd: 28, rs1: 29, 4)
            a.emit("or", rd: 30, rs1: 30, rs2: 28)
            a.emit("andi", rd: 30, rs1: 30, 1)
            a.emit("sub", rd: 30, rs1: 0, rs2: 30)
            a.csr("csrrs", rd: 28, level == .machine ? 0x34b : 0x643, 0)
            a.emit("and", rd: 28, rs1: 28, rs2: 30)
            log(3, 28)
        }
        log(5, 29)
        a.label("full_" + name)
        let last = a.bytes.count
        a.csr("csrrs", rd: 30, level == .machine ? Self.minstret : Self.instret, 0)
        a.emit("ld", rd: 27, rs1: 31, Int64(Layout.handlerStart * 8))
        a.emit("sub", rd: 30, rs1: 30, rs2: 27)
        a.emit("ld", rd: 27, rs1: 31, Int64(Layout.handlerCount * 8))
        a.emit("add", rd: 27, rs1: 27, rs2: 30)
        a.emit("addi", rd: 27, rs1: 27, Self.countedBefore + Self.countedAfter)
        a.emit("sd", rs1: 31, rs2: 27, Int64(Layout.handlerCount * 8))
        for register in 27...30 { a.emit("ld", rd: register, rs1: 31, Int64((save + register - 27) * 8)) }
        a.emit("ld", rd: 31, rs1: 31, Int64((save + 4) * 8))
        a.emit(level == .machine ? "mret" : "sret")
        precondition(Int64(a.bytes.count - last) == 4 * Self.countedAfter)
        a.label("lost_" + name)
        if level == .machine {
            a.load(27, 1)
            a.emit("sd", rs1: 31, rs2: 27, Int64(Layout.lost * 8))
            a.emit("jal", to: "end_block")
        } else {
            // M-mode finds the address outside the block too.
            a.emit("ecall")
        }
    }

    /// In M-mode, with x31 at the record, x27 to x31 saved, and everything else as the block left it.
    private mutating func endBlock(full: Bool) {
        a.label("end_block")
        for register in 1...26 { a.emit("sd", rs1: 31, rs2: register, Int64(register * 8)) }
        for register in 27...31 {
            a.emit("ld", rd: 1, rs1: 31, Int64((Layout.saveMachine + register - 27) * 8))
            a.emit("sd", rs1: 31, rs2: 1, Int64(register * 8))
        }
        a.load(1, 0x6000)
        a.csr("csrrs", Self.mstatus, 1)
        for register in 0..<32 {
            a.emit("fsd", rs1: 31, rs2: register, Int64((Layout.floatRegisters + register) * 8))
        }
        a.csr("csrrs", rd: 1, 0x003, 0)
        a.emit("sd", rs1: 31, rs2: 1, Int64(Layout.fcsr * 8))
        // Memory, then the tables that A and D bits were set in.
        func mix(_ a: inout RISCVAssembler) {
            a.emit("ld", rd: 6, rs1: 1)
            a.emit("xor", rd: 2, rs1: 2, rs2: 6)
            a.emit("mul", rd: 2, rs1: 2, rs2: 3)
            a.emit("srli", rd: 7, rs1: 2, 29)
            a.emit("xor", rd: 2, rs1: 2, rs2: 7)
        }
        a.load(2, 0xcbf2_9ce4_8422_2325)
        a.load(3, 0x9e37_79b9_7f4a_7c15)
        forReachableMemory("sum", mix)
        for (index, table) in Self.windowTables.enumerated() {
            a.load(1, table)
            a.emit("addi", rd: 5, rs1: 1, Int64(Layout.windowCount * 8))
            a.label("sum_table\(index)")
            mix(&a)
            a.emit("addi", rd: 1, rs1: 1, 8)
            a.emit("bne", rs1: 1, rs2: 5, to: "sum_table\(index)")
        }
        a.emit("sd", rs1: 31, rs2: 2, Int64(Layout.memoryHash * 8))
        // The record: printed, or summed up in the same way.
        a.emit("addi", rd: 1, rs1: 31, 0)
        a.emit("addi", rd: 5, rs1: 31, Int64(Layout.recordLength * 8))
        a.label("record")
        if full {
            a.emit("ld", rd: 10, rs1: 1)
            a.load(12, 16)
            a.load(17, 10)
            a.emit("jal", rd: 20, to: "print")
        } else {
            mix(&a)
        }
        a.emit("addi", rd: 1, rs1: 1, 8)
        a.emit("bne", rs1: 1, rs2: 5, to: "record")
        if !full {
            a.emit("addi", rd: 10, rs1: 2, 0)
            a.load(12, 16)
            a.load(17, 0x20)
            a.emit("jal", rd: 20, to: "print")
            // Instructions that the block executed: those that retired outside handlers, and those that trapped.
            a.emit("ld", rd: 10, rs1: 31, Int64(Layout.handlerStart * 8))
            a.emit("ld", rd: 11, rs1: 31, Int64(Layout.handlerCount * 8))
            a.emit("sub", rd: 10, rs1: 10, rs2: 11)
            a.emit("addi", rd: 10, rs1: 10, -Self.countedBefore)
            a.emit("ld", rd: 11, rs1: 31, Int64(Layout.trapCount * 8))
            a.emit("add", rd: 10, rs1: 10, rs2: 11)
            a.emit("slli", rd: 10, rs1: 10, 48)
            a.load(12, 4)
            a.load(17, 10)
            a.emit("jal", rd: 20, to: "print")
        }
        a.emit("ld", rd: 31, rs1: 31, Int64(Layout.current * 8))
        a.emit("ld", rd: 31, rs1: 31, Int64(Layout.Field.next.rawValue * 8))
        a.emit("beq", rs1: 31, rs2: 0, to: "power_off")
        a.emit("jal", to: "begin_block")
        a.label("power_off")
        a.load(1, 0x10_0000)
        a.load(2, 0x5555)
        a.emit("sw", rs1: 1, rs2: 2)
        a.label("off")
        a.emit("jal", to: "off")
    }

    /// The x12 topmost hexadecimal digits of x10, and the character in x17; returns to x20. Changes x10 to x16.
    private mutating func printNumber() {
        a.label("print")
        a.load(11, 0x1000_0000)
        a.load(15, 10)
        a.label("digit")
        a.emit("srli", rd: 13, rs1: 10, 60)
        a.emit("slli", rd: 10, rs1: 10, 4)
        a.emit("addi", rd: 14, rs1: 13, 0x30)
        a.emit("bltu", rs1: 13, rs2: 15, to: "put")
        a.emit("addi", rd: 14, rs1: 13, 0x57)
        a.label("put")
        a.emit("lbu", rd: 16, rs1: 11, 5)
        a.emit("andi", rd: 16, rs1: 16, 0x20)
        a.emit("beq", rs1: 16, rs2: 0, to: "put")
        a.emit("sb", rs1: 11, rs2: 14)
        a.emit("addi", rd: 12, rs1: 12, -1)
        a.emit("blt", rs1: 0, rs2: 12, to: "digit")
        a.emit("addi", rd: 14, rs1: 17, 0)
        a.emit("beq", rs1: 12, rs2: 0, to: "put")
        a.emit("jalr", rs1: 20)
    }
}
