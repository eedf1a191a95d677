// Arm's PrimeCell GPIO (PL061, ARM DDI 0190B): eight pins, each of which reads what is on it, or drives it.
import HyperModule

enum Pins {
    static let count: UInt64 = 8
    private static let direction: UInt64 = 0x400
    // SAFETY: set while devices are probed, one at a time; 0 is none.
    nonisolated(unsafe) static var base: UInt64 = 0

    /// GPIODATA is there once for each set of pins: bits 9 to 2 of its address are the pins that it is about.
    private static func data(_ pins: UInt64) -> UInt64 { base + pins << 2 }

    static func isDriven(_ pin: UInt64) -> Bool { hyper_read_device(base + direction, 1) >> pin & 1 != 0 }
    static func level(_ pin: UInt64) -> Bool { hyper_read_device(data(1 << pin), 1) & 0xff != 0 }

    /// A pin is driven from its level on: what is written to one that is read is lost.
    static func drive(_ pin: UInt64, _ level: Bool) {
        hyper_write_device(base + direction, 1, hyper_read_device(base + direction, 1) | 1 << pin)
        hyper_write_device(data(1 << pin), 1, level ? 1 << pin : 0)
    }

    static func releaseAll() { hyper_write_device(base + direction, 1, 0) }

    static func write(_ output: OpaquePointer?) {
        for pin in 0..<count {
            withUnsafeBytes(of: UInt8(0x30 + pin)) {
                hyper_write(output, hyper_text(bytes: $0.baseAddress?.assumingMemoryBound(to: UInt8.self), count: 1))
            }
            hyper_write(output, hyper_text(isDriven(pin) ? "  out" : "  in "))
            hyper_write(output, hyper_text(level(pin) ? "  high\n" : "  low\n"))
        }
    }
}

@c(module_start)
public func start(_ error: OpaquePointer?) -> Bool {
    var driver = hyper_driver(
        name: hyper_text("pl061"), compatible: hyper_text("arm,pl061"),
        probe: { node, error in
            var (base, size): (UInt64, UInt64) = (0, 0)
            guard hyper_node_registers(node, 0, &base, &size, error) else { return nil }
            guard Pins.base == 0 else {
                _ = hyper_fail(error, hyper_text("this module has one device, and drives it already"))
                return nil
            }
            Pins.base = base
            return UnsafeMutableRawPointer(bitPattern: UInt(base))
        },
        remove: { _ in
            Pins.releaseAll()
            Pins.base = 0
        })
    guard hyper_add_driver(&driver, error) else { return false }
    let forms = [
        hyper_form(usage: hyper_text(""), summary: hyper_text("list the pins")) { _, _, output, error in
            guard Pins.base != 0 else { return hyper_fail(error, hyper_text("no device has pins")) }
            Pins.write(output)
            return true
        },
        hyper_form(usage: hyper_text("PIN LEVEL"), summary: hyper_text("drive a pin: 1 is high, 0 is low")) {
            arguments, count, _, error in
            guard Pins.base != 0 else { return hyper_fail(error, hyper_text("no device has pins")) }
            guard count == 2, let arguments, let pin = arguments[0].number, pin < Pins.count,
                let level = arguments[1].number, level < 2
            else { return hyper_fail(error, hyper_text("pins are 0 to 7, and levels 0 and 1")) }
            Pins.drive(pin, level == 1)
            return true
        },
    ]
    return forms.withUnsafeBufferPointer { forms in
        var command = hyper_command(
            name: hyper_text("gpio"), group: hyper_text("Host"), summary: hyper_text("pins of the machine"),
            forms: forms.baseAddress, form_count: forms.count)
        return hyper_add_command(&command, error)
    }
}

@c(module_stop)
public func stop() {}
