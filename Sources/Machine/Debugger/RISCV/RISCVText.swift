import ISA

/// How a hart's modes and interrupts are written in traces, post-mortems and the monitor.
extension RISCV {
    /// A privilege mode as the manual abbreviates it: M, HS, U, VS, VU; S where there is no H extension.
    public enum Mode: String, CaseIterable, Sendable {
        case machine = "M"
        case hypervisor = "HS"
        case supervisor = "S"
        case user = "U"
        case virtualSupervisor = "VS"
        case virtualUser = "VU"

        public init(_ privilege: Privilege, virtual: Bool, features: Features) {
            self =
                switch (privilege, virtual) {
                case (.machine, _): .machine
                case (.supervisor, true): .virtualSupervisor
                case (.user, true): .virtualUser
                case (.supervisor, false): features.contains(.h) ? .hypervisor : .supervisor
                case (.user, false): .user
                }
        }

        public var isVirtual: Bool { self == .virtualSupervisor || self == .virtualUser }

        public var privilege: Privilege {
            switch self {
            case .machine: .machine
            case .hypervisor, .supervisor, .virtualSupervisor: .supervisor
            case .user, .virtualUser: .user
            }
        }
    }
}

extension RISCV.Hart {
    public var mode: RISCV.Mode {
        RISCV.Mode(state.pointee.privilege, virtual: state.pointee.virtual, features: features)
    }

    /// The guest that hgatp names.
    public var guest: UInt64 { state.pointee.hgatp >> 44 & 0x3fff }
}

extension RISCV.Interrupt {
    /// All that are defined, the most urgent first (volume II, "Machine Interrupt Registers").
    static let all: [UInt64] = [
        machineExternal, machineSoftware, machineTimer, supervisorExternal, supervisorSoftware, supervisorTimer,
        supervisorGuestExternal, virtualSupervisorExternal, virtualSupervisorSoftware, virtualSupervisorTimer,
        localCounterOverflow,
    ]

    static func names(_ bits: UInt64) -> [String] {
        all.filter { bits & 1 << $0 != 0 }.map { RISCV.Cause.describe(1 << 63 | $0) }
    }
}
