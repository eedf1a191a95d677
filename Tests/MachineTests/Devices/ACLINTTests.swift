import Testing

@testable import Machine

/// Expected values: RISC-V ACLINT specification 1.0, in the layout of SiFive's CLINT; time base 10 MHz.
@Suite("ACLINT")
struct ACLINTTests {
    let clock = Clock()
    let software = RecordingSink()
    let timer = RecordingSink()
    let aclint: ACLINT

    init() {
        aclint = ACLINT(
            name: "clint@2000000", clock: clock, softwareInterrupts: (0..<2).map { [software] in software.line($0) },
            timerInterrupts: (0..<2).map { [timer] in timer.line($0) })
    }

    @Test("mtime counts one tick in 100 ns and reads whole or by halves")
    func time() {
        clock.skip(to: 99)
        #expect(aclint.get(0xbff8, 8) == 0)
        clock.skip(to: 100)
        #expect(aclint.get(0xbff8, 8) == 1)
        clock.skip(to: 1_000_000_000_000)
        #expect(aclint.get(0xbff8, 8) == 10_000_000_000)
        #expect(aclint.get(0xbff8) == 10_000_000_000 & 0xffff_ffff)
        #expect(aclint.get(0xbffc) == 10_000_000_000 >> 32)
    }

    @Test("MTIP rises exactly when mtime reaches mtimecmp and falls when mtimecmp moves on")
    func timerInterrupt() {
        clock.skip(to: 50)
        aclint.set(0x4008, 10, 8)
        clock.skip(to: 999)
        #expect(!timer.isHigh(1))
        clock.skip(to: 1000)
        #expect(timer.isHigh(1))
        #expect(!timer.isHigh(0), "hart 0 asked for nothing")
        aclint.set(0x4008, 20, 8)
        #expect(!timer.isHigh(1))
        clock.skip(to: 2000)
        #expect(timer.isHigh(1))
        aclint.set(0x4008, ~0, 8)
        #expect(!timer.isHigh(1))
        #expect(clock.deadline == nil)
    }

    @Test("mtimecmp in the past is due at once, and may be written by halves")
    func compareInPast() {
        clock.skip(to: 10_000)
        aclint.set(0x4000, 0xffff_ffff)
        aclint.set(0x4004, 0)
        #expect(!timer.isHigh(0))
        aclint.set(0x4000, 100)
        #expect(timer.isHigh(0))
        #expect(aclint.get(0x4000, 8) == 100)
    }

    @Test("Writing mtime moves it, and the interrupts with it")
    func writeTime() {
        var told = 0
        aclint.timeChanged = { told += 1 }
        aclint.set(0x4000, 1000, 8)
        aclint.set(0xbff8, 990, 8)
        #expect(told == 1)
        clock.skip(to: 900)
        #expect(aclint.get(0xbff8, 8) == 999)
        #expect(!timer.isHigh(0))
        clock.skip(to: 1000)
        #expect(timer.isHigh(0))
        aclint.set(0xbff8, 0, 8)
        #expect(!timer.isHigh(0), "time went back to before mtimecmp")
        clock.skip(100_000)
        #expect(timer.isHigh(0))
        aclint.set(0xbffc, 1)
        #expect(aclint.get(0xbff8, 8) == 1 << 32 | 1000)
    }

    @Test("A deadline beyond the range of the clock is never armed")
    func farDeadline() {
        #expect(aclint.nanoseconds(at: ~0) == nil)
        aclint.set(0x4000, ~0 - 1, 8)
        #expect(clock.deadline == nil)
        #expect(aclint.nanoseconds(at: 12345) == 1_234_500)
    }

    @Test("A time base that does not divide a second still fires on the first nanosecond of the tick")
    func oddFrequency() {
        let sink = RecordingSink()
        let clock = Clock()
        let device = ACLINT(
            name: "clint", clock: clock, frequency: 32_768, softwareInterrupts: [sink.line(0)],
            timerInterrupts: [sink.line(1)])
        // Tick 3 begins at 3 / 32768 s = 91552.73 ns.
        device.set(0x4000, 3, 8)
        clock.skip(to: 91_552)
        #expect(device.mtime == 2)
        #expect(!sink.isHigh(1))
        clock.skip(to: 91_553)
        #expect(device.mtime == 3)
        #expect(sink.isHigh(1))
    }

    @Test("Bit 0 of an MSIP word is the software interrupt; the other bits are zero")
    func softwareInterrupt() {
        aclint.set(0x4, 0xffff_ffff)
        #expect(software.isHigh(1) && !software.isHigh(0))
        #expect(aclint.get(0x4) == 1)
        aclint.set(0x4, 0xffff_fffe)
        #expect(!software.isHigh(1))
    }

    @Test("Registers of absent harts read zero; the space between registers does not answer")
    func absentHarts() {
        aclint.set(0x8, 1)
        #expect(aclint.get(0x8) == 0)
        #expect(aclint.get(0x4010, 8) == 0)
        #expect(throws: AccessFault.self) { try aclint.read(0xc000, size: 4) }
        #expect(throws: AccessFault.self) { try aclint.read(0x0, size: 8) }
        #expect(throws: AccessFault.self) { try aclint.read(0x4002, size: 4) }
        #expect(throws: AccessFault.self) { try aclint.read(0x4004, size: 8) }
    }

    @Test("Reset withdraws all interrupts and starts mtime at zero")
    func reset() {
        clock.skip(to: 5_000)
        aclint.set(0x0, 1)
        aclint.set(0x4000, 0, 8)
        #expect(software.isHigh(0) && timer.isHigh(0))
        aclint.reset()
        #expect(!software.isHigh(0) && !timer.isHigh(0))
        #expect(aclint.get(0xbff8, 8) == 0)
    }

    @Test("Random accesses at every offset and size do no harm, and the described state is all of it")
    func fuzz() {
        aclint.fuzz(
            region: 0x10000, hot: [0, 4, 8, 0x4000, 0x4004, 0x4008, 0x400c, 0xbff0, 0xbff8, 0xbffc], clock: clock)
        let sink = RecordingSink()
        let clock = Clock()
        clock.advance(to: self.clock.now)
        let copy = ACLINT(
            name: "clint", clock: clock, softwareInterrupts: [sink.line(0), sink.line(1)],
            timerInterrupts: [sink.line(2), sink.line(3)])
        expectRestores(aclint, into: copy) { aclint in
            [0x4000, 0x4008, 0xbff8].map { aclint.get($0, 8) } + [0, 4].map { aclint.get($0) }
        }
    }
}
