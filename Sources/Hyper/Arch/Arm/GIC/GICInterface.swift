/// What a guest's interrupt controller keeps for a VCPU: its CPU interface, and its own interrupts.
///
/// Arrays are elsewhere, since the compiler copies one that is in here to read an element of it.
struct GICInterface: ~Copyable {
    /// As many list registers as there can be (IHI 0048B, 5.3.2).
    static let listLimit = 16

    let vcpu: VCPUReference
    /// The CPU whose list registers have its interrupts.
    var loadedOn: CPUReference?
    /// What is in list registers: as it was last written while they are a CPU's.
    let lists = allocated(listLimit, of: UInt64.self)
    /// A bit for each of them that has something, or had when it was last looked at.
    var used: UInt32 = 0
    var machine: UInt32 = 0
    /// Priorities of what the guest has taken and not completed, where there is such.
    let activePriorities = allocated(4, of: UInt32.self)
    var hasActivePriorities = false
    /// More is to come than list registers had room for.
    var isFull = false
    /// Interrupts of the CPU's own that the host has taken for the guest, which has not completed them, and which host's
    /// they are.
    var held: UInt32 = 0
    let hostNumbers = allocated(HostGIC.firstShared, of: UInt8.self)
    /// For each software interrupt the VCPUs that have sent it, which a GICv2 tells apart.
    let sources = allocated(HostGIC.firstPrivate, of: UInt8.self)

    init(_ vcpu: VCPUReference) { self.vcpu = vcpu }

    deinit {
        lists.deallocate()
        activePriorities.deallocate()
        hostNumbers.deallocate()
        sources.deallocate()
    }

    private static func allocated<Element: FixedWidthInteger>(
        _ count: Int, of type: Element.Type
    ) -> UnsafeMutablePointer<Element> {
        let array = UnsafeMutablePointer<Element>.allocate(capacity: count)
        array.initialize(repeating: 0, count: count)
        return array
    }

    @inline(__always)
    var isHere: Bool { loadedOn == Port.cpu }

    @inline(__always)
    func list(_ index: Int) -> ListRegister {
        isHere ? VirtualInterface.list(index) : ListRegister(lists[index])
    }

    @inline(__always)
    mutating func setList(_ index: Int, _ value: ListRegister) {
        lists[index] = value.bits
        if isHere { VirtualInterface.setList(index, value) }
    }

    /// The list register that has the interrupt, or had it when it was last looked at.
    func index(of number: Int) -> Int? {
        var rest = used
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest &- 1
            if ListRegister(lists[index]).number == number { return index }
        }
        return nil
    }

    /// Whether the interface lets an interrupt of a list register through, masked by PSTATE or not.
    var isSignalling: Bool {
        let machine = isHere ? VirtualInterface.machine : self.machine
        var rest = used
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest &- 1
            if list(index).isSignalled(machine) { return true }
        }
        return false
    }
}

/// 32 interrupts: a bit for each.
struct GICWord {
    var enabled: UInt32 = 0
    /// An edge has come, or software has said so.
    var latched: UInt32 = 0
    /// The line is high.
    var level: UInt32 = 0
    /// It is the edge that counts.
    var isEdge: UInt32 = 0
    /// Software has said that it is active.
    var active: UInt32 = 0
    /// It is in a list register.
    var listed: UInt32 = 0

    var pending: UInt32 { latched | level & ~isEdge }
    /// Those that could go into a list register.
    var ready: UInt32 { pending & enabled & ~active & ~listed }
}
