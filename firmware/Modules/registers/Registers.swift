// A bank of 32-bit registers that keep what is written (Linux's binding mfd/syscon: registers of no one function). Its
// interrupt is raised while the first register is not 0.
import HyperModule

final class Registers {
    private let device: OpaquePointer
    private var values: [UInt32]
    private let initial: UInt32

    init(_ device: OpaquePointer, count: Int, initial: UInt32) {
        self.device = device
        self.initial = initial
        values = [UInt32](repeating: initial, count: count)
    }

    func read(_ offset: UInt64, _ width: Int32) -> UInt64 {
        guard width == 4, offset & 3 == 0, offset / 4 < UInt64(values.count) else { return 0 }
        return UInt64(values[Int(offset / 4)])
    }

    func write(_ offset: UInt64, _ width: Int32, _ value: UInt64) {
        guard width == 4, offset & 3 == 0, offset / 4 < UInt64(values.count) else { return }
        values[Int(offset / 4)] = UInt32(truncatingIfNeeded: value)
        if offset == 0 { hyper_device_set_interrupt(device, 0, values[0] != 0) }
    }

    func reset() {
        for index in values.indices { values[index] = initial }
        hyper_device_set_interrupt(device, 0, values.first ?? 0 != 0)
    }
}

@c(module_start)
public func start(_ error: OpaquePointer?) -> Bool {
    var emulator = hyper_emulator(
        name: hyper_text("registers"), compatible: hyper_text("syscon"),
        make: { device, error in
            guard let device else { return nil }
            let size = hyper_device_size(device)
            guard size <= 4096 else {
                _ = hyper_fail(error, hyper_text("a bank of registers has 4096 bytes at most: lower its physical_size"))
                return nil
            }
            var initial: UInt64 = 0
            _ = hyper_node_number(hyper_device_node(device), hyper_text("initial"), &initial)
            return .keep(Registers(device, count: Int(size / 4), initial: UInt32(truncatingIfNeeded: initial)))
        },
        read: { state, offset, width in state.unsafelyUnwrapped.with(Registers.self) { $0.read(offset, width) } },
        write: { state, offset, width, value in
            state.unsafelyUnwrapped.with(Registers.self) { $0.write(offset, width, value) }
        },
        reset: { state in state.unsafelyUnwrapped.with(Registers.self) { $0.reset() } },
        remove: { state in state.unsafelyUnwrapped.drop(Registers.self) })
    return hyper_add_emulator(&emulator, error)
}

@c(module_stop)
public func stop() {}
