import AArch64ISA

/// One random experiment: a state, and the instructions that are run on it.
public protocol RandomBlock: Equatable, Sendable {
    /// What stays together when a block is made smaller.
    associatedtype Item: Equatable, Sendable

    var items: [Item] { get set }

    /// The instructions in it.
    var count: Int { get }

    /// The block as a person reads it: its state where that is not zero, and its code.
    var report: [String] { get }

    /// Parts of its state that a smaller block may lack, by numbers that ``clear(_:)`` takes.
    static var clearable: [Int] { get }

    /// Makes a part of the state zero.
    mutating func clear(_ part: Int)
}

/// A program of many random blocks, as an ELF file: it runs them one after another and prints a line for each.
public protocol RandomProgram {
    associatedtype Block: RandomBlock

    var blocks: [Block] { get }

    /// Print registers, exceptions and memory of each block, not a hash of them.
    var full: Bool { get set }

    var elf: [UInt8] { get }

    /// The same program with other blocks.
    func with(_ blocks: [Block]) -> Self

    /// Where its tables come from, as reports say it.
    var origin: String { get }

    /// What the lines are that one block prints in full.
    static var lines: [String] { get }
}

/// Makes the random programs of one architecture, and says on which machines they run.
public protocol RandomSource {
    associatedtype Program: RandomProgram

    /// The program number `index` of a run.
    func program(_ index: Int, blocks: Int) -> Program

    var architecture: ELFFile.Machine { get }

    /// The CPU here, as `--cpu` takes it.
    var cpu: String { get }

    /// The machine here, as `--machine` takes it; nil for the one that a program's architecture has.
    var machine: String? { get }

    /// What QEMU is told of its machine.
    var qemuMachine: [String] { get }

    /// How often `program`, which printed `lines` in full, does what.
    func coverage(_ program: Program, lines: [String]) -> [String]
}

extension RandomSource {
    public var machine: String? { nil }
}

extension MachineCatalog {
    /// What makes random programs for a board: RISC-V's where none is named.
    /// - Parameter isForQEMU: QEMU is to run them too: they have nothing that it is known to do otherwise.
    public static func randomSource(
        machine: String?, cpu: String?, seed: UInt64, isForQEMU: Bool
    ) throws(InputError) -> any RandomSource {
        guard try entry(named: machine)?.architecture == .aarch64 else {
            if let cpu {
                throw InputError(
                    file: "--cpu", problem: "random programs for RISC-V have a CPU of their own, not \"\(cpu)\"",
                    mend: "Leave it out.")
            }
            return RISCVRandomSource(seed: seed)
        }
        var description = MachineDescription()
        description.machine = machine
        return try AArch64RandomSource(
            seed: seed, cpu: cpu ?? "cortex-a72", isForQEMU: isForQEMU,
            hasEL3: description.option(AArch64Virt.SecureState.self) == .on)
    }
}

/// An executable of one segment (System V ABI, chapters 4 and 5).
enum RandomExecutable {
    /// - Parameter machine: e_machine.
    static func elf(_ image: [UInt8], at address: UInt64, machine: UInt16) -> [UInt8] {
        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
        func add<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { file += Array($0) }
        }
        // Executable, version 1; entry; program headers at 64; no sections; flags; sizes and numbers of headers.
        add(2 as UInt16)
        add(machine)
        add(1 as UInt32)
        add(address)
        add(64 as UInt64)
        add(0 as UInt64)
        // EF_RISCV_RVC and EF_RISCV_FLOAT_ABI_DOUBLE; for others there is nothing to say.
        add((machine == 243 ? 5 : 0) as UInt32)
        for value: UInt16 in [64, 56, 1, 64, 0, 0] { add(value) }
        // PT_LOAD, readable, writable and executable.
        add(1 as UInt32)
        add(7 as UInt32)
        for value in [0x1000, address, address, UInt64(image.count), UInt64(image.count), 0x1000] { add(value) }
        file += [UInt8](repeating: 0, count: 0x1000 - file.count)
        return file + image
    }

    static func bytes(_ words: [UInt64]) -> [UInt8] {
        words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }
}
