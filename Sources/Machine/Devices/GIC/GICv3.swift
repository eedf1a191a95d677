import AArch64ISA
import ISA

/// A GICv3: its frames, which a board maps, and the CPU interfaces, which CPUs reach by system registers.
public final class GICv3 {
    private let gicd: GICv3Distributor
    private let gicr: GICv3RedistributorRegion

    /// GICD, of 64 KiB.
    public var distributor: any Device { gicd }
    /// GITS, of 128 KiB: the control frame and the translation frame. Nil without LPIs.
    public let translationService: GICv3ITS?
    /// GICR, of 128 KiB for each CPU.
    public var redistributors: any Device { gicr }

    /// - Parameters:
    ///   - spis: how many shared interrupts there are: a multiple of 32.
    ///   - affinities: Aff3 to Aff0 of each CPU, a byte each.
    ///   - hasSecurity: whether there are two Security states.
    ///   - hasLPIs: whether there are LPIs, and an ITS that makes them of messages.
    ///   - memory: where their tables are.
    ///   - outputs: of each CPU.
    public init(
        spis: Int, affinities: [UInt32], hasLPIs: Bool = true, hasSecurity: Bool = false, memory: PhysicalMemory,
        clock: Clock, outputs: [GICOutputs]
    ) {
        precondition(affinities.count == outputs.count)
        let gicd = GICv3Distributor(
            name: "gicd", cpuCount: outputs.count, spis: spis, hasLPIs: hasLPIs, hasSecurity: hasSecurity)
        self.gicd = gicd
        let redistributors = outputs.indices.map { number in
            GICv3Redistributor(
                distributor: gicd, number: number, affinity: affinities[number], isLast: number == outputs.count - 1,
                memory: memory, hasLPIs: hasLPIs, outputs: outputs[number])
        }
        gicd.connect(redistributors)
        gicr = GICv3RedistributorRegion(name: "gicr", redistributors: redistributors, hasSecurity: hasSecurity)
        translationService =
            hasLPIs
            ? GICv3ITS(name: "its", clock: clock, memory: memory, redistributors: redistributors) : nil
    }

    /// GICD and GICR as Secure accesses find them.
    public var secureDistributor: any Device { GICSecureView(gicd) }
    public var secureRedistributors: any Device { GICSecureView(gicr) }

    /// After a reset, what Secure firmware does for software of Non-secure state.
    public func handOver() {
        gicd.handOver()
        for redistributor in gicr.redistributors { redistributor.handOver() }
    }

    /// The CPU interface of a CPU, for its system registers.
    public func cpuInterface(_ cpu: Int) -> any InterruptControllerInterface { gicr.redistributors[cpu].interface }

    /// Has `observer` told of each interrupt that a CPU acknowledges.
    public func observeAcknowledgements(_ observer: @escaping (InterruptAcknowledgement) -> Void) {
        for redistributor in gicr.redistributors {
            redistributor.interface.acknowledged = { observer(.init(number: $0, isVirtual: false)) }
            redistributor.interface.virtual.acknowledged = { observer(.init(number: $0, isVirtual: true)) }
        }
    }

    /// The wire of a shared interrupt, counted from 0.
    public func line(spi: Int) -> InterruptLine { gicd.line(spi: spi) }

    /// The wire of a CPU's private interrupt, by its INTID: 16 to 31.
    public func line(ppi intid: Int, cpu: Int) -> InterruptLine { gicd.line(ppi: intid, cpu: cpu) }
}
