import Testing

@testable import Machine

/// Expected bytes are those of the GDB manual's appendix "GDB Remote Serial Protocol", or are made by its rules.
@Suite("Packets of GDB's remote protocol")
struct GDBPacketTests {
    private func items(_ bytes: [UInt8]) -> [GDBFrameReader.Item] {
        var reader = GDBFrameReader()
        return bytes.compactMap { reader.take($0) }
    }

    private func items(_ text: String) -> [GDBFrameReader.Item] { items(Array(text.utf8)) }

    private func packet(_ text: String) -> GDBFrameReader.Item { .packet(Array(text.utf8)) }

    @Test("A packet is what lies between $ and #, if its characters sum up to the two digits, of either case")
    func checksum() {
        #expect(items("$g#67") == [packet("g")])
        #expect(items("$OK#9a$OK#9A") == [packet("OK"), packet("OK")])
        #expect(items("$#00") == [packet("")])
        #expect(items("$g#68") == [.damaged])
        #expect(items("$g#6x") == [.damaged])
    }

    @Test("Packets, acknowledgments and interrupts may come in any pieces, and what lies between them is passed over")
    func pieces() {
        #expect(items("+$?#3f-\u{3}xyz\n$g#67") == [.acknowledged, packet("?"), .refused, .interrupt, packet("g")])
        var reader = GDBFrameReader()
        #expect(Array("$vMustReplyEmpt".utf8).compactMap { reader.take($0) } == [])
        #expect(Array("y#3a".utf8).compactMap { reader.take($0) } == [packet("vMustReplyEmpty")])
    }

    @Test("A packet that begins in the middle of another takes its place, and 0x03 within one is data")
    func restart() {
        #expect(items("$m8000$g#67") == [packet("g")])
        #expect(items(GDBTestClient.frame([0x58, 0x03])) == [.packet([0x58, 0x03])])
    }

    @Test("A payload longer than PacketSize says is refused, and the next packet is read")
    func tooLong() {
        let long = [UInt8](repeating: 0x61, count: GDBPacket.longestPayload + 1)
        #expect(items(GDBTestClient.frame(long)) == [.tooLong])
        #expect(items(GDBTestClient.frame(long) + GDBTestClient.frame("g")) == [.tooLong, packet("g")])
        #expect(items(GDBTestClient.frame(Array(long.dropLast()))) == [.packet(Array(long.dropLast()))])
    }

    @Test("`0* ` is `0000` (the manual's example), and fewer are not encoded")
    func runs() {
        func text(_ payload: String) -> String {
            String(decoding: GDBPacket.frame(Array(payload.utf8)).dropFirst().dropLast(3), as: UTF8.self)
        }
        #expect(text("0000") == "0* ")
        #expect(text("000") == "000")
        #expect(text("x0000y") == "x0* y")
        // Six and seven repeats would be # and $.
        #expect(text(String(repeating: "a", count: 7)) == "a*\"a")
        #expect(text(String(repeating: "a", count: 8)) == "a*\"aa")
        #expect(text(String(repeating: "a", count: 9)) == "a*%")
        // The character may not be above ~, 126.
        #expect(text(String(repeating: "a", count: 98)) == "a*~")
        #expect(text(String(repeating: "a", count: 99)) == "a*~a")
    }

    @Test("However long a run is, it comes out as it went in", arguments: [1, 3, 4, 5, 6, 7, 8, 9, 97, 98, 99, 500])
    func allRuns(count: Int) {
        let payload = [UInt8](repeating: 0x30, count: count) + [0x31]
        #expect(GDBTestClient.payloads(GDBPacket.frame(payload)) == [payload])
    }

    @Test("In binary data #, $, } and * have } before them, and bit 5 turned over")
    func escapes() {
        #expect(GDBPacket.escaped([0x23, 0x24, 0x7d, 0x2a, 0x41]) == Array("}\u{3}}\u{4}}]}\n".utf8) + [0x41])
        #expect(GDBPacket.unescaped([0x7d, 0x03, 0x7d, 0x5d, 0x41]) == [0x23, 0x7d, 0x41])
        #expect(GDBPacket.unescaped([0x41, 0x7d]) == nil)
    }
}
