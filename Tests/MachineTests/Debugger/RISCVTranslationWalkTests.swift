import Testing

@testable import ISA
@testable import Machine

/// Small page tables in a machine that does not run.
@Suite("Translation, step by step")
struct RISCVTranslationWalkTests {
    private let board: RISCVVirt
    private var hart: RISCV.Hart { board.harts[0] }

    init() throws {
        var configuration = RISCVVirt.Configuration(console: MemoryConsole())
        configuration.memorySize = 16 << 20
        board = try RISCVVirt(configuration)
        // One protection entry lets everything through (volume II, "Address Matching").
        hart.state.pointee.pmpcfg[0] = 0x1f
        hart.state.pointee.pmpaddr[0] = (1 << 54) - 1
        hart.protection.update(hart.state)
    }

    private func put(_ address: UInt64, _ entry: UInt64) {
        var entry = entry
        #expect(board.memory.write(address, from: &entry, count: 8))
    }

    private func walk(
        _ address: UInt64, _ access: RISCV.Access = .read, as mode: RISCV.Mode = .hypervisor
    ) -> [String] {
        RISCVTranslationWalk(address, hart: hart, memory: board.memory, access: access, mode: mode).lines
    }

    @Test("Machine mode translates nothing")
    func machine() {
        #expect(walk(0x8000_1234, as: .machine) == ["machine mode does not translate", "physical 0x80001234"])
    }

    @Test("An address whose high bits differ is refused before any entry is read")
    func canonical() {
        hart.state.pointee.satp = 8 << 60 | 0x80001
        #expect(
            walk(0x40_0000_0000) == [
                "satp: Sv39, table at 0x80001000",
                "fails at stage 1: bits 63 to 38 of 0x4000000000 are not all the same",
            ])
    }

    @Test("A page three levels down shows each entry, and why it may not be written")
    func threeLevels() {
        hart.state.pointee.satp = 8 << 60 | 0x80001
        put(0x8000_1000, 0x8000_2000 >> 2 | 1)
        put(0x8000_2000, 0x8000_3000 >> 2 | 1)
        // V, R and A.
        put(0x8000_3008, 0x8000_5000 >> 2 | 0x43)
        let steps = [
            "satp: Sv39, table at 0x80001000",
            "  stage 1 level 2: 0x80001000 = 0x0000000020000801  V-------  table 0x80002000",
            "  stage 1 level 1: 0x80002000 = 0x0000000020000c01  V-------  table 0x80003000",
            "  stage 1 level 0: 0x80003008 = 0x0000000020001443  VR----A-  page 0x80005000",
        ]
        #expect(walk(0x1abc) == steps + ["physical 0x80005abc"])
        #expect(walk(0x1abc, .write) == steps + ["fails at stage 1, level 0: the page is not writable (W is 0)"])
        #expect(
            walk(0x1abc, as: .user) == steps + ["fails at stage 1, level 0: the page is not user mode's (U is 0)"])
    }

    @Test("In a guest each first-stage entry goes through the second stage, whose fault names the entry")
    func twoStages() {
        // vsatp's table at guest-physical 0x1000; hgatp maps guest-physical 0 to 2 MiB to 0x80200000, for user mode.
        hart.state.pointee.vsatp = 8 << 60 | 1
        hart.state.pointee.hgatp = 8 << 60 | 0x80004
        put(0x8000_4000, 0x8000_8000 >> 2 | 1)
        put(0x8000_8000, 0x8020_0000 >> 2 | 0xdf)
        // A first-stage page of 1 GiB at 0; the next entry points to a table outside the guest's memory.
        put(0x8020_1000, 0xdf & ~0x10)
        put(0x8020_1008, 0x4000_0000 >> 2 | 1)
        #expect(
            walk(0x1234, as: .virtualSupervisor) == [
                "vsatp: Sv39, table at 0x1000 (guest-physical)", "hgatp: Sv39x4, table at 0x80004000",
                "    stage 2 level 2 of 0x1000: 0x80004000 = 0x0000000020002001  V-------  table 0x80008000",
                "    stage 2 level 1 of 0x1000: 0x80008000 = 0x00000000200800df  VRWXU-AD  page 0x80200000",
                "  stage 1 level 2: 0x80201000 = 0x00000000000000cf  VRWX--AD  page 0x0",
                "    stage 2 level 2 of 0x1234: 0x80004000 = 0x0000000020002001  V-------  table 0x80008000",
                "    stage 2 level 1 of 0x1234: 0x80008000 = 0x00000000200800df  VRWXU-AD  page 0x80200000",
                "guest-physical 0x1234", "physical 0x80201234",
            ])
        #expect(
            walk(0x4000_0000, as: .virtualSupervisor).last
                == "fails at stage 2, level 2: the entry is not valid (V is 0)")
    }

    @Test("It agrees with the hart's own translation on random tables")
    func agrees() {
        var seed: UInt64 = 1
        func random() -> UInt64 {
            seed ^= seed << 13
            seed ^= seed >> 7
            seed ^= seed << 17
            return seed
        }
        var reached = 0
        for _ in 0..<4000 {
            hart.state.pointee.satp = (random() % 4 == 0 ? 0 : 8) << 60 | 0x80010
            hart.state.pointee.vsatp = (random() % 4 == 0 ? 0 : 8) << 60 | 0x10
            hart.state.pointee.hgatp = (random() % 4 == 0 ? 0 : 8) << 60 | 0x80020
            hart.state.pointee.mstatus = random() & 0xc_0000
            hart.state.pointee.vsstatus = random() & 0xc_0000
            hart.state.pointee.menvcfg = random() & 1 << 62
            hart.state.pointee.henvcfg = random() & 1 << 62
            func entry(_ target: UInt64) -> UInt64 {
                var entry = target >> 2 | (random() % 3 == 0 ? 1 : 0xdf)
                // Now and then one or two bits are wrong.
                for _ in 0..<random() % 3 { entry ^= 1 << (random() % 8) }
                if random() % 16 == 0 { entry ^= 1 << (54 + random() % 10) }
                return entry
            }
            for level in 0..<3 as Range<UInt64> {
                put(0x8001_0000 + level * 4096, entry(0x8001_0000 + (level + 1) * 4096))
                put(
                    0x8002_0000 + level * 0x4000,
                    entry(level == 0 ? 0x8002_4000 : level == 1 ? 0x8002_8000 : 0x8001_0000))
                put(0x8002_0080 + level * 0x4000, entry(0x8001_0000))
            }
            let mode = [RISCV.Mode.hypervisor, .user, .virtualSupervisor, .virtualUser][Int(random() % 4)]
            let access = [RISCV.Access.read, .write, .execute][Int(random() % 3)]
            let address = random() % 8 == 0 ? random() : random() & 0xfff
            let walk = RISCVTranslationWalk(address, hart: hart, memory: board.memory, access: access, mode: mode)
            var own: UInt64?
            do throws(Fault) {
                own = try hart.translate(address, access, hart.mode(mode.privilege, virtual: mode.isVirtual)).physical
            } catch {}
            if own != nil { reached += 1 }
            #expect((try? walk.result.get()) == own, "\(mode) \(access) \(hexadecimal(address)): \(walk.lines)")
        }
        #expect(reached > 200, "only \(reached) of the random addresses lead anywhere")
    }
}
