import Testing

@testable import Hyper

/// What is expected is what RFC 854 and those of the options say.
@Suite("Telnet")
struct TelnetTests {
    @Test("The server offers to echo, needs no \"go ahead\", and asks for the window's size")
    func offers() {
        var telnet = Telnet()
        #expect(telnet.takeAnswers() == [255, 251, 1, 255, 251, 3, 255, 253, 31])
        #expect(telnet.receive([255, 253, 1, 255, 253, 3, 255, 251, 31]) == [])
        #expect(telnet.takeAnswers() == [], "what was offered is not answered again")
    }

    @Test("All else is refused, and a refusal is not answered")
    func refusals() {
        var telnet = Telnet()
        _ = telnet.takeAnswers()
        #expect(telnet.receive([255, 253, 24, 255, 251, 39, 255, 252, 1, 255, 254, 3]) == [])
        #expect(telnet.takeAnswers() == [255, 252, 24, 255, 254, 39])
    }

    @Test("A line ends in CR NUL or CR LF, and is one key")
    func lines() {
        var telnet = Telnet()
        #expect(telnet.receive(Array("a\r\0b\r\nc\rd\n".utf8)) == Array("a\rb\rc\rd\n".utf8))
        #expect(telnet.receive([0x0d]) + telnet.receive([0x0a]) + telnet.receive([0x0a]) == [0x0d, 0x0a])
    }

    @Test("Commands are keys, or nothing; an escaped 255 is one")
    func commands() {
        var telnet = Telnet()
        _ = telnet.takeAnswers()
        #expect(
            telnet.receive([65, 255, 255, 255, 244, 255, 247, 255, 248, 255, 241, 66]) == [65, 255, 3, 127, 21, 66])
        #expect(telnet.receive([255, 246]) == [])
        #expect(telnet.takeAnswers() == Array("\r\n[yes]\r\n".utf8))
    }

    @Test("Whoever only asks is answered as long as there is room, and each answer is whole")
    func manyQuestions() {
        var telnet = Telnet()
        _ = telnet.takeAnswers()
        let options = (0..<1000).flatMap { _ in [255, 253, 24] as [UInt8] }
        #expect(telnet.receive(options) == [])
        let refusals = telnet.takeAnswers()
        #expect(refusals == (0..<170).flatMap { _ in [255, 252, 24] as [UInt8] }, "as many as 512 bytes have room for")
        _ = telnet.receive((0..<1000).flatMap { _ in [255, 246] as [UInt8] })
        #expect(telnet.takeAnswers() == (0..<56).flatMap { _ in Array("\r\n[yes]\r\n".utf8) })
        _ = telnet.receive([255, 246])
        #expect(telnet.takeAnswers() == Array("\r\n[yes]\r\n".utf8), "and then again")
    }

    @Test("The window's width is known from its subnegotiation alone")
    func windowSize() {
        var telnet = Telnet()
        #expect(telnet.receive([255, 250, 31, 0, 132, 0, 43, 255, 240, 65]) == [65])
        #expect(telnet.columns == 132)
        _ = telnet.receive([255, 250, 31, 255, 255, 255, 255, 0, 43, 255, 240])
        #expect(telnet.columns == 1000, "65535, bounded")
        _ = telnet.receive([255, 250, 31, 0, 0, 0, 0, 255, 240])
        _ = telnet.receive([255, 250, 31, 0, 80, 255, 240])
        _ = telnet.receive([255, 250, 24] + [UInt8](repeating: 9, count: 10_000) + [255, 240])
        #expect(telnet.columns == 1000)
    }

    @Test("What is printed is escaped, and a CR alone is followed by NUL")
    func output() {
        var telnet = Telnet()
        #expect(telnet.send([65, 255, 13, 10, 13, 66, 13]) == [65, 255, 255, 13, 10, 13, 0, 66, 13])
        #expect(telnet.send([10]) == [10])
        #expect(telnet.send([13]) + telnet.send([67]) == [13, 0, 67])
    }
}
