import Foundation
import Machine
import Testing

/// Runs `body` on many damaged copies of `corpus`. Each case is made from one number, its seed, so that a run is the
/// same every time and a failure can be repeated alone:
///
///     ORRERY_FUZZ_SEED=81 swift test --filter 'name of the test'
///
/// `ORRERY_FUZZ_CASES` asks for more cases than the few seconds of an ordinary run. When a case ends the process, the
/// last line on standard error names its seed.
/// - Parameters:
///   - cases: in a release build; a debug build, some twenty times slower, runs a tenth.
///   - body: throws or records an issue when the case fails.
public func fuzz(_ name: String, cases: Int, corpus: [[UInt8]], _ body: ([UInt8], inout SplitMix64) throws -> Void) {
    let environment = ProcessInfo.processInfo.environment
    var seeds = 0..<UInt64(cases)
    #if DEBUG
    seeds = 0..<UInt64(cases / 10)
    #endif
    if let text = environment["ORRERY_FUZZ_CASES"], let count = UInt64(text) { seeds = 0..<count }
    if let text = environment["ORRERY_FUZZ_SEED"], let seed = UInt64(text), seed < .max { seeds = seed..<seed + 1 }
    let note = CrashNote()
    defer { note.clear() }
    for seed in seeds {
        note.write("fuzz \(name): the case that was running: ORRERY_FUZZ_SEED=\(seed)\n")
        var random = SplitMix64(seed: seed)
        let bytes = random.damaged(corpus)
        var failure: (any Error)?
        do { try body(bytes, &random) } catch { failure = error }
        if let failure {
            Issue.record("fuzz \(name): ORRERY_FUZZ_SEED=\(seed): \(failure)")
            return
        }
    }
}

/// A property that a case violates.
public struct Violation: Error, CustomStringConvertible {
    public let description: String
}

/// Fails the case where `condition` is false.
public func require(_ condition: Bool, _ description: @autoclosure () -> String) throws(Violation) {
    guard condition else { throw Violation(description: description()) }
}

extension SplitMix64 {
    /// One of `corpus` with one to eight faults in it, such as files get from disks and from attackers.
    mutating func damaged(_ corpus: [[UInt8]]) -> [UInt8] {
        var bytes = corpus[below(corpus.count)]
        for _ in 0...below(4) * below(3) {
            let place = below(bytes.count)
            let length = min(below(below(64) + 1) + 1, bytes.count - place)
            switch below(8) {
            case 0 where !bytes.isEmpty: bytes[place] ^= 1 << below(8)
            case 1 where !bytes.isEmpty: bytes[place] = UInt8(truncatingIfNeeded: next())
            case 2, 3: putInteger(in: &bytes, at: place)
            case 4: bytes.removeSubrange(place..<place + length)
            case 5: bytes.insert(contentsOf: bytes[place..<place + length], at: below(bytes.count))
            case 6: bytes.removeLast(min(below(bytes.count), below(bytes.count)))
            default:
                let other = corpus[below(corpus.count)]
                let start = below(other.count)
                bytes.replaceSubrange(place..<place + length, with: other[start..<min(start + length, other.count)])
            }
        }
        return bytes
    }

    /// Overwrites a field of 2, 4 or 8 bytes with a number at the edge of something.
    private mutating func putInteger(in bytes: inout [UInt8], at place: Int) {
        let size = [2, 4, 8][below(3)]
        let start = place & ~(size - 1)
        guard start + size <= bytes.count else { return }
        let edges: [UInt64] = [
            0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, .max, 1 << 63, .max >> 1,
            UInt64(bytes.count), UInt64(start), next(),
        ]
        let value = edges[below(edges.count)] &+ UInt64(bitPattern: Int64(below(5) - 2))
        let isBigEndian = below(2) == 0
        for byte in 0..<size {
            bytes[start + byte] = UInt8(truncatingIfNeeded: value >> (8 * (isBigEndian ? size - 1 - byte : byte)))
        }
    }
}

/// A line that is written to standard error if the process dies of a trap or a bad access.
private struct CrashNote {
    private static let length = 160
    private static let count = 16
    /// One line for each of the tests that run at once.
    private nonisolated(unsafe) static let lines: UnsafeMutablePointer<UInt8> = {
        let lines = UnsafeMutablePointer<UInt8>.allocate(capacity: length * count)
        lines.initialize(repeating: 0, count: length * count)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
            signal(number) { number in
                // SAFETY: write, signal and raise may be called in a signal handler; the lines are never freed.
                for slot in 0..<CrashNote.count {
                    let line = CrashNote.lines + slot * CrashNote.length
                    if line.pointee != 0 { _ = Foundation.write(2, line, strnlen(line, CrashNote.length)) }
                }
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        return lines
    }()
    private static let free = NSLock()
    private nonisolated(unsafe) static var used = [Bool](repeating: false, count: count)

    private let slot: Int

    init() {
        slot = Self.free.withLock {
            let slot = Self.used.firstIndex(of: false) ?? 0
            Self.used[slot] = true
            return slot
        }
    }

    func write(_ text: String) {
        let line = Self.lines + slot * Self.length
        for (index, byte) in (Array(text.utf8.prefix(Self.length - 1)) + [0]).enumerated() { line[index] = byte }
    }

    func clear() {
        Self.lines[slot * Self.length] = 0
        Self.free.withLock { Self.used[slot] = false }
    }
}

private func strnlen(_ line: UnsafeMutablePointer<UInt8>, _ limit: Int) -> Int {
    var length = 0
    while length < limit, line[length] != 0 { length += 1 }
    return length
}
