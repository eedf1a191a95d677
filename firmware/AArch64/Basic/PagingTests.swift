/// Tables of stage 1 (D5.3.3): the lower half maps every address to itself; one table of pages in the upper half is for
/// tests.
enum Paging {
    /// 39 bits.
    static let window: UInt64 = 0xffff_ff80_0000_0000
    private static let table: UInt64 = 3
    /// A page of memory, accessed and shareable; for reading alone; for EL0, too; not to be executed at EL1, or at EL0.
    static let page: UInt64 = 0x703, readOnly: UInt64 = 1 << 7, user: UInt64 = 1 << 6
    static let accessed: UInt64 = 1 << 10, notGlobal: UInt64 = 1 << 11
    static let noExecute: UInt64 = 3 << 53, noUserExecute: UInt64 = 1 << 54
    static let readWrite = page | noExecute

    static func turnOn(root: UInt64 = 1, asid: UInt64 = 0) {
        // TCR_EL1.A1 is off: the number of the address space is TTBR0_EL1's.
        write_ttbr1_el1(address_of_basic_page(root))
        write_ttbr0_el1(read_ttbr0_el1() & 0xffff_ffff_ffff | asid << 48)
        instruction_barrier()
    }

    /// Fills three pages with tables: root, and two levels of the window.
    static func build(root: UInt64) {
        for page in root..<root + 3 { for word in 0..<UInt64(512) { set(page, word, 0) } }
        set(root, 0, address_of_basic_page(root + 1) | table)
        set(root + 1, 0, address_of_basic_page(root + 2) | table)
        forget_translations()
    }

    /// The window's page of this number.
    static func map(_ number: UInt64, to page: UInt64, _ bits: UInt64, root: UInt64 = 1) {
        set(root + 2, number, address_of_basic_page(page) | bits)
    }

    static func address(_ number: UInt64) -> UInt64 { window + number * 4096 }

    static func forget(_ number: UInt64) { forget_address(address(number) >> 12 & 0xfff_ffff_ffff) }

    private static func set(_ page: UInt64, _ index: UInt64, _ value: UInt64) {
        device_write64(address_of_basic_page(page) + index * 8, value)
    }
}

// Status codes of aborts at level 3 (ISS encoding for an exception from a Data Abort).
private let translationFault: UInt64 = 0x07, accessFlagFault: UInt64 = 0x0b, permissionFault: UInt64 = 0x0f

private func fault(_ name: StaticString, _ trap: basic_trap, _ cause: UInt64, _ address: UInt64, _ status: UInt64) {
    let isFetch = cause == Cause.fetch || cause == Cause.fetchLower
    guard trap.cause == cause, trap.status & 0x3f == status else {
        return Test.equal(name, trap.cause << 8 | trap.status & 0x3f, cause << 8 | status)
    }
    Test.exception(name, trap, cause: cause, value: address, pc: isFetch ? address : nil)
}

func testPaging() {
    let first: UInt64 = 4, second: UInt64 = 5
    Paging.build(root: 1)
    device_write64(address_of_basic_page(first), 0x1111)
    device_write64(address_of_basic_page(second), 0x2222)
    Paging.map(0, to: first, Paging.readWrite)
    Paging.map(1, to: first, Paging.readWrite | Paging.readOnly)
    Paging.turnOn()
    forget_translations()
    let page = Paging.address(0), readOnly = Paging.address(1), unmapped = Paging.address(3)
    Test.equal("a page is mapped", device_read64(page), 0x1111)
    device_write64(page, 0x3333)
    Test.equal("a page is mapped twice", device_read64(readOnly), 0x3333)
    fault("load of an unmapped page", Attempt.load(unmapped), Cause.data, unmapped, translationFault)
    fault("store to an unmapped page", Attempt.store(unmapped + 8, 0), Cause.data, unmapped + 8, translationFault)
    fault("store to a read-only page", Attempt.store(readOnly, 0), Cause.data, readOnly, permissionFault)
    fault("jump into a page without execution", Attempt.call(page), Cause.fetch, page, permissionFault)
    let beyond: UInt64 = 0x0100_0000_0000_0000, level0: UInt64 = 0x04
    fault("load of an address beyond the tables", Attempt.load(beyond), Cause.data, beyond, level0)
    let across = Attempt.load(unmapped - 4)
    Test.holds("load that ends in an unmapped page", across.cause == Cause.data)
    Paging.map(6, to: first, Paging.readWrite & ~Paging.accessed)
    let untouched = Paging.address(6)
    fault("load of a page whose access flag is clear", Attempt.load(untouched), Cause.data, untouched, accessFlagFault)

    Paging.map(0, to: second, Paging.readWrite)
    Paging.forget(0)
    Test.equal("TLBI of an address shows its new page", device_read64(page), 0x2222)
    Paging.map(0, to: first, Paging.readWrite)
    forget_translations()
    Test.equal("TLBI of all shows the new page", device_read64(page), 0x3333)
    testUser()
    testAddressSpaces()
}

/// EL0, and what it may do.
private func testUser() {
    let data = Paging.address(4), code = Paging.address(5)
    device_write64(address_of_basic_page(6), device_read64(address_of_basic_user_code()))
    publish_code(address_of_basic_page(6))
    Paging.map(4, to: 5, Paging.readWrite | Paging.user)
    Paging.map(5, to: 6, Paging.page | Paging.user | Paging.readOnly)
    forget_translations()
    let forbidden = Attempt.run { try_user($0, code, Paging.address(0)) }
    Test.equal(
        "EL0's load of a page of EL1", forbidden.cause << 8 | forbidden.status & 0x3f,
        Cause.dataLower << 8 | permissionFault)
    Test.equal("EL0's load of a page of EL1, its address", forbidden.value, Paging.address(0))
    let call = Attempt.run { try_user($0, code, data) }
    Test.equal("SVC of EL0", call.cause, Cause.call)
    Test.equal("SVC of EL0 has its number", call.status & 0xffff, 0x55)
    Test.equal("SVC of EL0 returns behind it", call.pc, code + 8)
}

/// Two address spaces with numbers of their own need nothing forgotten between them (D5.10.1).
private func testAddressSpaces() {
    let second: UInt64 = 8, page = Paging.address(0)
    Paging.build(root: second)
    Paging.map(0, to: 4, Paging.readWrite | Paging.notGlobal)
    Paging.map(0, to: 5, Paging.readWrite | Paging.notGlobal, root: second)
    forget_translations()
    var isOwn = true
    for _ in 0..<100 {
        Paging.turnOn(asid: 1)
        if device_read64(page) != 0x3333 { isOwn = false }
        Paging.turnOn(root: second, asid: 2)
        if device_read64(page) != 0x2222 { isOwn = false }
    }
    Test.holds("address spaces keep their pages", isOwn)
    Paging.map(0, to: 4, Paging.readWrite | Paging.notGlobal, root: second)
    forget_space(2)
    Test.equal("TLBI of an address space shows its new page", device_read64(page), 0x3333)
    Paging.turnOn()
    forget_translations()
}
