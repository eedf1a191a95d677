/// Devices of VirtIO, behind memory-mapped registers or on PCI: which driver each of them has.
public enum VirtIODrivers {
    public static var mmio: Driver {
        Driver("virtio-mmio", compatible: ["virtio,mmio"]) { (node) throws(HyperError) in
            try driver(of: VirtIODriverTransport(node))
        }
    }

    public static var pci: Driver {
        Driver("virtio-pci", compatible: [PCIHostDriver.virtIO]) { (node) throws(HyperError) in
            try driver(of: VirtIODriverTransport(node.path, VirtIOPCIRegisters(node)))
        }
    }

    private static func driver(of transport: VirtIODriverTransport) throws(HyperError) -> (any HostDevice)? {
        switch transport.deviceType {
        // A slot that nothing is in.
        case 0: return nil
        case VirtIODeviceType.block where Configuration.DRIVER_VIRTIO_BLOCK: return try VirtIOBlockDriver(transport)
        case VirtIODeviceType.console where Configuration.DRIVER_VIRTIO_CONSOLE:
            return try VirtIOConsoleDriver(transport)
        case VirtIODeviceType.entropy where Configuration.DRIVER_VIRTIO_ENTROPY:
            return try VirtIOEntropyDriver(transport)
        case VirtIODeviceType.gpu where Configuration.DRIVER_VIRTIO_GPU: return try VirtIOGPUDriver(transport)
        case VirtIODeviceType.input where Configuration.DRIVER_VIRTIO_INPUT: return try VirtIOInputDriver(transport)
        case VirtIODeviceType.network where Configuration.DRIVER_VIRTIO_NETWORK:
            return try VirtIONetworkDriver(transport, work: sharedWork())
        default:
            throw HyperError(
                "\(transport.path): no driver knows VirtIO's device type \(UInt64(transport.deviceType))")
        }
    }

    // SAFETY: made once, by whoever finds the first device that needs it: at boot, or with the mutex of the management.
    nonisolated(unsafe) private static var work: WorkQueue?

    /// What interrupts leave to a thread.
    private static func sharedWork() -> WorkQueue {
        if let work { return work }
        let new = WorkQueue("host virtio", priority: Thread.guestPriority)
        work = new
        return new
    }
}
