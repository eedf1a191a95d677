import AArch64ISA
import ISA
import Testing

@testable import Machine

/// A GICv3 of a few CPUs, whose system registers are accessed as the CPU that ``cpu`` names.
final class GICv3Driver {
    typealias Register = AArch64.InterfaceRegister
    typealias HypervisorRegister = AArch64.HypervisorInterfaceRegister

    static let ramBase: UInt64 = 0x4000_0000
    let memory = PhysicalMemory()
    let clock = Clock()
    let gic: GICv3
    let pins = RecordingSink()
    var cpu = 0
    /// Whether accesses to frames are Secure, where there are two Security states.
    var isSecure = false

    /// The lines of ``pins``: these and as many more for each further CPU.
    enum Pin: Int, CaseIterable { case irq, fiq, virtualIRQ, virtualFIQ, secureGroup1, nonSecureGroup1 }

    init(affinities: [UInt32] = [0, 1], spis: Int = 64, hasSecurity: Bool = false) {
        _ = memory.addRegion(base: Self.ramBase, size: 4 << 20)
        gic = GICv3(
            spis: spis, affinities: affinities, hasSecurity: hasSecurity, memory: memory, clock: clock,
            outputs: affinities.indices.map { [pins] cpu in
                func line(_ pin: Pin) -> InterruptLine { pins.line(Self.number(pin, cpu)) }
                var outputs = GICOutputs(
                    irq: line(.irq), fiq: line(.fiq), virtualIRQ: line(.virtualIRQ), virtualFIQ: line(.virtualFIQ))
                if hasSecurity { outputs.group1 = (line(.secureGroup1), line(.nonSecureGroup1)) }
                return outputs
            })
    }

    private static func number(_ pin: Pin, _ cpu: Int) -> Int { Pin.allCases.count * cpu + pin.rawValue }

    func isHigh(_ pin: Pin, cpu: Int = 0) -> Bool { pins.isHigh(Self.number(pin, cpu)) }

    private var distributor: any Device { isSecure ? gic.secureDistributor : gic.distributor }
    private var redistributors: any Device { isSecure ? gic.secureRedistributors : gic.redistributors }

    // MARK: Registers, by the manual's names

    enum Distributor: UInt64 {
        case ctlr = 0x0000, typer = 0x0004, iidr = 0x0008
        case igroupr = 0x080, isenabler = 0x100, icenabler = 0x180, ispendr = 0x200, icpendr = 0x280
        case isactiver = 0x300, icactiver = 0x380, ipriorityr = 0x400, itargetsr = 0x800, icfgr = 0xc00
        case igrpmodr = 0xd00, nsacr = 0xe00, irouter = 0x6000
    }

    enum Redistributor: UInt64 {
        case ctlr = 0x0000, iidr = 0x0004, typer = 0x0008, waker = 0x0014, propbaser = 0x0070, pendbaser = 0x0078
        case igroupr0 = 0x10080, isenabler0 = 0x10100, icenabler0 = 0x10180, ispendr0 = 0x10200
        case icpendr0 = 0x10280, isactiver0 = 0x10300, icactiver0 = 0x10380, ipriorityr = 0x10400, icfgr = 0x10c00
        case igrpmodr0 = 0x10d00, nsacr = 0x10e00
    }

    func gicd(_ register: Distributor, _ index: UInt64 = 0) -> UInt64 {
        distributor.get(register.rawValue + 4 * index)
    }
    func gicd(_ register: Distributor, _ index: UInt64 = 0, set value: UInt64) {
        distributor.set(register.rawValue + 4 * index, value)
    }
    func irouter(_ intid: UInt64) -> UInt64 { distributor.get(0x6000 + 8 * intid, 8) }
    func irouter(_ intid: UInt64, set value: UInt64) { distributor.set(0x6000 + 8 * intid, value, 8) }

    private var frame: UInt64 { UInt64(cpu) * 0x20000 }
    func gicr(_ register: Redistributor, _ index: UInt64 = 0, size: Int = 4) -> UInt64 {
        redistributors.get(frame + register.rawValue + 4 * index, size)
    }
    func gicr(_ register: Redistributor, _ index: UInt64 = 0, set value: UInt64, size: Int = 4) {
        redistributors.set(frame + register.rawValue + 4 * index, value, size)
    }

    func icc(_ register: Register) -> UInt64 { gic.cpuInterface(cpu).read(register) }
    func icc(_ register: Register, set value: UInt64) { gic.cpuInterface(cpu).write(register, value) }
    func icv(_ register: Register) -> UInt64 { gic.cpuInterface(cpu).readVirtual(register) }
    func icv(_ register: Register, set value: UInt64) { gic.cpuInterface(cpu).writeVirtual(register, value) }
    func ich(_ register: HypervisorRegister) -> UInt64 { gic.cpuInterface(cpu).read(register) }
    func ich(_ register: HypervisorRegister, set value: UInt64) { gic.cpuInterface(cpu).write(register, value) }

    // MARK: What a driver does

    /// Enables both groups everywhere, and lets every priority but the lowest through.
    func open(control: UInt64 = 0) {
        gicd(.ctlr, set: 3)
        let current = cpu
        for each in 0..<2 {
            cpu = each
            gicr(.waker, set: 0)
            icc(.igrpen0, set: 1)
            icc(.igrpen1, set: 1)
            icc(.pmr, set: 0xff)
            icc(.ctlr, set: control)
        }
        cpu = current
    }

    /// Enables an interrupt with a priority, for the CPU of an affinity.
    func enable(_ intid: UInt64, priority: UInt64 = 0x80, group: UInt64 = 1, route: UInt64 = 0, edge: Bool = false) {
        let bit = UInt64(1) << (intid % 32), shift = intid % 16 * 2 + 1
        func change(_ old: UInt64, _ bit: UInt64, _ isSet: Bool) -> UInt64 { isSet ? old | bit : old & ~bit }
        if intid < 32 {
            redistributors.set(frame + 0x10400 + intid, priority, 1)
            gicr(.igroupr0, set: change(gicr(.igroupr0), bit, group == 1))
            gicr(.icfgr, intid / 16, set: change(gicr(.icfgr, intid / 16), 1 << shift, edge))
            gicr(.isenabler0, set: bit)
        } else {
            distributor.set(0x400 + intid, priority, 1)
            irouter(intid, set: route)
            gicd(.igroupr, intid / 32, set: change(gicd(.igroupr, intid / 32), bit, group == 1))
            gicd(.icfgr, intid / 16, set: change(gicd(.icfgr, intid / 16), 1 << shift, edge))
            gicd(.isenabler, intid / 32, set: bit)
        }
    }

    /// Makes an interrupt pending by software.
    func pend(_ intid: UInt64) {
        if intid < 32 {
            gicr(.ispendr0, set: 1 << intid)
        } else {
            gicd(.ispendr, intid / 32, set: 1 << (intid % 32))
        }
    }

    func isPending(_ intid: UInt64) -> Bool {
        (intid < 32 ? gicr(.ispendr0) : gicd(.ispendr, intid / 32)) >> (intid % 32) & 1 != 0
    }
    func isActive(_ intid: UInt64) -> Bool {
        (intid < 32 ? gicr(.isactiver0) : gicd(.isactiver, intid / 32)) >> (intid % 32) & 1 != 0
    }

    /// A wire of an SPI, at a level.
    func drive(spi intid: UInt64, _ level: Bool) {
        (gic.distributor as? any InterruptSink)?.setLine(Int(intid), level)
    }
}
