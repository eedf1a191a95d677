@testable import AArch64ISA
@testable import ISA

/// A PE with 64 KiB of memory at 0x40000000, alone in its machine, and a system counter that tests hold in their hands.
final class AArch64TestElement: AArch64Environment {
    static let base: UInt64 = 0x4000_0000
    private(set) var element: AArch64.ProcessingElement!
    let memory = PhysicalMemory()
    var counter: UInt64 = 0
    /// That of QEMU's board.
    let counterFrequency: UInt64 = 62_500_000
    /// How often the machine was told that timers or performance monitors are others.
    private(set) var timerChanges = 0

    init(_ model: AArch64.CPUModel) {
        _ = memory.addRegion(base: Self.base, size: 64 << 10)
        let cluster = AArch64.Cluster(model: model, memory: memory, decodedPages: 16)
        element = AArch64.ProcessingElement(identifier: 0, cluster: cluster, bus: Nothing(), environment: self)
    }

    convenience init(
        _ name: String = "max", without removed: AArch64.Features = [], level: Int? = nil, hcr: UInt64? = nil
    ) throws {
        self.init(AArch64.CPUModel.named(name)!.with { $0.subtract(removed) })
        if let hcr { try write("HCR_EL2", hcr) }
        if let level { enter(level) }
    }

    private final class Nothing: PhysicalBus {
        func read(_ address: UInt64, size: Int) -> UInt64? { nil }
        func write(_ address: UInt64, size: Int, value: UInt64) -> Bool { false }
    }

    func timersChanged(_ element: AArch64.ProcessingElement) { timerChanges += 1 }
    func sendEvent() {}
    func callFirmware(_ element: AArch64.ProcessingElement, byHypervisorCall: Bool) -> Bool { false }
    func forEachElement(_ body: (AArch64.ProcessingElement) -> Void) { body(element) }

    /// Goes to an exception level, with its own stack pointer selected.
    func enter(_ level: Int) {
        element.setMode(UInt64(level) << 2 | (level == 0 ? 0 : 1))
        element.contextChanged()
    }

    // MARK: Accesses by name

    struct UnknownRegister: Error { let name: String }

    static func key(_ name: String) throws -> UInt16 {
        guard let line = AArch64.SystemRegister.all.first(where: { $0.name.description == name }) else {
            throw UnknownRegister(name: name)
        }
        return line.key
    }

    func read(_ name: String) throws -> UInt64 { try element.readSystemRegister(Self.key(name), target: 0) }
    func write(_ name: String, _ value: UInt64) throws {
        try element.writeSystemRegister(Self.key(name), value, target: 0)
    }

    /// What an access comes to, by the exception that it takes.
    func outcome(_ access: (AArch64.ProcessingElement) throws(Fault) -> UInt64) -> AArch64RegisterProbe.Outcome {
        do throws(Fault) { return .value(try access(element)) } catch {
            element.takeSynchronousException()
            let level = element.level
            let syndrome = element.state.pointee.esr[level]
            return syndrome >> 26 == 0 ? .undefined : .exception(level: level, syndrome: syndrome)
        }
    }
}
