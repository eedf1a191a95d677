extension MachineState {
    /// What no machine's state exceeds, encoded; neither writer nor reader goes beyond. Large stores of bytes that change
    /// little from one snapshot to the next are better kept as pages.
    static let encodedLimit = 1 << 30
    /// What no machine has of fields.
    static let fieldLimit = 1 << 22

    /// The state as bytes: names once, then sections and fields by the numbers of their names.
    func encoded() -> [UInt8] {
        var numbers: [String: UInt64] = [:]
        var names: [UInt8] = []
        var body: [UInt8] = []
        func number(_ name: String) -> UInt64 {
            if let number = numbers[name] { return number }
            let number = UInt64(numbers.count)
            numbers[name] = number
            names.append(text: name)
            return number
        }
        body.append(number: sections.count)
        for section in sections {
            body.append(number: number(section.name))
            body.append(number: section.fields.count)
            for field in section.fields {
                switch field.value {
                case .word(let word):
                    body.append(number: number(field.name) << 1)
                    body.append(number: word)
                case .bytes(let bytes):
                    body.append(number: number(field.name) << 1 | 1)
                    body.append(lengthAnd: bytes)
                }
            }
        }
        var bytes: [UInt8] = []
        bytes.append(number: numbers.count)
        return bytes + names + body
    }

    init(encoded bytes: [UInt8]) throws(PayloadError) {
        var reader = PayloadReader(bytes)
        var names: [String] = []
        var left = Self.fieldLimit
        func take(_ count: Int) throws(PayloadError) {
            guard count <= left else { throw PayloadError("a machine has too many fields") }
            left -= count
        }
        let nameCount = try reader.count(ofAtLeast: 1)
        try take(nameCount)
        for _ in 0..<nameCount { names.append(try reader.text()) }
        func name(_ number: UInt64) throws(PayloadError) -> String {
            guard number < UInt64(names.count) else { throw PayloadError("a field has a name that is not there") }
            return names[Int(number)]
        }
        let sectionCount = try reader.count(ofAtLeast: 2)
        try take(sectionCount)
        sections = []
        for _ in 0..<sectionCount {
            var section = Section(name: try name(try reader.number()))
            let fieldCount = try reader.count(ofAtLeast: 2)
            try take(fieldCount)
            for _ in 0..<fieldCount {
                let key = try reader.number()
                let name = try name(key >> 1)
                let value: Value =
                    key & 1 == 0 ? .word(try reader.number()) : .bytes(Array(try reader.lengthAndBytes()))
                section.fields.append(Field(name: name, value: value))
            }
            sections.append(section)
        }
        try reader.expectEnd()
    }
}
