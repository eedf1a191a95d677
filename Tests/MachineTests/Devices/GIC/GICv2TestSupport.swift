import Testing

@testable import Machine

/// A GICv2 of a few CPUs, accessed as the CPU that ``cpu`` names.
final class GICv2Driver {
    let gic: GICv2
    let pins = RecordingSink()
    private let accessor: Accessor

    private final class Accessor { var cpu = 0 }

    /// The lines of ``pins``: these and four more for each further CPU.
    enum Pin: Int { case irq, fiq, virtualIRQ, virtualFIQ }

    init(cpus: Int = 2, spis: Int = 64) {
        let accessor = Accessor()
        self.accessor = accessor
        gic = GICv2(
            spis: spis,
            outputs: (0..<cpus).map { [pins] cpu in
                GICOutputs(
                    irq: pins.line(4 * cpu), fiq: pins.line(4 * cpu + 1), virtualIRQ: pins.line(4 * cpu + 2),
                    virtualFIQ: pins.line(4 * cpu + 3))
            }, accessor: { accessor.cpu })
    }

    /// The CPU that accesses registers.
    var cpu: Int {
        get { accessor.cpu }
        set { accessor.cpu = newValue }
    }

    func isHigh(_ pin: Pin, cpu: Int = 0) -> Bool { pins.isHigh(4 * cpu + pin.rawValue) }

    // MARK: Registers, by the manual's names

    enum Distributor: UInt64 {
        case ctlr = 0x000, typer = 0x004, iidr = 0x008
        case igroupr = 0x080, isenabler = 0x100, icenabler = 0x180, ispendr = 0x200, icpendr = 0x280
        case isactiver = 0x300, icactiver = 0x380, ipriorityr = 0x400, itargetsr = 0x800, icfgr = 0xc00
        case sgir = 0xf00, cpendsgir = 0xf10, spendsgir = 0xf20
    }

    /// Of GICC and of GICV.
    enum Interface: UInt64 {
        case ctlr = 0x00, pmr = 0x04, bpr = 0x08, iar = 0x0c, eoir = 0x10, rpr = 0x14, hppir = 0x18, abpr = 0x1c
        case aiar = 0x20, aeoir = 0x24, ahppir = 0x28, apr0 = 0xd0, nsapr0 = 0xe0, dir = 0x1000
    }

    enum Control: UInt64 {
        case hcr = 0x00, vtr = 0x04, vmcr = 0x08, misr = 0x10, eisr0 = 0x20, elrsr0 = 0x30, apr = 0xf0
        case lr0 = 0x100, lr1 = 0x104, lr2 = 0x108, lr3 = 0x10c, lr4 = 0x110
    }

    func gicd(_ register: Distributor, _ index: UInt64 = 0) -> UInt64 {
        gic.distributor.get(register.rawValue + 4 * index)
    }
    func gicd(_ register: Distributor, _ index: UInt64 = 0, set value: UInt64) {
        gic.distributor.set(register.rawValue + 4 * index, value)
    }
    func gicc(_ register: Interface) -> UInt64 { gic.cpuInterface.get(register.rawValue) }
    func gicc(_ register: Interface, set value: UInt64) { gic.cpuInterface.set(register.rawValue, value) }
    func gich(_ register: Control) -> UInt64 { gic.virtualControl.get(register.rawValue) }
    func gich(_ register: Control, set value: UInt64) { gic.virtualControl.set(register.rawValue, value) }
    func gicv(_ register: Interface) -> UInt64 { gic.virtualCPUInterface.get(register.rawValue) }
    func gicv(_ register: Interface, set value: UInt64) { gic.virtualCPUInterface.set(register.rawValue, value) }

    // MARK: What a driver does

    /// Enables both groups everywhere, and lets every priority but the lowest through.
    func open(control: UInt64 = 0x007) {
        gicd(.ctlr, set: 3)
        let current = cpu
        for each in 0..<2 {
            cpu = each
            gicc(.ctlr, set: control)
            gicc(.pmr, set: 0xff)
        }
        cpu = current
    }

    /// Enables an interrupt with a priority, for the CPUs of a mask.
    func enable(_ intid: UInt64, priority: UInt64 = 0x80, group: UInt64 = 0, targets: UInt64 = 1, edge: Bool = false) {
        gic.distributor.set(0x400 + intid, priority, 1)
        gic.distributor.set(0x800 + intid, targets, 1)
        let bit = UInt64(1) << (intid % 32)
        gicd(.igroupr, intid / 32, set: gicd(.igroupr, intid / 32) & ~bit | (group == 0 ? 0 : bit))
        let shift = intid % 16 * 2 + 1
        gicd(.icfgr, intid / 16, set: gicd(.icfgr, intid / 16) & ~(1 << shift) | (edge ? 1 << shift : 0))
        gicd(.isenabler, intid / 32, set: bit)
    }

    /// Makes an interrupt pending by software.
    func pend(_ intid: UInt64) { gicd(.ispendr, intid / 32, set: 1 << (intid % 32)) }

    func isPending(_ intid: UInt64) -> Bool { gicd(.ispendr, intid / 32) >> (intid % 32) & 1 != 0 }
    func isActive(_ intid: UInt64) -> Bool { gicd(.isactiver, intid / 32) >> (intid % 32) & 1 != 0 }

    /// A wire of the GIC, at a level.
    func drive(spi intid: UInt64, _ level: Bool) {
        (gic.distributor as? any InterruptSink)?.setLine(Int(intid), level)
    }
}
