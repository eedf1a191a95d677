/// The registers of a guest's Distributor (IHI 0048B, 4.3).
extension GICv2Emulator {
    private typealias Register = HostGIC.Distributor

    private enum Range {
        static let enable: UInt64 = 0x100, disable: UInt64 = 0x180, setPending: UInt64 = 0x200
        static let clearPending: UInt64 = 0x280, setActive: UInt64 = 0x300, clearActive: UInt64 = 0x380
        static let priorities: UInt64 = 0x400, targets: UInt64 = 0x800, configuration: UInt64 = 0xc00
        static let afterConfiguration: UInt64 = 0xd00, software: UInt64 = 0xf00
        static let clearSources: UInt64 = 0xf10, setSources: UInt64 = 0xf20, afterSources: UInt64 = 0xf30
        static let architecture: UInt64 = 0xfe8
    }

    /// The VCPU that accesses a register, of which some are each VCPU's own.
    private var accessor: Int { Port.cpu.pointee.loaded?.pointee.index ?? 0 }

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        guard width <= 4, offset % UInt64(width) == 0 else { return 0 }
        let vcpu = accessor
        return lock.withLock {
            switch offset {
            case Range.priorities..<Range.configuration, Range.clearSources..<Range.afterSources:
                var value: UInt64 = 0
                for byte in 0..<width { value |= UInt64(self.byte(offset + UInt64(byte), vcpu)) << UInt64(8 * byte) }
                return value
            default: return width == 4 ? UInt64(register(offset, vcpu)) : 0
            }
        }
    }

    private func byte(_ offset: UInt64, _ vcpu: Int) -> UInt8 {
        switch offset {
        case Range.priorities..<Range.targets:
            let number = Int(offset - Range.priorities)
            return number < wordCount * 32 ? priorities[priorityPlace(number, vcpu)] : 0
        case Range.targets..<Range.configuration:
            let number = Int(offset - Range.targets)
            // Of its own interrupts a CPU reads which one it is.
            if number < HostGIC.firstShared { return vcpuCount > 1 ? 1 << UInt8(vcpu) : 0 }
            return number < wordCount * 32 ? targets[number] : 0
        default: return interfaces[vcpu].sources[Int(offset & 15)]
        }
    }

    private func priorityPlace(_ number: Int, _ vcpu: Int) -> Int { place(number / 32, vcpu) * 32 + number % 32 }

    private func register(_ offset: UInt64, _ vcpu: Int) -> UInt32 {
        switch offset {
        case Register.control: return isEnabled ? 1 : 0
        case Register.type: return UInt32(wordCount - 1) | UInt32(vcpuCount - 1) << 5
        // The implementer is Arm, since that is what drivers look for; the product is Hyper's own.
        case 0x008: return 0x48 << 24 | 0x43b
        case Range.architecture: return 2 << 4 | 0xb
        case Range.configuration..<Range.afterConfiguration:
            let number = Int(offset - Range.configuration) * 4
            guard number < wordCount * 32 else { return 0 }
            let edges = words[place(number / 32, vcpu)].isEdge >> UInt32(number % 32)
            return (0..<16).reduce(0) { $0 | (edges >> $1 & 1) << (2 * $1 + 1) }
        default: break
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
    private func listed(_ word: Int, _ vcpu: Int, _ state: UInt32) -> UInt32 {
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

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        guard width <= 4, offset % UInt64(width) == 0 else { return }
        let vcpu = accessor
        change { notice in
            switch offset {
            case Range.priorities..<Range.configuration, Range.clearSources..<Range.afterSources:
                for byte in 0..<width {
                    setByte(
                        offset + UInt64(byte), UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)), vcpu, &notice)
                }
            default: if width == 4 { setRegister(offset, UInt32(truncatingIfNeeded: value), vcpu, &notice) }
            }
        }
    }

    private func setByte(_ offset: UInt64, _ value: UInt8, _ vcpu: Int, _ notice: inout Notice) {
        switch offset {
        case Range.priorities..<Range.targets:
            let number = Int(offset - Range.priorities)
            // List registers have five bits of a priority.
            if number < wordCount * 32 { priorities[priorityPlace(number, vcpu)] = value & 0xf8 }
        case Range.targets..<Range.configuration:
            let number = Int(offset - Range.targets)
            guard number >= HostGIC.firstShared, number < wordCount * 32 else { return }
            targets[number] = value & UInt8(1 << vcpuCount - 1)
            offerAll(number / 32, 1 << UInt32(number % 32), vcpu, &notice)
        default:
            let number = Int(offset & 15)
            let bit: UInt32 = 1 << UInt32(number)
            if offset < Range.setSources {
                interfaces[vcpu].sources[number] &= ~value
            } else {
                interfaces[vcpu].sources[number] |= value
            }
            if interfaces[vcpu].sources[number] != 0 {
                words[vcpu].latched |= bit
            } else {
                words[vcpu].latched &= ~bit
            }
            offerAll(0, bit, vcpu, &notice)
        }
    }

    private func setRegister(_ offset: UInt64, _ value: UInt32, _ vcpu: Int, _ notice: inout Notice) {
        switch offset {
        case Register.control:
            isEnabled = value & 1 != 0
            for index in 0..<vcpuCount where best(index) != nil { offer(index, &notice) }
            return
        case Range.software: return send(value, from: vcpu, &notice)
        case Range.configuration..<Range.afterConfiguration:
            let number = Int(offset - Range.configuration) * 4
            // How private interrupts are is not for software to say.
            guard number >= HostGIC.firstShared, number < wordCount * 32 else { return }
            let edges = (0..<16).reduce(UInt32(0)) { $0 | (value >> (2 * $1 + 1) & 1) << $1 } << UInt32(number % 32)
            let place = place(number / 32, vcpu)
            words[place].isEdge = words[place].isEdge & ~(0xffff << UInt32(number % 32)) | edges
            note(number / 32)
            return offerAll(number / 32, words[place].pending, vcpu, &notice)
        default: break
        }
        let word = Int(offset & 0x7f) / 4
        guard offset >= Range.enable, offset < Range.priorities, word < wordCount else { return }
        setBits(offset & ~0x7f, word, value, vcpu, &notice)
    }

    private func setBits(
        _ register: UInt64, _ word: Int, _ value: UInt32, _ vcpu: Int, _ notice: inout Notice
    ) {
        let place = place(word, vcpu)
        // Software interrupts are always enabled, and made pending by registers of their own.
        let bits = word == 0 ? value & 0xffff_0000 : value
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
            interfaces[index].lists[list] = UInt32(number)
            unlist(list, index)
            if value.completesHardware {
                HostGIC.setActive(Int(interfaces[index].hostNumbers[number]), false)
            }
        }
    }

    /// Offers the interrupts of these that are ready to whom they are for.
    private func offerAll(_ word: Int, _ bits: UInt32, _ vcpu: Int, _ notice: inout Notice) {
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

    /// A software interrupt (GICD_SGIR): to a list of CPUs, to all others, or to its sender.
    private func send(_ value: UInt32, from sender: Int, _ notice: inout Notice) {
        let all = UInt32(1) << UInt32(vcpuCount) - 1, me = UInt32(1) << UInt32(sender)
        let targets: UInt32 =
            switch value >> 24 & 3 {
            case 0: value >> 16 & 0xff & all
            case 1: all & ~me
            case 2: me
            default: 0
            }
        let number = Int(value & 15)
        var rest = targets
        while rest != 0 {
            let index = rest.trailingZeroBitCount
            rest &= rest &- 1
            interfaces[index].sources[number] |= UInt8(truncatingIfNeeded: me)
            words[index].latched |= 1 << UInt32(number)
            if words[index].listed >> UInt32(number) & 1 != 0 {
                revise(number, index, &notice)
            } else {
                offer(index, &notice)
            }
        }
    }
}
