/// Devices of VirtIO behind memory-mapped registers: which driver each of them has.
public enum VirtIOMMIODriver {
    public static var driver: Driver {
        Driver("virtio-mmio", compatible: ["virtio,mmio"]) { (node) throws(HyperError) in
            let transport = try VirtIODriverTransport(node)
            switch transport.deviceType {
            // A slot that nothing is in.
            case 0: return nil
            case VirtIODeviceType.block where Configuration.DRIVER_VIRTIO_BLOCK: return try VirtIOBlockDriver(transport)
            default:
                throw HyperError("\(node.path): no driver knows VirtIO's device type \(UInt64(transport.deviceType))")
            }
        }
    }
}
