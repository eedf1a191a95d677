/// How interrupts come into list registers and leave them. The lock is held.
extension GICEmulator {
    /// A VCPU may have something new.
    @inline(__always)
    func offer(_ index: Int, _ notice: inout Notice) {
        guard isEnabled else { return }
        if interfaces[index].isHere { fill(index) }
        notice.vcpus |= 1 << UInt32(index)
    }

    /// The most important interrupt that is for the VCPU and in no list register.
    func best(_ index: Int) -> Int? {
        var (found, highest): (Int?, UInt8) = (nil, 255)
        func look(_ word: Int) {
            let place = place(word, index)
            var bits = words[place].ready
            while bits != 0 {
                let bit = bits.trailingZeroBitCount
                bits &= bits &- 1
                let number = word &* 32 &+ bit
                let priority = priorities[place &* 32 &+ bit]
                if priority < highest || found == nil, word == 0 || target(number) == index {
                    (found, highest) = (number, priority)
                }
            }
        }
        look(0)
        var rest = pendingWords
        while rest != 0 {
            let word = rest.trailingZeroBitCount
            rest &= rest &- 1
            look(word)
        }
        return found
    }

    /// Brings into the list registers of the VCPU, which is loaded here, what there is room for.
    func fill(_ index: Int) {
        guard isEnabled else { return }
        while let number = best(index) {
            guard let list = freeList(index) else {
                // The guest makes room, and that is reported.
                if !interfaces[index].isFull { VirtualInterface.start(reportsUnderflow: true) }
                interfaces[index].isFull = true
                return
            }
            put(number, list, index)
        }
        if interfaces[index].isFull { VirtualInterface.start(reportsUnderflow: false) }
        interfaces[index].isFull = false
    }

    private func freeList(_ index: Int) -> Int? {
        let first = (~interfaces[index].used).trailingZeroBitCount
        if first < VirtualInterface.listCount { return first }
        foldEmpty(index)
        let next = (~interfaces[index].used).trailingZeroBitCount
        return next < VirtualInterface.listCount ? next : nil
    }

    private func put(_ number: Int, _ list: Int, _ index: Int) {
        let (word, bit) = (number / 32, UInt32(1) << UInt32(number % 32))
        let place = place(word, index)
        var value = ListRegister(number, priority: priorities[place * 32 + number % 32])
        if number < HostGIC.firstPrivate, !isVersion3 {
            let source = interfaces[index].sources[number].trailingZeroBitCount
            value.setSource(min(source, 7))
            interfaces[index].sources[number] &= interfaces[index].sources[number] &- 1
            // Others that have sent the same come after it.
            if interfaces[index].sources[number] != 0 {
                value.bits |= ListRegister.reportsEnd
            } else {
                words[place].latched &= ~bit
            }
        } else {
            if word == 0, interfaces[index].held & bit != 0 {
                words[place].latched &= ~bit
                value.setHardware(Int(interfaces[index].hostNumbers[number]))
            } else if words[place].isEdge & bit != 0 {
                words[place].latched &= ~bit
            } else {
                value.bits |= ListRegister.reportsEnd
            }
        }
        words[place].listed |= bit
        note(word)
        if word > 0 { holders[number] = UInt8(truncatingIfNeeded: index) }
        interfaces[index].used |= 1 << UInt32(list)
        interfaces[index].setList(list, value)
    }

    /// Looks which list registers the guest has emptied.
    func foldEmpty(_ index: Int) {
        var rest = VirtualInterface.emptyLists & interfaces[index].used
        while rest != 0 {
            let list = rest.trailingZeroBitCount
            rest &= rest &- 1
            retire(list, index)
        }
    }

    /// Takes out of account what the guest has completed. If it was the host's, it may come again.
    private func retire(_ list: Int, _ index: Int) {
        let number = ListRegister(interfaces[index].lists[list]).number
        unlist(list, index)
        guard isPassed(number) else { return }
        let word = number / 32
        words[place(word, index)].level &= ~(UInt32(1) << UInt32(number % 32))
        note(word)
        complete(number)
    }

    /// The list register has nothing any more.
    func unlist(_ list: Int, _ index: Int) {
        let value = ListRegister(interfaces[index].lists[list])
        let (word, bit) = (value.number / 32, UInt32(1) << UInt32(value.number % 32))
        words[place(word, index)].listed &= ~bit
        interfaces[index].used &= ~(1 << UInt32(list))
        // What reports its end does so until it is overwritten (GICH_EISR0).
        if value.bits & ListRegister.reportsEnd != 0 {
            interfaces[index].setList(list, ListRegister(0))
        }
        interfaces[index].lists[list] = 0
        if word == 0, interfaces[index].held & bit != 0 {
            // One that has come again meanwhile is held still.
            if words[index].latched & bit == 0 { interfaces[index].held &= ~bit }
        } else {
            let place = place(word, index)
            // What software has said of a level has had its effect.
            if words[place].isEdge & bit == 0 { words[place].latched &= ~bit }
            note(word)
        }
    }

    /// The line of an interrupt that is in a list register has changed, or whether the guest wants it.
    func revise(_ number: Int, _ index: Int, _ notice: inout Notice) {
        if interfaces[index].loadedOn == nil || interfaces[index].isHere {
            guard let list = interfaces[index].index(of: number) else { return }
            revise(list: list, index)
            if words[place(number / 32, index)].ready >> UInt32(number % 32) & 1 != 0 {
                offer(number < HostGIC.firstShared ? index : target(number) ?? index, &notice)
            }
        } else {
            // That CPU looks at it.
            notice.vcpus |= 1 << UInt32(index)
        }
    }

    /// The same for all that the VCPU has in list registers, and what follows from those that it has completed.
    func reviseAll(_ index: Int, _ notice: inout Notice) {
        var rest = interfaces[index].used
        while rest != 0 {
            let list = rest.trailingZeroBitCount
            rest &= rest &- 1
            let number = ListRegister(interfaces[index].lists[list]).number
            revise(list: list, index)
            // One that is free again may be for another VCPU now.
            if number >= HostGIC.firstShared, words[place(number / 32, 0)].ready >> UInt32(number % 32) & 1 != 0,
                let target = target(number)
            {
                offer(target, &notice)
            }
        }
    }

    private func revise(list: Int, _ index: Int) {
        var value = interfaces[index].list(list)
        let number = ListRegister(interfaces[index].lists[list]).number
        let (word, bit) = (number / 32, UInt32(1) << UInt32(number % 32))
        let place = place(word, index)
        if value.isEmpty { return retire(list, index) }
        if number < HostGIC.firstPrivate, !isVersion3 {
            // Sent again by the same before it was taken, it comes once.
            if value.bits & ListRegister.pending != 0 {
                interfaces[index].sources[number] &= ~(1 << UInt8(value.source))
            }
            if interfaces[index].sources[number] != 0 {
                value.bits |= ListRegister.reportsEnd
            } else {
                words[place].latched &= ~bit
            }
        } else if value.completesHardware {
            // One that the guest has disabled before it has taken it waits until it is enabled again.
            if value.bits & ListRegister.active == 0, words[place].enabled & bit == 0 {
                words[place].latched |= bit
                value.bits &= ~ListRegister.pending
            }
        } else {
            let isEdge = words[place].isEdge & bit != 0
            // An edge that comes before the last one was taken is the same; one that comes after it was is another.
            if isEdge, words[place].latched & words[place].enabled & bit != 0 {
                words[place].latched &= ~bit
                value.bits |= ListRegister.pending
            }
            let isHigh = (words[place].level | words[place].latched) & bit != 0
            let isEnabled = words[place].enabled & bit != 0
            if value.bits & ListRegister.pending != 0, !isEnabled || !isEdge && !isHigh {
                // It is withdrawn.
                if isEdge { words[place].latched |= bit }
                value.bits &= ~ListRegister.pending
            }
            if !isEdge, !isPassed(number) {
                // Nobody need know of its end while the line is low.
                if isHigh {
                    value.bits |= ListRegister.reportsEnd
                } else {
                    value.bits &= ~ListRegister.reportsEnd
                }
            }
        }
        if value.isEmpty {
            interfaces[index].setList(list, ListRegister(0))
            interfaces[index].lists[list] = UInt64(number)
            unlist(list, index)
        } else if value.bits != interfaces[index].lists[list] {
            interfaces[index].setList(list, value)
        }
        note(word)
    }
}
