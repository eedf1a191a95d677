import RISCV

/// Tables of Sv39 (Privileged ISA, 12.4): the lower half maps every address to itself, by pages of 1 GiB; one page of
/// entries in the upper half is for tests.
enum Paging {
    static let window: UInt64 = 0xffff_ffc0_0000_0000
    /// Bits of an entry.
    static let valid: UInt64 = 1, read: UInt64 = 2, write: UInt64 = 4, execute: UInt64 = 8, user: UInt64 = 16
    static let accessed: UInt64 = 0x40, dirty: UInt64 = 0x80
    static let readWrite = valid | read | write | accessed | dirty

    static func turnOn(root: UInt64 = 1, asid: UInt64 = 0) { csr_write_satp(satp(root: root, asid: asid)) }

    static func turnOff() {
        csr_write_satp(0)
        sfence_vma_all()
    }

    static func satp(root: UInt64, asid: UInt64) -> UInt64 { 8 << 60 | asid << 44 | address_of_basic_page(root) >> 12 }

    /// Fills three pages with tables: root, and two levels of the window.
    static func build(root: UInt64) {
        for page in root..<root + 3 { for word in 0..<UInt64(512) { set(page, word, 0) } }
        for gigabyte in 0..<UInt64(256) { set(root, gigabyte, gigabyte << 28 | readWrite | execute) }
        set(root, 256, entry(root + 1, valid))
        set(root + 1, 0, entry(root + 2, valid))
        sfence_vma_all()
    }

    static func entry(_ page: UInt64, _ bits: UInt64) -> UInt64 { (address_of_basic_page(page) >> 12) << 10 | bits }

    /// The window's page of this number.
    static func map(_ number: UInt64, to page: UInt64, _ bits: UInt64, root: UInt64 = 1) {
        set(root + 2, number, entry(page, bits))
    }

    static func address(_ number: UInt64) -> UInt64 { window + number * 4096 }

    private static func set(_ page: UInt64, _ index: UInt64, _ value: UInt64) {
        device_write64(address_of_basic_page(page) + index * 8, value)
    }
}

func testPaging() {
    let first: UInt64 = 4, second: UInt64 = 5
    Paging.build(root: 1)
    device_write64(address_of_basic_page(first), 0x1111)
    device_write64(address_of_basic_page(second), 0x2222)
    Paging.map(0, to: first, Paging.readWrite)
    Paging.map(1, to: first, Paging.valid | Paging.read | Paging.accessed)
    Paging.turnOn()
    guard csr_read_satp() == Paging.satp(root: 1, asid: 0) else {
        Test.equal("satp keeps Sv39", csr_read_satp(), Paging.satp(root: 1, asid: 0))
        return Paging.turnOff()
    }
    sfence_vma_all()
    let page = Paging.address(0), readOnly = Paging.address(1), unmapped = Paging.address(3)
    Test.equal("Sv39 maps a page", device_read64(page), 0x1111)
    device_write64(page, 0x3333)
    Test.equal("Sv39 maps a page twice", device_read64(readOnly), 0x3333)
    Test.exception("load of an unmapped page", Attempt.load(unmapped), cause: Cause.loadPage, value: unmapped)
    Test.exception(
        "store to an unmapped page", Attempt.store(unmapped + 8, 0), cause: Cause.storePage, value: unmapped + 8)
    Test.exception(
        "store to a read-only page", Attempt.store(readOnly, 0), cause: Cause.storePage, value: readOnly)
    Test.exception(
        "jump into a page without X", Attempt.call(page), cause: Cause.fetchPage, value: page, pc: page)
    let beyond: UInt64 = 0x0000_0040_0000_0000
    Test.exception(
        "load of an address that is not sign-extended", Attempt.load(beyond), cause: Cause.loadPage, value: beyond)
    let across = Attempt.load(Paging.address(4) - 0x1004)
    if across.cause != Cause.loadMisaligned {
        Test.exception("load that starts in an unmapped page", across, cause: Cause.loadPage, value: unmapped - 4)
    }

    Paging.map(0, to: second, Paging.readWrite)
    sfence_vma_address(page)
    Test.equal("SFENCE.VMA of an address shows its new page", device_read64(page), 0x2222)
    Paging.map(0, to: first, Paging.readWrite)
    sfence_vma_all()
    Test.equal("SFENCE.VMA of all shows the new page", device_read64(page), 0x3333)
    testAccessedAndDirty()
    testUser()
    testAddressSpaces()
    Paging.turnOff()
}

/// A page with A or D clear: set by hardware, or a page fault that leaves it to software (12.3.1).
private func testAccessedAndDirty() {
    let page = Paging.address(6), table = address_of_basic_page(3) + 6 * 8
    Paging.map(6, to: 4, Paging.valid | Paging.read | Paging.write)
    sfence_vma_all()
    let load = Attempt.load(page)
    if load.didTrap {
        Test.exception("load with A clear", load, cause: Cause.loadPage, value: page)
    } else {
        Test.holds("load sets A", device_read64(table) & Paging.accessed != 0)
    }
    Paging.map(6, to: 4, Paging.valid | Paging.read | Paging.write | Paging.accessed)
    sfence_vma_all()
    let store = Attempt.store(page, 0x3333)
    if store.didTrap {
        Test.exception("store with D clear", store, cause: Cause.storePage, value: page)
    } else {
        Test.holds("store sets D", device_read64(table) & Paging.dirty != 0)
    }
}

/// User mode, and what supervisor mode may do in its pages (sstatus: SUM and MXR).
private func testUser() {
    let sum: UInt64 = 1 << 18, mxr: UInt64 = 1 << 19, spp: UInt64 = 1 << 8
    let data = Paging.address(4), code = Paging.address(5), executable = Paging.address(7)
    device_write64(address_of_basic_page(6), device_read64(address_of_basic_user_code()))
    fence_instruction()
    Paging.map(4, to: 5, Paging.readWrite | Paging.user)
    Paging.map(5, to: 6, Paging.valid | Paging.read | Paging.execute | Paging.user | Paging.accessed)
    Paging.map(7, to: 6, Paging.valid | Paging.execute | Paging.accessed)
    sfence_vma_all()
    Test.exception("supervisor load of a user page", Attempt.load(data), cause: Cause.loadPage, value: data)
    csr_set_sstatus(sum)
    let permitted = Attempt.load(data)
    Test.exception(
        "supervisor jump into a user page", Attempt.call(code), cause: Cause.fetchPage, value: code, pc: code)
    csr_clear_sstatus(sum)
    Test.equal("SUM permits the load", permitted.didTrap ? permitted.cause : permitted.result, 0x2222)
    Test.exception("load of a page with X alone", Attempt.load(executable), cause: Cause.loadPage, value: executable)
    csr_set_sstatus(mxr)
    Test.holds("MXR permits the load", !Attempt.load(executable).didTrap)
    csr_clear_sstatus(mxr)
    let fault = Attempt.run { try_user($0, code, Paging.address(0)) }
    Test.exception("user load of a supervisor page", fault, cause: Cause.loadPage, value: Paging.address(0))
    Test.equal("a trap remembers user mode", fault.status & spp, 0)
    let call = Attempt.run { try_user($0, code, data) }
    Test.exception("ECALL from user mode", call, cause: Cause.userCall, value: 0, pc: code + 4)
}

/// Two address spaces with numbers of their own need no fence between them (12.2.1).
private func testAddressSpaces() {
    let second: UInt64 = 8, page = Paging.address(0)
    Paging.build(root: second)
    Paging.map(0, to: 4, Paging.readWrite)
    Paging.map(0, to: 5, Paging.readWrite, root: second)
    Paging.turnOn(asid: 2)
    guard csr_read_satp() == Paging.satp(root: 1, asid: 2) else {
        Paging.turnOn()
        return Test.skip("address spaces", "satp keeps no ASID")
    }
    sfence_vma_all()
    var isOwn = true
    for _ in 0..<100 {
        Paging.turnOn(asid: 1)
        if device_read64(page) != 0x3333 { isOwn = false }
        Paging.turnOn(root: second, asid: 2)
        if device_read64(page) != 0x2222 { isOwn = false }
    }
    Test.holds("address spaces keep their pages without fences", isOwn)
    Paging.map(0, to: 4, Paging.readWrite, root: second)
    sfence_vma_asid(2)
    Test.equal("SFENCE.VMA of an address space shows its new page", device_read64(page), 0x3333)
    Paging.turnOn()
    sfence_vma_all()
}
