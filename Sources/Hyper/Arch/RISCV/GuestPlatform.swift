/// What a guest is told of its harts, and where its kernel goes.
extension RISCVPort {
    public static func kernelLayout(_ memory: Region) throws(HyperError) -> KernelLayout {
        try KernelLayout.image(in: memory)
    }

    public static func describeCPUs(of guest: Guest, in root: DeviceTreeNode) {
        let cpus = root.add("cpus")
        cpus.set("#address-cells", u32: 1)
        cpus.set("#size-cells", u32: 0)
        cpus.set("timebase-frequency", u32: UInt32(truncatingIfNeeded: counterFrequency))
        for index in guest.vcpus.indices {
            let cpu = cpus.add("cpu@\(index)")
            cpu.set("device_type", text: "cpu")
            cpu.set("reg", u32: UInt32(index))
            cpu.set("status", text: "okay")
            cpu.set("compatible", text: "riscv")
            cpu.set("riscv,isa", text: isa)
            for name in blockSizes {
                guard let size = HostHarts.number(name) else { continue }
                cpu.set(name, u32: UInt32(truncatingIfNeeded: size))
            }
            cpu.set("mmu-type", text: "riscv,sv39")
            let controller = cpu.add("interrupt-controller")
            controller.set("#interrupt-cells", u32: 1)
            controller.set("interrupt-controller")
            controller.set("compatible", text: "riscv,cpu-intc")
            controller.set("phandle", u32: GuestTree.cpuHandle(index))
        }
    }

    /// Extensions that a guest may have as its hart has them: they add instructions for all modes, and no state. henvcfg lets
    /// the cache-block instructions through. Zawrs has kernels say that they wait for another hart of theirs, which may be
    /// one that shares the host's with them: WRS.NTO leaves the guest (VTW), which gives way.
    private static var guestExtensions: [Text] {
        [
            "zicbom", "zicboz", "zicond", "zihintpause", "zacas", "zawrs", "zfh", "zfhmin",
            "zba", "zbb", "zbc", "zbkb", "zbkx", "zbs",
        ]
    }

    /// By WRS.NTO, where guests are told of it.
    public static var seesWaits: Bool { HostHarts.have("zawrs") }

    private static var blockSizes: [Text] { ["riscv,cbom-block-size", "riscv,cboz-block-size"] }

    private static var isa: Text {
        var isa: Text = "rv64imafdc_zicsr_zifencei_zicntr"
        for name in guestExtensions where HostHarts.have(name) { isa.append("_\(name)" as Text) }
        if hasSupervisorTimer { isa.append("_sstc" as StaticString) }
        return isa
    }

    public static func interruptSpecifier(_ line: UInt32) -> [UInt32] { [line] }
    public static func describeDevice(_ node: DeviceTreeNode, in root: DeviceTreeNode) {}

    public static func describeInterruptController(_ node: DeviceTreeNode, of guest: Guest) {
        let none = UInt32.max, supervisorExternal: UInt32 = 9
        node.set("interrupt-controller")
        node.set("#interrupt-cells", u32: 1)
        node.set("#address-cells", u32: 0)
        node.set("riscv,ndev", u32: 127)
        node.set("compatible", strings: ["sifive,plic-1.0.0", "riscv,plic0"])
        node.set(
            "interrupts-extended",
            cells: guest.vcpus.indices.flatMap {
                [GuestTree.cpuHandle($0), none, GuestTree.cpuHandle($0), supervisorExternal]
            })
    }
}

/// The machine's harts as its device tree has them: a VCPU may come to any of them, and has what all of them have.
private enum HostHarts {
    private static var nodes: [DeviceTreeNode] {
        (HostDevices.tree.child("cpus")?.children ?? []).filter { $0.text("device_type") == "cpu" && $0.isOkay }
    }

    /// Multi-letter extensions stand behind underscores (Unprivileged ISA, ISA Extension Naming Conventions).
    static func have(_ name: Text) -> Bool {
        let nodes = nodes
        return !nodes.isEmpty
            && nodes.allSatisfy { ($0.text("riscv,isa") ?? Text()).split(0x5f).dropFirst().contains(name) }
    }

    /// A property that all of them have alike.
    static func number(_ name: Text) -> UInt64? {
        let values = nodes.map { $0.number(name) }
        return values.allSatisfy { $0 == values.first } ? values.first.flatMap { $0 } : nil
    }
}
