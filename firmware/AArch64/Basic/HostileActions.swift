/// What a hostile guest does that is this architecture's.
extension Hostile {
    /// Maintenance of its own translations and code.
    mutating func fence() {
        if random(below: 2) == 0 { forget_translations() } else { forget_address(random() & 0xfff_ffff_ffff) }
        forget_space(random(below: 256))
    }

    /// Random calls, but for those that would end the machine or this CPU, or start code where there is none.
    mutating func callFirmware() {
        let functions: InlineArray<8, UInt64> = [
            PSCI.version, PSCI.affinityInformation, PSCI.migrateInformation, PSCI.features, 0x8000_0000, 0x8000_0001,
            0x8400_0050, 0xc600_0000,
        ]
        let any = value() & 0xffff_ffff
        let isStandard = any & ~0x4000_003f == 0x8400_0000
        let function = random(below: 4) == 0 && !isStandard ? any : functions[Int(random(below: 8))]
        _ = PSCI.call(function, value(), value(), value())
    }

    /// Timer interrupts, each of which sets the next; or no more.
    mutating func storm() {
        Timer.isStorming = random(below: 2) == 0
        Timer.set(random(below: 2) == 0 ? 0 : Clock.now + random(below: 1000))
        Machine.gic?.send(random(below: 16), to: 1 << Machine.thisHart)
        if random(below: 4) == 0 {
            Interrupt.turnOff()
            Timer.begin(Clock.now + random(below: 1000))
            wait()
            Interrupt.turnOn()
        }
    }
}
