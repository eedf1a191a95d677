/// What was put into a guest's memory before its power-on, and is put there again when it is reset: until then the guest has
/// changed it.
public struct GuestImage {
    public enum Source {
        case file(Text)
        case bytes([UInt8])
    }

    public let source: Source
    public let address: UInt64
}

/// Brings images into a guest's memory.
public enum GuestLoader {
    /// Copies a file to the guest's address; how many bytes.
    @discardableResult
    public static func load(_ path: Text, into guest: Guest, at address: UInt64) throws(HyperError) -> UInt64 {
        try load(GuestImage(source: .file(path), address: address), into: guest)
    }

    private static func load(_ image: GuestImage, into guest: Guest) throws(HyperError) -> UInt64 {
        let count = try place(image, in: guest)
        guest.images.removeAll { $0.address == image.address }
        guest.images.append(image)
        return count
    }

    /// Once more, after a reset.
    static func reload(_ guest: Guest) throws(HyperError) {
        for image in guest.images { _ = try place(image, in: guest) }
    }

    private static func place(_ image: GuestImage, in guest: Guest) throws(HyperError) -> UInt64 {
        let (name, size): (Text, UInt64)
        switch image.source {
        case .file(let path): (name, size) = (path, try VirtualFileSystem.entry(at: path).size)
        case .bytes(let bytes): (name, size) = ("its device tree", UInt64(bytes.count))
        }
        guard size > 0 else { return 0 }
        // A guest may not write to its ROM, but whoever makes the guest does.
        return try guest.space.withUse { () throws(HyperError) in
            var done: UInt64 = 0
            let isWhole = try guest.space.forEachPiece(image.address, count: size) { (piece) throws(HyperError) in
                switch image.source {
                case .file(let path): done += UInt64(try VirtualFileSystem.read(path, at: done, into: piece))
                case .bytes(let bytes):
                    piece.copyBytes(from: bytes[Int(done)..<Int(done) + piece.count])
                    done += UInt64(piece.count)
                }
            }
            guard isWhole else {
                throw HyperError(
                    "\(name) has \(size) bytes, and guest \(guest.name) has no such memory at \(hex: image.address)")
            }
            return done
        }
    }

    /// Loads a kernel as its boot protocol wants it, with a device tree that says what the guest has.
    public static func loadKernel(
        _ kernel: Text, initrd: Text?, append: Text, into guest: Guest
    ) throws(HyperError) {
        guard let memory = guest.largestMemory else { throw HyperError("guest \(guest.name) has no memory") }
        let layout = try Port.kernelLayout(memory)
        try check(kernel, at: layout.kernel, before: initrd == nil ? [layout.tree] : [layout.initrd, layout.tree])
        if let initrd { try check(initrd, at: layout.initrd, before: [layout.kernel, layout.tree]) }
        try load(kernel, into: guest, at: layout.kernel)
        // One of the last time's.
        guest.images.removeAll { $0.address == layout.initrd }
        var initrdRange: Range<UInt64>?
        if let initrd {
            let size = try load(initrd, into: guest, at: layout.initrd)
            initrdRange = layout.initrd..<layout.initrd + size
        }
        let tree = try GuestTree.make(for: guest, append: append, initrd: initrdRange).flatten()
        _ = try load(GuestImage(source: .bytes(tree), address: layout.tree), into: guest)
        guest.entry = layout.kernel
        guest.argument = layout.tree
    }
}

extension GuestLoader {
    /// A file that reaches into the place of another one would be damaged by it.
    private static func check(_ path: Text, at start: UInt64, before places: [UInt64]) throws(HyperError) {
        let size = try VirtualFileSystem.entry(at: path).size
        for place in places where place > start && size > place - start {
            throw HyperError(
                """
                \(path) has \(size) bytes, and there is room for \(place - start) of them at \(hex: start): give the guest \
                more memory
                """)
        }
    }
}

/// Where a kernel and what it needs go in a guest's memory.
public struct KernelLayout {
    public let kernel: UInt64
    public let initrd: UInt64
    public let tree: UInt64

    public init(kernel: UInt64, initrd: UInt64, tree: UInt64) {
        self.kernel = kernel
        self.initrd = initrd
        self.tree = tree
    }

    /// Where architectures have it whose kernels are an Image: Linux wants that at a multiple of 2 MiB
    /// (Documentation/arch/riscv/boot-image-header, Documentation/arch/arm64/booting), and the first two are left to a firmware,
    /// as boards do. The tree is at the end.
    static func image(in memory: Region) throws(HyperError) -> KernelLayout {
        guard memory.size >= 4 << 20 else {
            throw HyperError("\(memory.name) has \(memory.size >> 10) KiB, and a kernel wants at least 4096")
        }
        return KernelLayout(
            kernel: memory.start + (2 << 20), initrd: memory.start + memory.size / 2,
            tree: memory.start + memory.size - (64 << 10))
    }
}

/// The device tree that a guest is given.
enum GuestTree {
    static func make(for guest: Guest, append: Text, initrd: Range<UInt64>?) throws(HyperError) -> DeviceTreeNode {
        let root = DeviceTreeNode()
        root.set("#address-cells", u32: 2)
        root.set("#size-cells", u32: 2)
        root.set("compatible", text: "linux,dummy-virt")
        root.set("model", text: "Hyper guest \(guest.name)")
        let chosen = root.add("chosen")
        if !append.isEmpty { chosen.set("bootargs", text: append) }
        if let initrd {
            chosen.set("linux,initrd-start", u64: initrd.lowerBound)
            chosen.set("linux,initrd-end", u64: initrd.upperBound)
        }
        for region in guest.space.regions where region.isMainMemory {
            // A screen is nobody's to allocate.
            if let buffer = guest.frameBuffers.first(where: { $0.start == region.start }) {
                buffer.describe(in: chosen)
                continue
            }
            let memory = root.add(nodeName("memory", region.start))
            memory.set("device_type", text: "memory")
            setRegisters(memory, region.start, region.size)
        }
        Port.describeCPUs(of: guest, in: root)
        let bus = root.add("soc")
        bus.set("#address-cells", u32: 2)
        bus.set("#size-cells", u32: 2)
        bus.set("compatible", text: "simple-bus")
        bus.set("ranges")
        for description in guest.description?.regions ?? [] {
            guard let compatible = compatible(description) else { continue }
            let node = bus.add(nodeName(description.name, description.start))
            node.set("compatible", strings: compatible)
            setRegisters(node, description.start, description.size)
            if !description.interrupts.isEmpty {
                node.set("interrupt-parent", u32: interruptControllerHandle)
                node.set("interrupts", cells: description.interrupts.flatMap { Port.interruptSpecifier($0) })
            }
            if description.deviceType == "pic" {
                node.set("phandle", u32: interruptControllerHandle)
                Port.describeInterruptController(node, of: guest)
            }
            if description.deviceType == "serial" {
                node.set("clock-frequency", u32: 3_686_400)
                if !chosen.has("stdout-path") { chosen.set("stdout-path", text: node.path) }
            }
            Port.describeDevice(node, in: root)
            if Configuration.EMULATOR_PCI_HOST {
                guest.described.first { $0.start == description.start }?.describe(node)
            }
        }
        return root
    }

    /// What a device calls itself; nil for what is none. One of the host's is what it is there, if the description says
    /// nothing else.
    private static func compatible(_ description: GuestRegion) -> [Text]? {
        switch description.kind {
        case .emulated: description.compatible
        case .hostDevice(let path) where description.compatible.isEmpty:
            HostDevices.tree.node(at: path)?.compatible
        case .hostDevice, .passThrough: description.compatible.isEmpty ? nil : description.compatible
        default: nil
        }
    }

    /// The guest's interrupt controller; those of its CPUs are behind it.
    static let interruptControllerHandle: UInt32 = 1
    static func cpuHandle(_ index: Int) -> UInt32 { UInt32(index) + 2 }

    /// A node's name and unit address.
    static func nodeName(_ name: Text, _ address: UInt64) -> Text {
        var text = name
        text.append("@" as StaticString)
        text.append(address, radix: 16)
        return text
    }

    static func setRegisters(_ node: DeviceTreeNode, _ start: UInt64, _ size: UInt64) {
        node.set(
            "reg",
            cells: [
                UInt32(truncatingIfNeeded: start >> 32), UInt32(truncatingIfNeeded: start),
                UInt32(truncatingIfNeeded: size >> 32), UInt32(truncatingIfNeeded: size),
            ])
    }
}
