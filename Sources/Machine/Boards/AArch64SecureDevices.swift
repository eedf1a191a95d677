import AArch64ISA
import ISA

/// What QEMU's arm `virt` board has for Secure state alone, with `secure=on`: memory, a UART, GPIO whose outputs turn the
/// machine off, and the first bank of flash. Their addresses on the bus have a bit above those of what both states see
/// (``AArch64/securePhysical``).
struct AArch64SecureDevices {
    /// On the map of QEMU's board.
    enum Layout {
        static let memory = AddressWindow(base: 0xe00_0000, size: 0x100_0000)
        static let uart = AddressWindow(base: 0x904_0000, size: 0x1000)
        static let gpio = AddressWindow(base: 0x90b_0000, size: 0x1000)
        /// Shared interrupts, counted from 0. The GPIO's wire is the first one, as on QEMU's board.
        static let uartInterrupt = 8
        static let gpioInterrupt = 0
        /// Pins of the GPIO.
        static let powerOffPin = 0
        static let resetPin = 1
        static let timerInterrupt = 29
    }

    let uart: PL011
    let gpio: PL061

    /// - Parameter ask: takes what the guest asks of the machine as a whole.
    /// - Throws: ``InputError`` when the host has not the memory.
    init(
        _ controller: AArch64InterruptController, memory: PhysicalMemory, clock: Clock, peripheralClock: UInt64,
        ask: @escaping (MachineRequest) -> Void
    ) throws(InputError) {
        let size = Layout.memory.size
        guard memory.addRegion(base: Self.place(Layout.memory).base, size: size) != nil else {
            throw InputError(
                file: "memory", problem: "this computer has no room for \(ByteCount(size)) of Secure memory",
                mend: "Leave out secure=on, or ask for less with --memory.")
        }
        uart = PL011(
            name: "pl011@9040000", clock: clock, backend: NoConsole(),
            interrupt: controller.line(spi: Layout.uartInterrupt), frequency: peripheralClock)
        gpio = PL061(
            name: "pl061@90b0000", clock: clock, interrupt: controller.line(spi: Layout.gpioInterrupt),
            output: { pin in
                switch pin {
                case Layout.powerOffPin: ask(.powerOff(status: 0))
                case Layout.resetPin: ask(.reset)
                default: break
                }
            })
    }

    func map(in space: AddressSpace) {
        space.map(uart, in: Self.place(Layout.uart))
        space.map(gpio, in: Self.place(Layout.gpio))
    }

    /// Where Secure state's own is on the bus.
    static func place(_ window: AddressWindow) -> AddressWindow {
        AddressWindow(base: window.base | AArch64.securePhysical, size: window.size)
    }
}

extension AArch64Virt {
    /// Whether the machine has EL3 and Secure state.
    public enum SecureState: String, MachineOption {
        public static let name = "secure"
        public static let summary =
            "EL3 and Secure state, for firmware in flash; without, a kernel's Image begins below EL3, and an ELF file at EL3"
        case off, on
    }
}
