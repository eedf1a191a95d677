/// CPUs by their indices, as they are written: `all`, or numbers and ranges with commas between them, as in `0,2-3`.
struct CPUMask: Equatable {
    let bits: UInt32

    init(bits: UInt32) { self.bits = bits }

    init(_ text: Text) throws(HyperError) {
        if text == "all" {
            bits = .max
            return
        }
        var bits: UInt32 = 0
        for part in text.split(UInt8(ascii: ",")) {
            let ends = part.split(UInt8(ascii: "-"))
            guard 1...2 ~= ends.count, part.bytes.filter({ $0 == UInt8(ascii: "-") }).count == ends.count - 1,
                let first = ends[0].number, let last = ends[ends.count - 1].number,
                first <= last, last < UInt64(CPU.limit)
            else { throw HyperError("\(text) names no CPUs: write all, or numbers and ranges as in 0,2-3") }
            for index in first...last { bits |= 1 << UInt32(index) }
        }
        let present = UInt32(truncatingIfNeeded: UInt64(1) << UInt64(CPUs.count) - 1)
        guard bits & present != 0 else {
            throw HyperError("\(text) names none of the \(CPUs.count) CPUs that there are")
        }
        self.bits = bits
    }

    /// Those of them that there are.
    var text: Text {
        let present = UInt32(truncatingIfNeeded: UInt64(1) << UInt64(CPUs.count) - 1)
        let bits = bits & present
        if bits == present { return "all" }
        var text = Text()
        var index = 0
        while index < CPUs.count {
            guard bits & 1 << UInt32(index) != 0 else {
                index += 1
                continue
            }
            var last = index
            while last + 1 < CPUs.count, bits & 1 << UInt32(last + 1) != 0 { last += 1 }
            if !text.isEmpty { text.append("," as StaticString) }
            text.append(last > index ? "\(index)-\(last)" : "\(index)" as Text)
            index = last + 1
        }
        return text
    }
}
