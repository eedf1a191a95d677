import Testing

@testable import Machine

/// Expected values: Arm Base System Architecture, DEN 0094, on the GICv2m.
@Suite("GICv2m")
struct GICv2mTests {
    @Test("A message pulses the SPI that it names, if it is one of the frame's")
    func message() {
        let sink = RecordingSink()
        let frame = GICv2m(name: "v2m@8020000", firstINTID: 80, lines: (0..<64).map { sink.line($0) })
        #expect(frame.get(0x008) == 0x50_0040)
        frame.set(0x040, 81)
        #expect(sink.rises == [1: 1] && !sink.isHigh(1))
        frame.set(0x040, 143, 2)
        #expect(sink.rises == [1: 1, 63: 1])
        for intid: UInt64 in [0, 79, 144, 1023] { frame.set(0x040, intid) }
        frame.set(0x044, 81)
        #expect(sink.rises == [1: 1, 63: 1])
        #expect(frame.get(0x040) == 0 && frame.get(0xfcc) == 0x43b)
        #expect(throws: AccessFault.self) { try frame.write(0x040, size: 1, value: 81) }
        #expect(throws: AccessFault.self) { try frame.read(0x008, size: 8) }
        frame.fuzz(region: 0x1000, hot: [0x008, 0x040, 0xfcc], count: 10_000)
    }
}
