// SiFive's test device, as boards of QEMU have it (docs/system/riscv/virt, "SiFive Test device"; Linux's binding
// power/reset/syscon-poweroff): a write to its first register ends the machine, for good or to begin anew.
import HyperModule

enum Power {
    static let fail: UInt64 = 0x3333, pass: UInt64 = 0x5555, reset: UInt64 = 0x7777
    // SAFETY: set while devices are probed, one at a time; 0 is none.
    nonisolated(unsafe) static var register: UInt64 = 0

    static func write(_ value: UInt64) -> Bool {
        guard register != 0 else { return false }
        hyper_write_device(register, 4, value)
        return true
    }
}

@c(module_start)
public func start(_ error: OpaquePointer?) -> Bool {
    var driver = hyper_driver(
        name: hyper_text("power"), compatible: hyper_text("sifive,test1 sifive,test0"),
        probe: { node, error in
            var (base, size): (UInt64, UInt64) = (0, 0)
            guard hyper_node_registers(node, 0, &base, &size, error) else { return nil }
            guard Power.register == 0 else {
                _ = hyper_fail(error, hyper_text("another device ends the machine already"))
                return nil
            }
            Power.register = base
            return UnsafeMutableRawPointer(bitPattern: UInt(base))
        },
        remove: { _ in Power.register = 0 })
    return hyper_add_driver(&driver, error)
}

@c(module_stop)
public func stop() {}

/// Ends the machine with the status, where it has such a device; false where not. For other modules.
@c(power_off)
public func powerOff(_ status: UInt32) -> Bool {
    Power.write(status == 0 ? Power.pass : Power.fail | UInt64(status) << 16)
}
