/// Work on bytes, and the mix of the Dhrystone benchmark: copies of strings and records, comparison, search, change of
/// case, numbers to text and back, and small procedures that assign through pointers.
typealias Bytes = UnsafeMutablePointer<UInt8>

struct Record {
    var discriminant: UInt64 = 0
    var enumeration: UInt64 = 0
    var integer: UInt64 = 0
    var text: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
}

@c(bench)
public func bench() -> UInt64 {
    let text = Bytes.allocate(capacity: 4096)
    let other = Bytes.allocate(capacity: 4096)
    let number = Bytes.allocate(capacity: 32)
    let records = UnsafeMutablePointer<Record>.allocate(capacity: 2)
    defer {
        text.deallocate()
        other.deallocate()
        number.deallocate()
        records.deallocate()
    }
    records.initialize(repeating: Record(), count: 2)

    var random = Random(state: 0x7374_7269_6e67)
    var checksum = checksumStart
    for turn in 0..<64 {
        let length = writeWords(text, 2000, &random)
        copyString(text, other)
        checksum = mix(checksum, UInt64(bitPattern: Int64(compare(text, other))))
        toUpper(other)
        checksum = mix(checksum, UInt64(bitPattern: Int64(compare(text, other))))
        checksum = mix(checksum, UInt64(truncatingIfNeeded: countWords(other)))
        reverse(other, length)
        checksum = mix(checksum, UInt64(truncatingIfNeeded: find(text, text + (length &- 9))))
        checksum = mix(checksum, hash(other))

        for step in 0..<200 {
            let value = random.next() &>> 16
            _ = writeDecimal(value, number)
            guard readDecimal(number) == value else { return 0 }
            records[0].integer = value
            procedure(records, records + 1, UInt64(truncatingIfNeeded: step &+ turn))
            checksum = mix(checksum, records[1].integer ^ records[1].text.3)
        }
    }
    return checksum
}

/// Lower-case words of one to eight letters, `length` bytes in all, ending in a zero.
@inline(never)
func writeWords(_ text: Bytes, _ length: Int, _ random: inout Random) -> Int {
    var position = 0
    while position < length {
        var bits = random.next()
        let letters = Int(truncatingIfNeeded: bits & 7) &+ 1
        bits &>>= 3
        for _ in 0..<letters where position < length {
            text[position] = 97 &+ UInt8(truncatingIfNeeded: (bits & 31) % 26)
            bits &>>= 5
            position &+= 1
        }
        if position < length {
            text[position] = 32
            position &+= 1
        }
    }
    text[length] = 0
    return length
}

@inline(never)
func copyString(_ source: Bytes, _ destination: Bytes) {
    var index = 0
    while source[index] != 0 {
        destination[index] = source[index]
        index &+= 1
    }
    destination[index] = 0
}

@inline(never)
func compare(_ a: Bytes, _ b: Bytes) -> Int {
    var index = 0
    while a[index] == b[index] {
        if a[index] == 0 { return 0 }
        index &+= 1
    }
    return Int(a[index]) &- Int(b[index])
}

@inline(never)
func toUpper(_ text: Bytes) {
    var index = 0
    while text[index] != 0 {
        if text[index] >= 97 && text[index] <= 122 { text[index] &-= 32 }
        index &+= 1
    }
}

@inline(never)
func countWords(_ text: Bytes) -> Int {
    var words = 0
    var inside = false
    var index = 0
    while text[index] != 0 {
        let letter = text[index] != 32
        if letter && !inside { words &+= 1 }
        inside = letter
        index &+= 1
    }
    return words
}

@inline(never)
func reverse(_ text: Bytes, _ length: Int) {
    var left = 0
    var right = length &- 1
    while left < right {
        let exchanged = text[left]
        text[left] = text[right]
        text[right] = exchanged
        left &+= 1
        right &-= 1
    }
}

/// The place of the first occurrence of `word` in `text`, or -1.
@inline(never)
func find(_ text: Bytes, _ word: Bytes) -> Int {
    var start = 0
    while text[start] != 0 {
        var index = 0
        while word[index] != 0 && text[start &+ index] == word[index] { index &+= 1 }
        if word[index] == 0 { return start }
        start &+= 1
    }
    return -1
}

@inline(never)
func hash(_ text: Bytes) -> UInt64 {
    var value: UInt64 = 5381
    var index = 0
    while text[index] != 0 {
        value = value &* 33 ^ UInt64(text[index])
        index &+= 1
    }
    return value
}

@inline(never)
func writeDecimal(_ value: UInt64, _ text: Bytes) -> Int {
    var digits = 0
    var rest = value
    repeat {
        text[digits] = 48 &+ UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
        digits &+= 1
    } while rest != 0
    reverse(text, digits)
    text[digits] = 0
    return digits
}

@inline(never)
func readDecimal(_ text: Bytes) -> UInt64 {
    var value: UInt64 = 0
    var index = 0
    while text[index] != 0 {
        value = value &* 10 &+ UInt64(text[index] &- 48)
        index &+= 1
    }
    return value
}

@inline(never)
func procedure(
    _ source: UnsafeMutablePointer<Record>, _ destination: UnsafeMutablePointer<Record>, _ argument: UInt64
) {
    source.pointee.discriminant = argument & 3
    source.pointee.text.3 = source.pointee.integer &+ argument
    destination.pointee = source.pointee
    switch classify(destination) {
    case 0: destination.pointee.integer &+= 5
    case 1: destination.pointee.integer ^= 6
    case 2: destination.pointee.integer &-= argument &* 7
    default: destination.pointee.enumeration &+= 1
    }
}

@inline(never)
func classify(_ record: UnsafeMutablePointer<Record>) -> UInt64 {
    record.pointee.integer & 1 == 0 ? record.pointee.discriminant : record.pointee.discriminant ^ 1
}
