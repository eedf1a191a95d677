/// SiFive's test device, as boards of QEMU have it: a write ends the guest or resets it.
public final class TestEmulator: EmulatedDevice {
    public static var emulator: Emulator {
        Emulator("test", compatible: ["sifive,test0", "sifive,test1"]) { TestEmulator(guest: $0.guest) }
    }

    private let guest: Unmanaged<Guest>

    /// - Parameter guest: outlives its devices.
    public init(guest: Guest) { self.guest = Unmanaged.passUnretained(guest) }

    public func reset() {}
    public func read(_ offset: UInt64, width: Int) -> UInt64 { 0 }

    public func write(_ offset: UInt64, width: Int, value: UInt64) {
        guard offset == 0 else { return }
        let fail: UInt64 = 0x3333, pass: UInt64 = 0x5555, reset: UInt64 = 0x7777
        guest._withUnsafeGuaranteedRef { guest in
            switch value & 0xffff {
            case fail: guest.halt("ended by itself: failure \(value >> 16)")
            case pass: guest.halt("ended by itself: success")
            case reset: guest.requestReset()
            default: return
            }
        }
    }
}
