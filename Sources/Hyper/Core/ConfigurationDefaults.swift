// Made of firmware/Kconfig by firmware/configure: change those, not this.
// swift-format-ignore-file: the names are Kconfig's, so that one search finds a symbol everywhere.

/// What a build has where its port, or who configures it, says nothing else.
protocol ConfigurationDefaults {}

extension ConfigurationDefaults {
    static var DRIVER_GICV2: Bool { true }
    static var DRIVER_GICV3: Bool { true }
    static var DRIVER_GICV2M: Bool { true }
    static var DRIVER_GICV3_ITS: Bool { true }
    static var DRIVER_GOLDFISH_RTC: Bool { true }
    static var DRIVER_NS16550: Bool { true }
    static var DRIVER_PL011: Bool { true }
    static var DRIVER_PL031: Bool { true }
    static var DRIVER_PLIC: Bool { true }
    static var DRIVER_PCI_HOST: Bool { true }
    static var PCI_MESSAGES: Bool { true }
    static var DRIVER_VIRTIO_MMIO: Bool { true }
    static var DRIVER_VIRTIO_PCI: Bool { true }
    static var DRIVER_VIRTIO_BLOCK: Bool { true }
    static var DRIVER_VIRTIO_CONSOLE: Bool { true }
    static var DRIVER_VIRTIO_ENTROPY: Bool { true }
    static var DRIVER_VIRTIO_GPU: Bool { true }
    static var DRIVER_VIRTIO_INPUT: Bool { true }
    static var DRIVER_VIRTIO_NETWORK: Bool { true }
    static var EMULATOR_GICV2: Bool { true }
    static var EMULATOR_GICV3: Bool { true }
    static var EMULATOR_GOLDFISH_RTC: Bool { true }
    static var EMULATOR_NS16550: Bool { true }
    static var EMULATOR_PCI_HOST: Bool { true }
    static var EMULATOR_PL011: Bool { true }
    static var EMULATOR_PL031: Bool { true }
    static var EMULATOR_PLIC: Bool { true }
    static var EMULATOR_SIMPLE_FRAMEBUFFER: Bool { true }
    static var EMULATOR_TEST: Bool { true }
    static var EMULATOR_VIRTIO_MMIO: Bool { true }
    static var EMULATOR_VIRTIO_PCI: Bool { true }
    static var EMULATOR_VIRTIO_BALLOON: Bool { true }
    static var EMULATOR_VIRTIO_BLOCK: Bool { true }
    static var EMULATOR_VIRTIO_CONSOLE: Bool { true }
    static var EMULATOR_VIRTIO_ENTROPY: Bool { true }
    static var EMULATOR_VIRTIO_GPU: Bool { true }
    static var EMULATOR_VIRTIO_INPUT: Bool { true }
    static var EMULATOR_VIRTIO_NETWORK: Bool { true }
    static var FILE_SYSTEM_CPIO: Bool { true }
    static var FILE_SYSTEM_EXT4: Bool { true }
    static var FILE_SYSTEM_FAT: Bool { true }
    static var COMMAND_DEVTREE: Bool { true }
    static var COMMAND_DISPLAY: Bool { true }
    static var COMMAND_GUEST: Bool { true }
    static var COMMAND_HEAP: Bool { true }
    static var COMMAND_HOST: Bool { true }
    static var COMMAND_INPUT: Bool { true }
    static var COMMAND_MEMORY: Bool { true }
    static var COMMAND_MODULE: Bool { true }
    static var COMMAND_NET: Bool { true }
    static var COMMAND_SELFTEST: Bool { true }
    static var COMMAND_THREAD: Bool { true }
    static var COMMAND_VCPU: Bool { true }
    static var COMMAND_VDISK: Bool { true }
    static var COMMAND_VFS: Bool { true }
    static var COMMAND_VSERIAL: Bool { true }
    static var HEAP_RESERVE_PAGES: Int { 32 }
    static var MODULE_LIMIT_KIB: Int { 1024 }
    static var PAGE_COLOURS: Int { 16 }
    static var SCRIPT_LIMIT_KIB: Int { 64 }
    static var TERMINAL_HISTORY_LINES: Int { 32 }
    static var TERMINAL_INPUT_BYTES: Int { 4096 }
    static var THREAD_STACK_KIB: Int { 16 }
    static var PROFILER: Bool { true }
    static var CHECK_DEADLOCK: Bool { false }
}
