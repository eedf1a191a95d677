/// A hart's code as the translator reads it.
extension RISCV.Hart: TranslatableProcessor {
    /// Registers in the order of how often compilers use them: arguments, the stack pointer and what is saved.
    public static let translation = GuestTranslation(
        integerRegisters: [15, 14, 10, 13, 12, 11, 2, 8, 1, 9, 16, 17],
        floatRegisters: [15, 14, 13, 12, 11, 10, 0, 1, 2, 3, 16, 17].map { RISCV.firstFloatRegister + $0 },
        zeroRegister: 0, sinkRegister: DecodedSlot.sink, enterPage: unsafeBitCast(enterPage, to: UInt.self))

    public var core: UnsafeMutablePointer<CoreState> {
        UnsafeMutableRawPointer(state).assumingMemoryBound(to: CoreState.self)
    }

    public func forEachContext(_ body: (UnsafeMutablePointer<TranslationContext>) -> Void) { pool.forEach(body) }

    public func codePage(at address: UInt64) -> CodePage? {
        let entry = core.pointee.context.pointee.fetch[TranslationContext.fetchIndex(address)]
        var slots: UnsafeMutableRawPointer? = entry.tag == address & ~4095 ? entry.slots : nil
        if slots == nil {
            do throws(Fault) { slots = try fetchPage(address) } catch { return nil }
        }
        guard let slots else { return nil }
        let decoded = DecodedPage.owner(of: slots)
        return CodePage(physical: decoded.physical, decoded: decoded)
    }

    /// The instruction at `address`, decoded now if it was not; nil where it does not lie in the page whole.
    private func instruction(
        _ address: UInt64, _ page: CodePage
    ) -> (operation: RISCV.Operation, operands: Operands)? {
        let slot = page.decoded.slots + Int(address & 4095) / 2
        if slot.pointee.handler == code.decodeHandler {
            decode(UnsafeMutableRawPointer(slot), UnsafeMutableRawPointer(page.decoded.slots))
        }
        if slot.pointee.handler == unsafeBitCast(RISCV.crossingHandler, to: UInt.self) { return nil }
        return (operation(of: slot.pointee.handler), Operands(UnsafeRawPointer(slot)))
    }

    public func length(of address: UInt64, in page: CodePage) -> UInt8 {
        let low = page.decoded.host.loadUnaligned(fromByteOffset: Int(address & 4095), as: UInt16.self)
        return low & 3 == 3 ? 4 : 2
    }

    public func shape(of address: UInt64, in page: CodePage) -> InstructionShape {
        guard let (operation, operands) = instruction(address, page) else { return .interpreted }
        let target = address &+ operands.immediateBits
        switch operation {
        case .beq, .bne, .blt, .bge, .bltu, .bgeu: return .branch(target: target)
        case .jal: return .jump(target: target, isCall: operands.rd == 1 || operands.rd == 5)
        case .jalr: return .indirect(isCall: operands.rd == 1 || operands.rd == 5)
        case .illegal, .ecall, .ebreak, .sret, .mret, .wfi, .wrs_nto, .wrs_sto: return .interpreted
        default: return .plain
        }
    }

    public func record(_ address: UInt64, in page: CodePage, _ recorder: inout Recorder) {
        guard let (operation, operands) = instruction(address, page) else { return }
        recorder.begin(length: UInt8(truncatingIfNeeded: operands.length))
        RISCV.execute(operation, &recorder, operands)
    }

    public func operationNumber(at address: UInt64) -> Int? {
        let entry = core.pointee.context.pointee.fetch[TranslationContext.fetchIndex(address)]
        guard entry.tag == address & ~4095 else { return nil }
        let decoded = DecodedPage.owner(of: entry.slots)
        guard let (operation, _) = instruction(address, CodePage(physical: decoded.physical, decoded: decoded)) else {
            return nil
        }
        return Int(operation.rawValue)
    }

    public static func mnemonic(of number: Int) -> String {
        UInt16(exactly: number).flatMap { RISCV.Operation(rawValue: $0) }?.mnemonic ?? "(unknown)"
    }

    /// Enters the page of an address for translated code.
    private static let enterPage: @convention(c) (UnsafeMutableRawPointer, UInt64, UInt64) -> UInt64 = {
        state, address, write in
        RISCV.Hart.of(state).enterPage(address, write: write != 0) ? 1 : 0
    }

    /// What ``load(_:_:_:caches:)`` and ``store(_:_:_:_:caches:)`` do about the TLB, without the access.
    private func enterPage(_ address: UInt64, write: Bool) -> Bool {
        let mode = dataMode
        let access = write ? RISCV.Access.write : .read
        // A fault is raised when the interpreter makes the access.
        let record = core.pointee.fault
        defer { core.pointee.fault = record }
        do throws(Fault) {
            let translation = try translate(address, access, mode)
            let physical = translation.physical
            guard protection.allows(physical, 1, access, machine: mode.privilege == .machine),
                let region = memory.region(containing: physical), !(write && region.isReadOnly)
            else { return false }
            if write {
                let notes = region.notes + Int((physical - region.base) / PhysicalMemory.pageSize)
                if notes.pointee.contains(.code) { return false }
                notes.pointee.insert(.writable)
            }
            enter(address, translation, write: write)
        } catch {
            return false
        }
        let entry = core.pointee.context.pointee.data[TranslationContext.index(address)]
        return (write ? entry.writeTag : entry.readTag) == address & ~4095
    }
}
