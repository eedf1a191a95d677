/// Fibonacci's numbers by their definition: almost nothing but calls and returns.
@c(bench)
public func bench() -> UInt64 {
    var checksum = checksumStart
    for number in 20..<25 { checksum = mix(checksum, fibonacci(UInt64(truncatingIfNeeded: number))) }
    return checksum
}

@inline(never)
func fibonacci(_ number: UInt64) -> UInt64 {
    number < 2 ? number : fibonacci(number &- 1) &+ fibonacci(number &- 2)
}
