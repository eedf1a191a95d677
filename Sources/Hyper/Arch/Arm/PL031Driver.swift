/// The host's PL031 real-time clock (ARM DDI 0224C), which counts seconds: it is read once, and set when somebody sets the
/// time.
public final class PL031Driver: HostDevice {
    public static var driver: Driver {
        Driver("pl031", compatible: ["arm,pl031"]) { (node) throws(HyperError) in
            guard let registers = try node.registers().first else { throw node.wrong("reg", "has no entry") }
            return PL031Driver(base: registers.base)
        }
    }

    private enum Register {
        static let data: UInt64 = 0x00, interruptMask: UInt64 = 0x10, interruptClear: UInt64 = 0x1c
    }

    public init(base: UInt64) {
        // Whatever a firmware has left there.
        Port.writeDevice(base + Register.interruptMask, width: 4, 0)
        Port.writeDevice(base + Register.interruptClear, width: 4, 1)
        WallClock.set(Port.readDevice(base + Register.data, width: 4) &* 1_000_000_000)
    }

    public func remove() {}
}
