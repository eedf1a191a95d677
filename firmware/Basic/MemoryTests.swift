/// As much memory as the tree says: each page holds its own address, and keeps it when all others have theirs.
func testMemory() {
    guard Memory.total > 0 else { return Test.holds("memory is in the tree", false) }
    var expected: UInt64 = 0, kept: UInt64 = 0, faulted: UInt64?
    Memory.forEachPage { page in
        expected += 4096
        if Attempt.store(page, page).didTrap || Attempt.store(page + 0xff8, ~page).didTrap { faulted = faulted ?? page }
    }
    Memory.forEachPage { page in
        let first = Attempt.load(page), last = Attempt.load(page + 0xff8)
        if !first.didTrap, !last.didTrap, first.result == page, last.result == ~page { kept += 4096 }
    }
    Memory.areAllTouched = true
    if let faulted { Test.equal("memory is there where the tree says", faulted, 0) }
    Test.equal("memory keeps what is written, page by page", kept, expected)
    // Every byte of one page, and a word of each width.
    let page = address_of_basic_page(0)
    var isKept = true
    for offset in 0..<UInt64(4096) { device_write8(page + offset, UInt8(truncatingIfNeeded: offset &* 167)) }
    for offset in 0..<UInt64(4096) where device_read8(page + offset) != UInt8(truncatingIfNeeded: offset &* 167) {
        isKept = false
    }
    Test.holds("memory keeps single bytes", isKept)
    Test.holds("memory ends where the tree says", Attempt.load(Memory.hole).didTrap)
}
