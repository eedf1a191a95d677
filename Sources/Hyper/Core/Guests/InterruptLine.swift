/// Something that takes a guest's interrupts: its interrupt controller.
public protocol GuestInterruptController: AnyObject {
    /// The line of that number is high or low now. May be called on any CPU.
    func set(_ line: Int, _ level: Bool)

    // For one whose interrupts are partly in CPUs' registers while a VCPU is there. Called on that CPU, with interrupts off,
    // except for the first.

    /// The VCPU is powered on: what its interface keeps is as it was at first. It is loaded nowhere.
    func resetInterface(_ vcpu: VCPUReference)
    /// Brings the VCPU's interrupts into this CPU's registers, and back.
    func load(_ vcpu: VCPUReference)
    func save(_ vcpu: VCPUReference)
    /// The VCPU, which is loaded here, has had something changed by others, or has used up what was in the registers.
    func refresh(_ vcpu: VCPUReference)
    /// A device that belongs to the CPU has interrupted the VCPU that is loaded here. The host's interrupt stays taken until
    /// the guest has completed its own.
    func raise(_ line: Int, of vcpu: VCPUReference, host number: Int)
    /// The VCPU, which is loaded here, has asked for a software interrupt by a register of its CPU's, which has this.
    func send(_ request: UInt64, from vcpu: VCPUReference)
    /// Whether the VCPU, whose lock is held, would wake up.
    func isInterruptPending(_ vcpu: VCPUReference) -> Bool
    /// Says in the controller's node what a guest is told of it.
    func describe(_ node: DeviceTreeNode)
}

extension GuestInterruptController {
    public func resetInterface(_ vcpu: VCPUReference) {}
    public func load(_ vcpu: VCPUReference) {}
    public func save(_ vcpu: VCPUReference) {}
    public func refresh(_ vcpu: VCPUReference) {}
    public func raise(_ line: Int, of vcpu: VCPUReference, host number: Int) {}
    public func send(_ request: UInt64, from vcpu: VCPUReference) {}
    public func isInterruptPending(_ vcpu: VCPUReference) -> Bool { false }
    public func describe(_ node: DeviceTreeNode) {}
}

/// A guest's interrupts by their numbers, between its devices and its interrupt controller, whichever is made first.
public final class GuestInterrupts {
    public var controller: (any GuestInterruptController)?
    /// Those that are the host's. Changed while the guest is made and destroyed.
    private var passed: [PassedInterrupt] = []

    public init() {}

    /// Has an interrupt of the host's arrive as one of the guest's.
    func pass(_ number: Int, as line: Int) {
        let interrupt = PassedInterrupt(number, as: line, of: self)
        passed.append(interrupt)
        interrupt.add()
    }

    func removePassed() {
        for interrupt in passed { interrupt.remove() }
        passed = []
    }

    /// Whether the line is one of the host's: what holds it high is not an emulated device, but that it is not completed.
    public func isPassed(_ line: Int) -> Bool { passed.contains { $0.line == line } }

    /// The guest has completed the interrupt: the host's controller lets it come again, if it is one of the host's. Said by
    /// the guest's controller.
    public func complete(_ line: Int) {
        for interrupt in passed where interrupt.line == line { interrupt.complete() }
    }

    /// The guest will complete none any more that it has now.
    func reset() { for interrupt in passed { interrupt.complete() } }
}

/// The wire from an emulated device to the guest's interrupt controller.
public struct InterruptLine {
    private let interrupts: GuestInterrupts
    private let number: Int
    private let sharing: (line: SharedInterruptLine, device: Int)?

    public init(_ interrupts: GuestInterrupts, _ number: Int) {
        self.interrupts = interrupts
        self.number = number
        sharing = nil
    }

    /// The same, of one of several devices.
    init(_ line: InterruptLine, sharedIn sharing: SharedInterruptLine, device: Int) {
        interrupts = line.interrupts
        number = line.number
        self.sharing = (sharing, device)
    }

    public func set(_ level: Bool) {
        if Configuration.EMULATOR_PCI_HOST, let (shared, device) = sharing {
            shared.set(device, level) { interrupts.controller?.set(number, $0) }
        } else {
            interrupts.controller?.set(number, level)
        }
    }
}

/// What several devices, of numbers below 32, hold of one line: it is high while any of them has it high.
final class SharedInterruptLine {
    private let lock = SpinLock()
    /// A bit for each device.
    private var holders: UInt32 = 0

    fileprivate func set(_ device: Int, _ isHeld: Bool, _ change: (Bool) -> Void) {
        lock.withLock {
            let old = holders
            holders = isHeld ? old | 1 << UInt32(device) : old & ~(1 << UInt32(device))
            // With the lock: the last that is said of the line is how it is.
            if (old != 0) != (holders != 0) { change(holders != 0) }
        }
    }
}
