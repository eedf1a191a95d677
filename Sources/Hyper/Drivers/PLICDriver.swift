/// The host's platform-level interrupt controller (RISC-V PLIC specification 1.0).
public final class PLICDriver: HostInterruptController, HostDevice {
    /// The supervisor's external interrupt of a hart (Privileged ISA, 12.1.3).
    private static let supervisorExternal: UInt32 = 9

    public static var driver: Driver {
        Driver("plic", compatible: ["sifive,plic-1.0.0", "riscv,plic0"]) { (node) throws(HyperError) in
            guard let registers = try node.registers().first else { throw node.wrong("reg", "has no entry") }
            var contexts: [(hart: UInt64, context: Int)] = []
            for (index, interrupt) in try node.interrupts().enumerated()
            where interrupt.specifier.first == supervisorExternal {
                guard let hart = try interrupt.controller.parent?.busRegisters().first else { continue }
                contexts.append((hart.address.offset, index))
            }
            let driver = PLICDriver(base: registers.base, contexts: contexts)
            HostInterrupts.controller = driver
            return driver
        }
    }

    private let base: UInt64
    /// The context of each hart's supervisor level.
    private let contexts: [(hart: UInt64, context: Int)]

    public init(base: UInt64, contexts: [(hart: UInt64, context: Int)]) {
        self.base = base
        self.contexts = contexts
        for entry in contexts { Port.writeDevice(base + 0x20_0000 + UInt64(entry.context) * 0x1000, width: 4, 0) }
    }

    public func remove() { HostInterrupts.controller = nil }

    private var context: UInt64 { context(of: Port.cpu) }
    private func context(of cpu: CPUReference) -> UInt64 {
        let hart = cpu.pointee.hardwareIdentifier
        for entry in contexts where entry.hart == hart { return UInt64(entry.context) }
        return 0
    }
    private func claimRegister(_ cpu: CPUReference) -> UInt64 { base + 0x20_0004 + context(of: cpu) * 0x1000 }

    private func enableRegister(_ number: Int) -> UInt64 { base + 0x2000 + context * 0x80 + UInt64(number / 32) * 4 }

    public func enable(_ number: Int) {
        Port.writeDevice(base + UInt64(number) * 4, width: 4, 1)
        let register = enableRegister(number)
        Port.writeDevice(register, width: 4, Port.readDevice(register, width: 4) | 1 << UInt64(number % 32))
    }

    public func disable(_ number: Int) {
        let register = enableRegister(number)
        Port.writeDevice(register, width: 4, Port.readDevice(register, width: 4) & ~(1 << UInt64(number % 32)))
    }

    public func claim() -> Int? {
        let number = Port.readDevice(claimRegister(Port.cpu), width: 4)
        return number == 0 ? nil : Int(number)
    }

    public func complete(_ number: Int, claimedBy cpu: CPUReference) {
        Port.writeDevice(claimRegister(cpu), width: 4, UInt64(number))
    }
}
