/// The registers of a guest's Distributor, where that is a GICv3's (IHI 0069, 12.9): with affinity routing and one security
/// state, without messages (LPIs). Its Redistributors are at `redistributors`.
final class GICv3Distributor: EmulatedDevice {
    static var emulator: Emulator {
        Emulator("gicv3", compatible: ["arm,gic-v3"]) { (context) throws(HyperError) in
            // A tree may leave it to the machine which of the two its guest has.
            let mayBeVersion2 = context.region.compatible.contains("arm,cortex-a15-gic")
            if Configuration.EMULATOR_GICV2, HostGIC.version == .two, mayBeVersion2 {
                return try GICv2Distributor.make(context)
            }
            return try make(context)
        }
    }

    private static func make(_ context: Emulator.Context) throws(HyperError) -> any EmulatedDevice {
        let (guest, region) = (context.guest, context.region)
        guard HostGIC.version == .three else {
            throw region.node.wrong("compatible", "is a GICv3, and this machine has none that a guest could use")
        }
        let frames = MemoryRange(
            base: try region.node.required("redistributors"),
            size: UInt64(guest.vcpus.count) * GICv3Redistributors.size)
        let gic = GICEmulator(
            guest, name: "arm,gic-v3", isVersion3: true,
            registers: [MemoryRange(base: region.start, size: region.size), frames])
        try guest.space.add(
            Region(
                name: "\(region.name)-redistributors", start: frames.base, size: frames.size,
                kind: .device(GICv3Redistributors(gic))))
        return GICv3Distributor(gic)
    }

    private typealias Register = HostGIC.Distributor
    /// GICD_CTLR: affinity routing; security is disabled.
    private static let always: UInt32 = 1 << 4 | 1 << 6
    private static let enableGroup1: UInt64 = 1 << 1
    /// GICD_IROUTER<n>: to any CPU that takes part.
    private static let toAny: UInt64 = 1 << 31

    private let gic: GICEmulator

    private init(_ gic: GICEmulator) { self.gic = gic }

    func reset() { gic.reset() }

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        guard offset % UInt64(width) == 0 else { return 0 }
        return gic.lock.withLock {
            if offset >= Register.routes, offset < Register.routes + 8 * UInt64(gic.wordCount * 32), width >= 4 {
                // The affinity is the VCPU's number, in the lower half.
                return offset & 4 == 0 ? UInt64(gic.targets[Int(offset - Register.routes) / 8]) : 0
            }
            return gic.readOwn(offset, width, 0, isShared: true) { offset in
                switch offset {
                case Register.control: return Self.always | (gic.isEnabled ? UInt32(Self.enableGroup1) : 0)
                // GICD_TYPER: numbers have 10 bits, and no interrupt goes to one of several CPUs.
                case Register.type: return UInt32(gic.wordCount - 1) | 9 << 19 | 1 << 25
                default: return nil
                }
            }
        }
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        guard offset % UInt64(width) == 0 else { return }
        gic.change { notice in
            if offset == Register.control {
                gic.setEnabled(value & Self.enableGroup1 != 0, &notice)
            } else if offset >= Register.routes, width >= 4 {
                let number = Int(offset - Register.routes) / 8
                guard offset & 4 == 0, number >= HostGIC.firstShared, number < gic.wordCount * 32 else { return }
                let affinity = value & Self.toAny != 0 ? 0 : value & 0xff_00ff_ffff
                gic.setTarget(
                    number, affinity < UInt64(gic.vcpuCount) ? UInt8(affinity) : GICEmulator.nobody, &notice)
            } else {
                gic.writeOwn(offset, width, value, 0, isShared: true, &notice)
            }
        }
    }
}

/// The registers of a guest's Redistributors (IHI 0069, 12.10 and 12.11), of which each VCPU has two frames.
final class GICv3Redistributors: EmulatedDevice {
    static let size = 2 * Redistributors.frame

    private enum Register {
        static let control: UInt64 = 0x00, implementer: UInt64 = 0x04, type: UInt64 = 0x08, typeHigh: UInt64 = 0x0c
        static let waker: UInt64 = 0x14, architecture: UInt64 = 0xffe8
    }

    private let gic: GICEmulator

    init(_ gic: GICEmulator) { self.gic = gic }

    /// The Distributor is reset, and all with it.
    func reset() {}

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        let (vcpu, place) = (Int(offset / Self.size), offset % Self.size)
        guard vcpu < gic.vcpuCount, place % UInt64(width) == 0 else { return 0 }
        if place >= Redistributors.frame {
            return gic.lock.withLock {
                gic.readOwn(place - Redistributors.frame, width, vcpu, isShared: false) { _ in nil }
            }
        }
        guard width >= 4 else { return 0 }
        let low = UInt64(register(place, vcpu))
        return width == 8 ? low | UInt64(register(place + 4, vcpu)) << 32 : low
    }

    private func register(_ offset: UInt64, _ vcpu: Int) -> UInt32 {
        switch offset {
        case Register.implementer: GICEmulator.implementer
        // GICR_TYPER: the VCPU's number, and whether it is the last; its affinity.
        case Register.type: UInt32(vcpu) << 8 | (vcpu == gic.vcpuCount - 1 ? 1 << 4 : 0)
        case Register.typeHigh: UInt32(vcpu)
        case Register.architecture: GICEmulator.architecture3
        // GICR_WAKER: nobody sleeps.
        default: 0
        }
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        let (vcpu, place) = (Int(offset / Self.size), offset % Self.size)
        guard vcpu < gic.vcpuCount, place >= Redistributors.frame, place % UInt64(width) == 0 else { return }
        gic.change { gic.writeOwn(place - Redistributors.frame, width, value, vcpu, isShared: false, &$0) }
    }
}

/// What a GICv3's Distributor has of shared interrupts, and a Redistributor of a VCPU's own.
extension GICEmulator {
    /// GICD_PIDR2 and GICR_PIDR2: GICv3, of Arm.
    static let architecture3: UInt32 = 0x3b

    /// The interrupts that the registers at these offsets are of.
    private func isOwn(_ offset: UInt64, isShared: Bool) -> Bool {
        let number: UInt64 =
            switch offset {
            case Range.priorities..<Range.targets: offset - Range.priorities
            case Range.configuration..<Range.afterConfiguration: (offset - Range.configuration) * 4
            default: (offset & 0x7f) * 8
            }
        return isShared == (number >= UInt64(HostGIC.firstShared))
    }

    /// Reads a register of these, or what `others` has besides. The lock is held.
    func readOwn(
        _ offset: UInt64, _ width: Int, _ vcpu: Int, isShared: Bool, others: (UInt64) -> UInt32?
    ) -> UInt64 {
        if offset >= Range.priorities, offset < Range.targets, width <= 4 {
            guard isOwn(offset, isShared: isShared) else { return 0 }
            let number = Int(offset - Range.priorities)
            return (0..<width).reduce(UInt64(0)) { $0 | UInt64(priority(number + $1, vcpu)) << UInt64(8 * $1) }
        }
        guard width == 4 else { return 0 }
        if let value = others(offset) { return UInt64(value) }
        switch offset {
        case HostGIC.Distributor.implementer: return UInt64(Self.implementer)
        case 0xffe8: return UInt64(Self.architecture3)
        // All are in group 1.
        case Range.group..<Range.enable: return isOwn(offset, isShared: isShared) ? 0xffff_ffff : 0
        default: return isOwn(offset, isShared: isShared) ? UInt64(register(offset, vcpu)) : 0
        }
    }

    func writeOwn(
        _ offset: UInt64, _ width: Int, _ value: UInt64, _ vcpu: Int, isShared: Bool, _ notice: inout Notice
    ) {
        guard isOwn(offset, isShared: isShared) else { return }
        if offset >= Range.priorities, offset < Range.targets, width <= 4 {
            let number = Int(offset - Range.priorities)
            for byte in 0..<width {
                setPriority(number + byte, UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)), vcpu)
            }
        } else if width == 4 {
            setRegister(offset, UInt32(truncatingIfNeeded: value), vcpu, &notice)
        }
    }

    /// A guest's ICC_SGI1R_EL1: to VCPUs of a cluster, or to all others. Those of group 0 nobody has.
    func send(_ request: UInt64, from vcpu: VCPUReference) {
        let interrupt = SoftwareInterrupt(request)
        let all = UInt64(1) << UInt64(vcpuCount) - 1
        let targets = interrupt.isForOthers ? all & ~(1 << UInt64(vcpu.pointee.index)) : interrupt.targets & all
        change { notice in
            var rest = targets
            while rest != 0 {
                let index = rest.trailingZeroBitCount
                rest &= rest &- 1
                send(interrupt.number, to: index, &notice)
            }
        }
    }
}
