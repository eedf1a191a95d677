/// What a guest is told of its CPUs, and where its kernel goes.
extension AArch64Port {
    private static let sharedInterrupt: UInt32 = 0, privateInterrupt: UInt32 = 1, levelHigh: UInt32 = 4

    public static func kernelLayout(_ memory: Region) throws(HyperError) -> KernelLayout {
        try KernelLayout.image(in: memory)
    }

    public static func describeCPUs(of guest: Guest, in root: DeviceTreeNode) {
        root.set("interrupt-parent", u32: GuestTree.interruptControllerHandle)
        let cpus = root.add("cpus")
        cpus.set("#address-cells", u32: 1)
        cpus.set("#size-cells", u32: 0)
        for index in guest.vcpus.indices {
            let cpu = cpus.add(GuestTree.nodeName("cpu", UInt64(index)))
            cpu.set("device_type", text: "cpu")
            cpu.set("reg", u32: UInt32(index))
            cpu.set("compatible", text: "arm,armv8")
            cpu.set("enable-method", text: "psci")
            cpu.set("phandle", u32: GuestTree.cpuHandle(index))
        }
        let firmware = root.add("psci")
        firmware.set("compatible", strings: ["arm,psci-1.0", "arm,psci-0.2"])
        firmware.set("method", text: "hvc")
        let timer = root.add("timer")
        timer.set("compatible", text: "arm,armv8-timer")
        // Of the secure and the non-secure physical timer, the virtual one, and the hypervisor's.
        timer.set("interrupts", cells: [13, 14, 11, 10].flatMap { [privateInterrupt, $0, levelHigh] })
        timer.set("always-on")
    }

    public static func interruptSpecifier(_ line: UInt32) -> [UInt32] {
        [sharedInterrupt, line &- UInt32(HostGIC.firstShared), levelHigh]
    }

    public static func describeInterruptController(_ node: DeviceTreeNode, of guest: Guest) {
        node.set("interrupt-controller")
        node.set("#interrupt-cells", u32: 3)
        node.set("#address-cells", u32: 0)
        guest.interrupts.controller?.describe(node)
    }

    /// What is on Arm's peripheral bus has a clock (Devicetree bindings, arm,primecell).
    public static func describeDevice(_ node: DeviceTreeNode, in root: DeviceTreeNode) {
        guard node.isCompatible(with: "arm,primecell") else { return }
        let handle: UInt32 = 0x100
        if root.child("apb-pclk") == nil {
            let clock = root.add("apb-pclk")
            clock.set("compatible", text: "fixed-clock")
            clock.set("#clock-cells", u32: 0)
            clock.set("clock-frequency", u32: 24_000_000)
            clock.set("phandle", u32: handle)
        }
        if node.isCompatible(with: "arm,pl011") {
            node.set("clocks", cells: [handle, handle])
            node.set("clock-names", strings: ["uartclk", "apb_pclk"])
        } else {
            node.set("clocks", u32: handle)
            node.set("clock-names", text: "apb_pclk")
        }
    }
}
