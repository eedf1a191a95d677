import Machine

@testable import AArch64ISA

/// Code that walks.S enters, and what has to come of it: one instruction that accesses memory, fetched through random
/// tables, and the vectors that its faults lead to.
///
/// Every page of the code slots is the same: its first half is WFI, as vectors need it; in the second, each 128 bytes
/// have every ``Operation`` at a multiple of 16, and WFI behind it, which ends the case.
struct AArch64WalkCode {
    typealias Translation = AArch64.Translation
    typealias Fault = AArch64.TranslationFault
    typealias Access = AArch64.TranslationRequest.Access

    enum Operation: Int, CaseIterable {
        case load, store, loadUnprivileged, storeUnprivileged, add

        /// Of x0 and [x1].
        var word: UInt32 {
            switch self {
            case .load: 0xf940_0020  // ldr x0, [x1]
            case .store: 0xf900_0020  // str x0, [x1]
            case .loadUnprivileged: 0xf840_0820  // ldtr x0, [x1]
            case .storeUnprivileged: 0xf800_0820  // sttr x0, [x1]
            case .add: 0xf820_0020  // ldadd x0, x0, [x1]
            }
        }
        var access: Access {
            switch self {
            case .load, .loadUnprivileged: .read
            case .store, .storeUnprivileged: .write
            case .add: .update
            }
        }
        var isUnprivileged: Bool { self == .loadUnprivileged || self == .storeUnprivileged }
    }

    /// Where code runs.
    enum Level: CaseIterable {
        case el0, el1, el2, el0OfHost, el2Host
        var isHost: Bool { self == .el0OfHost || self == .el2Host }
        var isPrivileged: Bool { self != .el0 && self != .el0OfHost }
        var isGuest: Bool { self == .el0 || self == .el1 }
        /// M[3:0].
        var mode: UInt64 { isPrivileged ? self == .el1 ? 5 : 9 : 0 }
    }

    static let waiting: UInt32 = 0xd503_207f
    /// What x0 has at first.
    static let value: UInt64 = 0x600d

    /// The two words at an offset into a page of code.
    static func words(at offset: UInt64) -> UInt64 {
        UInt64(waiting) << 32 | UInt64(operation(at: offset)?.word ?? waiting)
    }

    /// The operation at an offset into a page of code, if there is one.
    static func operation(at offset: UInt64) -> Operation? {
        offset >= 2048 && offset & 15 == 0 ? Operation(rawValue: Int(offset >> 4 & 7)) : nil
    }

    /// What the guest has to note.
    struct Expectation {
        /// The address of the WFI that ended it; nil for the vectors of the guest's own at EL2.
        var end: UInt64?
        var x0 = AArch64WalkCode.value
        /// The fault that EL1 took, and then that of EL2.
        var first: Taken?
        var second: Taken?
    }

    /// A fault as an exception.
    struct Taken {
        var fault: Fault
        var far: UInt64
        var isFetch: Bool
        var isFromBelow: Bool
    }

    let level: Level
    let regime: AArch64.TranslationRegime
    /// The same with HD clear.
    let regimeWithoutDirtyState: AArch64.TranslationRegime
    let second: AArch64.StageTwo
    let arena: AArch64WalkArena
    let hasAtomics: Bool
    let obeysPAN: Bool
    let isBigEndian: Bool
    /// VBAR_EL1, or VBAR_EL2 where the code runs in EL2's regime.
    var vectors: UInt64

    /// What comes of code at `start` with an address in x1; nil where that cannot be said.
    func run(_ start: UInt64, _ address: UInt64) -> Expectation? {
        var expectation = Expectation()
        let page: UInt64
        switch translate(start, .execute, isPrivileged: level.isPrivileged) {
        case .success(let translation): page = translation.physical
        case .failure(let fault): return take(fault, start, isFetch: true, &expectation) ? expectation : nil
        }
        guard Self.isCode(page) else { return nil }
        guard let operation = Self.operation(at: page & 0xfff) else {
            expectation.end = start
            return expectation
        }
        guard hasAtomics || operation != .add else { return nil }
        let physical: UInt64
        let isPrivileged =
            level.isPrivileged && !(operation.isUnprivileged && (level == .el1 || level == .el2Host))
        switch translate(address, operation.access, isPrivileged: isPrivileged) {
        case .success(let translation): physical = translation.physical
        case .failure(let fault):
            // A CPU alone reads first on QEMU, and then writes: what is marked when one of it fails is not the same.
            if operation == .add && (fault.isWrite || fault.isStageTwo) { return nil }
            return take(fault, address, isFetch: false, &expectation) ? expectation : nil
        }
        guard arena.contains(physical), operation.access == .read || !Self.isCode(physical) else { return nil }
        let old = swapped(arena[physical])
        switch operation {
        case .load, .loadUnprivileged: expectation.x0 = old
        case .store, .storeUnprivileged: arena[physical] = swapped(Self.value)
        case .add:
            arena[physical] = swapped(old &+ Self.value)
            expectation.x0 = old
        }
        expectation.end = start + 4
        return expectation
    }

    private func swapped(_ value: UInt64) -> UInt64 { isBigEndian ? value.byteSwapped : value }

    func translate(_ address: UInt64, _ access: Access, isPrivileged: Bool) -> Result<Translation, Fault> {
        let request = AArch64.TranslationRequest(
            address, access, isPrivileged: isPrivileged, obeysPAN: obeysPAN && isPrivileged && access != .execute)
        func result(_ regime: AArch64.TranslationRegime) -> Result<Translation, Fault> {
            Result { () throws(Fault) in try regime.translate(request, second, in: arena) }
        }
        // Without HD a clean page does not count as writable: for QEMU's fetches it never does (WXN, and what EL0 can
        // write).
        let isTrial = arena.isTrial
        arena.isTrial = true
        let plain = access == .execute && regime.managesDirtyState ? result(regimeWithoutDirtyState) : nil
        arena.isTrial = isTrial
        let result = result(regime)
        switch (result, plain) {
        case (.failure(let fault), _)
        where AArch64WalkDifferences.endsAtBlock(fault, arena)
            || AArch64WalkDifferences.endsAtLargeOutput(fault, regime, arena)
            || AArch64WalkDifferences.isAboveZero(fault, regime):
            arena.noteUnknown()
        case (.success, .failure), (.failure, .success): arena.noteUnknown()
        case (.failure(let fault), .failure(let other)) where fault != other: arena.noteUnknown()
        default: break
        }
        return result
    }

    /// Takes a fault to the level that it is for, and goes on at its vectors.
    private func take(_ fault: Fault, _ far: UInt64, isFetch: Bool, _ expectation: inout Expectation) -> Bool {
        if fault.isStageTwo {
            expectation.second = Taken(fault: fault, far: far, isFetch: isFetch, isFromBelow: true)
            return true
        }
        let isFromBelow = !level.isPrivileged
        if level.isGuest {
            expectation.first = Taken(fault: fault, far: far, isFetch: isFetch, isFromBelow: isFromBelow)
        } else {
            expectation.second = Taken(fault: fault, far: far, isFetch: isFetch, isFromBelow: isFromBelow)
        }
        // Synchronous, from a lower level by AArch64 or from the current one with SP_ELx.
        let vector = vectors + (isFromBelow ? 0x400 : 0x200)
        switch translate(vector, .execute, isPrivileged: true) {
        case .success(let translation):
            expectation.end = vector
            return Self.isCode(translation.physical)
        case .failure(let fault):
            guard fault.isStageTwo else { return false }
            expectation.second = Taken(fault: fault, far: vector, isFetch: true, isFromBelow: true)
            return true
        }
    }

    static func isCode(_ physical: UInt64) -> Bool {
        let slots = AArch64WalkGenerator.codeSlots
        let first = AArch64WalkGenerator.address(of: slots.lowerBound)
        return physical >= first && physical < AArch64WalkGenerator.address(of: slots.upperBound)
    }
}

extension AArch64WalkGenerator {
    /// Code somewhere with some registers, at several addresses, and what comes of it; none where nothing can be said.
    mutating func code(isLater: Bool) -> [(AArch64WalkCase, AArch64WalkCode.Expectation)] {
        typealias Code = AArch64WalkCode
        let level = random.pick(isLater ? Code.Level.allCases + [.el0, .el1] : [.el0, .el1, .el2])
        var walk = registers(isHost: level.isHost)
        if level.isGuest { walk[.sctlr2] &= ~1 }
        // The second stage alone, which would have few cases otherwise.
        if level.isGuest && walk[.hcr] & 1 != 0 && random.chance(30) { walk[.sctlr1] &= ~1 }
        guard AArch64WalkDifferences.isComparable(walk, features) else { return [] }
        let regime = level.isGuest ? walk.el1(features) : walk.el2(features)
        var withoutDirtyState = walk
        withoutDirtyState[.tcr1] &= ~(1 << 40)
        withoutDirtyState[.tcr2] &= ~(level.isHost ? 1 << 40 : 1 << 22)
        let pan = isLater && random.chance(50)
        var code = Code(
            level: level, regime: regime,
            regimeWithoutDirtyState: level.isGuest ? withoutDirtyState.el1(features) : withoutDirtyState.el2(features),
            second: walk.second(features), arena: arena, hasAtomics: isLater, obeysPAN: pan,
            isBigEndian: level.isPrivileged && regime.isBigEndian, vectors: 0)
        guard let vectors = page(of: code, isPrivileged: true) else { return [] }
        code.vectors = vectors
        let page = level.isPrivileged ? vectors : page(of: code, isPrivileged: false)
        walk[.kind] = 2
        walk[.which] = level.mode | 0x3c0 | (pan ? 1 << 22 : 0)
        walk[level.isGuest ? .vbar1 : .vbar2] = vectors
        return (0..<16).compactMap { _ in
            walk[.address] = address(regime) & ~7
            if let page, random.chance(80) {
                let operation = random.pick(Code.Operation.allCases)
                walk[.code] = page + 2048 + random.below(16 as UInt64) * 128 + UInt64(operation.rawValue) * 16
            } else {
                walk[.code] = untagged(address(regime), regime) & ~3
            }
            arena.mark()
            let expectation = code.run(walk[.code], walk[.address])
            guard let expectation, !arena.isUnknown, !arena.hasChanged(Self.codeSlots) else {
                arena.revert()
                return nil
            }
            return (walk, expectation)
        }
    }

    /// A page that may be executed and has code.
    private mutating func page(of code: AArch64WalkCode, isPrivileged: Bool) -> UInt64? {
        arena.isTrial = true
        defer { arena.isTrial = false }
        for _ in 0..<60 {
            var candidate = random.chance(20) ? pick(Self.codeSlots) : address(code.regime)
            candidate = untagged(candidate, code.regime) & ~0xfff
            // 0 stands for vectors of the guest's own.
            guard candidate != 0,
                case .success(let translation) = code.translate(candidate, .execute, isPrivileged: isPrivileged),
                AArch64WalkCode.isCode(translation.physical)
            else { continue }
            return candidate
        }
        return nil
    }

    /// Without a tag: what PC and VBAR_ELx hold.
    private func untagged(_ address: UInt64, _ regime: AArch64.TranslationRegime) -> UInt64 {
        let isUpper = regime.hasEL0 && address >> 55 & 1 != 0
        return isUpper ? address | 0xff << 56 : address & ~(0xff << 56)
    }
}
