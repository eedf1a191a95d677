import ISA
import Testing

@testable import AArch64ISA
@testable import JIT

/// An A64 machine of one CPU and 64 KiB: places for code, vectors and data, a device, and what a guest can tell.
final class AArch64TestMachine: AArch64Environment {
    static let base: UInt64 = 0x4000_0000
    static let code = base + 0x1000
    static let vectors = base + 0x8000
    static let data = base + 0x9000
    static let size: UInt64 = 64 << 10
    static let device: UInt64 = 0x0900_0000

    let memory = PhysicalMemory()
    private(set) var element: AArch64.ProcessingElement!
    let translator: HotCode?
    var counter: UInt64 { 1234 }
    var counterFrequency: UInt64 { 62_500_000 }

    /// - Parameters:
    ///   - disabled: optimisations that the translator leaves out.
    ///   - injectsFaults: translated code gives up where it need not.
    init(translates: Bool, without disabled: OptimizationSwitches = [], injectsFaults: Bool = false) throws {
        _ = memory.addRegion(base: Self.base, size: Self.size)
        var options = HotCode.Options()
        options.threshold = 1
        options.switches.subtract(disabled)
        options.injectsFaults = injectsFaults
        translator =
            translates
            ? try HotCode(memory: memory, guest: AArch64.ProcessingElement.translation, options: options) : nil
        let model = AArch64.CPUModel.named("max")!
        let cluster = AArch64.Cluster(model: model, memory: memory, translates: translates, decodedPages: 16)
        element = AArch64.ProcessingElement(identifier: 0, cluster: cluster, bus: Device(), environment: self)
        element.translator = translator
        translator?.attach(element)
    }

    /// Its registers read as how often it was accessed.
    private final class Device: PhysicalBus {
        private var accesses: UInt64 = 0

        func read(_ address: UInt64, size: Int) -> UInt64? {
            guard address & ~4095 == device else { return nil }
            accesses += 1
            return accesses
        }

        func write(_ address: UInt64, size: Int, value: UInt64) -> Bool {
            accesses += value & 0xff
            return address & ~4095 == device
        }
    }

    func timersChanged(_ element: AArch64.ProcessingElement) {}
    func sendEvent() {}
    func callFirmware(_ element: AArch64.ProcessingElement, byHypervisorCall: Bool) -> Bool { false }
    func forEachElement(_ body: (AArch64.ProcessingElement) -> Void) { body(element) }

    /// MSR of the system register with `key` from, and MRS to, a general-purpose register.
    static func msr(_ key: UInt16, _ register: UInt32) -> UInt32 { 0xd510_0000 | UInt32(key) << 5 | register }
    static func mrs(_ key: UInt16, _ register: UInt32) -> UInt32 { 0xd530_0000 | UInt32(key) << 5 | register }

    func write(_ words: [UInt32], at address: UInt64) {
        var words = words
        _ = memory.write(address, from: &words, count: 4 * words.count)
    }

    /// All that a guest can tell, by name.
    var observed: [(name: String, value: UInt64)] {
        let (core, state) = (element.core, element.state)
        var values = (0..<34).map { ("x\($0)", $0 == 32 ? 0 : core.pointee.registers[$0]) }
        values += (0..<64).map { ("v\($0 / 2)[\($0 & 1)]", core.pointee.vectors[$0]) }
        values += [
            ("pc", core.pointee.programCounter), ("flags", AArch64.nzcv(raw: core.pointee.flags.raw)),
            ("executed", core.pointee.executed), ("trapped", core.pointee.trapped),
            ("float flags", UInt64(core.pointee.floatFlags)), ("saturated", UInt64(core.pointee.saturated)),
            ("rounding", UInt64(core.pointee.floatRounding)), ("controls", UInt64(core.pointee.floatControls)),
            ("pstate", state.pointee.pstate), ("waiting", state.pointee.waiting ? 1 : 0),
            ("par", state.pointee.par), ("tpidr", state.pointee.tpidr[1]), ("hcr", state.pointee.hcr),
            ("reservation", core.pointee.reservation == 0 ? 0 : 1),
        ]
        for level in 0...2 {
            values += [
                ("sp_el\(level)", state.pointee.sp[level]), ("elr_el\(level)", state.pointee.elr[level]),
                ("esr_el\(level)", state.pointee.esr[level]), ("far_el\(level)", state.pointee.far[level]),
                ("spsr_el\(level)", state.pointee.spsr[level]),
            ]
        }
        return values
    }

    var content: [UInt64] {
        var words = [UInt64](repeating: 0, count: Int(Self.size) / 8)
        _ = memory.read(Self.base, into: &words, count: Int(Self.size))
        return words
    }
}

extension AArch64TestMachine {
    /// Bytes of the host's code of each instruction that is translated, and of the way on to the next block.
    /// - Parameter inWindow: the context has its memory mapped as one piece, as far as it knows.
    static func sizes(
        _ words: [UInt32], without disabled: OptimizationSwitches = [], inWindow: Bool = false
    ) throws -> [Int] {
        let machine = try AArch64TestMachine(translates: true, without: disabled)
        machine.write(words + [0x1400_0000], at: code)
        machine.element.state.pointee.cpacr = 3 << 20
        machine.element.contextChanged()
        machine.element.core.pointee.programCounter = code
        if inWindow {
            let region = try #require(machine.memory.region(containing: base))
            let context = machine.element.core.pointee.context
            for isWrite in [false, true] {
                context.pointee.notePage(base, physical: base, size: size, in: region, isWrite: isWrite)
            }
        }
        let translator = try #require(machine.translator)
        let listing = try #require(translator.listing(at: code, of: machine.element))
        let section = try #require(listing.sections.first)
        return section.pieces.compactMap { piece in
            switch piece.origin {
            case .instruction, .next: piece.code.count
            default: nil
            }
        }
    }
}
