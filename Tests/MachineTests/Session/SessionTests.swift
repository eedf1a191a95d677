import ISA
import Testing

@testable import Machine

@Suite("Session")
struct SessionTests {
    @Test("A CPU's features include what the manual says they depend on, and lose what depends on them")
    func dependencies() throws {
        #expect(try RISCV.Features(cpu: "rv64,zfh").contains(.zfhmin))
        #expect(try !RISCV.Features(cpu: "max,zfhmin=off").contains(.zfh))
        #expect(try !RISCV.Features(cpu: "max,sv48=off").contains(.sv57))
        #expect(try RISCV.Features(cpu: "max,zfh=off").contains(.zfhmin))
    }

    @Test("A guest that powers off with the last instruction it is allowed has powered off")
    func lastInstruction() throws {
        try TinyGuest.run(TinyGuest.powerOff, { $0.maxInstructions = Count(10) }) {
            #expect($1 == .exited(status: 0))
        }
        try TinyGuest.run(TinyGuest.powerOff, { $0.timeout = TimeSpan(nanoseconds: 10) }) {
            #expect($1 == .exited(status: 0))
        }
        try TinyGuest.run(TinyGuest.powerOff, { $0.maxInstructions = Count(9) }) {
            #expect($1 == .instructionLimit)
        }
    }

    @Test("A power-off that the monitor steps over ends the run when it goes on")
    func steppedOver() throws {
        try TinyGuest.load(TinyGuest.powerOff) { session in
            let text = Monitor(session).execute("step 100").text
            #expect(text.contains("the machine stands"), "\(text)")
            #expect(session.run() == .exited(status: 0))
            #expect(session.run() == .exited(status: 0), "nor does it go on after its end")
        }
    }

    @Test("A timer set to the end of time does not wake a hart")
    func endOfTime() throws {
        let words: [UInt32] = [
            0x0200_42b7,  // lui  t0, 0x2004 (mtimecmp)
            0x2400_0313,  // li   t1, 0x240
            0x0303_1313,  // slli t1, t1, 48
            0x0062_b023,  // sd   t1, 0(t0): ticks of 100 ns, 513 years in all
            0x0800_0313,  // li   t1, 0x80 (MTIE)
            0x3043_1073,  // csrw mie, t1
            0x1050_0073,  // wfi
            0x0000_006f,  // j    .
        ]
        try TinyGuest.run(words) { session, conclusion in
            #expect(conclusion == .hung)
            #expect(session.board.scheduler.time < 1000)
        }
    }

    @Test("A reset leaves no interrupt pending of a device that no longer asks for one")
    func resetInterrupts() throws {
        try TinyGuest.load(TinyGuest.powerOff) { session in
            let board = try session.riscvBoard
            try board.uart.write(1, size: 1, value: 1)
            session.console.receive([0x41])
            let pending: UInt64 = 0xc00_1000
            #expect(board.space.read(pending, size: 4) == 1 << 10, "received data of source 10")
            try board.powerOn(session.plan)
            #expect(board.space.read(pending, size: 4) == 0)
        }
    }

    @Test("No line of the console is lost, however many a turn prints")
    func manyLines() {
        let console = ConsoleHub()
        for number in 0..<20_001 { console.write(Array("\(number)\n".utf8)) }
        #expect(console.takeLines().first == "0")
    }

    @Test("The state hash sees every field of a hart, and not the register that takes writes to x0")
    func stateHash() throws {
        try TinyGuest.load(TinyGuest.powerOff) { session in
            let board = try session.riscvBoard
            let state = board.harts[0].state
            let before = board.stateHash
            func sees<T>(_ path: WritableKeyPath<RISCV.State, T>, _ value: T) -> Bool {
                let old = state.pointee[keyPath: path]
                defer { state.pointee[keyPath: path] = old }
                state.pointee[keyPath: path] = value
                return board.stateHash != before
            }
            #expect(sees(\.mseccfg, 1))
            #expect(sees(\.halted, true))
            #expect(sees(\.core.floatDirty, 1), "mstatus.FS is then Dirty, though it is not folded in yet")
            let reserved = try #require(board.memory.host(0x8000_0040))
            #expect(sees(\.core.reservation, UInt64(UInt(bitPattern: reserved))))
            #expect(sees(\.core.registers[31], 1))
            #expect(!sees(\.core.registers[32], 1))
            #expect(board.stateHash == before)
        }
    }
}
