/// The nodes of what is Secure state's, in the order of QEMU's board: they are there for firmware, and an operating system
/// lets them be (bindings/arm/secure.txt).
extension AArch64VirtDeviceTree {
    private typealias Layout = AArch64SecureDevices.Layout

    private static func secured(_ node: DeviceTree.Node) -> DeviceTree.Node {
        var node = node
        node.set("secure-status", "okay")
        node.set("status", "disabled")
        return node
    }

    private var secureGPIOHandle: UInt32 { gpioHandle + 1 }

    private func switchNode(_ name: String, pin: Int) -> DeviceTree.Node {
        var node = Self.secured(DeviceTree.Node(name))
        node.set("gpios", cells: [secureGPIOHandle, UInt32(pin), 0])
        node.set("compatible", name)
        return node
    }

    var gpioRestart: DeviceTree.Node { switchNode("gpio-restart", pin: Layout.resetPin) }
    var gpioPowerOff: DeviceTree.Node { switchNode("gpio-poweroff", pin: Layout.powerOffPin) }

    var secureGPIO: DeviceTree.Node {
        Self.secured(gpio(Layout.gpio, interrupt: Layout.gpioInterrupt, handle: secureGPIOHandle))
    }

    var secureSerial: DeviceTree.Node { Self.secured(serial(Layout.uart, interrupt: Layout.uartInterrupt)) }

    var secureMemory: DeviceTree.Node {
        var node = Self.secured(DeviceTree.Node(Self.name("secram", Layout.memory)))
        node.set("reg", doubleCells: Layout.memory.base, Layout.memory.size)
        node.set("device_type", "memory")
        return node
    }

    var secureFlash: DeviceTree.Node { Self.secured(bank("secflash", AArch64VirtLayout.flash)) }
    var secondFlash: DeviceTree.Node { bank("flash", AArch64VirtLayout.flash.next(1)) }

    private func bank(_ name: String, _ window: AddressWindow) -> DeviceTree.Node {
        var node = DeviceTree.Node(Self.name(name, window))
        node.set("bank-width", cells: 4)
        node.set("reg", doubleCells: window.base, window.size)
        node.set("compatible", "cfi-flash")
        return node
    }

    var secureChosen: DeviceTree.Node {
        var node = DeviceTree.Node("secure-chosen")
        node.set("stdout-path", "/" + Self.name("pl011", Layout.uart))
        return node
    }
}
