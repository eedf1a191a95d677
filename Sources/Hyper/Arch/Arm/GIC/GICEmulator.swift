/// A guest's interrupt controller: a GICv2 (IHI 0048B) or a GICv3 (IHI 0069), as the machine has. The guest's CPU interface is
/// the machine's own: interrupts come to it by list registers, and taking and completing one costs no exit. What is emulated
/// are the Distributor and the Redistributors, whose registers are ``GICv2Distributor``, ``GICv3Distributor`` and
/// ``GICv3Redistributors``; what they say is kept here.
///
/// The lock is one that is taken while a CPU's queue is held. So nobody is woken under it: what is to be done afterwards is
/// collected in ``Notice``.
final class GICEmulator: GuestInterruptController {
    /// The name of it in guests' trees.
    private let name: Text
    /// What a guest finds in `reg`.
    private let registers: [MemoryRange]
    let isVersion3: Bool

    // Guarded by the lock, all of it.
    let lock = SpinLock()
    let vcpuCount: Int
    /// Of 32 interrupts each: the private ones of each VCPU, then the shared ones.
    let words: UnsafeMutablePointer<GICWord>
    let wordCount: Int
    /// In the same order.
    let priorities: UnsafeMutablePointer<UInt8>
    /// Of the shared ones from ``HostGIC/firstShared`` on: to which VCPU they go, if any, and in whose list register they are.
    let targets: UnsafeMutablePointer<UInt8>
    let holders: UnsafeMutablePointer<UInt8>
    let interfaces: UnsafeMutablePointer<GICInterface>
    /// Shared words in which something is pending.
    var pendingWords: UInt32 = 0
    var isEnabled = false
    private let interrupts: Unmanaged<GuestInterrupts>

    /// Of a target: no VCPU.
    static let nobody: UInt8 = 255

    /// For the guest that is being made, whose interrupts go this way from here on.
    init(_ guest: Guest, name: Text, isVersion3: Bool, registers: [MemoryRange]) {
        let vcpus = guest.vcpus
        self.name = name
        self.isVersion3 = isVersion3
        self.registers = registers
        vcpuCount = vcpus.count
        wordCount = min(max((Int(guest.description?.interruptCount ?? 128) + 31) / 32, 2), 32)
        interrupts = .passUnretained(guest.interrupts)
        let all = vcpus.count + wordCount - 1
        words = .allocate(capacity: all)
        words.initialize(repeating: GICWord(), count: all)
        priorities = .allocate(capacity: all * 32)
        priorities.initialize(repeating: 0, count: all * 32)
        targets = .allocate(capacity: wordCount * 32)
        targets.initialize(repeating: 0, count: wordCount * 32)
        holders = .allocate(capacity: wordCount * 32)
        holders.initialize(repeating: 0, count: wordCount * 32)
        interfaces = .allocate(capacity: vcpus.count)
        for (index, vcpu) in vcpus.enumerated() { (interfaces + index).initialize(to: GICInterface(vcpu)) }
        reset()
        guest.interrupts.controller = self
    }

    deinit {
        words.deallocate()
        priorities.deallocate()
        targets.deallocate()
        holders.deallocate()
        interfaces.deinitialize(count: vcpuCount)
        interfaces.deallocate()
    }

    func reset() {
        lock.withLock {
            isEnabled = false
            pendingWords = 0
            for index in 0..<vcpuCount + wordCount - 1 {
                // A line that is high stays so.
                let level = words[index].level
                words[index] = GICWord()
                words[index].level = level
                if index >= vcpuCount, level != 0 { pendingWords |= 1 << UInt32(index - vcpuCount + 1) }
                for interrupt in 0..<32 { priorities[index * 32 + interrupt] = 0 }
            }
            // A GICv3's route is nowhere else than to the first CPU, whose affinity is 0.
            for index in 0..<wordCount * 32 { targets[index] = isVersion3 ? 0 : Self.nobody }
            for index in 0..<vcpuCount {
                // Software interrupts are edges, and those of a GICv2 always enabled.
                words[index].isEdge = 0xffff
                words[index].enabled = isVersion3 ? 0 : 0xffff
                clearInterface(index)
            }
        }
    }

    private func clearInterface(_ index: Int) {
        var rest = interfaces[index].used
        while rest != 0 {
            let list = rest.trailingZeroBitCount
            rest &= rest &- 1
            unlist(list, index)
        }
        interfaces[index].machine = 0
        interfaces[index].hasActivePriorities = false
        interfaces[index].held = 0
        for interrupt in 0..<16 { interfaces[index].sources[interrupt] = 0 }
    }

    func describe(_ node: DeviceTreeNode) {
        func cells(_ value: UInt64) -> [UInt32] {
            [UInt32(truncatingIfNeeded: value >> 32), UInt32(truncatingIfNeeded: value)]
        }
        node.set("compatible", text: name)
        node.set("reg", cells: registers.flatMap { cells($0.base) + cells($0.size) })
    }

    // MARK: Words (the lock is held)

    /// The place of 32 interrupts, of a VCPU where they are private ones.
    @inline(__always)
    func place(_ word: Int, _ vcpu: Int) -> Int { word == 0 ? vcpu : vcpuCount &+ word &- 1 }

    func note(_ word: Int) {
        guard word > 0 else { return }
        let bit: UInt32 = 1 << UInt32(word)
        if words[place(word, 0)].pending != 0 { pendingWords |= bit } else { pendingWords &= ~bit }
    }

    /// To which VCPU a shared interrupt goes.
    @inline(__always)
    func target(_ number: Int) -> Int? {
        let target = Int(targets[number])
        return target < vcpuCount ? target : nil
    }

    /// Whether the guest has it from a device of the host's.
    func isPassed(_ number: Int) -> Bool {
        number >= HostGIC.firstShared && interrupts._withUnsafeGuaranteedRef { $0.isPassed(number) }
    }

    /// The guest has completed what the host has taken for it.
    func complete(_ number: Int) { interrupts._withUnsafeGuaranteedRef { $0.complete(number) } }

    // MARK: Lines

    func set(_ line: Int, _ high: Bool) {
        guard line >= HostGIC.firstShared, line < wordCount * 32 else { return }
        let wereEnabled = Port.disableInterrupts()
        lock.acquire()
        let (word, bit) = (line / 32, UInt32(1) << UInt32(line % 32))
        let place = place(word, 0)
        var notice = Notice()
        let wasHigh = words[place].level & bit != 0
        if high {
            words[place].level |= bit
            if !wasHigh, words[place].isEdge & bit != 0 { words[place].latched |= bit }
        } else {
            words[place].level &= ~bit
        }
        if wasHigh != high {
            note(word)
            if words[place].listed & bit != 0 {
                revise(line, Int(holders[line]), &notice)
            } else if high, let target = target(line) {
                offer(target, &notice)
            }
        }
        lock.release()
        finish(notice)
        Port.restoreInterrupts(wereEnabled)
    }

    func raise(_ line: Int, of vcpu: VCPUReference, host number: Int) {
        let index = vcpu.pointee.index
        let bit: UInt32 = 1 << UInt32(line)
        lock.acquire()
        var notice = Notice()
        interfaces[index].held |= bit
        interfaces[index].hostNumbers[line] = UInt8(truncatingIfNeeded: number)
        words[index].latched |= bit
        // The guest has completed the last one, or this would not have come.
        if words[index].listed & bit != 0, let list = interfaces[index].index(of: line),
            VirtualInterface.list(list).isEmpty
        {
            unlist(list, index)
        }
        offer(index, &notice)
        lock.release()
        finish(notice)
    }

    /// Changes something under the lock, and then does what follows from it for VCPUs.
    func change(_ body: (inout Notice) -> Void) {
        let wereEnabled = Port.disableInterrupts()
        lock.acquire()
        var notice = Notice()
        body(&notice)
        lock.release()
        finish(notice)
        Port.restoreInterrupts(wereEnabled)
    }

    /// What is to be done when the lock is held no more.
    struct Notice {
        /// VCPUs that have something new: a bit for each.
        var vcpus: UInt32 = 0
    }

    @inline(__always)
    private func finish(_ notice: Notice) {
        if notice.vcpus != 0 { tell(notice.vcpus) }
    }

    private func tell(_ vcpus: UInt32) {
        let cpu = Port.cpu
        var rest = vcpus
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest &- 1
            let vcpu = interfaces[index].vcpu
            // Whoever runs here sees it.
            if cpu.pointee.current.pointee.vcpu == vcpu, cpu.pointee.loaded == vcpu { continue }
            vcpu.pointee.lock.acquire()
            let (isStarted, other) = (vcpu.pointee.isStarted, interfaces[index].loadedOn)
            vcpu.pointee.lock.release()
            if let other, other != cpu { Port.interrupt(other) }
            if isStarted, let thread = vcpu.pointee.thread { Scheduler.wake(thread) }
        }
    }

    // MARK: A VCPU comes and goes (its lock is held)

    func resetInterface(_ vcpu: VCPUReference) {
        lock.acquire()
        clearInterface(vcpu.pointee.index)
        lock.release()
    }

    func load(_ vcpu: VCPUReference) {
        lock.acquire()
        let index = vcpu.pointee.index
        interfaces[index].loadedOn = Port.cpu
        VirtualInterface.machine = interfaces[index].machine
        if interfaces[index].hasActivePriorities {
            for register in 0..<VirtualInterface.activePriorityCount {
                VirtualInterface.setActivePriorities(register, interfaces[index].activePriorities[register])
            }
        }
        var rest = interfaces[index].used
        while rest != 0 {
            let list = rest.trailingZeroBitCount
            rest &= rest &- 1
            VirtualInterface.setList(list, ListRegister(interfaces[index].lists[list]))
        }
        if interfaces[index].held != 0 { setHeld(index, true) }
        interfaces[index].isFull = false
        VirtualInterface.start(reportsUnderflow: false)
        fill(index)
        lock.release()
    }

    func save(_ vcpu: VCPUReference) {
        lock.acquire()
        let index = vcpu.pointee.index
        if interfaces[index].used != 0 {
            foldEmpty(index)
            var rest = interfaces[index].used
            while rest != 0 {
                let list = rest.trailingZeroBitCount
                rest &= rest &- 1
                interfaces[index].lists[list] = VirtualInterface.list(list).bits
                VirtualInterface.setList(list, ListRegister(0))
            }
        }
        interfaces[index].machine = VirtualInterface.machine
        interfaces[index].hasActivePriorities = false
        for register in 0..<VirtualInterface.activePriorityCount {
            let active = VirtualInterface.activePriorities(register)
            interfaces[index].activePriorities[register] = active
            if active != 0 {
                interfaces[index].hasActivePriorities = true
                VirtualInterface.setActivePriorities(register, 0)
            }
        }
        if interfaces[index].isFull { VirtualInterface.start(reportsUnderflow: false) }
        if interfaces[index].held != 0 { setHeld(index, false) }
        interfaces[index].loadedOn = nil
        lock.release()
    }

    /// What a guest has not completed is active here while its VCPU is, so that others can have theirs.
    private func setHeld(_ index: Int, _ isActive: Bool) {
        var rest = interfaces[index].held
        while rest != 0 {
            let line = rest.trailingZeroBitCount
            rest &= rest &- 1
            HostGIC.setActive(Int(interfaces[index].hostNumbers[line]), isActive)
        }
    }

    func refresh(_ vcpu: VCPUReference) {
        let index = vcpu.pointee.index
        var notice = Notice()
        lock.acquire()
        if interfaces[index].isHere {
            reviseAll(index, &notice)
            fill(index)
        }
        lock.release()
        finish(notice)
    }

    func isInterruptPending(_ vcpu: VCPUReference) -> Bool {
        let index = vcpu.pointee.index
        lock.acquire()
        defer { lock.release() }
        if interfaces[index].isHere {
            // What the guest has completed may have come again: whoever has sent it has told this CPU so already, and does not
            // do it once more.
            if interfaces[index].used != 0 { foldEmpty(index) }
            fill(index)
        }
        return interfaces[index].isSignalling || !interfaces[index].isHere && best(index) != nil && isEnabled
    }
}
