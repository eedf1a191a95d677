import Testing

@testable import ISA

/// What the recorder writes down, and what it leaves out.
@Suite("The recorder")
struct IRTests {
    /// Records one instruction; gives its operations.
    func operations(
        _ simplifications: Recorder.Simplifications, zeroRegister: UInt8? = nil, sinkRegister: UInt8? = nil,
        _ meaning: (inout Recorder) -> Void
    ) -> [Node.Operation] {
        var recorder = Recorder(
            at: 0x1000, simplifications: simplifications, zeroRegister: zeroRegister, sinkRegister: sinkRegister)
        recorder.begin(length: 4)
        meaning(&recorder)
        return recorder.block.nodes.map(\.operation)
    }

    @Test("A node is 32 bytes")
    func size() {
        #expect(MemoryLayout<Node>.stride == 32)
    }

    @Test("Without simplifications everything is written down as it was said")
    func raw() {
        let recorded = operations([]) { e in
            let (a, b) = (e.constant(2), e.constant(3))
            let sum = e.binary(.add, .double, a, b)
            e.setRegister(1, sum)
            let again = e.register(1)
            e.setRegister(2, again)
            let next = e.programCounter(plus: 4)
            e.setRegister(3, next)
        }
        #expect(
            recorded == [
                .constant, .constant, .binary, .setRegister, .register, .setRegister, .programCounter, .setRegister,
            ])
    }

    @Test("Operations on constants are carried out, at their width")
    func constants() {
        var recorder = Recorder(at: 0x1000, simplifications: .constants)
        recorder.begin(length: 4)
        let (a, b) = (recorder.constant(0xffff_ffff), recorder.constant(1))
        let sum = recorder.binary(.add, .word, a, b)
        #expect(recorder.known(sum) == 0)
        let isLess = recorder.compare(.lessSigned, .word, a, b)
        #expect(recorder.known(isLess) == true)
        #expect(recorder.known(recorder.select(isLess, a, b)) == 0xffff_ffff)
    }

    @Test("Neutral operands vanish only at full width: a narrower operation also clears what is above it")
    func neutral() {
        let full = operations(.constants) { e in
            let (a, zero) = (e.register(1), e.constant(0))
            let sum = e.binary(.add, .double, a, zero)
            e.setRegister(2, sum)
        }
        #expect(full == [.register, .constant, .setRegister])
        let narrow = operations(.constants) { e in
            let (a, zero) = (e.register(1), e.constant(0))
            let sum = e.binary(.add, .word, a, zero)
            e.setRegister(2, sum)
        }
        #expect(narrow == [.register, .constant, .binary, .setRegister])
    }

    @Test("A region whose condition is a constant is recorded plainly, or not at all")
    func constantRegions() {
        for holds in [false, true] {
            let recorded = operations(.constants) { e in
                let (a, zero) = (e.constant(holds ? 0 : 1), e.constant(0))
                let isZero = e.compare(.equal, .double, a, zero)
                e.whenever(isZero) { e in e.setRegister(1, a) }
            }
            #expect(recorded == [.constant, .constant, .truth] + (holds ? [.setRegister] : []))
        }
    }

    @Test("A register that was read or written is not read again")
    func registers() {
        let recorded = operations(.registers) { e in
            let (a, b) = (e.register(1), e.register(1))
            let sum = e.binary(.add, .double, a, b)
            e.setRegister(1, sum)
            let after = e.register(1)
            e.setRegister(2, after)
        }
        #expect(recorded == [.register, .binary, .setRegister, .setRegister])
    }

    @Test("The zero register is a constant, and what goes to the sink is dropped")
    func zeroAndSink() {
        let recorded = operations(.registers, zeroRegister: 0, sinkRegister: 32) { e in
            let zero = e.register(0)
            e.setRegister(32, zero)
        }
        #expect(recorded == [.constant])
    }

    @Test("A register is read again after a call, a write of its part, and a write of its bytes in the state block")
    func forgetting() {
        let forgetful: [(inout Recorder, Recorder.Value) -> Void] = [
            { e, a in _ = e.call(HelperIdentifier(rawValue: 0), a, a) },
            { e, a in e.setRegister(1, bit: 8, .byte, a) },
            { e, a in e.setState(15, .byte, a) },
            { e, a in e.setState(6, .word, a) },
        ]
        for forget in forgetful {
            let recorded = operations(.registers) { e in
                let a = e.register(1)
                forget(&e, a)
                _ = e.register(1)
            }
            #expect(recorded.filter { $0 == .register }.count == 2)
        }
    }

    @Test("After a side region only what it left alone is known")
    func regions() {
        var recorder = Recorder(at: 0x1000)
        recorder.begin(length: 4)
        let (one, two) = (recorder.register(1), recorder.register(2))
        let isLess = recorder.compare(.lessUnsigned, .double, one, two)
        recorder.whenever(isLess) { e in
            e.require(.floatingPoint)
            let inside = e.register(3)
            e.setRegister(1, inside)
        }
        #expect(throws: Never.self) { try recorder.block.verify() }
        #expect(recorder.register(2).node == two.node)
        #expect(recorder.register(1).node != one.node)
        recorder.require(.floatingPoint)
        #expect(recorder.block.nodes.filter { $0.operation == .require }.count == 2)
    }

    @Test("A condition names the node that defined the flags, unless a call or a side region came between")
    func flags() {
        var recorder = Recorder(at: 0x1000)
        recorder.begin(length: 4)
        let (a, b) = (recorder.register(1), recorder.register(2))
        #expect(recorder.block.nodes[Int(recorder.condition(.equal).node)].a == Node.none)
        let difference = recorder.binary(.subtract, .double, a, b)
        recorder.setFlags(.subtract, .double, result: difference, a, b)
        let definition = Int32(recorder.block.nodes.count - 1)
        let isEqual = recorder.condition(.equal)
        #expect(recorder.block.nodes[Int(isEqual.node)].a == definition)
        recorder.whenever(isEqual) { e in e.setFlags(raw: a) }
        #expect(recorder.block.nodes[Int(recorder.condition(.less).node)].a == Node.none)
        #expect(throws: Never.self) { try recorder.block.verify() }
    }

    @Test("Only what surely leaves closes the block")
    func closing() {
        func isClosed(_ meaning: (inout Recorder) -> Void) -> Bool {
            var recorder = Recorder(at: 0x1000)
            recorder.begin(length: 4)
            meaning(&recorder)
            return recorder.isClosed
        }
        #expect(isClosed { e in e.jump(offset: 8) })
        #expect(isClosed { e in e.undefined() })
        #expect(!isClosed { e in e.branch(if: e.condition(.equal), offset: 8) })
        #expect(
            !isClosed { e in
                let isEqual = e.condition(.equal)
                e.whenever(isEqual) { e in e.jump(offset: 8) }
            })
    }

    @Test("Instructions know their nodes, and nodes their instruction")
    func boundaries() {
        var recorder = Recorder(at: 0x1000, simplifications: [])
        for length in [4, 2, 4] as [UInt8] {
            recorder.begin(length: length)
            if length == 4 { recorder.setRegister(1, recorder.constant(1)) }
        }
        let block = recorder.block
        #expect(block.instructions.map(\.offset) == [0, 4, 6])
        #expect((0..<3).map { block.nodes(of: $0) } == [0..<2, 2..<2, 2..<4])
        #expect((0..<4).map { block.instruction(of: $0) } == [0, 0, 2, 2])
    }

    // MARK: What the rules refuse

    @Test("A load after a register was set is refused: the instruction could not be started again")
    func loadAfterEffect() {
        var recorder = Recorder(at: 0x1000)
        recorder.begin(length: 4)
        let address = recorder.register(1)
        recorder.setRegister(2, address)
        _ = recorder.load(address, .word, [])
        #expect(throws: Block.Malformed.self) { try recorder.block.verify() }
    }

    @Test("What stands behind a jump is refused")
    func behindControl() {
        var recorder = Recorder(at: 0x1000)
        recorder.begin(length: 4)
        let link = recorder.programCounter(plus: 4)
        recorder.jump(offset: 16)
        recorder.setRegister(1, link)
        #expect(throws: Block.Malformed.self) { try recorder.block.verify() }
    }

    @Test("The use of a value outside the side region that defined it is refused")
    func leakedValue() {
        var recorder = Recorder(at: 0x1000, simplifications: [])
        recorder.begin(length: 4)
        let isEqual = recorder.condition(.equal)
        var leaked = recorder.constant(0)
        recorder.whenever(isEqual) { e in leaked = e.register(1) }
        recorder.begin(length: 4)
        recorder.setRegister(2, leaked)
        #expect(throws: Block.Malformed.self) { try recorder.block.verify() }
    }
}
