extension [UInt8] {
    /// `withUnsafeMutableBytes` for a body that throws: the library's own does not keep the type of what is thrown.
    mutating func withBuffer<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws(HyperError) -> Result
    ) throws(HyperError) -> Result {
        let result = withUnsafeMutableBytes { buffer in
            Swift.Result { () throws(HyperError) in try body(buffer) }
        }
        return try result.get()
    }
}
