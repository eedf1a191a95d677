import RISCV

/// A platform-level interrupt controller (RISC-V PLIC specification 1.0; its chapters by name).
struct PLIC {
    let base: UInt64

    private func context(_ hart: UInt64) -> UInt64 { Machine.hart(hart).pointee.context }
    private func enable(_ hart: UInt64, _ source: UInt64) -> UInt64 {
        base + 0x2000 + context(hart) * 0x80 + source / 32 * 4
    }

    func priority(_ source: UInt64) -> UInt64 { UInt64(device_read32(base + source * 4)) }
    func setPriority(_ source: UInt64, _ value: UInt32) { device_write32(base + source * 4, value) }
    func isPending(_ source: UInt64) -> Bool {
        device_read32(base + 0x1000 + source / 32 * 4) >> UInt32(source % 32) & 1 != 0
    }

    func isEnabled(_ hart: UInt64, _ source: UInt64) -> Bool {
        device_read32(enable(hart, source)) >> UInt32(source % 32) & 1 != 0
    }

    func setEnabled(_ hart: UInt64, _ source: UInt64, _ value: Bool) {
        let register = enable(hart, source), bit = UInt32(1) << UInt32(source % 32)
        let old = device_read32(register)
        device_write32(register, value ? old | bit : old & ~bit)
    }

    func threshold(_ hart: UInt64) -> UInt64 { UInt64(device_read32(base + 0x20_0000 + context(hart) * 0x1000)) }
    func setThreshold(_ hart: UInt64, _ value: UInt32) {
        device_write32(base + 0x20_0000 + context(hart) * 0x1000, value)
    }

    func claim(_ hart: UInt64) -> UInt64 { UInt64(device_read32(base + 0x20_0004 + context(hart) * 0x1000)) }
    func complete(_ hart: UInt64, _ source: UInt64) {
        device_write32(base + 0x20_0004 + context(hart) * 0x1000, UInt32(truncatingIfNeeded: source))
    }
}
