import Testing

@testable import Hyper

/// A 16550 of the host's that a person sits at: its line status says that there is room, and whether something was typed.
private final class TwinUART: EmulatedDevice {
    static let base: UInt64 = 0x1000_0000
    static let interrupt = 10
    private(set) var printed: [UInt8] = []
    private var typed: [UInt8] = []

    func reset() {}

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        switch offset {
        case 0: typed.isEmpty ? 0 : UInt64(typed.removeFirst())
        case 5: 0x60 | (typed.isEmpty ? 0 : 1)
        default: 0
        }
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        if offset == 0 { printed.append(UInt8(truncatingIfNeeded: value)) }
    }

    func type(_ text: String) { typed += Array(text.utf8) }
    var text: String { String(decoding: printed.filter { $0 != 0x0d }, as: UTF8.self) }
}

/// A machine that is booted once, in a process of its own: what a boot makes stays for good.
private enum BootedMachine {
    // SAFETY: used by the one thread of the process's one test.
    nonisolated(unsafe) private static var blob = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    nonisolated(unsafe) static let uart = TwinUART()
    nonisolated(unsafe) static let controller = TwinController()

    /// - Parameter arguments: what the loader passes on.
    static func tree(_ arguments: Text = "") -> DeviceTreeNode {
        let root = DeviceTreeNode()
        root.set("#address-cells", u32: 2)
        root.set("#size-cells", u32: 2)
        let chosen = root.add("chosen")
        if !arguments.isEmpty { chosen.set("bootargs", text: arguments) }
        let controller = root.add("interrupt-controller")
        controller.set("#interrupt-cells", u32: 1)
        controller.set("phandle", u32: 1)
        let serial = root.add("serial@10000000")
        serial.set("compatible", text: "ns16550a")
        serial.set("reg", cells: [0, UInt32(TwinUART.base), 0, 0x100])
        serial.set("interrupts", u32: UInt32(TwinUART.interrupt))
        serial.set("interrupt-parent", u32: 1)
        return root
    }

    static func boot(_ tree: [UInt8], cpus: Int = 2) {
        blob = .allocate(byteCount: tree.count, alignment: 8)
        blob.copyBytes(from: tree)
        Port.devices = [(TwinUART.base..<TwinUART.base + 0x100, uart)]
        HostInterrupts.controller = controller
        FakeMachine.start(cpus: cpus, seed: nil) {
            let address = UInt64(UInt(bitPattern: BootedMachine.blob.baseAddress))
            Hyper.start(FlattenedDeviceTree(at: address, limit: BootedMachine.blob.count).unsafelyUnwrapped)
        }
        run()
    }

    static func run() { Port.run(until: Port.counter + Timers.ticks(1000 * millisecond)) }

    static func type(_ text: String) {
        uart.type(text)
        controller.raise(TwinUART.interrupt)
        run()
    }

    /// An archive of cpio's with that script as its boot script, where a loader would have put it: `chosen` says so.
    static func addInitialFiles(_ bytes: [UInt8], to tree: DeviceTreeNode) {
        let place = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        place.copyBytes(from: bytes)
        let start = UInt64(UInt(bitPattern: place.baseAddress))
        tree.child("chosen")?.set("linux,initrd-start", u64: start)
        tree.child("chosen")?.set("linux,initrd-end", u64: start + UInt64(bytes.count))
    }

    static func archive(_ script: String) throws -> [UInt8] {
        try DiskTools.make("printf '\(script)' >boot.script; echo boot.script | cpio -o -H newc >disk")
    }
}

extension CoreTests {
    /// From the device tree to a prompt that obeys.
    @Suite("Hyper's start")
    struct BootTests {
        @Test("It says what it has, drives what the tree has, and obeys who types")
        func boot() async {
            await #expect(processExitsWith: .success) {
                BootedMachine.boot(BootedMachine.tree().flatten())
                #expect(BootedMachine.uart.text.hasPrefix("Hyper 0.1: 2 CPUs, "))
                #expect(BootedMachine.uart.text.hasSuffix(" KiB in use\nhyper# "))
                #expect(Port.printed.isEmpty, "the firmware's console is not used once there is a driver")
                #expect(HostDevices.bound.map { $0.node.path } == ["/serial@10000000"])
                #expect(BootedMachine.controller.enabled == [TwinUART.interrupt])
                BootedMachine.type("echo one two\r")
                #expect(BootedMachine.uart.text.hasSuffix("\none two\nhyper# "))
                // All that a machine can do is there: a command of each kind.
                BootedMachine.type("host devices\r")
                #expect(BootedMachine.uart.text.contains("/serial@10000000  ns16550"))
                for command in ["guest", "vdisk", "vfs", "net", "module", "thread", "selftest", "display", "profile"] {
                    #expect(Management.commands.all.contains { $0.name.description == command }, "\(command)")
                }
                let emulated = ["ns16550a", "sifive,plic-1.0.0", "google,goldfish-rtc", "virtio,mmio", "sifive,test0"]
                for compatible in emulated {
                    #expect(Emulators.find([Text(Array(compatible.utf8))]) != nil, "\(compatible)")
                }
            }
        }

        @Test("The boot arguments' commands come before the prompt, and before the initial files' script")
        func bootCommand() async {
            await #expect(processExitsWith: .success) {
                let tree = BootedMachine.tree("console=ttyS0 bootcmd=\"echo first; echo second\" quiet")
                if DiskTools.are("cpio") {
                    BootedMachine.addInitialFiles(try BootedMachine.archive("echo third"), to: tree)
                }
                BootedMachine.boot(tree.flatten(), cpus: 1)
                #expect(BootedMachine.uart.text.hasPrefix("Hyper 0.1: 1 CPU, "))
                #expect(BootedMachine.uart.text.hasSuffix(" KiB in use\nfirst\nsecond\nhyper# "))
            }
        }

        @Test("The initial files' script is executed up to its first error", .enabled(if: DiskTools.are("cpio")))
        func bootScript() async {
            await #expect(processExitsWith: .success) {
                let tree = BootedMachine.tree()
                let script = "echo one\\n# a comment\\nnonsense\\necho never\\n"
                BootedMachine.addInitialFiles(try BootedMachine.archive(script), to: tree)
                BootedMachine.boot(tree.flatten())
                #expect(BootedMachine.uart.text.contains("\none\n/boot.script, line 3: there is no command nonsense"))
                #expect(!BootedMachine.uart.text.contains("never"))
                #expect(BootedMachine.uart.text.hasSuffix("hyper# "))
                #expect(VirtualFileSystem.mounts.map { $0.kind } == ["cpio"])
            }
        }

        @Test("Initial files that are none are said to be, and the rest goes on")
        func badInitialFiles() async {
            await #expect(processExitsWith: .success) {
                let tree = BootedMachine.tree()
                BootedMachine.addInitialFiles([UInt8](repeating: 0x1f, count: 512), to: tree)
                BootedMachine.boot(tree.flatten())
                #expect(BootedMachine.uart.text.contains("the initial files cannot be used: cpio archive: no header"))
                #expect(BootedMachine.uart.text.hasSuffix("hyper# "))
                #expect(VirtualFileSystem.mounts.isEmpty)
            }
        }

        @Test("An end of the initial files that is not behind their start means that there are none")
        func noInitialFiles() async {
            await #expect(processExitsWith: .success) {
                let tree = BootedMachine.tree()
                tree.child("chosen")?.set("linux,initrd-start", u64: 0x1000)
                tree.child("chosen")?.set("linux,initrd-end", u64: 0x1000)
                BootedMachine.boot(tree.flatten())
                #expect(BootedMachine.uart.text.hasSuffix(" KiB in use\nhyper# "))
                #expect(VirtualFileSystem.mounts.isEmpty)
            }
        }

        @Test("A tree that is damaged is complained of on the firmware's console")
        func badTree() async {
            await #expect(processExitsWith: .success) {
                let tree = DeviceTreeNode()
                tree.add("two words")
                BootedMachine.boot(tree.flatten())
                let printed = String(decoding: Port.printed, as: UTF8.self)
                #expect(printed.hasPrefix("hyper: the device tree blob is malformed"), "\(printed)")
                #expect(printed.contains("hyper# "))
            }
        }

        @Test(
            "The boot command is an argument of its own, quoted where it has spaces",
            arguments: [
                ("bootcmd=help", "help"), ("a bootcmd=help b", "help"),
                ("bootcmd=\"vfs run /x; echo\" b", "vfs run /x; echo"),
                ("\"bootcmd=echo a\"", "echo a"), ("bootcmd=\"unfinished business", "unfinished business"),
                ("bootcmd=", nil), ("", nil), ("bootcmd", nil), ("nobootcmd=help", nil),
                ("title=\"a bootcmd=b\" c", nil),
                ("x=\"bootcmd=a\" bootcmd=b", "b"),
            ] as [(String, String?)])
        func arguments(_ text: String, _ expected: String?) {
            #expect(Management.bootCommand(Text(Array(text.utf8)))?.description == expected)
        }
    }
}
