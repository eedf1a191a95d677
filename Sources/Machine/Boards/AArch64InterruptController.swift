import AArch64ISA
import ISA

/// The interrupt controller of AArch64's board, of one version or the other, and what makes interrupts of messages there.
enum AArch64InterruptController {
    case version2(GICv2, messages: GICv2m)
    case version3(GICv3)

    private typealias Layout = AArch64VirtLayout

    /// - Parameters:
    ///   - elements: the CPUs, which a GICv3 is reached from by system registers; they are connected to it.
    ///   - outputs: the wires to each of them.
    ///   - hasSecurity: it has registers for Secure state, and others for Non-secure state.
    init(
        _ version: AArch64Virt.GICVersion, elements: [AArch64.ProcessingElement], outputs: [GICOutputs],
        memory: PhysicalMemory, clock: Clock, hasSecurity: Bool, accessor: @escaping () -> Int
    ) {
        switch version {
        case .two:
            let controller = GICv2(
                spis: Layout.sharedInterrupts, outputs: outputs, hasSecurity: hasSecurity, accessor: accessor)
            let lines = (0..<Layout.messageInterruptCount).map { controller.line(spi: Layout.messageInterrupt + $0) }
            self = .version2(
                controller, messages: GICv2m(name: "v2m", firstINTID: 32 + Layout.messageInterrupt, lines: lines))
        case .three:
            let controller = GICv3(
                spis: Layout.sharedInterrupts, affinities: elements.map { Self.affinity($0.affinity) },
                hasSecurity: hasSecurity, memory: memory, clock: clock, outputs: outputs)
            for element in elements { element.interruptController = controller.cpuInterface(element.identifier) }
            self = .version3(controller)
        }
    }

    /// Aff3 to Aff0 of MPIDR_EL1, which has Aff3 in bits 39 to 32, as a GICv3 wants them.
    private static func affinity(_ mpidr: UInt64) -> UInt32 {
        UInt32(mpidr >> 32 & 0xff) << 24 | UInt32(mpidr & 0xff_ffff)
    }

    /// The wire of a shared interrupt, counted from 0.
    func line(spi: Int) -> InterruptLine {
        switch self {
        case .version2(let controller, _): controller.line(spi: spi)
        case .version3(let controller): controller.line(spi: spi)
        }
    }

    /// The wire of a CPU's private interrupt, by its INTID: 16 to 31.
    func line(ppi intid: Int, cpu: Int) -> InterruptLine {
        switch self {
        case .version2(let controller, _): controller.line(ppi: intid, cpu: cpu)
        case .version3(let controller): controller.line(ppi: intid, cpu: cpu)
        }
    }

    /// Takes a message: an interrupt where it is sent to who makes interrupts of them, and else a write to memory. It goes
    /// nowhere else, so that no device can set off itself.
    func deliver(_ message: PCIMessage, _ memory: PhysicalMemory) {
        switch self {
        case .version2(_, let messages):
            let offset = message.address &- Layout.messageFrame.base
            if messages.take(message.data, at: offset) { return }
        case .version3(let controller):
            let offset = message.address &- Layout.translationService.base
            if let service = controller.translationService, service.isTranslater(offset) {
                return service.signal(message.data, from: UInt32(message.requester))
            }
        }
        _ = memory.store(message.address, message.data)
    }

    /// Has `observer` told of each interrupt that a CPU acknowledges.
    func observeAcknowledgements(_ observer: @escaping (InterruptAcknowledgement) -> Void) {
        switch self {
        case .version2(let controller, _): controller.observeAcknowledgements(observer)
        case .version3(let controller): controller.observeAcknowledgements(observer)
        }
    }

    /// After a reset, what Secure firmware does for software of Non-secure state.
    func handOver() {
        switch self {
        case .version2(let controller, _): controller.handOver()
        case .version3(let controller): controller.handOver()
        }
    }

    /// The frames as Secure accesses find them, and where each is for others.
    var secureFrames: [(device: any Device, window: AddressWindow)] {
        switch self {
        case .version2(let controller, _):
            guard let distributor = controller.secureDistributor, let interface = controller.secureCPUInterface else {
                return []
            }
            return [(distributor, Layout.distributor), (interface, Layout.cpuInterface)]
        case .version3(let controller):
            return [
                (controller.secureDistributor, Layout.distributor),
                (controller.secureRedistributors, Layout.redistributors),
            ]
        }
    }

    /// The frames and where each is.
    /// - Parameter hasEL2: whether GICv2 has those for virtual interrupts; GICv3 has no such frames.
    func frames(hasEL2: Bool) -> [(device: any Device, window: AddressWindow)] {
        switch self {
        case .version2(let controller, let messages):
            let frames: [(any Device, AddressWindow)] = [
                (controller.distributor, Layout.distributor), (controller.cpuInterface, Layout.cpuInterface),
                (messages, Layout.messageFrame),
            ]
            guard hasEL2 else { return frames }
            return frames + [
                (controller.virtualControl, Layout.virtualControl),
                (controller.virtualCPUInterface, Layout.virtualCPUInterface),
            ]
        case .version3(let controller):
            var frames: [(any Device, AddressWindow)] = [
                (controller.distributor, Layout.distributor), (controller.redistributors, Layout.redistributors),
            ]
            if let service = controller.translationService { frames.append((service, Layout.translationService)) }
            return frames
        }
    }
}
