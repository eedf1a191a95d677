import AArch64ISA
import ISA

/// The firmware that a machine has built in where none lies in flash for EL3: Power State Coordination Interface 1.1 (Arm DEN 0022), and of the
/// SMC Calling Convention (DEN 0028) what tells of itself, with true random numbers (DEN 0098) from the machine's seed.
///
/// It is called by SMC where there is EL2, and else by HVC, as on QEMU's board.
final class AArch64Firmware {
    private unowned let board: AArch64Virt
    private var random: SplitMix64

    init(_ board: AArch64Virt, seed: UInt64) {
        self.board = board
        random = SplitMix64(seed: seed)
    }

    /// Random numbers once given are not given again.
    func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("random", &random.state)
    }

    private enum Function {
        static let version: UInt64 = 0x8400_0000, cpuSuspend: UInt64 = 0x8400_0001, cpuOff: UInt64 = 0x8400_0002
        static let cpuOn: UInt64 = 0x8400_0003, affinityInfo: UInt64 = 0x8400_0004
        static let migrateInfoType: UInt64 = 0x8400_0006, systemOff: UInt64 = 0x8400_0008
        static let systemReset: UInt64 = 0x8400_0009, features: UInt64 = 0x8400_000a
        static let systemReset2: UInt64 = 0x8400_0012
        static let conventionVersion: UInt64 = 0x8000_0000, conventionFeatures: UInt64 = 0x8000_0001
        static let randomVersion: UInt64 = 0x8400_0050, randomFeatures: UInt64 = 0x8400_0051
        static let randomUUID: UInt64 = 0x8400_0052, randomNumber: UInt64 = 0x8400_0053
        /// Set in the number of a function whose arguments are of 64 bits.
        static let wide: UInt64 = 1 << 30
        static let haveWideForm: Set<UInt64> = [cpuSuspend, cpuOn, affinityInfo, systemReset2, randomNumber]
        static let all: Set<UInt64> = [
            version, cpuSuspend, cpuOff, cpuOn, affinityInfo, migrateInfoType, systemOff, systemReset, features,
            systemReset2, conventionVersion, conventionFeatures, randomVersion, randomFeatures, randomUUID,
            randomNumber,
        ]
    }

    /// Error codes (DEN 0022, 5.2.2), as signed numbers.
    private enum Status {
        static let success: UInt64 = 0
        static let notSupported = UInt64(bitPattern: -1), invalidParameters = UInt64(bitPattern: -2)
        static let alreadyOn = UInt64(bitPattern: -4), invalidAddress = UInt64(bitPattern: -9)
    }

    /// Answers the call in the PE's registers.
    func call(_ element: AArch64.ProcessingElement) {
        let registers = (0..<4).map { element.generalRegister($0) }
        let isWide = registers[0] & Function.wide != 0
        let arguments = registers.map { isWide ? $0 : $0 & 0xffff_ffff }
        guard let function = Self.function(registers[0] & 0xffff_ffff) else { return answer(Status.notSupported) }

        func answer(_ values: UInt64...) {
            for (index, value) in values.enumerated() { element.setGeneralRegister(index, value) }
        }
        switch function {
        case Function.version: answer(0x1_0001)
        case Function.features, Function.conventionFeatures, Function.randomFeatures:
            let asked = arguments[1] & 0xffff_ffff
            answer(Self.function(asked) == nil ? Status.notSupported : Status.success)
        case Function.conventionVersion: answer(0x1_0002)
        case Function.cpuSuspend:
            // Every state is one that keeps all registers.
            answer(Status.success)
            element.wait()
        case Function.cpuOff: element.turnOff()
        case Function.cpuOn:
            answer(start(arguments[1], entry: arguments[2], argument: arguments[3], caller: element))
        case Function.affinityInfo: answer(affinityInfo(arguments[1], lowest: arguments[2]))
        case Function.migrateInfoType: answer(2)  // There is no trusted system that would have to be moved.
        case Function.systemOff: board.ask(.powerOff(status: 0))
        case Function.systemReset, Function.systemReset2: board.ask(.reset)
        case Function.randomVersion: answer(0x1_0000)
        case Function.randomUUID: answer(0x6c65_7272, 0x2079_726f, 0x6e67_7274, 0x0000_0001)
        case Function.randomNumber: randomNumber(bits: arguments[1], isWide: isWide, element)
        default: answer(Status.notSupported)
        }
    }

    /// The function of 32 bits that the number stands for; nil where there is none.
    private static func function(_ number: UInt64) -> UInt64? {
        let narrow = number & ~Function.wide
        if number != narrow && !Function.haveWideForm.contains(narrow) { return nil }
        return Function.all.contains(narrow) ? narrow : nil
    }

    /// The PE of that MPIDR_EL1.
    private func element(_ affinity: UInt64) -> AArch64.ProcessingElement? {
        board.elements.first { $0.affinity == affinity }
    }

    private func start(
        _ affinity: UInt64, entry: UInt64, argument: UInt64, caller: AArch64.ProcessingElement
    ) -> UInt64 {
        guard let target = element(affinity) else { return Status.invalidParameters }
        guard target.isOff else { return Status.alreadyOn }
        guard board.memory.host(entry & ~3) != nil else { return Status.invalidAddress }
        target.start(at: entry, argument: argument)
        target.leaveSecureState()
        return Status.success
    }

    /// AFFINITY_INFO: 0 for on, 1 for off; of a level above, on where any is.
    private func affinityInfo(_ affinity: UInt64, lowest: UInt64) -> UInt64 {
        guard lowest <= 3 else { return Status.invalidParameters }
        let mask: UInt64 = 0xff_00ff_ffff & ~(1 << (8 * min(lowest, 3)) - 1)
        let group = board.elements.filter { $0.affinity & mask == affinity & mask }
        guard !group.isEmpty else { return Status.invalidParameters }
        return group.contains { !$0.isOff } ? 0 : 1
    }

    /// TRNG_RND: the bits asked for are at the end of three registers.
    private func randomNumber(bits: UInt64, isWide: Bool, _ element: AArch64.ProcessingElement) {
        let width: UInt64 = isWide ? 64 : 32
        guard bits > 0, bits <= 3 * width else {
            return element.setGeneralRegister(0, Status.invalidParameters)
        }
        element.setGeneralRegister(0, Status.success)
        var left = bits
        for register in stride(from: 3, to: 0, by: -1) {
            let count = min(left, width)
            let value = random.next()
            element.setGeneralRegister(register, count == 0 ? 0 : value >> (64 - count))
            left -= count
        }
    }
}
