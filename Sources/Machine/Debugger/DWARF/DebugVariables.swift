import CDW

extension DebugInformation {
    /// The variables that are in scope in a frame: of the innermost block first, and no name twice.
    /// - Parameters:
    ///   - address: the frame's instruction, as linked; of a call, an address within it.
    ///   - inlined: the call that was inlined there, counted from the innermost, whose variables they are to be.
    func variables(at address: UInt64, inlined: Int, _ machine: LocationMachine) -> [DebugVariable] {
        guard let unit = unit(at: address), let function = unit.function(at: address) else { return [] }
        var machine = machine
        machine.frameBase = frameBase(function.die, machine)
        // From the innermost call that is meant to the one that it was inlined into.
        var chain = [function.die] + unit.scopes(at: address, in: function)
        var skipped = inlined
        while skipped > 0, let last = chain.popLast() {
            if last.tag == DW_TAG_inlined_subroutine.raw { skipped -= 1 }
        }
        if let call = chain.lastIndex(where: { $0.tag == DW_TAG_inlined_subroutine.raw }) {
            chain.removeSubrange(..<call)
        }
        var variables: [DebugVariable] = []
        var names: Set<String> = []
        for scope in chain.reversed() {
            var next = scope.firstChild
            while var child = next, variables.count < Self.mostVariables {
                next = child.sibling
                let isParameter = child.tag == DW_TAG_formal_parameter.raw
                guard isParameter || child.tag == DW_TAG_variable.raw, let name = child.name,
                    names.insert(name).inserted
                else { continue }
                variables.append(
                    DebugVariable(
                        name: name, type: child.reference(DW_AT_type).map { DebugType($0) },
                        location: location(&child, at: address, machine), isParameter: isParameter))
            }
        }
        return variables
    }

    private static var mostVariables: Int { 4096 }

    private func frameBase(_ function: Dwarf_Die, _ machine: LocationMachine) -> UInt64? {
        var (die, machine, attribute) = (function, machine, Dwarf_Attribute())
        var operations: UnsafeMutablePointer<Dwarf_Op>?
        var count = 0
        guard dwarf_attr_integrate(&die, UInt32(DW_AT_frame_base), &attribute) != nil,
            dwarf_getlocation(&attribute, &operations, &count) == 0, let operations
        else { return nil }
        switch machine.evaluate(operations, count, of: &attribute) {
        case .register(let number)?: return machine.registers[number]
        case .memory(let address)?: return address
        default: return nil
        }
    }

    private func location(_ die: inout Dwarf_Die, at address: UInt64, _ machine: LocationMachine) -> DebugLocation {
        var attribute = Dwarf_Attribute()
        if let value = die.number(DW_AT_const_value) { return .value(value) }
        guard dwarf_attr_integrate(&die, UInt32(DW_AT_location), &attribute) != nil else { return .absent }
        var machine = machine
        var operations: UnsafeMutablePointer<Dwarf_Op>?
        var count = 0
        // A list of locations has one for the address, at most (2.6.2).
        guard dwarf_getlocation_addr(&attribute, address, &operations, &count, 1) == 1, let operations
        else { return .absent }
        return machine.evaluate(operations, count, of: &attribute) ?? .absent
    }

    /// A variable outside of functions, of the unit of an address before others'.
    func global(named name: String, near address: UInt64, bias: UInt64) -> DebugVariable? {
        let empty = FrameRegisters(programCounter: 0, values: [])
        let machine = LocationMachine(registers: empty, memory: { _, _ in nil }, bias: bias)
        let first = unit(at: address)
        for unit in [first].compactMap(\.self) + units {
            var next = unit.die.firstChild
            var budget = 1 << 20
            while var child = next, budget > 0 {
                next = child.sibling
                budget -= 1
                guard child.tag == DW_TAG_variable.raw, child.name == name else { continue }
                let location = location(&child, at: 0, machine)
                guard location != .absent else { continue }
                return DebugVariable(
                    name: name, type: child.reference(DW_AT_type).map { DebugType($0) }, location: location,
                    isParameter: false)
            }
        }
        return nil
    }
}

extension SourcePrograms {
    /// The variables of a frame; see ``DebugInformation/variables(at:inlined:_:)``.
    /// - Parameter isCaller: it has called another frame, so that its address is behind the call.
    func variables(
        of frame: FrameRegisters, isCaller: Bool, inlined: Int, memory: @escaping FrameMemory
    ) -> [DebugVariable] {
        let address = frame.programCounter &- (isCaller ? 1 : 0)
        for program in programs {
            let linked = address &- program.bias
            guard program.information.unit(at: linked) != nil else { continue }
            let machine = LocationMachine(
                registers: frame, memory: memory, bias: program.bias,
                canonicalFrameAddress: canonicalFrameAddress(of: frame, isCaller: isCaller, memory: memory))
            return program.information.variables(at: linked, inlined: inlined, machine)
        }
        return []
    }

    func global(named name: String, near address: UInt64) -> DebugVariable? {
        for program in programs {
            if let found = program.information.global(
                named: name, near: address &- program.bias, bias: program.bias)
            {
                return found
            }
        }
        return nil
    }

    /// What stays the same of a frame as long as it exists (6.4); nil where it is not known.
    func canonicalFrameAddress(of frame: FrameRegisters, isCaller: Bool, memory: @escaping FrameMemory) -> UInt64? {
        for program in programs {
            if let address = program.information.frames.canonicalFrameAddress(
                of: frame, isCaller: isCaller, bias: program.bias, memory: memory)
            {
                return address
            }
        }
        return nil
    }

    /// Where each line of the function begins that an address is in; of the same line's pieces behind one another, the first.
    func lineStarts(inFunctionAt address: UInt64) -> [UInt64] {
        for program in programs {
            let starts = program.information.lineStarts(inFunctionAt: address &- program.bias)
            if !starts.isEmpty { return starts.map { $0 &+ program.bias } }
        }
        return []
    }

    /// Behind what sets up the frame of the function that begins at the address.
    func pastPrologue(_ address: UInt64) -> UInt64? {
        for program in programs {
            let linked = address &- program.bias
            guard let unit = program.information.unit(at: linked), unit.function(at: linked) != nil else { continue }
            return unit.pastPrologue(linked) &+ program.bias
        }
        return nil
    }
}

extension DebugInformation {
    fileprivate func lineStarts(inFunctionAt address: UInt64) -> [UInt64] {
        guard let unit = unit(at: address), let function = unit.function(at: address) else { return [] }
        var starts: [UInt64] = []
        for range in function.ranges {
            var last: (file: Int, line: Int)?
            for row in unit.lines[unit.lines.partitioningIndex { $0.address >= range.lowerBound }...] {
                guard row.address < range.upperBound, !row.isEnd else { break }
                guard row.isStatement, row.line != 0 else { continue }
                if last?.line != row.line || last?.file != row.file { starts.append(row.address) }
                last = (row.file, row.line)
            }
        }
        return starts
    }
}
