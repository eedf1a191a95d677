import ISA

/// Sets of the guest's vector registers, which reach the state block late: before code goes on that does not know of them,
/// and else where code is left, in the stub for that. What is set again before is never stored.
extension X64.Generator {
    /// A vector register of the guest that the state block does not have, and where it is.
    struct Save {
        let guest: UInt8
        let register: VectorRegister
    }

    var hasUnsaved: Bool { allUnsaved != 0 }

    func isUnsaved(_ register: VectorRegister) -> Bool { unsaved[Int(register.rawValue)] != 0 }

    /// The guest's register is what the host's holds, and nothing of it is stored.
    mutating func setLate(_ guest: UInt8, _ register: VectorRegister) {
        let bit: UInt32 = 1 << UInt32(guest)
        if allUnsaved & bit != 0 {
            for index in 0..<16 { unsaved[index] &= ~bit }
        }
        unsaved[Int(register.rawValue)] |= bit
        allUnsaved |= bit
        knownSaves = nil
    }

    /// Stores what the host's register holds for the guest's, if anything. Flags stay.
    mutating func save(_ register: VectorRegister) {
        let place = Int(register.rawValue)
        guard unsaved[place] != 0 else { return }
        let start = assembler.count
        let node = vectorOwners[place]
        while unsaved[place] != 0 {
            let guest = UInt8(truncatingIfNeeded: unsaved[place].trailingZeroBitCount)
            unsaved[place] &= unsaved[place] - 1
            allUnsaved &= ~(1 << UInt32(guest))
            assembler.storeVector(Self.vectorField(guest), register)
            if analysis[node].lastUse >= current, backing[Int(node)] == Self.noBacking {
                backing[Int(node)] = Self.firstVector + guest
                inGuest.append(node)
            }
        }
        knownSaves = nil
        if let hostFlags, hostFlags.end == start { self.hostFlags?.end = assembler.count }
        if let verdict, verdict.end == start { self.verdict?.end = assembler.count }
    }

    /// Before code that does not know of what was set. Flags stay.
    mutating func saveVectors() {
        guard hasUnsaved else { return }
        for register in map.temporaryVectors { save(register) }
    }

    mutating func saveVector(ofGuest guest: UInt8) {
        guard allUnsaved & 1 << UInt32(guest) != 0 else { return }
        for register in map.temporaryVectors where unsaved[Int(register.rawValue)] & 1 << UInt32(guest) != 0 {
            save(register)
        }
    }

    /// What a stub that is made here has to store, as a part of ``saves``.
    mutating func savesHere() -> Range<Int> {
        if let knownSaves { return knownSaves }
        let start = saves.count
        if hasUnsaved {
            for register in map.temporaryVectors {
                var rest = unsaved[Int(register.rawValue)]
                while rest != 0 {
                    saves.append(Save(guest: UInt8(truncatingIfNeeded: rest.trailingZeroBitCount), register: register))
                    rest &= rest - 1
                }
            }
        }
        knownSaves = start..<saves.count
        return start..<saves.count
    }

    mutating func settleVectors(_ stub: Stub) {
        for save in saves[stub.saves] { assembler.storeVector(Self.vectorField(save.guest), save.register) }
    }

    /// Brings the state in order for who does not know what the code in front of the stub knew.
    mutating func settle(_ stub: Stub) {
        settleVectors(stub)
        if let flags = stub.flags { store(flags) }
    }
}
