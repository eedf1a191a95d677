import AArch64ISA
import ISA

/// A GICv3: its frames, which a board maps, and the CPU interfaces, which CPUs reach by system registers.
public final class GICv3 {
    private let gicd: GICv3Distributor
    private let gicr: GICv3RedistributorRegion

    /// GICD, of 64 KiB.
    public var distributor: any Device { gicd }
    /// GICR, of 128 KiB for each CPU.
    public var redistributors: any Device { gicr }

    /// - Parameters:
    ///   - spis: how many shared interrupts there are: a multiple of 32.
    ///   - affinities: Aff3 to Aff0 of each CPU, a byte each.
    ///   - memory: where the tables of LPIs are.
    ///   - outputs: of each CPU.
    public init(
        spis: Int, affinities: [UInt32], memory: PhysicalMemory, hasLPIs: Bool = true, outputs: [GICOutputs]
    ) {
        precondition(affinities.count == outputs.count)
        let gicd = GICv3Distributor(name: "gicd", cpuCount: outputs.count, spis: spis, hasLPIs: hasLPIs)
        self.gicd = gicd
        gicd.redistributors = outputs.indices.map { number in
            GICv3Redistributor(
                distributor: gicd, number: number, affinity: affinities[number], isLast: number == outputs.count - 1,
                memory: memory, hasLPIs: hasLPIs, outputs: outputs[number])
        }
        gicd.route()
        gicr = GICv3RedistributorRegion(name: "gicr", redistributors: gicd.redistributors)
    }

    /// The CPU interface of a CPU, for its system registers.
    public func cpuInterface(_ cpu: Int) -> any InterruptControllerInterface { gicd.redistributors[cpu].interface }

    /// The wire of a shared interrupt, counted from 0.
    public func line(spi: Int) -> InterruptLine { gicd.line(spi: spi) }

    /// The wire of a CPU's private interrupt, by its INTID: 16 to 31.
    public func line(ppi intid: Int, cpu: Int) -> InterruptLine { gicd.line(ppi: intid, cpu: cpu) }
}
