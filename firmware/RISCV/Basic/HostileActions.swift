/// What a hostile guest does that is this architecture's.
extension Hostile {
    /// Fences of other harts, with any arguments.
    mutating func fence() { _ = sbi_fence(random(below: 3), value(), ~0, value(), value(), value()) }

    /// Random calls, but for those that would end the machine or this hart.
    mutating func callFirmware() {
        let extensions: InlineArray<8, UInt64> = [
            SBI.base, SBI.time, SBI.interProcessor, SBI.remoteFence, SBI.hartState, SBI.debugConsole, 0x0800_0000,
            0x50_4d55,
        ]
        let number = extensions[Int(random(below: 8))], stop: UInt64 = 1, suspend: UInt64 = 3
        let function = random(below: 4) == 0 ? value() : random(below: 8)
        if number == SBI.hartState, function == stop || function == suspend { return }
        // What the console is given to write stays short.
        let first = number == SBI.debugConsole ? value() & 0xff | random(below: 2) << 63 : value()
        // It may read only into a page of its own, or where there is nothing.
        let second = number == SBI.debugConsole && random(below: 2) == 0 ? address_of_basic_page(7) : nothing()
        _ = SBI.call(number, function, first, number == SBI.debugConsole ? second : value(), value())
    }

    /// Timer interrupts, each of which sets the next; or no more.
    mutating func storm() {
        Timer.isStorming = random(below: 2) == 0
        SBI.setTimer(random(below: 2) == 0 ? 0 : Clock.now + random(below: 1000))
        if Machine.hasStimecmp { csr_write_stimecmp(value()) }
        csr_set_sip(Interrupt.software)
        if random(below: 4) == 0 {
            csr_clear_sstatus(Interrupt.enable)
            csr_set_sie(Interrupt.timer)
            SBI.setTimer(Clock.now + random(below: 1000))
            wait_for_interrupt()
            csr_set_sstatus(Interrupt.enable)
        }
    }
}
