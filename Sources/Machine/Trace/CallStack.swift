import AArch64ISA
import ISA

/// Who has called whom, from where a CPU is, by frame pointers.
///
/// Code that keeps none ends the list: what lies where a frame would is believed only if it is a return address, which is one
/// behind a call. The caller of a function that has no frame, or none yet, is in the link register, which is looked at first.
struct CallStack {
    let processor: any InspectableProcessor
    let memory: PhysicalMemory

    private static let deepest = 128
    /// How far apart two frames can be.
    private static let longestFrame: UInt64 = 1 << 20

    private var isRISCV: Bool { processor is RISCV.Hart }

    /// Program counters, innermost first: where the CPU is, and the calls that lead there.
    func programCounters(symbol: (UInt64) -> UInt64?) -> [UInt64] {
        var counters = [processor.programCounter]
        var frames: [UInt64] = []
        var pointer = processor.register(named: isRISCV ? "s0" : "x29") ?? 0
        var stack = processor.register(named: "sp") ?? 0
        while frames.count < Self.deepest, let frame = frame(at: pointer, above: stack) {
            frames.append(frame.call)
            (pointer, stack) = (frame.previous, pointer)
        }
        let own = symbol(counters[0])
        let link = processor.register(named: isRISCV ? "ra" : "x30") ?? 0
        if let call = call(before: link), call != frames.first, own == nil || symbol(call) != own {
            counters.append(call)
        }
        return counters + frames
    }

    /// What the calling conventions put beside a frame pointer: behind it on AArch64 (AAPCS64, "The frame pointer"), and before
    /// it on RISC-V (psABI, "Frame Pointer Convention").
    private func frame(at pointer: UInt64, above stack: UInt64) -> (previous: UInt64, call: UInt64)? {
        guard pointer & 7 == 0, pointer >= stack, pointer - stack < Self.longestFrame else { return nil }
        let record = isRISCV ? pointer &- 16 : pointer
        guard let previous = word(record), let address = word(record &+ 8), let call = call(before: address) else {
            return nil
        }
        return (previous, call)
    }

    /// The call that returns to an address; nil where there is none before it.
    private func call(before address: UInt64) -> UInt64? {
        guard address > 4, let low = half(address &- 4), let high = half(address &- 2) else { return nil }
        let instruction = UInt32(high) << 16 | UInt32(low)
        if isRISCV {
            guard address & 1 == 0 else { return nil }
            if low & 3 == 3, RISCV.Hart.transfer(instruction).isCall { return address &- 4 }
            return high & 3 != 3 && RISCV.Hart.transfer(UInt32(high)).isCall ? address &- 2 : nil
        }
        return address & 3 == 0 && AArch64.ProcessingElement.transfer(instruction).isCall ? address &- 4 : nil
    }

    private func word(_ address: UInt64) -> UInt64? {
        guard let physical = processor.physicalAddress(of: DebugAddress(address), memory),
            address & 0xfff <= 0xff8, let host = memory.host(physical, count: 8)
        else { return nil }
        return host.loadUnaligned(as: UInt64.self)
    }

    private func half(_ address: UInt64) -> UInt16? {
        guard let physical = processor.physicalAddress(of: DebugAddress(address), memory),
            let host = memory.host(physical, count: 2)
        else { return nil }
        return host.loadUnaligned(as: UInt16.self)
    }
}
