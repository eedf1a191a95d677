import ISA
import Testing

@testable import Machine

/// A sink that remembers the level of each line and how often it rose.
final class RecordingSink: InterruptSink {
    private(set) var levels: [Int: Bool] = [:]
    private(set) var rises: [Int: Int] = [:]

    func setLine(_ number: Int, _ level: Bool) {
        levels[number] = level
        if level { rises[number, default: 0] += 1 }
    }

    func isHigh(_ number: Int = 0) -> Bool { levels[number] ?? false }
    func line(_ number: Int = 0) -> InterruptLine { InterruptLine(to: self, number: number) }
}

extension Clock {
    /// Lets virtual time pass, event by event, as a machine does whose CPUs all wait.
    func skip(to time: UInt64) {
        while let due = [deadline, hostDeadline].compactMap(\.self).min(), due <= time {
            advance(to: max(due, now))
            runHostTimers(through: now)
            runEvents(through: now)
        }
        advance(to: max(time, now))
    }

    func skip(_ nanoseconds: UInt64) { skip(to: now + nanoseconds) }
}

extension Device {
    /// Reads a register that must exist.
    func get(_ offset: UInt64, _ size: Int = 4, at location: SourceLocation = #_sourceLocation) -> UInt64 {
        do { return try read(offset, size: size) } catch {
            Issue.record("\(name) has no \(size)-byte register at \(hex(offset)) to read", sourceLocation: location)
            return 0
        }
    }

    /// Writes a register that must exist.
    func set(_ offset: UInt64, _ value: UInt64, _ size: Int = 4, at location: SourceLocation = #_sourceLocation) {
        do { try write(offset, size: size, value: value) } catch {
            Issue.record("\(name) has no \(size)-byte register at \(hex(offset)) to write", sourceLocation: location)
        }
    }

    /// A hundred thousand random reads and writes at every offset and size, most of them near `hot` offsets.
    ///
    /// A device passes by surviving: the test build traps on overflow and on indices out of bounds. Virtual time passes
    /// too, so that events fire in the states this leads to.
    func fuzz(
        region: UInt64, hot: [UInt64], clock: Clock? = nil, seed: UInt64 = 1, count: Int = 100_000,
        between: (inout SplitMix64) -> Void = { _ in }
    ) {
        var random = SplitMix64(seed: seed)
        let sizes = [1, 2, 4, 8]
        for _ in 0..<count {
            let size = sizes.randomElement(using: &random)!
            var offset = UInt64.random(in: 0..<region, using: &random)
            if random.next() % 8 != 0, let base = hot.randomElement(using: &random) {
                offset = base
                if random.next() % 8 == 0 { offset += random.next() % 8 }
            }
            // The bus never passes an access that crosses the end of the region.
            offset = min(offset, region - UInt64(size))
            var value = random.next()
            switch random.next() % 4 {
            case 0: value %= 16
            case 1: value %= 256
            case 2: value = ~0
            default: break
            }
            if random.next() % 2 == 0 {
                let result = try? read(offset, size: size)
                if let result, size < 8, result >> (8 * UInt64(size)) != 0 {
                    Issue.record("\(name) returned \(hex(result)) for a \(size)-byte read at \(hex(offset))")
                }
            } else {
                try? write(offset, size: size, value: size == 8 ? value : value & ((1 << (8 * UInt64(size))) - 1))
            }
            if random.next() % 64 == 0, let clock { clock.skip(random.next() % 1_000_000) }
            between(&random)
        }
    }

    /// Every field of the state, in order.
    func snapshot() -> [MachineState.Field] { MachineState.Section(self).fields }

    /// Replaces the state by what `snapshot()` returned.
    func restore(_ fields: [MachineState.Field], at location: SourceLocation = #_sourceLocation) {
        var reader = StateReader(MachineState(sections: [MachineState.Section(name: name, fields: fields)]))
        reader.begin(name)
        describeState(&reader)
        do { try reader.finish() } catch {
            Issue.record("\(name) refuses its own state: \(error)", sourceLocation: location)
        }
    }
}

/// Checks that a device's description holds its whole state: a second device that is given the state of the first
/// describes itself alike, and answers `probe` alike.
func expectRestores<D: Device>(
    _ original: D, into copy: D, probe: (D) -> [UInt64], at location: SourceLocation = #_sourceLocation
) {
    let state = original.snapshot()
    #expect(original.snapshot() == state, "describing a device changes it", sourceLocation: location)
    copy.restore(state)
    #expect(copy.snapshot() == state, "a restored device describes itself otherwise", sourceLocation: location)
    #expect(probe(copy) == probe(original), "a restored device answers otherwise", sourceLocation: location)
}

/// A visitor that replaces every field by disorder: what a damaged snapshot may hold.
struct StateScrambler: StateVisitor {
    var random: SplitMix64
    var replacesFields: Bool { true }

    mutating func field(_ name: StaticString, _ value: inout UInt64) {
        value = random.next() >> (random.next() % 64)
    }
    mutating func field(_ name: StaticString, _ bytes: inout [UInt8]) {
        bytes = (0..<Int(random.next() % 100)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }
}

func hex(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }
