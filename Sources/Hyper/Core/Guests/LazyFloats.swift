/// An architecture's floating-point registers, as ``LazyFloats`` uses them.
public protocol FloatRegisters {
    /// What all of them take, with their control and status.
    static var words: Int { get }
    /// Has the guest that is brought to this CPU find them, or has each use of them come to Hyper.
    static func set(_ vcpu: VCPUReference, areThere: Bool)
    /// Lets this CPU access them, whosever they are.
    static func open()
    /// They are the guest's that is loaded here, and open.
    static func give(_ vcpu: VCPUReference)
    static func save(_ floats: UnsafeMutablePointer<UInt64>)
    static func load(_ floats: UnsafeMutablePointer<UInt64>)
}

/// Floating-point registers are brought to a guest when it first uses them after another one did, and not before: until then
/// each use comes to Hyper, which hands the registers over and has the guest try again.
enum LazyFloats {
    // SAFETY: each CPU uses its own entry alone.
    nonisolated(unsafe) private static var owners = InlineArray<32, VCPUReference?>(repeating: nil)

    /// The VCPU comes to this CPU.
    @inline(__always)
    static func load(_ vcpu: VCPUReference) {
        Port.Floats.set(vcpu, areThere: owners[Port.cpu.pointee.index] == vcpu)
    }

    /// It leaves. They stay in the CPU's registers until somebody else needs those; but nobody else's CPU can give them back.
    @inline(__always)
    static func save(_ vcpu: VCPUReference) {
        if CPUs.count > 1 { evict(vcpu) }
    }

    /// The guest that is loaded here has used them: false where they were there, and that was not the reason why it stopped.
    @discardableResult
    static func take(_ vcpu: VCPUReference) -> Bool {
        let index = Port.cpu.pointee.index
        guard owners[index] != vcpu else { return false }
        Port.Floats.open()
        if let other = owners[index], let floats = other.pointee.floats { Port.Floats.save(floats) }
        let floats: UnsafeMutablePointer<UInt64>
        if let known = vcpu.pointee.floats {
            floats = known
        } else {
            floats = .allocate(capacity: Port.Floats.words)
            floats.initialize(repeating: 0, count: Port.Floats.words)
            vcpu.pointee.floats = floats
        }
        Port.Floats.load(floats)
        owners[index] = vcpu
        Port.Floats.give(vcpu)
        return true
    }

    /// Takes the registers from the VCPU, so that they can be read or come to another CPU.
    static func evict(_ vcpu: VCPUReference) {
        let index = Port.cpu.pointee.index
        guard owners[index] == vcpu, let floats = vcpu.pointee.floats else { return }
        Port.Floats.open()
        Port.Floats.save(floats)
        owners[index] = nil
    }

    /// The VCPU, which is nowhere, begins anew: all are zero, and what is in a CPU's registers is nobody's.
    static func reset(_ vcpu: VCPUReference) {
        forget(vcpu)
        vcpu.pointee.floats?.initialize(repeating: 0, count: Port.Floats.words)
    }

    /// The VCPU, which is nowhere, is no more.
    static func remove(_ vcpu: VCPUReference) {
        forget(vcpu)
        vcpu.pointee.floats?.deallocate()
        vcpu.pointee.floats = nil
    }

    private static func forget(_ vcpu: VCPUReference) {
        for index in 0..<CPUs.count where owners[index] == vcpu { owners[index] = nil }
    }
}
