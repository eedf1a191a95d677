@testable import Machine

/// A machine of four registers and some memory, whose stops a test writes down.
final class FakeDebugTarget: DebugTarget {
    var architecture = ELFFile.Machine.riscv
    var processorCount = 2
    func label(of processor: Int) -> String { "hart \(processor)" }
    func status(of processor: Int) -> String { processor == 0 ? "M" : "VS vmid 2, waits (wfi)" }
    var currentProcessor = 0
    var position: UInt64 = 0

    let registers = [
        DebugRegister("a0", bits: 64, .general), DebugRegister("pc", bits: 64, .general, .codePointer),
        DebugRegister("fcsr", bits: 32, .float), DebugRegister("mstatus", bits: 64, .system),
        DebugRegister("cycle", bits: 64, .system),
    ]
    var values: [[[UInt8]]] = (0..<2).map { processor in
        [
            [UInt8(processor), 2, 3, 4, 5, 6, 7, 8], [0, 0, 0, 0x80, 0, 0, 0, 0], [0x1f, 0, 0, 0],
            [0xaa, 0, 0, 0, 0, 0, 0, 0],
        ]
    }

    func readRegister(_ number: Int, of processor: Int) -> [UInt8]? {
        number < values[processor].count ? values[processor][number] : nil
    }

    func writeRegister(_ number: Int, of processor: Int, _ bytes: [UInt8]) -> Bool {
        guard number < values[processor].count else { return false }
        values[processor][number] = bytes
        return true
    }

    /// From 0x80000000, and somewhere else for physical addresses.
    var memory: [UInt8] = (0..<4096).map { UInt8(truncatingIfNeeded: $0) }
    var physical: [UInt8] = [UInt8](repeating: 0x55, count: 4096)
    static let base: UInt64 = 0x8000_0000

    func readMemory(_ address: DebugAddress, count: Int, of processor: Int) -> [UInt8] {
        guard address.value >= Self.base, address.value < Self.base + 4096 else { return [] }
        let bytes = address.space == .physical ? physical : memory
        return Array(bytes.dropFirst(Int(address.value - Self.base)).prefix(count))
    }

    func writeMemory(_ address: DebugAddress, _ bytes: [UInt8], of processor: Int) -> Bool {
        guard address.value >= Self.base, address.value <= Self.base + 4096 - UInt64(min(bytes.count, 4096)),
            bytes.count <= 4096
        else { return false }
        let start = Int(address.value - Self.base)
        memory.replaceSubrange(start..<start + bytes.count, with: bytes)
        return true
    }

    var memoryMap = [
        DebugMemoryRegion(.rom, start: 0x1000, size: 0xf000),
        DebugMemoryRegion(.device, start: 0x1000_0000, size: 0x100, name: "uart0"),
        DebugMemoryRegion(.ram, start: 0x8000_0000, size: 0x1000),
    ]

    // MARK: Running

    var points: [StopPoint] = []
    var canReverse = false
    var resumptions: [Resumption] = []
    /// What ``advance()`` returns, one after the other; then it runs on.
    var stops: [DebugStop?] = []
    var isInterrupted = false
    var restarts = 0
    var commands: [String] = []
    var executable: String? = "/tmp/vmm.elf"

    func insert(_ point: StopPoint) throws(DebugRefusal) {
        if case .read = point.kind { throw DebugRefusal("reads cannot be watched. Watch writes.") }
        points.append(point)
    }

    func remove(_ point: StopPoint) {
        if let index = points.firstIndex(of: point) { points.remove(at: index) }
    }

    func resume(_ resumption: Resumption) { resumptions.append(resumption) }

    func advance() -> DebugStop? {
        if isInterrupted {
            isInterrupted = false
            return DebugStop(.interrupted, processor: 1)
        }
        return stops.isEmpty ? nil : stops.removeFirst()
    }

    func interrupt() { isInterrupted = true }
    func restart() throws(DebugRefusal) { restarts += 1 }

    /// What happens while a command is carried out.
    var isBusy: () -> Void = {}

    func monitor(_ command: String) -> String {
        commands.append(command)
        isBusy()
        return "you said \(command)\n"
    }
}

/// The debugger's side: sends packets, and reads what comes.
struct GDBTestClient {
    let target: FakeDebugTarget
    let session: GDBSession

    init(_ target: FakeDebugTarget = FakeDebugTarget(), noAcknowledgments: Bool = true) {
        self.target = target
        session = GDBSession(target)
        guard noAcknowledgments else { return }
        session.receive(Self.frame("QStartNoAckMode"))
        _ = session.takeOutput()
    }

    /// By the manual: the sum of all characters between `$` and `#`, modulo 256.
    static func frame(_ payload: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        let sum = payload.reduce(0, &+)
        return [0x24] + payload + [0x23, digits[Int(sum >> 4)], digits[Int(sum & 15)]]
    }

    static func frame(_ text: String) -> [UInt8] { frame(Array(text.utf8)) }

    /// Everything that waits to be sent.
    func output() -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = session.takeOutput()
            if bytes.isEmpty { return all }
            all += bytes
        }
    }

    /// The payloads of the packets in `bytes`, with runs expanded and escapes undone.
    static func payloads(_ bytes: [UInt8]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var rest = bytes[...]
        while let start = rest.firstIndex(of: 0x24), let end = rest[start...].firstIndex(of: 0x23) {
            let sent = Array(rest[(start + 1)..<end])
            rest = rest[min(end + 3, rest.endIndex)...]
            result.append(expanded(sent))
        }
        return result
    }

    private static func expanded(_ sent: [UInt8]) -> [UInt8] {
        var runs: [UInt8] = []
        var index = 0
        while index < sent.count {
            if sent[index] == 0x2a, index + 1 < sent.count, let last = runs.last {
                runs += [UInt8](repeating: last, count: Int(sent[index + 1]) - 29)
                index += 2
            } else {
                runs.append(sent[index])
                index += 1
            }
        }
        var payload: [UInt8] = []
        index = 0
        while index < runs.count {
            if runs[index] == 0x7d, index + 1 < runs.count {
                payload.append(runs[index + 1] ^ 0x20)
                index += 2
            } else {
                payload.append(runs[index])
                index += 1
            }
        }
        return payload
    }

    /// Sends a packet.
    /// - Returns: what is answered, as text; nil for nothing.
    func ask(_ text: String) -> String? { ask(Array(text.utf8)) }

    func ask(_ payload: [UInt8]) -> String? {
        session.receive(Self.frame(payload))
        let answers = Self.payloads(output())
        return answers.isEmpty ? nil : answers.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "|")
    }

    /// Lets the machine run until it stops.
    func run() -> String? {
        for _ in 0..<10 where session.isRunning { session.advance() }
        let answers = Self.payloads(output())
        return answers.isEmpty ? nil : answers.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "|")
    }
}
