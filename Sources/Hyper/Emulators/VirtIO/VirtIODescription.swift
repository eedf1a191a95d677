extension VirtIOMMIOEmulator {
    /// VirtIO devices as descriptions of guests have them: `virtio_type` is the number of the device's type; a network
    /// card has the network's name in `switch`, and a disk the disk's in `blkdev`, and perhaps `read-only`.
    public static var emulator: Emulator {
        Emulator("virtio-mmio", compatible: ["virtio,mmio"]) { (context) throws(HyperError) in
            let line = try context.interrupt()
            return VirtIOMMIOEmulator(
                device: try device(context), memory: context.guest.space, line: line, work: sharedWork())
        }
    }

    // SAFETY: made once, by whoever makes the first guest and holds the mutex of the management.
    nonisolated(unsafe) private static var work: WorkQueue?

    // SAFETY: as above.
    nonisolated(unsafe) private static var balloons: WorkQueue?

    /// One of its own: it waits for what the other does.
    private static func balloonWork() -> WorkQueue {
        if let balloons { return balloons }
        let new = WorkQueue("balloon", priority: Thread.guestPriority)
        balloons = new
        return new
    }

    private static func sharedWork() -> WorkQueue {
        if let work { return work }
        let new = WorkQueue("virtio", priority: Thread.guestPriority)
        work = new
        return new
    }

    // SAFETY: as `work`.
    nonisolated(unsafe) private static var displays: WorkQueue?

    /// Screens wait for the host's screen, and nobody else waits for them.
    private static func displayWork() -> WorkQueue {
        if let displays { return displays }
        let new = WorkQueue("displays", priority: Thread.guestPriority)
        displays = new
        return new
    }

    private static func device(_ context: Emulator.Context) throws(HyperError) -> any VirtIODevice {
        let node = context.region.node
        let name: Text = "\(context.guest.name)/\(context.region.name)"
        switch node.u32("virtio_type") {
        case VirtIODeviceType.network where Configuration.EMULATOR_VIRTIO_NETWORK:
            guard let network = node.text("switch") else {
                throw node.wrong("switch", "must name the network that the card is on")
            }
            let address = try address(context)
            let port = try VirtualSwitches.find(network).addPort(name)
            return VirtIONetwork(
                address: address, port: port, maximumTransmissionUnit: port.maximumTransmissionUnit)
        case VirtIODeviceType.block where Configuration.EMULATOR_VIRTIO_BLOCK:
            guard let disk = node.text("blkdev") else {
                throw node.wrong("blkdev", "must name the disk that the guest is to have, or be \"\" for none at first")
            }
            return try VirtIOBlock(
                name: name, disk: disk.isEmpty ? nil : try VirtualDisks.find(disk), isReadOnly: node.has("read-only"))
        case VirtIODeviceType.console where Configuration.EMULATOR_VIRTIO_CONSOLE:
            let serial = VirtualSerial(name: name)
            context.guest.serials.append(serial)
            return VirtIOConsole(serial: serial)
        case VirtIODeviceType.entropy where Configuration.EMULATOR_VIRTIO_ENTROPY: return VirtIOEntropy()
        case VirtIODeviceType.balloon where Configuration.EMULATOR_VIRTIO_BALLOON:
            guard context.guest.balloon == nil else {
                throw node.wrong("virtio_type", "is a second balloon: one is enough")
            }
            let balloon = VirtIOBalloon(memory: context.guest.space, work: balloonWork())
            context.guest.balloon = balloon
            return balloon
        case VirtIODeviceType.gpu where Configuration.EMULATOR_VIRTIO_GPU:
            let (width, height) = (node.u32("width") ?? 800, node.u32("height") ?? 600)
            guard 1...4096 ~= width, 1...4096 ~= height else {
                throw node.wrong("width", "and height must be pixels of a screen: <1> to <4096>")
            }
            return VirtIOGPU(
                display: VirtualDisplay(name: name, guest: context.guest.name), width: Int(width), height: Int(height),
                memory: context.guest.space, work: displayWork())
        case VirtIODeviceType.input where Configuration.EMULATOR_VIRTIO_INPUT:
            guard let kind = node.text("input").flatMap({ InputKind($0) }) else {
                throw node.wrong("input", "must be keyboard, mouse or tablet")
            }
            return VirtIOInput(kind, name: name, guest: context.guest.name)
        default:
            throw node.wrong(
                "virtio_type",
                """
                must be <1> for a network card, <2> for a disk, <3> for a console, <4> for entropy, <5> for a memory \
                balloon, <16> for a screen, or <18> for an input device, and this build must have it
                """)
        }
    }

    /// `local-mac-address`, or one of our own making: of no maker's, and of this guest's and place's alone.
    private static func address(_ context: Emulator.Context) throws(HyperError) -> MACAddress {
        guard let bytes = context.region.node.bytes("local-mac-address") else {
            let place = context.region.start >> 9 & 0xffff
            return MACAddress(0x0200_0000_0000 | UInt64(context.guest.identifier & 0xffff) << 16 | place)
        }
        let address = MACAddress(bytes.reduce(0) { $0 << 8 | UInt64($1) })
        guard bytes.count == 6, !address.isGroup else {
            throw context.region.node.wrong("local-mac-address", "must be the six bytes of one station's address")
        }
        return address
    }
}
