import AArch64ISA
import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

/// One access to an interrupt controller, as testsuites/aarch64/interrupts/accesses.S takes it.
struct InterruptAccess: CustomStringConvertible {
    enum Kind: UInt8 { case load = 1, store, execute, executeAtEL1 }

    var kind: Kind
    var cpu: Int
    var size = 4
    /// 0, or which of the CPU's stacks takes the INTID that is read, or gives what is written.
    var stack = 0
    var instruction: UInt32 = 0
    var address: UInt64 = 0
    var value: UInt64 = 0

    static let byteCount = 24

    var isRead: Bool { kind == .load || (kind != .store && instruction >> 21 & 1 != 0) }

    var bytes: [UInt8] {
        var bytes = [kind.rawValue, UInt8(cpu), UInt8(size), UInt8(stack)]
        bytes.append(littleEndian: instruction)
        bytes.append(littleEndian: address)
        bytes.append(littleEndian: value)
        return bytes
    }

    var description: String {
        let what = kind == .load || kind == .store ? "\(size) bytes at \(hex(address))" : system
        return "CPU \(cpu) \(kind == .executeAtEL1 ? "at EL1 " : "")\(isRead ? "reads" : "writes") \(what)"
            + (stack > 0 ? ", stack \(stack)" : "")
    }

    /// The system register that the instruction accesses.
    private var system: String {
        if instruction & InterruptAccess.registerFields == InterruptAccess.isr { return "ISR_EL1" }
        if let register = interfaceRegister { return "ICC_\(register)" }
        return hypervisorRegister.map { "ICH_\($0)" } ?? hex(instruction)
    }

    // MARK: System registers

    private static let registerFields: UInt32 = 0x0f_ffe0
    static let isr = fields(op1: 0, crn: 12, operand: 0o10)

    /// The fields of MRS and MSR (C6.2) that name a register; `operand` is CRm and op2.
    private static func fields(op1: UInt32, crn: UInt32, operand: UInt32) -> UInt32 {
        1 << 19 | op1 << 16 | crn << 12 | operand << 5
    }

    static func fields(_ register: AArch64.InterfaceRegister) -> UInt32 {
        fields(op1: 0, crn: register == .pmr ? 4 : 12, operand: UInt32(register.rawValue))
    }

    static func fields(_ register: AArch64.HypervisorInterfaceRegister) -> UInt32 {
        fields(op1: 4, crn: 12, operand: UInt32(register.rawValue))
    }

    private var operand: UInt8 { UInt8(instruction >> 5 & 0x7f) }

    var interfaceRegister: AArch64.InterfaceRegister? {
        let register = AArch64.InterfaceRegister(rawValue: operand)
        return register.map(Self.fields) == instruction & Self.registerFields ? register : nil
    }

    var hypervisorRegister: AArch64.HypervisorInterfaceRegister? {
        let register = AArch64.HypervisorInterfaceRegister(rawValue: operand)
        return register.map(Self.fields) == instruction & Self.registerFields ? register : nil
    }
}

/// A list of accesses, in the making.
struct InterruptAccessList {
    private(set) var accesses: [InterruptAccess] = []
    var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func load(_ address: UInt64, size: Int = 4, cpu: Int = 0, stack: Int = 0) {
        accesses.append(InterruptAccess(kind: .load, cpu: cpu, size: size, stack: stack, address: address))
    }

    mutating func store(_ address: UInt64, _ value: UInt64, size: Int = 4, cpu: Int = 0, stack: Int = 0) {
        accesses.append(
            InterruptAccess(kind: .store, cpu: cpu, size: size, stack: stack, address: address, value: value))
    }

    private mutating func read(_ fields: UInt32, _ cpu: Int, _ stack: Int, isVirtual: Bool) {
        let kind: InterruptAccess.Kind = isVirtual ? .executeAtEL1 : .execute
        accesses.append(InterruptAccess(kind: kind, cpu: cpu, stack: stack, instruction: 0xd530_0000 | fields))
    }

    private mutating func write(_ fields: UInt32, _ value: UInt64, _ cpu: Int, _ stack: Int, isVirtual: Bool) {
        let kind: InterruptAccess.Kind = isVirtual ? .executeAtEL1 : .execute
        accesses.append(
            InterruptAccess(kind: kind, cpu: cpu, stack: stack, instruction: 0xd510_0000 | fields, value: value))
    }

    mutating func read(
        _ register: AArch64.InterfaceRegister, cpu: Int = 0, stack: Int = 0, isVirtual: Bool = false
    ) { read(InterruptAccess.fields(register), cpu, stack, isVirtual: isVirtual) }

    mutating func write(
        _ register: AArch64.InterfaceRegister, _ value: UInt64, cpu: Int = 0, stack: Int = 0, isVirtual: Bool = false
    ) { write(InterruptAccess.fields(register), value, cpu, stack, isVirtual: isVirtual) }

    mutating func read(_ register: AArch64.HypervisorInterfaceRegister, cpu: Int = 0) {
        read(InterruptAccess.fields(register), cpu, 0, isVirtual: false)
    }

    mutating func write(_ register: AArch64.HypervisorInterfaceRegister, _ value: UInt64, cpu: Int = 0) {
        write(InterruptAccess.fields(register), value, cpu, 0, isVirtual: false)
    }

    /// Which interrupts are pending at the CPU: ISR_EL1.
    mutating func signals(cpu: Int, isVirtual: Bool = false) {
        read(InterruptAccess.isr, cpu, 0, isVirtual: isVirtual)
    }

    // MARK: Chance

    mutating func below(_ bound: UInt64) -> UInt64 { random.below(bound) as UInt64 }
    mutating func chance(_ percent: UInt64) -> Bool { random.chance(percent) }
    mutating func pick<T>(_ list: [T]) -> T { random.pick(list) }
    /// One bit, a few, or half of them.
    mutating func word() -> UInt64 {
        let words: [UInt64] = [1 << below(32), random.next() & random.next() & random.next(), random.next()]
        return pick(words) & 0xffff_ffff
    }
}

/// Who carries accesses out.
enum InterruptAccesses {
    static let isInstalled = ["qemu-system-aarch64", "clang", "ld.lld", "timeout"].allSatisfy {
        ExternalTool.path($0) != nil
    }

    /// What the accesses read on QEMU's virt board: a value for each.
    static func qemu(_ accesses: [InterruptAccess], version: Int, cpus: Int) throws -> [UInt64] {
        try ExternalTool.withTemporaryDirectory { directory in
            var list: [UInt8] = []
            list.append(littleEndian: UInt64(cpus))
            list.append(littleEndian: UInt64(accesses.count))
            for access in accesses { list += access.bytes }
            try Data(list).write(to: URL(fileURLWithPath: directory + "/list"))
            let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../../../testsuites/aarch64/interrupts/accesses.S").standardized.path
            try tool("clang", ["--target=aarch64-none-elf", "-march=armv8.5-a", "-c", source, "-o", "a.o"], directory)
            try tool("ld.lld", ["-Ttext", "0x40200000", "-o", "accesses.elf", "a.o"], directory)
            try tool(
                "timeout",
                [
                    "-s", "KILL", "120", "qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=\(version)",
                    "-cpu", "cortex-a57", "-smp", "\(cpus)", "-m", "512M", "-display", "none", "-serial", "null",
                    "-monitor", "none", "-semihosting-config", "enable=on,target=native", "-kernel", "accesses.elf",
                    "-device", "loader,file=list,addr=0x48000000,force-raw=on",
                ], directory)
            let results = [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory + "/results")))
            try #require(results.count == accesses.count * InterruptAccess.byteCount)
            return accesses.indices.map { results.littleEndian(at: $0 * InterruptAccess.byteCount + 16) }
        }
    }

    private static func tool(_ name: String, _ arguments: [String], _ directory: String) throws {
        let program = try #require(ExternalTool.path(name))
        let result = try ExternalTool.run(program: program, arguments, in: directory)
        try #require(result.status == 0, "\(name): \(result.errorText)")
    }

    /// What they read of our devices, at the same addresses.
    static func ours(_ accesses: [InterruptAccess], version: Int, cpus: Int) -> [UInt64] {
        let board = Board(version: version, cpus: cpus)
        return accesses.map { board.perform($0) }
    }

    /// Says where the two differ; a difference in one value mostly brings others after it.
    static func compare(
        _ list: InterruptAccessList, version: Int, cpus: Int = 2, at location: SourceLocation = #_sourceLocation
    ) throws {
        let theirs = try qemu(list.accesses, version: version, cpus: cpus)
        let ours = ours(list.accesses, version: version, cpus: cpus)
        let differences = list.accesses.indices.filter { theirs[$0] != ours[$0] && list.accesses[$0].isRead }
        for index in differences.prefix(3) {
            Issue.record(
                "access \(index): \(list.accesses[index]): QEMU \(hex(theirs[index])), ours \(hex(ours[index]))",
                sourceLocation: location)
        }
    }

    /// The devices alone, where QEMU's board has them, and the level of each CPU's interrupts.
    private final class Board {
        private let pins: Pins
        private let space = AddressSpace(memory: PhysicalMemory())
        private let accessor = Accessor()
        private var gicv2: GICv2?
        private var gicv3: GICv3?
        private var stacks: [Int: [UInt64]] = [:]

        private final class Accessor { var cpu = 0 }

        private final class Pins: InterruptSink {
            var levels: [Bool]
            init(_ count: Int) { levels = Array(repeating: false, count: count) }
            func setLine(_ number: Int, _ level: Bool) { levels[number] = level }
        }

        init(version: Int, cpus: Int) {
            let pins = Pins(4 * cpus)
            self.pins = pins
            _ = space.memory.addRegion(base: 0x4000_0000, size: 512 << 20)
            let outputs = (0..<cpus).map { cpu in
                GICOutputs(
                    irq: InterruptLine(to: pins, number: 4 * cpu), fiq: InterruptLine(to: pins, number: 4 * cpu + 1),
                    virtualIRQ: InterruptLine(to: pins, number: 4 * cpu + 2),
                    virtualFIQ: InterruptLine(to: pins, number: 4 * cpu + 3))
            }
            let clock = Clock()
            let line: InterruptLine
            if version == 2 {
                let gic = GICv2(spis: 256, outputs: outputs, accessor: { [accessor] in accessor.cpu })
                space.map(gic.distributor, at: 0x0800_0000, size: 0x1000)
                space.map(gic.cpuInterface, at: 0x0801_0000, size: 0x2000)
                space.map(gic.virtualControl, at: 0x0803_0000, size: 0x1000)
                space.map(gic.virtualCPUInterface, at: 0x0804_0000, size: 0x2000)
                line = gic.line(spi: 1)
                gicv2 = gic
            } else {
                let affinities = (0..<cpus).map { UInt32($0) }
                let gic = GICv3(
                    spis: 256, affinities: affinities, memory: space.memory, clock: clock, outputs: outputs)
                space.map(gic.distributor, at: 0x0800_0000, size: 0x1_0000)
                space.map(gic.translationService!, at: 0x0808_0000, size: 0x2_0000)
                space.map(gic.redistributors, at: 0x080a_0000, size: UInt64(cpus) * 0x2_0000)
                line = gic.line(spi: 1)
                gicv3 = gic
            }
            let uart = PL011(name: "pl011", clock: clock, backend: NoConsole(), interrupt: line)
            space.map(uart, at: 0x0900_0000, size: 0x1000)
        }

        func perform(_ access: InterruptAccess) -> UInt64 {
            accessor.cpu = access.cpu
            var value = access.value
            let stack = access.cpu * 8 + access.stack
            if access.stack > 0, !access.isRead {
                guard let popped = stacks[stack]?.popLast() else { return ~0 }
                value = popped
            }
            switch access.kind {
            case .load: value = load(access)
            case .store: store(access, value)
            case .execute, .executeAtEL1:
                if access.isRead { value = read(access) } else { write(access, value) }
            }
            if access.stack > 0, access.isRead, value & 0x3ff < 1020, stacks[stack, default: []].count < 15 {
                stacks[stack, default: []].append(value)
            }
            return value
        }

        private func load(_ access: InterruptAccess) -> UInt64 {
            if let value: UInt64 = space.memory.load(access.address) {
                return access.size == 8 ? value : value & (1 << UInt64(8 * access.size) - 1)
            }
            return space.read(access.address, size: access.size) ?? ~0
        }

        private func store(_ access: InterruptAccess, _ value: UInt64) {
            let isMemory =
                switch access.size {
                case 1: space.memory.store(access.address, UInt8(truncatingIfNeeded: value))
                case 4: space.memory.store(access.address, UInt32(truncatingIfNeeded: value))
                default: space.memory.store(access.address, value)
                }
            if !isMemory { _ = space.write(access.address, size: access.size, value: value) }
        }

        private func read(_ access: InterruptAccess) -> UInt64 {
            let isVirtual = access.kind == .executeAtEL1
            if let register = access.interfaceRegister, let interface = gicv3?.cpuInterface(access.cpu) {
                return isVirtual ? interface.readVirtual(register) : interface.read(register)
            }
            if let register = access.hypervisorRegister, let interface = gicv3?.cpuInterface(access.cpu) {
                return interface.read(register)
            }
            let first = 4 * access.cpu + (isVirtual ? 2 : 0)
            return (pins.levels[first] ? 0x80 : 0) | (pins.levels[first + 1] ? 0x40 : 0)
        }

        private func write(_ access: InterruptAccess, _ value: UInt64) {
            guard let interface = gicv3?.cpuInterface(access.cpu) else { return }
            if let register = access.interfaceRegister {
                if access.kind == .executeAtEL1 {
                    interface.writeVirtual(register, value)
                } else {
                    interface.write(register, value)
                }
            } else if let register = access.hypervisorRegister {
                interface.write(register, value)
            }
        }
    }
}
