import ISA

/// Floating point.
extension X64.Role {
    /// For results on their way.
    static let temporaryVectors: [X64.VectorRegister] = [.xmm0, .xmm1, .xmm2]
}

extension X64.Generator {
    static func supportsFloat(_ node: Node, _ host: X64.HostFeatures, _ switches: OptimizationSwitches) -> Bool {
        false
    }

    mutating func generateFloat(_ node: Node) {
        preconditionFailure("\(node) has no code")
    }

    /// The vector register that holds a node's result already, if one does.
    func vectorRegister(of node: Int32) -> VectorRegister? {
        switch places[Int(node)] {
        case .temporaryVector(let register): return register
        case .guest(let index): if case .vector(let register) = map[index] { return register }
        default: break
        }
        return nil
    }

    /// target = the result of `node`.
    mutating func moveVector(_ target: VectorRegister, _ node: Int32) {
        if let register = vectorRegister(of: node) {
            if register != target { assembler.move(target, register) }
            return
        }
        if constant(node) == nil, case .memory(let memory) = operand(node) {
            return assembler.load(target, memory, .double)
        }
        let register = intoRegister(node)
        assembler.move(target, register)
    }

    /// The result of the node in progress is in the home of the register that it is for.
    mutating func finishVector(_ register: VectorRegister) {
        guard let index = destination() else { return }
        places[Int(current)] = .guest(index)
        inGuest.append(current)
    }
}
