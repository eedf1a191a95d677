import TestSupport
import Testing

@testable import Machine

@Suite("Hostile packets")
struct GDBFuzzTests {
    /// One of each kind, with its frame.
    static let corpus: [[UInt8]] =
        [
            "qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+;error-message+", "QStartNoAckMode", "?", "g",
            "G0011223344556677", "p3", "P0=0011223344556677", "P20=0000008000000000", "m80000000,40",
            "m0,ffffffffffffffff",
            "x80000000,100", "M80000000,4:00112233", "X80000000,2:ab", "c", "s", "c80000000", "vCont;c", "vCont;s:1;c",
            "vCont;r80000000,80000010:p1.1", "bc", "bs", "Hgp1.1", "Hc-1", "T1", "Z0,80000004,4", "z0,80000004,4",
            "Z2,80000010,8", "Z4,ffffffffffffffff,ffffffffffffffff", "qC", "qfThreadInfo", "qThreadExtraInfo,p1.1",
            "qXfer:features:read:target.xml:0,ffb", "qXfer:memory-map:read::0,1000", "qXfer:threads:read::0,1000",
            "qXfer:exec-file:read:1:0,100", "qRcmd,6d656d6f727920706320343039362076", "qRcmd,73746570",
            "qRcmd,726567697374657273",
            "qSearch:memory:80000000;1000;abc", "qCRC:80000000,1000", "QNonStop:0", "qRegisterInfo0",
            "qMemoryRegionInfo:80000000",
            "Qqemu.PhyMemMode:1", "vAttach;1", "!", "vRun;", "R00", "D;1", "k", "vKill;1", "QThreadEvents:1",
            "QEnableErrorStrings",
            "QListThreadsInStopReply", "qThreadStopInfo1", "g;thread:1;", "\u{3}",
        ].map { text in text == "\u{3}" ? [3] : GDBTestClient.frame(text) }
        + [
            "break hpa:0x80000004", "break va@asid=1,vmid=2:0x80000000 level M", "watch gpa@1:0x80000010 8 vmid 1",
            "awatch stage2@0:0x80000000", "catch entry vmid 1", "catch exit SBI level HS", "catch level EL2",
            "catch fault stage2 gpa 0x0-0xffff", "catch write mstatus", "catch interrupt 7", "catch exception 2",
            "delete 1",
            "delete", "info stops", "x hpa:0x80000000 16", "write 0x80000100 00 11 ff", "last-write 0x80000000 4",
            "last-exit", "last-interrupt 7", "last-line a", "backtrace",
        ].map { GDBTestClient.frame("qRcmd," + Hexadecimal.text($0.utf8)) }

    /// Frames what was damaged again, half of the time: else hardly any gets through its checksum.
    private func stream(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        guard random.next() % 2 == 0 else { return bytes }
        return GDBTestClient.frame(bytes.filter { $0 != 0x24 && $0 != 0x23 }.dropLast(min(2, bytes.count)))
    }

    private func drive(
        _ session: GDBSession, _ bytes: [UInt8], _ random: inout SplitMix64
    ) throws {
        var produced = 0
        for part in [bytes, Self.corpus[Int(random.next() % UInt64(Self.corpus.count))], stream(bytes, &random)] {
            session.receive(part)
            for _ in 0..<3 where session.isRunning { session.advance() }
            // What came while it ran may have it run again.
            var interrupts = 0
            while session.isRunning, interrupts < 1000 {
                session.receive([3])
                session.advance()
                interrupts += 1
            }
            try require(!session.isRunning, "an interrupt does not stop the machine")
            while true {
                let output = session.takeOutput()
                if output.isEmpty { break }
                produced += output.count
                // A packet of the greatest length beyond what is held back, and the monitor's longest answers.
                try require(output.count < 2 << 20, "\(output.count) bytes at once")
            }
        }
        try require(produced < 16 << 20, "\(produced) bytes are answered to \(bytes.count)")
        session.close()
    }

    @Test("No packets crash a session, have it answer without bounds, or have it run on through an interrupt")
    func fake() {
        fuzz("gdb packets", cases: 20_000, corpus: Self.corpus) { bytes, random in
            try drive(GDBSession(FakeDebugTarget()), stream(bytes, &random), &random)
        }
    }

    @Test("Nor random bytes")
    func noise() {
        fuzz("gdb noise", cases: 5000, corpus: [[0x24]]) { _, random in
            let bytes = (0..<random.next() % 256).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            try drive(GDBSession(FakeDebugTarget()), bytes, &random)
        }
    }

    @Test("Nor do they harm a machine of ours", arguments: [nil, "aarch64-virt"])
    func real(board: String?) throws {
        let loop: [UInt32] = board == nil ? [0x0000_0013, 0xffdf_f06f] : [0xd503_201f, 0x17ff_ffff]
        try TinyGuest.load(loop, { $0.machine = board }) { session in
            let target = MachineTarget(session) { _ in "it ended" }
            fuzz("gdb and a machine", cases: 4000, corpus: Self.corpus) { bytes, random in
                try drive(GDBSession(target), stream(bytes, &random), &random)
                // Not all of its time for one of these.
                try target.restart()
            }
        }
    }

    @Test("However many requests come at once, no more is kept than a little more than what is held back")
    func amplification() throws {
        let session = GDBSession(FakeDebugTarget())
        let request = GDBTestClient.frame("m80000000,1000")
        session.receive((0..<500).flatMap { _ in request })
        #expect(!session.wantsInput)
        var total = 0
        while true {
            let output = session.takeOutput()
            if output.isEmpty { break }
            #expect(output.count < (1 << 18) + (1 << 17))
            total += output.count
        }
        #expect(session.wantsInput)
        #expect(total > 500 * 4096, "every one is answered in the end")
    }
}
