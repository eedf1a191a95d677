/// VirtIO devices as descriptions of guests have them, behind any transport: `virtio_type` is the number of the device's
/// type; a network card has the network's name in `switch`, and a disk the disk's in `blkdev`, and perhaps `read-only`.
struct VirtIODescription {
    let guest: Guest
    let node: DeviceTreeNode
    /// Tells it from the guest's others.
    let place: UInt64

    /// What the guest and the device are called: `one/disk0`.
    private var name: Text { "\(guest.name)/\(node.name)" }

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

    /// For transports to go on with what a guest's exit has no time for.
    static func sharedWork() -> WorkQueue {
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

    func makeDevice() throws(HyperError) -> any VirtIODevice {
        switch node.u32("virtio_type") {
        case VirtIODeviceType.network where Configuration.EMULATOR_VIRTIO_NETWORK:
            guard let network = node.text("switch") else {
                throw node.wrong("switch", "must name the network that the card is on")
            }
            let address = try address()
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
            guest.serials.append(serial)
            return VirtIOConsole(serial: serial)
        case VirtIODeviceType.entropy where Configuration.EMULATOR_VIRTIO_ENTROPY: return VirtIOEntropy()
        case VirtIODeviceType.balloon where Configuration.EMULATOR_VIRTIO_BALLOON:
            guard guest.balloon == nil else {
                throw node.wrong("virtio_type", "is a second balloon: one is enough")
            }
            let balloon = VirtIOBalloon(memory: guest.space, work: Self.balloonWork())
            guest.balloon = balloon
            return balloon
        case VirtIODeviceType.gpu where Configuration.EMULATOR_VIRTIO_GPU:
            let (width, height) = (node.u32("width") ?? 800, node.u32("height") ?? 600)
            guard 1...4096 ~= width, 1...4096 ~= height else {
                throw node.wrong("width", "and height must be pixels of a screen: <1> to <4096>")
            }
            return VirtIOGPU(
                display: VirtualDisplay(name: name, guest: guest.name), width: Int(width), height: Int(height),
                memory: guest.space, work: Self.displayWork())
        case VirtIODeviceType.input where Configuration.EMULATOR_VIRTIO_INPUT:
            guard let kind = node.text("input").flatMap({ InputKind($0) }) else {
                throw node.wrong("input", "must be keyboard, mouse or tablet")
            }
            return VirtIOInput(kind, name: name, guest: guest.name)
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
    private func address() throws(HyperError) -> MACAddress {
        guard let bytes = node.bytes("local-mac-address") else {
            return MACAddress(0x0200_0000_0000 | UInt64(guest.identifier & 0xffff) << 16 | place >> 9 & 0xffff)
        }
        let address = MACAddress(bytes.reduce(0) { $0 << 8 | UInt64($1) })
        guard bytes.count == 6, !address.isGroup else {
            throw node.wrong("local-mac-address", "must be the six bytes of one station's address")
        }
        return address
    }
}
