/// Quicksort of 20000 numbers, first up, then down, each comparison through a function pointer, as C's qsort does.
typealias Comparison = @convention(c) (UInt64, UInt64) -> Bool

@c(bench_ascending)
public func ascending(_ a: UInt64, _ b: UInt64) -> Bool { a < b }

@c(bench_descending)
public func descending(_ a: UInt64, _ b: UInt64) -> Bool { a > b }

@c(bench)
public func bench() -> UInt64 {
    let count = 20_000
    let numbers = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
    let orders = UnsafeMutablePointer<Comparison>.allocate(capacity: 2)  // memory, so that the pointers stay pointers
    defer {
        numbers.deallocate()
        orders.deallocate()
    }
    orders[0] = ascending
    orders[1] = descending
    var random = Random(state: 0x736f_7274)
    for index in 0..<count { numbers[index] = random.next() }

    var checksum = checksumStart
    for turn in 0..<2 {
        sort(numbers, from: 0, to: count - 1, by: orders[turn])
        for index in 0..<count { checksum = mix(checksum, numbers[index]) }
        for index in stride(from: 0, to: count, by: 3) { numbers[index] = random.next() }
    }
    return checksum
}

/// Hoare's partition around the middle element; recursion into the shorter part, iteration over the longer.
@inline(never)
func sort(_ numbers: UnsafeMutablePointer<UInt64>, from low: Int, to high: Int, by before: Comparison) {
    var low = low
    var high = high
    while low < high {
        let pivot = numbers[(low &+ high) &>> 1]
        var left = low
        var right = high
        while left <= right {
            while before(numbers[left], pivot) { left &+= 1 }
            while before(pivot, numbers[right]) { right &-= 1 }
            if left <= right {
                let exchanged = numbers[left]
                numbers[left] = numbers[right]
                numbers[right] = exchanged
                left &+= 1
                right &-= 1
            }
        }
        if right &- low < high &- left {
            sort(numbers, from: low, to: right, by: before)
            low = left
        } else {
            sort(numbers, from: left, to: high, by: before)
            high = right
        }
    }
}
