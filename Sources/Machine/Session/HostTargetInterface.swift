import ISA

/// The host-target interface of Berkeley's test programs: two doublewords in memory, `tohost` and `fromhost`, that the
/// program's ELF file names.
///
/// A program ends by storing an odd number to `tohost`: 1 for success, (n << 1) | 1 for the failure of its test n. An
/// even number is the address of eight doublewords that describe a system call, of which `write` is served, or, with
/// device 1 in the top byte, a character for the console.
///
/// The memory is looked at between turns, so that a program's stores cost nothing.
public final class HostTargetInterface {
    private let memory: PhysicalMemory
    private let toHost: UInt64
    private let fromHost: UInt64?
    private let console: (([UInt8]) -> Void)

    /// How long a turn may be, so that a program that waits for an answer does not wait long.
    public static let quantum: UInt64 = 20_000

    public init(memory: PhysicalMemory, toHost: UInt64, fromHost: UInt64?, console: @escaping ([UInt8]) -> Void) {
        self.memory = memory
        self.toHost = toHost
        self.fromHost = fromHost
        self.console = console
    }

    /// Serves what the program asked for.
    /// - Returns: the program's exit code, once it has ended.
    public func poll() -> UInt64? {
        var value: UInt64 = 0
        guard memory.read(toHost, into: &value, count: 8), value != 0 else { return nil }
        let device = value >> 56
        let command = value >> 48 & 0xff
        let payload = value & 0xffff_ffff_ffff
        var reply: UInt64 = 1
        switch (device, command) {
        case (0, 0):
            if payload & 1 != 0 { return payload >> 1 }
            systemCall(payload)
        case (1, 1):
            console([UInt8(truncatingIfNeeded: payload)])
            reply = device << 56 | command << 48
        default: break
        }
        var zero: UInt64 = 0
        _ = memory.write(toHost, from: &zero, count: 8)
        if let fromHost { _ = memory.write(fromHost, from: &reply, count: 8) }
        return nil
    }

    /// The call's number and arguments are eight doublewords at `address`; the result replaces the first.
    private func systemCall(_ address: UInt64) {
        var words = [UInt64](repeating: 0, count: 8)
        let isRead = words.withUnsafeMutableBytes { memory.read(address, into: $0.baseAddress!, count: 64) }
        guard isRead else { return }
        var result = UInt64(bitPattern: -38)  // ENOSYS
        let write: UInt64 = 64
        if words[0] == write {
            // No string of a test program is longer; a hostile length is no reason to take memory.
            let count = Int(min(words[3], 1 << 20))
            var bytes = [UInt8](repeating: 0, count: count)
            let isText = bytes.withUnsafeMutableBytes { buffer in
                count == 0 || memory.read(words[2], into: buffer.baseAddress!, count: count)
            }
            if isText {
                console(bytes)
                result = UInt64(count)
            } else {
                result = UInt64(bitPattern: -14)  // EFAULT
            }
        }
        _ = memory.write(address, from: &result, count: 8)
    }
}
