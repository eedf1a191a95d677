extension TerminalOutput {
    /// Sixteen bytes a line: their address, they, and the characters that they are.
    func writeHexadecimal(_ bytes: some RandomAccessCollection<UInt8>, from start: UInt64) {
        var (address, rest) = (start, bytes[...])
        while !rest.isEmpty {
            var line: Text = "\(hex: address, digits: 8) "
            var characters = Text()
            for byte in rest.prefix(16) {
                line.append(UInt8(0x20))
                line.append(UInt64(byte), radix: 16, digits: 2)
                characters.append(0x20..<0x7f ~= byte ? byte : 0x2e)
            }
            write("\(line, width: 60) \(characters)\n")
            rest = rest.dropFirst(16)
            address &+= 16
        }
    }
}
