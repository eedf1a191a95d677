// Writes the tables that the floating-point tests read: operands, and what each rounding mode makes of them.
//
//     vectors OUTDIR
//
// A table OUTDIR/FORMAT_OPERATION.bin is a row of records of nine 64-bit words, low byte first: three operands, the
// five results by rounding mode, and the five sets of flags, one a byte. Operands and results are as they stand in a
// 64-bit register, so boxed where they are narrower. FORMAT_specials.bin holds the operands for the rules that hold
// between operations, one a word.
import Foundation

/// Marsaglia's xorshift: the same numbers on every run.
struct Random {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    mutating func below(_ bound: Int) -> Int { Int(next() >> 33) % bound }
}

struct Operands {
    let format: Format
    var random = Random()

    /// Zeros, ones, the ends of every range, infinities, NaNs of both kinds, and neighbours of these, with both signs.
    var specials: [UInt64] {
        let one = UInt64(format.bias) << UInt64(format.fractionBits)
        let unit: UInt64 = 1 << UInt64(format.fractionBits)
        let quiet = unit >> 1
        let positive: [UInt64] = [
            0, 1, 2, unit - 1, unit, unit + 1,  // subnormal numbers and the least normal ones
            one - 1, one, one + 1, one + quiet, one + unit, one + unit + quiet, one - unit,  // about 1, 1.5, 2, 3, 1/2
            one + 31 * unit % format.infinity, format.infinity - 1, format.infinity,
            format.infinity | quiet, format.infinity | quiet | 5, format.infinity | 1, format.infinity | (quiet - 1),
        ]
        return positive + positive.map { $0 | format.signBit }
    }

    /// Exponents from anywhere or near one, fractions of long runs of ones or zeros, single bits, or no pattern.
    mutating func next() -> UInt64 {
        if random.below(12) == 0 {
            let choices = specials
            return choices[random.below(choices.count)]
        }
        let unit: UInt64 = 1 << UInt64(format.fractionBits)
        let bits = random.next()
        let fraction: UInt64 =
            switch random.below(5) {
            case 0: bits & (unit - 1)
            case 1: (unit - 1) & ~(UInt64(1) << UInt64(random.below(format.fractionBits))) + 1
            case 2: (unit - 1) << UInt64(random.below(format.fractionBits))
            case 3: UInt64(1) << UInt64(random.below(format.fractionBits))
            default: (unit - 1) >> UInt64(random.below(format.fractionBits)) ^ UInt64(random.below(3))
            }
        let field =
            random.below(3) == 0
            ? random.below(1 << format.exponentBits - 1)
            : format.bias - format.fractionBits - 2 + random.below(2 * format.fractionBits + 4)
        let exponent = min(max(field, 0), 1 << format.exponentBits - 2)
        return (bits & format.signBit) | UInt64(exponent) << UInt64(format.fractionBits) | (fraction & (unit - 1))
    }
}

struct Table {
    var data = Data()

    mutating func word(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) } }

    mutating func record(_ operands: [UInt64], _ results: (Rounding) -> Result, box: UInt64) {
        for index in 0..<3 { word(index < operands.count ? operands[index] : 0) }
        var flags: UInt64 = 0
        for mode in Rounding.allCases {
            let result = results(mode)
            word(result.bits | box)
            flags |= UInt64(result.flags.rawValue) << UInt64(8 * mode.rawValue)
        }
        word(flags)
    }
}

struct Writer {
    let directory: URL
    let format: Format

    func write(_ operation: String, _ table: Table) throws {
        try table.data.write(to: directory.appendingPathComponent("\(format.name)_\(operation).bin"))
    }

    /// One operation on many operands. `arity` operands each; half of the binary ones are all pairs of special ones.
    func floating(
        _ operation: String, arity: Int, count: Int, toRegister: Bool = false,
        _ result: (Arithmetic, [UInt64]) -> Result
    ) throws {
        var operands = Operands(format: format)
        var sets: [[UInt64]] = []
        let specials = operands.specials
        switch arity {
        case 1: sets = specials.map { [$0] }
        case 2: for a in specials { for b in specials where (a ^ b) % 3 != 1 || a == b { sets.append([a, b]) } }
        default: for a in specials { for b in specials { sets.append([a, b, specials[operands.random.below(40)]]) } }
        }
        for number in 0..<count {
            var set = (0..<arity).map { _ in operands.next() }
            if arity == 2 && number % 4 == 0 { set[1] = set[0] ^ format.signBit ^ UInt64(operands.random.below(4)) }
            if arity == 3 && number % 2 == 0 {
                // An addend that cancels the product, or nearly: the hardest case.
                let product = Arithmetic(format: format, mode: .nearestEven).multiply(set[0], set[1]).bits
                set[2] = product ^ format.signBit ^ UInt64(operands.random.below(4))
            }
            sets.append(set)
        }
        var table = Table()
        for set in sets {
            table.record(
                set.map { $0 | format.box },
                { result(Arithmetic(format: format, mode: $0), set) }, box: toRegister ? 0 : format.box)
        }
        try write(operation, table)
    }

    func fromIntegers(_ operation: String, width: Int, signed: Bool) throws {
        var random = Random()
        var values: [UInt64] = [0, 1, ~0]
        for bit in 0..<64 {
            let power = UInt64(1) << UInt64(bit)
            values += [power, power - 1, power + 1, 0 &- power]
        }
        for _ in 0..<200 { values.append(random.next() >> UInt64(random.below(64))) }
        var table = Table()
        for value in values {
            table.record(
                [value],
                { Arithmetic(format: format, mode: $0).fromInteger(value, width: width, signed: signed) },
                box: format.box)
        }
        try write(operation, table)
    }

    /// To this format from another: the other's operands, and what lies at the edges of this one.
    func conversion(from source: Format) throws {
        var operands = Operands(format: source)
        var sets = operands.specials
        for _ in 0..<1000 { sets.append(operands.next()) }
        if source.fractionBits > format.fractionBits {
            let narrow = Operands(format: format).specials
            for bits in narrow where !format.decode(bits).isNaN {
                let wide = Arithmetic(format: source, mode: .nearestEven).convert(bits, from: format).bits
                let half = UInt64(1) << UInt64(source.fractionBits - format.fractionBits - 1)
                sets += [wide, wide &+ half, wide &+ half &+ 1, wide &+ half &- 1, wide &- half, wide &+ 1, wide &- 1]
            }
        }
        var table = Table()
        for bits in sets {
            table.record(
                [bits | source.box], { Arithmetic(format: format, mode: $0).convert(bits, from: source) },
                box: format.box)
        }
        try write("from_\(source.name)", table)
    }

    func writeAll() throws {
        try floating("add", arity: 2, count: 1000) { $0.add($1[0], $1[1]) }
        try floating("multiply", arity: 2, count: 1000) { $0.multiply($1[0], $1[1]) }
        try floating("divide", arity: 2, count: 1000) { $0.divide($1[0], $1[1]) }
        try floating("multiply_add", arity: 3, count: 1400) { $0.multiplyAdd($1[0], $1[1], $1[2]) }
        try floating("square_root", arity: 1, count: 600) { $0.squareRoot($1[0]) }
        try floating("minimum", arity: 2, count: 200) { format.minimum($1[0], $1[1]) }
        try floating("maximum", arity: 2, count: 200) { format.maximum($1[0], $1[1]) }
        try floating("equal", arity: 2, count: 200, toRegister: true) { format.equal($1[0], $1[1]) }
        try floating("less", arity: 2, count: 200, toRegister: true) { format.less($1[0], $1[1]) }
        try floating("less_or_equal", arity: 2, count: 200, toRegister: true) { format.lessOrEqual($1[0], $1[1]) }
        try floating("classify", arity: 1, count: 100, toRegister: true) { format.classify($1[0]) }
        for (name, width, signed) in [("w", 32, true), ("wu", 32, false), ("l", 64, true), ("lu", 64, false)] {
            try floating("to_\(name)", arity: 1, count: 600, toRegister: true) {
                $0.toInteger($1[0], width: width, signed: signed)
            }
            try fromIntegers("from_\(name)", width: width, signed: signed)
        }
        for source in [Format.half, .single, .double] where source.name != format.name {
            try conversion(from: source)
        }
        var specials = Table()
        for bits in Operands(format: format).specials { specials.word(bits | format.box) }
        try write("specials", specials)
    }
}

@main
struct Vectors {
    static func main() {
        guard CommandLine.arguments.count == 2 else {
            FileHandle.standardError.write(Data("usage: vectors OUTDIR\n".utf8))
            exit(2)
        }
        do {
            let directory = URL(fileURLWithPath: CommandLine.arguments[1])
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            for format in [Format.half, .single, .double] {
                try Writer(directory: directory, format: format).writeAll()
            }
        } catch {
            FileHandle.standardError.write(Data("vectors: \(error.localizedDescription)\n".utf8))
            exit(1)
        }
    }
}
