// The functions of HyperModule.h, which says what they do.
import HyperModule

@c @implementation
public func hyper_fail(_ error: OpaquePointer?, _ reason: hyper_text) -> Bool {
    ModuleError.set(error, Text(reason))
    return false
}

@c @implementation
public func hyper_print(_ text: hyper_text) { Console.write(Text(text)) }

@c @implementation
public func hyper_time() -> UInt64 { Timers.now }

// MARK: Nodes

extension DeviceTreeNode {
    /// As modules know it. They only have nodes that outlive their use.
    var moduleReference: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    static func of(_ reference: OpaquePointer?) -> DeviceTreeNode {
        // SAFETY: what a module has is a `moduleReference` that Hyper gave it.
        Unmanaged<DeviceTreeNode>.fromOpaque(UnsafeRawPointer(reference.unsafelyUnwrapped)).takeUnretainedValue()
    }
}

@c @implementation
public func hyper_node_number(
    _ node: OpaquePointer?, _ property: hyper_text, _ value: UnsafeMutablePointer<UInt64>?
) -> Bool {
    guard let number = DeviceTreeNode.of(node).number(Text(property)) else { return false }
    value?.pointee = number
    return true
}

@c @implementation
public func hyper_node_registers(
    _ node: OpaquePointer?, _ index: Int, _ base: UnsafeMutablePointer<UInt64>?, _ size: UnsafeMutablePointer<UInt64>?,
    _ error: OpaquePointer?
) -> Bool {
    ModuleError.catching(error) { () throws(HyperError) in
        let node = DeviceTreeNode.of(node)
        let registers = try node.registers()
        guard registers.indices.contains(index) else {
            throw node.wrong("reg", "has \(registers.count) entries, and number \(index) is wanted")
        }
        base?.pointee = registers[index].base
        size?.pointee = registers[index].size
    }
}

@c @implementation
public func hyper_node_interrupt(
    _ node: OpaquePointer?, _ index: Int, _ number: UnsafeMutablePointer<UInt32>?, _ error: OpaquePointer?
) -> Bool {
    ModuleError.catching(error) { () throws(HyperError) in
        let node = DeviceTreeNode.of(node)
        let interrupts = try node.interrupts()
        guard interrupts.indices.contains(index), let found = interrupts[index].number else {
            throw node.wrong("interrupts", "has \(interrupts.count) entries, and number \(index) is wanted")
        }
        number?.pointee = UInt32(found)
    }
}

// MARK: The host's devices

@c @implementation
public func hyper_read_device(_ address: UInt64, _ width: Int32) -> UInt64 {
    Port.readDevice(address, width: Int(width))
}

@c @implementation
public func hyper_write_device(_ address: UInt64, _ width: Int32, _ value: UInt64) {
    Port.writeDevice(address, width: Int(width), value)
}

@c @implementation
public func hyper_add_interrupt(
    _ number: UInt32, _ handle: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?,
    _ state: UnsafeMutableRawPointer?, _ error: OpaquePointer?
) -> Bool {
    ModuleError.catching(error) { () throws(HyperError) in
        guard let handle else { throw HyperError("interrupt \(UInt64(number)) has no handler") }
        // Its state is for the module's handler alone, which knows what it may do with it.
        nonisolated(unsafe) let state = state
        HostInterrupts.add(Int(number)) { handle(state) }
    }
}

@c @implementation
public func hyper_remove_interrupt(_ number: UInt32) { HostInterrupts.remove(Int(number)) }

// MARK: What a module adds

extension Modules {
    /// Has the module that starts add something.
    fileprivate static func add(
        _ error: OpaquePointer?, _ body: (Module) throws(HyperError) -> Void
    ) -> Bool {
        ModuleError.catching(error) { () throws(HyperError) in
            guard let module = starting else { throw HyperError("only a module's start can add something to Hyper") }
            try body(module)
        }
    }
}

extension Text {
    fileprivate var words: [Text] { split(UInt8(ascii: " ")) }
}

@c @implementation
public func hyper_add_driver(_ driver: UnsafePointer<hyper_driver>?, _ error: OpaquePointer?) -> Bool {
    Modules.add(error) { (module) throws(HyperError) in
        guard let driver = driver?.pointee, driver.probe != nil, driver.remove != nil else {
            throw HyperError("a driver lacks probe or remove")
        }
        let name = Text(driver.name)
        guard !HostDevices.hasDriver(name) else { throw HyperError("there is a driver \(name) already") }
        module.drivers.append(
            Driver(name, compatible: Text(driver.compatible).words) { (node) throws(HyperError) in
                try ModuleHostDevice(driver, node)
            })
    }
}

@c @implementation
public func hyper_add_emulator(_ emulator: UnsafePointer<hyper_emulator>?, _ error: OpaquePointer?) -> Bool {
    Modules.add(error) { (module) throws(HyperError) in
        guard let emulator = emulator?.pointee, emulator.make != nil, emulator.read != nil, emulator.write != nil,
            emulator.reset != nil, emulator.remove != nil
        else { throw HyperError("an emulator lacks one of its functions") }
        let name = Text(emulator.name)
        guard !Emulators.all.contains(where: { $0.name == name }) else {
            throw HyperError("there is an emulator \(name) already")
        }
        let owner = Unmanaged.passUnretained(module)
        let new = Emulator(name, compatible: Text(emulator.compatible).words) { (context) throws(HyperError) in
            try ModuleEmulatedDevice(emulator, context, of: owner.takeUnretainedValue())
        }
        module.emulators.append(new)
        Emulators.add(new)
    }
}

@c @implementation
public func hyper_add_command(_ command: UnsafePointer<hyper_command>?, _ error: OpaquePointer?) -> Bool {
    Modules.add(error) { (module) throws(HyperError) in
        guard let command = command?.pointee else { throw HyperError("there is no command to add") }
        let forms = UnsafeBufferPointer(start: command.forms, count: command.form_count)
        let new = Command(Text(command.name), group: Text(command.group), Text(command.summary), forms.map { Form($0) })
        try Management.commands.add(new)
        module.commands.append(new)
    }
}

extension Form {
    fileprivate init(_ form: hyper_form) {
        self.init(Text(form.usage), Text(form.summary)) { (arguments, output) throws(HyperError) in
            let me = OpaquePointer(Unmanaged.passUnretained(output).toOpaque())
            // One behind the other, so that nothing of them moves while the module looks.
            var bytes: [UInt8] = []
            for argument in arguments { bytes += argument.bytes }
            try ModuleError.check { error in
                bytes.withUnsafeBufferPointer { bytes in
                    var texts: [hyper_text] = []
                    var start = bytes.baseAddress
                    for argument in arguments {
                        texts.append(hyper_text(bytes: start, count: argument.count))
                        start = start.map { $0 + argument.count }
                    }
                    return texts.withUnsafeBufferPointer { form.run?($0.baseAddress, $0.count, me, error) ?? false }
                }
            }
        }
    }
}

@c @implementation
public func hyper_write(_ output: OpaquePointer?, _ text: hyper_text) {
    // SAFETY: what a command has of Hyper is the output that it was called with.
    Unmanaged<TerminalOutput>.fromOpaque(UnsafeRawPointer(output.unsafelyUnwrapped))
        ._withUnsafeGuaranteedRef { $0.write(Text(text)) }
}
