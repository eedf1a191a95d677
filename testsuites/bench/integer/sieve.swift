/// The sieve of Eratosthenes over the odd numbers below two million.
@c(bench)
public func bench() -> UInt64 {
    let limit = 2_000_000
    let count = limit / 2
    let composite = UnsafeMutablePointer<UInt8>.allocate(capacity: count)  // entry i stands for 2i + 1
    defer { composite.deallocate() }
    composite.initialize(repeating: 0, count: count)

    var primes: UInt64 = 1  // two
    var checksum = mix(checksumStart, 2)
    var index = 1
    while index < count {
        if composite[index] == 0 {
            let prime = 2 &* index &+ 1
            primes &+= 1
            checksum = mix(checksum, UInt64(truncatingIfNeeded: prime))
            var multiple = (prime &* prime) &>> 1
            while multiple < count {
                composite[multiple] = 1
                multiple &+= prime
            }
        }
        index &+= 1
    }
    return mix(checksum, primes)
}
