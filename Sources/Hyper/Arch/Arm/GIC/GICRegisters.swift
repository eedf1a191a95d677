/// The registers that Distributors and Redistributors have alike (IHI 0048B, 4.3; IHI 0069, 12.9 and 12.11): bits, priorities
/// and configurations of interrupts. Word 0 is a VCPU's own.
extension GICEmulator {
    enum Range {
        static let group: UInt64 = 0x080, enable: UInt64 = 0x100, disable: UInt64 = 0x180, setPending: UInt64 = 0x200
        static let clearPending: UInt64 = 0x280, setActive: UInt64 = 0x300, clearActive: UInt64 = 0x380
        static let priorities: UInt64 = 0x400, targets: UInt64 = 0x800, configuration: UInt64 = 0xc00
        static let afterConfiguration: UInt64 = 0xd00
    }

    /// GICD_IIDR and GICR_IIDR. The implementer is Arm, since that is what drivers look for; the product is Hyper's own.
    static let implementer: UInt32 = 0x48 << 24 | 0x43b

    /// The VCPU that accesses a register, of which some are each VCPU's own.
    static var accessor: Int { Port.cpu.pointee.loaded?.pointee.index ?? 0 }

    // MARK: Reading (the lock is held)

    private func priorityPlace(_ number: Int, _ vcpu: Int) -> Int { place(number / 32, vcpu) * 32 + number % 32 }

    func priority(_ number: Int, _ vcpu: Int) -> UInt8 {
        number < wordCount * 32 ? priorities[priorityPlace(number, vcpu)] : 0
    }

    /// A register of 4 bytes, of those from ``Range/enable`` on.
    func register(_ offset: UInt64, _ vcpu: Int) -> UInt32 {
        if offset >= Range.configuration, offset < Range.afterConfiguration {
            let number = Int(offset - Range.configuration) * 4
            guard number < wordCount * 32 else { return 0 }
            let edges = words[place(number / 32, vcpu)].isEdge >> UInt32(number % 32)
            return (0..<16).reduce(0) { $0 | (edges >> $1 & 1) << (2 * $1 + 1) }
        }
        let word = Int(offset & 0x7f) / 4
        guard offset >= Range.enable, offset < Range.priorities, word < wordCount else { return 0 }
        switch offset & ~0x7f {
        case Range.enable, Range.disable: return words[place(word, vcpu)].enabled
        case Range.setPending, Range.clearPending:
            return words[place(word, vcpu)].pending & ~words[place(word, vcpu)].listed
                | listed(word, vcpu, ListRegister.pending)
        default: return words[place(word, vcpu)].active | listed(word, vcpu, ListRegister.active)
        }
    }

    /// Those of a word that are in list registers in a state.
    private func listed(_ word: Int, _ vcpu: Int, _ state: UInt64) -> UInt32 {
        var result: UInt32 = 0
        for index in word == 0 ? vcpu..<vcpu + 1 : 0..<vcpuCount {
            var rest = interfaces[index].used
            while rest != 0 {
                let list = rest.trailingZeroBitCount
                rest &= rest &- 1
                let number = ListRegister(interfaces[index].lists[list]).number
                guard number / 32 == word, interfaces[index].list(list).bits & state != 0 else { continue }
                result |= 1 << UInt32(number % 32)
            }
        }
        return result
    }

    // MARK: Writing (the lock is held)

    /// The guest's Distributor forwards interrupts from now on, or none.
    func setEnabled(_ isEnabled: Bool, _ notice: inout Notice) {
        self.isEnabled = isEnabled
        for index in 0..<vcpuCount where best(index) != nil { offer(index, &notice) }
    }

    func setPriority(_ number: Int, _ value: UInt8, _ vcpu: Int) {
        // List registers have five bits of a priority at least.
        if number < wordCount * 32 { priorities[priorityPlace(number, vcpu)] = value & 0xf8 }
    }

    func setTarget(_ number: Int, _ target: UInt8, _ notice: inout Notice) {
        targets[number] = target
        offerAll(number / 32, 1 << UInt32(number % 32), 0, &notice)
    }

    func setRegister(_ offset: UInt64, _ value: UInt32, _ vcpu: Int, _ notice: inout Notice) {
        if offset >= Range.configuration, offset < Range.afterConfiguration {
            let number = Int(offset - Range.configuration) * 4
            // How private interrupts are is not for software to say.
            guard number >= HostGIC.firstShared, number < wordCount * 32 else { return }
            let edges = (0..<16).reduce(UInt32(0)) { $0 | (value >> (2 * $1 + 1) & 1) << $1 } << UInt32(number % 32)
            let place = place(number / 32, vcpu)
            words[place].isEdge = words[place].isEdge & ~(0xffff << UInt32(number % 32)) | edges
            note(number / 32)
            return offerAll(number / 32, words[place].pending, vcpu, &notice)
        }
        let word = Int(offset & 0x7f) / 4
        guard offset >= Range.enable, offset < Range.priorities, word < wordCount else { return }
        setBits(offset & ~0x7f, word, value, vcpu, &notice)
    }

    private func setBits(_ register: UInt64, _ word: Int, _ value: UInt32, _ vcpu: Int, _ notice: inout Notice) {
        let place = place(word, vcpu)
        // A GICv2's software interrupts are always enabled, and made pending by registers of their own.
        let bits = word == 0 && !isVersion3 ? value & 0xffff_0000 : value
        // What the guest has completed is in no list register any more, and what is said now is of the next.
        reviseListed(word, bits, vcpu, &notice)
        switch register {
        case Range.enable: words[place].enabled |= bits
        case Range.disable: words[place].enabled &= ~bits
        case Range.setPending: words[place].latched |= bits
        case Range.clearPending:
            words[place].latched &= ~bits
            changeListed(word, bits, vcpu) { $0.bits &= ~ListRegister.pending }
            if word == 0 { release(bits & interfaces[vcpu].held & ~words[place].listed, vcpu) }
        case Range.setActive: words[place].active |= value & ~words[place].listed
        default:
            words[place].active &= ~value
            changeListed(word, value, vcpu) { $0.bits &= ~ListRegister.active }
        }
        note(word)
        reviseListed(word, bits, vcpu, &notice)
        offerAll(word, value, vcpu, &notice)
    }

    private func reviseListed(_ word: Int, _ bits: UInt32, _ vcpu: Int, _ notice: inout Notice) {
        var rest = bits & words[place(word, vcpu)].listed
        while rest != 0 {
            let number = word * 32 + rest.trailingZeroBitCount
            rest &= rest &- 1
            revise(number, word == 0 ? vcpu : Int(holders[number]), &notice)
        }
    }

    /// Nobody waits for these interrupts of the CPU's own any more.
    private func release(_ bits: UInt32, _ vcpu: Int) {
        var rest = bits
        interfaces[vcpu].held &= ~bits
        while rest != 0 {
            let line = rest.trailingZeroBitCount
            rest &= rest &- 1
            HostGIC.setActive(Int(interfaces[vcpu].hostNumbers[line]), false)
        }
    }

    /// Changes list registers that have these interrupts, where they can be had.
    private func changeListed(_ word: Int, _ bits: UInt32, _ vcpu: Int, _ body: (inout ListRegister) -> Void) {
        var rest = bits & words[place(word, vcpu)].listed
        while rest != 0 {
            let number = word * 32 + rest.trailingZeroBitCount
            rest &= rest &- 1
            let index = word == 0 ? vcpu : Int(holders[number])
            guard interfaces[index].loadedOn == nil || interfaces[index].isHere,
                let list = interfaces[index].index(of: number)
            else { continue }
            var value = interfaces[index].list(list)
            // What the guest has taken it completes by itself.
            if value.completesHardware, value.bits & ListRegister.active != 0 { continue }
            body(&value)
            interfaces[index].setList(list, value.isEmpty ? ListRegister(0) : value)
            guard value.isEmpty else { continue }
            interfaces[index].lists[list] = UInt64(number)
            unlist(list, index)
            if value.completesHardware {
                HostGIC.setActive(Int(interfaces[index].hostNumbers[number]), false)
            }
        }
    }

    /// Offers the interrupts of these that are ready to whom they are for.
    func offerAll(_ word: Int, _ bits: UInt32, _ vcpu: Int, _ notice: inout Notice) {
        let ready = words[place(word, vcpu)].ready & bits
        guard ready != 0 else { return }
        if word == 0 { return offer(vcpu, &notice) }
        var rest = ready
        while rest != 0 {
            let number = word * 32 + rest.trailingZeroBitCount
            rest &= rest &- 1
            if let target = target(number) { offer(target, &notice) }
        }
    }

    /// A software interrupt comes to a VCPU.
    func send(_ number: Int, to index: Int, _ notice: inout Notice) {
        words[index].latched |= 1 << UInt32(number)
        if words[index].listed >> UInt32(number) & 1 != 0 {
            revise(number, index, &notice)
        } else {
            offer(index, &notice)
        }
    }
}
