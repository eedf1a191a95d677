// Devices that modules drive or emulate, as the rest of Hyper sees them.
import HyperModule

/// A device of the host that a module drives.
final class ModuleHostDevice: HostDevice {
    private let driver: hyper_driver
    private let state: UnsafeMutableRawPointer

    init(_ driver: hyper_driver, _ node: DeviceTreeNode) throws(HyperError) {
        var state: UnsafeMutableRawPointer?
        try ModuleError.check { error in
            state = driver.probe(node.moduleReference, error)
            return state != nil
        }
        self.driver = driver
        self.state = state.unsafelyUnwrapped
    }

    func remove() { driver.remove(state) }
}

/// A device of a guest that a module emulates.
final class ModuleEmulatedDevice: EmulatedDevice {
    private let emulator: hyper_emulator
    /// The module is not unloaded while it has devices.
    private let module: Module
    private let guest: Unmanaged<Guest>
    fileprivate let region: GuestRegion
    private let lines: [InterruptLine]
    private var state: UnsafeMutableRawPointer?

    init(_ emulator: hyper_emulator, _ context: Emulator.Context, of module: Module) throws(HyperError) {
        self.emulator = emulator
        self.module = module
        guest = Unmanaged.passUnretained(context.guest)
        region = context.region
        lines = context.region.interrupts.map { InterruptLine(context.guest.interrupts, Int($0)) }
        let me = reference
        try ModuleError.check { error in
            state = emulator.make(me, error)
            return state != nil
        }
        module.addDevice()
    }

    private var reference: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    func read(_ offset: UInt64, width: Int) -> UInt64 { emulator.read(state, offset, Int32(width)) }
    func write(_ offset: UInt64, width: Int, value: UInt64) { emulator.write(state, offset, Int32(width), value) }
    func reset() { emulator.reset(state) }

    func remove() {
        emulator.remove(state)
        module.removeDevice()
    }

    static func with<Result>(_ reference: OpaquePointer?, _ body: (ModuleEmulatedDevice) -> Result) -> Result {
        // SAFETY: what a module has is the reference that it was given when it made the device, which Hyper has until it is
        // removed.
        Unmanaged<ModuleEmulatedDevice>.fromOpaque(UnsafeRawPointer(reference.unsafelyUnwrapped))
            ._withUnsafeGuaranteedRef(body)
    }

    fileprivate var space: AddressSpace { guest._withUnsafeGuaranteedRef { $0.space } }

    fileprivate func set(_ index: Int, _ level: Bool) {
        if lines.indices.contains(index) { lines[index].set(level) }
    }
}

@c @implementation
public func hyper_device_node(_ device: OpaquePointer?) -> OpaquePointer? {
    ModuleEmulatedDevice.with(device) { $0.region.node.moduleReference }
}

@c @implementation
public func hyper_device_size(_ device: OpaquePointer?) -> UInt64 {
    ModuleEmulatedDevice.with(device) { $0.region.size }
}

@c @implementation
public func hyper_device_set_interrupt(_ device: OpaquePointer?, _ index: Int, _ level: Bool) {
    ModuleEmulatedDevice.with(device) { $0.set(index, level) }
}

@c @implementation
public func hyper_device_read_memory(
    _ device: OpaquePointer?, _ address: UInt64, _ target: UnsafeMutableRawPointer?, _ count: Int
) -> Bool {
    ModuleEmulatedDevice.with(device) {
        $0.space.read(address, into: UnsafeMutableRawBufferPointer(start: target, count: count))
    }
}

@c @implementation
public func hyper_device_write_memory(
    _ device: OpaquePointer?, _ address: UInt64, _ source: UnsafeRawPointer?, _ count: Int
) -> Bool {
    ModuleEmulatedDevice.with(device) {
        $0.space.write(address, from: UnsafeRawBufferPointer(start: source, count: count))
    }
}
