/// The host's platform-level interrupt controller (RISC-V PLIC specification 1.0).
public final class PLICDriver: HostInterruptController {
    private let base: UInt64
    /// The context of each CPU's supervisor level, by the CPU's index.
    private let contexts: [Int]

    public init(base: UInt64, contexts: [Int]) {
        self.base = base
        self.contexts = contexts
        for context in contexts { Port.writeDevice(base + 0x20_0000 + UInt64(context) * 0x1000, width: 4, 0) }
    }

    private var context: UInt64 { UInt64(contexts[Port.cpu.pointee.index]) }
    private var claimRegister: UInt64 { base + 0x20_0004 + context * 0x1000 }

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
        let number = Port.readDevice(claimRegister, width: 4)
        return number == 0 ? nil : Int(number)
    }

    public func complete(_ number: Int) { Port.writeDevice(claimRegister, width: 4, UInt64(number)) }
}
