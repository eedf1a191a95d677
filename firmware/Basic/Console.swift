/// The serial port of the tree, or the firmware's console where the tree has none or the boot arguments ask for it.
enum Console: TextSink {
    nonisolated(unsafe) private static var isHeld = false
    nonisolated(unsafe) private static var heldCount: UInt64 = 0

    static func put(_ byte: UInt8) {
        if byte == 0x0a { send(0x0d) }
        send(byte)
    }

    /// Keeps what is written until `release`, for tests of the very device that it goes through.
    static func hold() { isHeld = true }

    static func release() {
        isHeld = false
        for index in 0..<heldCount { send(device_read8(address_of_basic_page(11) + index)) }
        heldCount = 0
    }

    private static func send(_ byte: UInt8) {
        if isHeld, heldCount < 4096 {
            device_write8(address_of_basic_page(11) + heldCount, byte)
            heldCount += 1
            return
        }
        if Serial.isUsed { Serial.send(byte) } else { Firmware.put(byte) }
    }

    /// Waits for a byte, asleep.
    static func read() -> UInt8 { Serial.isUsed ? Serial.read() : Firmware.read() }
}
