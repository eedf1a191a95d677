/// Devices of VirtIO behind memory-mapped registers: which driver each of them has.
public enum VirtIOMMIODriver {
    public static var driver: Driver {
        Driver("virtio-mmio", compatible: ["virtio,mmio"]) { (node) throws(HyperError) in
            let transport = try VirtIODriverTransport(node)
            switch transport.deviceType {
            // A slot that nothing is in.
            case 0: return nil
            case VirtIODeviceType.block where Configuration.DRIVER_VIRTIO_BLOCK: return try VirtIOBlockDriver(transport)
            case VirtIODeviceType.console where Configuration.DRIVER_VIRTIO_CONSOLE:
                return try VirtIOConsoleDriver(transport)
            case VirtIODeviceType.entropy where Configuration.DRIVER_VIRTIO_ENTROPY:
                return try VirtIOEntropyDriver(transport)
            case VirtIODeviceType.gpu where Configuration.DRIVER_VIRTIO_GPU: return try VirtIOGPUDriver(transport)
            case VirtIODeviceType.input where Configuration.DRIVER_VIRTIO_INPUT:
                return try VirtIOInputDriver(transport)
            case VirtIODeviceType.network where Configuration.DRIVER_VIRTIO_NETWORK:
                return try VirtIONetworkDriver(transport, work: sharedWork())
            default:
                throw HyperError("\(node.path): no driver knows VirtIO's device type \(UInt64(transport.deviceType))")
            }
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
