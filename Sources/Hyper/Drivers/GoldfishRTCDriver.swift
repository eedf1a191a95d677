/// The host's Goldfish real-time clock (QEMU, docs/specs; "Goldfish virtual hardware", RTC): it is read once, and set when
/// somebody sets the time.
public final class GoldfishRTCDriver: HostDevice {
    public static var driver: Driver {
        Driver("goldfish-rtc", compatible: ["google,goldfish-rtc"]) { (node) throws(HyperError) in
            guard let registers = try node.registers().first else { throw node.wrong("reg", "has no entry") }
            return GoldfishRTCDriver(base: registers.base)
        }
    }

    private enum Register {
        /// Reading the low half keeps the high one for the next read.
        static let timeLow: UInt64 = 0x00, timeHigh: UInt64 = 0x04
        static let interruptEnable: UInt64 = 0x10, clearAlarm: UInt64 = 0x14
    }

    private let base: UInt64

    public init(base: UInt64) {
        self.base = base
        // Whatever a firmware has left there.
        Port.writeDevice(base + Register.interruptEnable, width: 4, 0)
        Port.writeDevice(base + Register.clearAlarm, width: 4, 0)
        let low = Port.readDevice(base + Register.timeLow, width: 4) & 0xffff_ffff
        WallClock.set(Port.readDevice(base + Register.timeHigh, width: 4) << 32 | low)
    }

    public func remove() {}
}
