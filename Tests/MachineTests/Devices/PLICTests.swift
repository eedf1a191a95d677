import Testing

@testable import Machine

/// Expected values: RISC-V PLIC specification 1.0.0.
@Suite("PLIC")
struct PLICTests {
    let sink = RecordingSink()
    let plic: PLIC

    init() {
        plic = PLIC(name: "plic@c000000", sources: 96, outputs: (0..<4).map { [sink] in sink.line($0) })
    }

    private func priority(_ source: UInt64) -> UInt64 { source * 4 }
    private func pending(_ word: UInt64) -> UInt64 { 0x1000 + word * 4 }
    private func enable(_ context: UInt64, _ word: UInt64) -> UInt64 { 0x2000 + context * 0x80 + word * 4 }
    private func threshold(_ context: UInt64) -> UInt64 { 0x20_0000 + context * 0x1000 }
    private func claim(_ context: UInt64) -> UInt64 { 0x20_0004 + context * 0x1000 }

    /// Gives `source` a priority and enables it for `context`.
    private func open(_ source: UInt64, _ level: UInt64 = 1, _ context: UInt64 = 1) {
        plic.set(priority(source), level)
        let word = enable(context, source / 32)
        plic.set(word, plic.get(word) | 1 << (source % 32))
    }

    @Test("A wire that rises sets its pending bit and the output of a context that enables it")
    func pendingAndOutput() {
        open(10)
        plic.setLine(10, true)
        #expect(plic.get(pending(0)) == 1 << 10)
        #expect(sink.isHigh(1))
        #expect(!sink.isHigh(0) && !sink.isHigh(2) && !sink.isHigh(3), "other contexts do not enable source 10")
    }

    @Test("A claim returns the source and clears its pending bit; the next claim returns 0")
    func claimOnce() {
        open(33)
        plic.setLine(33, true)
        #expect(plic.get(claim(1)) == 33)
        #expect(plic.get(pending(1)) == 0)
        #expect(!sink.isHigh(1))
        #expect(plic.get(claim(1)) == 0)
    }

    @Test("A wire still high at completion is forwarded again; one that fell is not")
    func levelGateway() {
        open(5)
        plic.setLine(5, true)
        #expect(plic.get(claim(1)) == 5)
        plic.set(claim(1), 5)
        #expect(sink.isHigh(1))
        #expect(plic.get(claim(1)) == 5)
        plic.setLine(5, false)
        plic.set(claim(1), 5)
        #expect(!sink.isHigh(1))
        #expect(plic.get(pending(0)) == 0)
    }

    @Test("Between claim and completion the gateway forwards nothing")
    func gatewayWaits() {
        open(5)
        plic.setLine(5, true)
        _ = plic.get(claim(1))
        plic.setLine(5, false)
        plic.setLine(5, true)
        #expect(plic.get(pending(0)) == 0)
        #expect(!sink.isHigh(1))
        plic.set(claim(1), 5)
        #expect(plic.get(pending(0)) == 1 << 5)
    }

    @Test("A request once forwarded stays pending although its wire falls")
    func requestStays() {
        open(5)
        plic.setLine(5, true)
        plic.setLine(5, false)
        #expect(sink.isHigh(1))
        #expect(plic.get(claim(1)) == 5)
    }

    @Test("The highest priority is claimed first, and the lowest number among equals")
    func priorityOrder() {
        for (source, level): (UInt64, UInt64) in [(3, 1), (40, 7), (95, 7), (7, 2)] {
            open(source, level)
            plic.setLine(Int(source), true)
        }
        #expect((0..<5).map { _ in plic.get(claim(1)) } == [40, 95, 7, 3, 0])
    }

    @Test("Priority 0 never interrupts and is never claimed")
    func priorityZero() {
        open(9, 0)
        plic.setLine(9, true)
        #expect(plic.get(pending(0)) == 1 << 9)
        #expect(!sink.isHigh(1))
        #expect(plic.get(claim(1)) == 0)
    }

    @Test("A threshold masks priorities up to and including itself, but not claims")
    func thresholdMasks() {
        open(9, 3)
        plic.set(threshold(1), 3)
        plic.setLine(9, true)
        #expect(!sink.isHigh(1))
        plic.set(threshold(1), 2)
        #expect(sink.isHigh(1))
        plic.set(threshold(1), 7)
        #expect(plic.get(claim(1)) == 9, "a claim is not affected by the threshold (chapter 8)")
    }

    @Test("Completion of a source that the context does not enable is ignored")
    func foreignCompletion() {
        open(5)
        plic.setLine(5, true)
        _ = plic.get(claim(1))
        plic.set(claim(3), 5)
        #expect(plic.get(pending(0)) == 0)
        plic.set(claim(1), 5)
        #expect(plic.get(pending(0)) == 1 << 5)
    }

    @Test("Of two contexts that enable a source, the first to claim has it")
    func sharedSource() {
        open(5, 1, 1)
        open(5, 1, 3)
        plic.setLine(5, true)
        #expect(sink.isHigh(1) && sink.isHigh(3))
        #expect(plic.get(claim(3)) == 5)
        #expect(!sink.isHigh(1) && !sink.isHigh(3))
        #expect(plic.get(claim(1)) == 0)
    }

    @Test("Priorities and thresholds keep three bits; source 0 and absent sources hold nothing")
    func writableBits() {
        plic.set(priority(1), 0xffff_ffff)
        #expect(plic.get(priority(1)) == 7)
        plic.set(threshold(0), 0xffff_ffff)
        #expect(plic.get(threshold(0)) == 7)
        plic.set(priority(0), 1)
        #expect(plic.get(priority(0)) == 0)
        plic.set(priority(96), 1)
        #expect(plic.get(priority(96)) == 0)
        for (word, expected): (UInt64, UInt64) in [(0, 0xffff_fffe), (1, 0xffff_ffff), (2, 0xffff_ffff), (3, 0)] {
            plic.set(enable(0, word), 0xffff_ffff)
            #expect(plic.get(enable(0, word)) == expected)
        }
        plic.set(pending(0), 0xffff_ffff)
        #expect(plic.get(pending(0)) == 0, "pending bits are read-only")
        plic.set(enable(4, 0), 0xffff_ffff)
        #expect(plic.get(enable(4, 0)) == 0, "there is no fifth context")
        #expect(plic.get(claim(4)) == 0)
    }

    @Test("A source that does not exist cannot be raised")
    func absentSource() {
        plic.setLine(0, true)
        plic.setLine(96, true)
        plic.setLine(-1, true)
        #expect((0..<4).allSatisfy { plic.get(pending($0)) == 0 })
    }

    @Test("Registers take 32-bit aligned accesses only")
    func accessSize() {
        for (offset, size): (UInt64, Int) in [(4, 1), (4, 2), (8, 8), (6, 4)] {
            #expect(throws: AccessFault.self) { try plic.read(offset, size: size) }
            #expect(throws: AccessFault.self) { try plic.write(offset, size: size, value: 1) }
        }
    }

    @Test("Random accesses and wires do no harm, and the described state is all of it")
    func fuzz() {
        let hot = [
            4, 0x28, 0x17c, 0x180, 0x1000, 0x107c, 0x1080, 0x2000, 0x2004, 0x2188, 0x20_0000, 0x20_0004, 0x20_3004,
        ]
        plic.fuzz(region: 0x60_0000, hot: hot.map(UInt64.init)) { random in
            plic.setLine(Int(random.next() % 100), random.next() % 2 == 0)
        }
        let other = RecordingSink()
        let copy = PLIC(name: "plic", sources: 96, outputs: (0..<4).map { other.line($0) })
        expectRestores(plic, into: copy) { plic in
            (0..<4).flatMap { context in (0..<100).map { _ in plic.get(0x20_0004 + UInt64(context) * 0x1000) } }
        }
    }

    @Test("A damaged snapshot leaves a device that works")
    func damagedSnapshot() {
        for seed: UInt64 in 0..<50 {
            var scrambler = StateScrambler(random: SplitMix64(seed: seed))
            plic.describeState(&scrambler)
            plic.fuzz(region: 0x60_0000, hot: [4, 0x1000, 0x2000, 0x20_0004, 0x20_3004], seed: seed, count: 200)
        }
    }
}
