/// A GICv2 with its virtualization extensions: the four frames that a board maps.
public final class GICv2 {
    private let gicd: GICv2Distributor
    private let interfaces: [GICv2CPUInterface]
    private let gicc: BankedFrame
    private let gich: BankedFrame
    private let gicv: BankedFrame
    private let virtualInterfaces: [GICv2CPUInterface]

    /// GICD, of 4 KiB.
    public var distributor: any Device { gicd }
    /// GICC, of 8 KiB.
    public var cpuInterface: any Device { gicc }
    /// GICH, of 4 KiB.
    public var virtualControl: any Device { gich }
    /// GICV, of 8 KiB.
    public var virtualCPUInterface: any Device { gicv }

    /// GICD and GICC as Secure accesses find them, with the Security Extensions; nil without.
    public let secureDistributor: (any Device)?
    public let secureCPUInterface: (any Device)?

    /// - Parameters:
    ///   - hasSecurity: with the Security Extensions.
    ///   - spis: how many shared interrupts there are: a multiple of 32.
    ///   - outputs: of each CPU, of which there are one to eight.
    ///   - accessor: the number of the CPU whose access it is, asked during the access.
    public init(spis: Int, outputs: [GICOutputs], hasSecurity: Bool = false, accessor: @escaping () -> Int) {
        let gicd = GICv2Distributor(
            name: "gicd", cpuCount: outputs.count, spis: spis, hasSecurity: hasSecurity, accessor: accessor)
        let interfaces = outputs.indices.map { cpu in
            GICv2CPUInterface(
                source: gicd, cpu: cpu, irq: outputs[cpu].irq, fiq: outputs[cpu].fiq,
                priorities: InterruptPriorities(bits: 8), hasSecurity: hasSecurity)
        }
        gicd.connect(interfaces)
        let controls = outputs.indices.map { cpu in
            GICv2VirtualControl(
                distributor: gicd, cpu: cpu,
                maintenance: gicd.line(ppi: GICv2VirtualControl.maintenanceINTID, cpu: cpu))
        }
        self.gicd = gicd
        self.interfaces = interfaces
        if hasSecurity {
            gicc = BankedFrame(name: "gicc", banks: interfaces.map { GICv2NonSecureView($0) }, accessor: accessor)
            secureDistributor = GICSecureView(gicd)
            secureCPUInterface = BankedFrame(name: "gicc-secure", banks: interfaces, accessor: accessor)
        } else {
            gicc = BankedFrame(name: "gicc", banks: interfaces, accessor: accessor)
            (secureDistributor, secureCPUInterface) = (nil, nil)
        }
        gich = BankedFrame(name: "gich", banks: controls, accessor: accessor)
        virtualInterfaces = outputs.indices.map { cpu in
            controls[cpu].makeInterface(irq: outputs[cpu].virtualIRQ, fiq: outputs[cpu].virtualFIQ)
        }
        gicv = BankedFrame(name: "gicv", banks: virtualInterfaces, accessor: accessor)
    }

    /// Has `observer` told of each interrupt that a CPU acknowledges.
    public func observeAcknowledgements(_ observer: @escaping (InterruptAcknowledgement) -> Void) {
        for interface in interfaces { interface.acknowledged = { observer(.init(number: $0, isVirtual: false)) } }
        for interface in virtualInterfaces { interface.acknowledged = { observer(.init(number: $0, isVirtual: true)) } }
    }

    /// After a reset, what Secure firmware does for software of Non-secure state.
    public func handOver() {
        gicd.handOver()
        for interface in interfaces { interface.handOver() }
    }

    /// The wire of a shared interrupt, counted from 0.
    public func line(spi: Int) -> InterruptLine { gicd.line(spi: spi) }

    /// The wire of a CPU's private interrupt, by its INTID: 16 to 31.
    public func line(ppi intid: Int, cpu: Int) -> InterruptLine { gicd.line(ppi: intid, cpu: cpu) }
}
