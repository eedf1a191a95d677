/// Makes guests of their descriptions.
enum GuestBuilder {
    static func make(_ description: GuestDescription, name: Text, identifier: Int) throws(HyperError) -> Guest {
        let guest = try Guest(name: name, identifier: identifier)
        do throws(HyperError) {
            for vcpu in description.vcpus {
                let made = try guest.addVCPU(
                    priority: vcpu.priority ?? Thread.guestPriority, affinity: vcpu.affinity)
                if let slice = vcpu.timeSlice, let thread = made.pointee.thread {
                    Scheduler.setSlice(thread, nanoseconds: slice)
                }
            }
            guest.description = description
            guest.entry = description.vcpus.first?.startPC ?? 0
            for region in description.regions { try add(region, to: guest) }
        } catch {
            guest.destroy()
            throw error
        }
        return guest
    }

    private static func addFrameBuffer(_ region: GuestRegion, to guest: Guest) throws(HyperError) {
        // A thread looks at it for as long as the guest lives.
        guest.space.keep(region.start, count: region.size)
        guard Configuration.EMULATOR_SIMPLE_FRAMEBUFFER,
            let memory = guest.space.memory(region.start, count: region.size)
        else { throw region.node.wrong("compatible", "is a frame buffer, which this build does not have") }
        guest.frameBuffers.append(try SimpleFrameBuffer(region, of: guest.name, memory: memory))
    }

    private static func add(_ region: GuestRegion, to guest: Guest) throws(HyperError) {
        guard region.addressSpace == .memory else {
            throw region.node.wrong("address_type", "is io, and this machine has no I/O ports")
        }
        let access: SecondStageAccess = region.isReadOnly ? [.read, .execute] : .all
        switch region.kind {
        case .colored(let first, let count):
            try guest.allocate(
                region.name, at: region.start, size: region.size, colours: count, from: first, access)
        case .allocated:
            try guest.allocate(
                region.name, at: region.start, size: region.size,
                alignment: UInt64(1) << UInt64(max(region.alignOrder, 12)),
                access)
            if region.compatible.contains(SimpleFrameBuffer.compatible) { try addFrameBuffer(region, to: guest) }
        case .reserved(let host):
            try guest.space.add(
                Region(name: region.name, start: region.start, size: region.size, kind: .memory(host, access)))
        case .shared(let name):
            let memory = try SharedMemory.find(name, size: region.size)
            try guest.space.add(
                Region(
                    name: region.name, start: region.start, size: region.size, kind: .memory(memory.address, access),
                    isShared: true))
        case .passThrough(let host):
            let owner = HostDevices.tree.first { node in
                guard let registers = try? node.registers() else { return false }
                return registers.contains { $0.base == host && $0.size > 0 }
            }
            guard let owner else {
                throw region.node.wrong("host_physical_addr", "is \(hex: host), where no device of the host's begins")
            }
            try pass(owner, region, region.hostInterrupts.map { Int($0.number) }, to: guest)
        case .hostDevice(let path):
            guard let owner = HostDevices.tree.node(at: path) else {
                throw region.node.wrong("host_device", "is \(path), which the host's tree does not have")
            }
            let interrupts = try owner.interrupts().map { $0.number ?? 0 }
            guard region.interrupts.count <= interrupts.count else {
                throw region.node.wrong(
                    "interrupts", "has \(region.interrupts.count) entries, and \(path) has \(interrupts.count)")
            }
            try pass(owner, region, interrupts, to: guest)
        case .alias(let target):
            try guest.space.add(
                Region(name: region.name, start: region.start, size: region.size, kind: .alias(target)))
        case .emulated:
            guard let emulator = Emulators.find(region.compatible) else {
                throw region.node.wrong(
                    "compatible", "is nothing that is emulated here: load a module that has it, or remove the node")
            }
            let device = try emulator.make(Emulator.Context(guest: guest, region: region))
            do throws(HyperError) {
                try guest.space.add(
                    Region(name: region.name, start: region.start, size: region.size, kind: .device(device)))
            } catch {
                // What it has of the host, a port of a network, would lead to what is gone.
                device.remove()
                throw error
            }
        case .hole: return
        }
    }

    /// Gives the guest a device of the host's.
    private static func pass(
        _ node: DeviceTreeNode, _ region: GuestRegion, _ interrupts: [Int], to guest: Guest
    ) throws(HyperError) {
        let range = try PassThrough.take(node, for: guest.name, size: region.size, space: guest.space)
        try guest.space.add(
            Region(
                name: region.name, start: region.start, size: region.size,
                kind: .memory(range.base, [.read, .write, .device])))
        for (line, interrupt) in zip(region.interrupts, interrupts) { guest.interrupts.pass(interrupt, as: Int(line)) }
    }
}
