/// The registers of a guest's Distributor, where that is a GICv2's (IHI 0048B, 4.3).
final class GICv2Distributor: EmulatedDevice {
    static var emulator: Emulator {
        Emulator("gicv2", compatible: ["arm,cortex-a15-gic", "arm,gic-400"]) { (context) throws(HyperError) in
            try make(context)
        }
    }

    /// The Distributor is the region; the CPU interface is the machine's own, at `cpu_interface`.
    static func make(_ context: Emulator.Context) throws(HyperError) -> any EmulatedDevice {
        let (guest, region) = (context.guest, context.region)
        guard HostGIC.version == .two else {
            throw region.node.wrong("compatible", "is a GICv2, and this machine has none that a guest could use")
        }
        guard guest.vcpus.count <= vcpuLimit else {
            throw region.node.wrong("compatible", "is a GICv2, which has 8 CPUs at most")
        }
        let interface = MemoryRange(
            base: try region.node.required("cpu_interface"), size: VirtualInterface.guestRegisters.size)
        try guest.space.add(
            Region(
                name: "\(region.name)-cpu", start: interface.base, size: interface.size,
                kind: .memory(VirtualInterface.guestRegisters.base, [.read, .write, .device])))
        return GICv2Distributor(
            GICEmulator(
                guest, name: "arm,cortex-a15-gic", isVersion3: false,
                registers: [MemoryRange(base: region.start, size: region.size), interface]))
    }

    private static let vcpuLimit = 8

    private typealias Register = HostGIC.Distributor
    private enum Range {
        static let targets = GICEmulator.Range.targets, configuration = GICEmulator.Range.configuration
        static let clearSources: UInt64 = 0xf10, setSources: UInt64 = 0xf20, afterSources: UInt64 = 0xf30
        static let architecture: UInt64 = 0xfe8
    }

    private let gic: GICEmulator
    /// To which VCPUs shared interrupts may go, as a guest has said it: of several, they go to the first.
    private let targets: UnsafeMutablePointer<UInt8>

    private init(_ gic: GICEmulator) {
        self.gic = gic
        targets = .allocate(capacity: gic.wordCount * 32)
        targets.initialize(repeating: 0, count: gic.wordCount * 32)
    }

    deinit { targets.deallocate() }

    func reset() {
        for index in 0..<gic.wordCount * 32 { targets[index] = 0 }
        gic.reset()
    }

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        guard width <= 4, offset % UInt64(width) == 0 else { return 0 }
        let vcpu = GICEmulator.accessor
        return gic.lock.withLock {
            switch offset {
            case GICEmulator.Range.priorities..<Range.configuration, Range.clearSources..<Range.afterSources:
                var value: UInt64 = 0
                for byte in 0..<width { value |= UInt64(self.byte(offset + UInt64(byte), vcpu)) << UInt64(8 * byte) }
                return value
            default: return width == 4 ? UInt64(register(offset, vcpu)) : 0
            }
        }
    }

    private func byte(_ offset: UInt64, _ vcpu: Int) -> UInt8 {
        switch offset {
        case GICEmulator.Range.priorities..<Range.targets:
            return gic.priority(Int(offset - GICEmulator.Range.priorities), vcpu)
        case Range.targets..<Range.configuration:
            let number = Int(offset - Range.targets)
            // Of its own interrupts a CPU reads which one it is.
            if number < HostGIC.firstShared { return gic.vcpuCount > 1 ? 1 << UInt8(vcpu) : 0 }
            return number < gic.wordCount * 32 ? targets[number] : 0
        default: return gic.interfaces[vcpu].sources[Int(offset & 15)]
        }
    }

    private func register(_ offset: UInt64, _ vcpu: Int) -> UInt32 {
        switch offset {
        case Register.control: gic.isEnabled ? 1 : 0
        case Register.type: UInt32(gic.wordCount - 1) | UInt32(gic.vcpuCount - 1) << 5
        case Register.implementer: GICEmulator.implementer
        case Range.architecture: 2 << 4 | 0xb
        default: gic.register(offset, vcpu)
        }
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        guard width <= 4, offset % UInt64(width) == 0 else { return }
        let vcpu = GICEmulator.accessor
        gic.change { notice in
            switch offset {
            case GICEmulator.Range.priorities..<Range.configuration, Range.clearSources..<Range.afterSources:
                for byte in 0..<width {
                    setByte(
                        offset + UInt64(byte), UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)), vcpu, &notice)
                }
            case Register.control where width == 4: gic.setEnabled(value & 1 != 0, &notice)
            case Register.softwareInterrupt where width == 4:
                send(UInt32(truncatingIfNeeded: value), from: vcpu, &notice)
            default: if width == 4 { gic.setRegister(offset, UInt32(truncatingIfNeeded: value), vcpu, &notice) }
            }
        }
    }

    private func setByte(_ offset: UInt64, _ value: UInt8, _ vcpu: Int, _ notice: inout GICEmulator.Notice) {
        switch offset {
        case GICEmulator.Range.priorities..<Range.targets:
            gic.setPriority(Int(offset - GICEmulator.Range.priorities), value, vcpu)
        case Range.targets..<Range.configuration:
            let number = Int(offset - Range.targets)
            guard number >= HostGIC.firstShared, number < gic.wordCount * 32 else { return }
            targets[number] = value & UInt8(1 << gic.vcpuCount - 1)
            let first = targets[number].trailingZeroBitCount
            gic.setTarget(number, first < gic.vcpuCount ? UInt8(first) : GICEmulator.nobody, &notice)
        default:
            let number = Int(offset & 15)
            let bit: UInt32 = 1 << UInt32(number)
            if offset < Range.setSources {
                gic.interfaces[vcpu].sources[number] &= ~value
            } else {
                gic.interfaces[vcpu].sources[number] |= value
            }
            if gic.interfaces[vcpu].sources[number] != 0 {
                gic.words[vcpu].latched |= bit
            } else {
                gic.words[vcpu].latched &= ~bit
            }
            gic.offerAll(0, bit, vcpu, &notice)
        }
    }

    /// A software interrupt (GICD_SGIR): to a list of CPUs, to all others, or to its sender.
    private func send(_ value: UInt32, from sender: Int, _ notice: inout GICEmulator.Notice) {
        let all = UInt32(1) << UInt32(gic.vcpuCount) - 1, me = UInt32(1) << UInt32(sender)
        let targets: UInt32 =
            switch value >> 24 & 3 {
            case 0: value >> 16 & 0xff & all
            case 1: all & ~me
            case 2: me
            default: 0
            }
        let number = Int(value & 15)
        var rest = targets
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest &- 1
            gic.interfaces[index].sources[number] |= UInt8(truncatingIfNeeded: me)
            gic.send(number, to: index, &notice)
        }
    }
}
