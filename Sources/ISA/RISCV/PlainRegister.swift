/// A control and status register that is storage and nothing more: reading it gives what was written, as far as its
/// writable bits go, and nothing follows from a write. Translated code reads and writes it in the state block.
extension RISCV {
    struct PlainRegister {
        /// In the state block.
        let offset: Int
        /// The bits that software writes.
        let writable: UInt64
        /// Whether other bits can be set.
        let keepsOthers: Bool

        private init(_ field: PartialKeyPath<State>, writable: UInt64 = ~0, keepsOthers: Bool = false) {
            // A stored property has an offset.
            offset = MemoryLayout<State>.offset(of: field)!
            self.writable = writable
            self.keepsOthers = keepsOthers
        }

        /// Nil where there is more to the register.
        @inline(__always)
        init?(_ number: UInt16) {
            switch number {
            case 0x106: self.init(\.scounteren, writable: 0xffff_ffff)
            case 0x140: self.init(\.sscratch)
            case 0x141: self.init(\.sepc, writable: ~1)
            case 0x142: self.init(\.scause)
            case 0x143: self.init(\.stval)
            case 0x240: self.init(\.vsscratch)
            case 0x241: self.init(\.vsepc, writable: ~1)
            case 0x242: self.init(\.vscause)
            case 0x243: self.init(\.vstval)
            case 0x306: self.init(\.mcounteren, writable: 0xffff_ffff)
            case 0x340: self.init(\.mscratch)
            case 0x341: self.init(\.mepc, writable: ~1)
            case 0x342: self.init(\.mcause)
            case 0x343: self.init(\.mtval)
            case 0x34a: self.init(\.mtinst)
            case 0x34b: self.init(\.mtval2)
            case 0x600: self.init(\.hstatus, writable: Self.hypervisorStatus, keepsOthers: true)
            case 0x606: self.init(\.hcounteren, writable: 0xffff_ffff)
            case 0x643: self.init(\.htval)
            case 0x64a: self.init(\.htinst)
            default: return nil
            }
        }

        private static var hypervisorStatus: UInt64 {
            typealias Status = State.HypervisorStatus
            return Status.gva | Status.spv | Status.spvp | Status.hu | Status.vtvm | Status.vtw | Status.vtsr
        }

        func read(_ state: UnsafeMutablePointer<State>) -> UInt64 {
            UnsafeRawPointer(state).load(fromByteOffset: offset, as: UInt64.self)
        }

        func write(_ state: UnsafeMutablePointer<State>, _ value: UInt64) {
            let kept = keepsOthers ? read(state) & ~writable : 0
            UnsafeMutableRawPointer(state).storeBytes(
                of: kept | value & writable, toByteOffset: offset, as: UInt64.self)
        }
    }

    /// What the CSR instruction does with a plain register, for a recorder that knows that it may.
    static func accessPlain<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: Operation, _ register: PlainRegister
    ) {
        let isImmediate = operation == .csrrwi || operation == .csrrsi || operation == .csrrci
        let old = e.state(register.offset, .double)
        let operand = isImmediate ? e.constant(UInt64(i.rs1)) : e.register(i.rs1)
        let new: E.Value
        switch operation {
        case .csrrw, .csrrwi: new = operand
        case .csrrs, .csrrsi: new = e.binary(.or, .double, old, operand)
        default: new = e.binary(.andNot, .double, old, operand)
        }
        // With rs1 = x0 the other two only read.
        if i.rs1 != 0 || operation == .csrrw || operation == .csrrwi {
            var value = new
            if register.writable != ~0 {
                let mask = e.constant(register.writable)
                value = e.binary(.and, .double, value, mask)
            }
            if register.keepsOthers {
                let others = e.constant(~register.writable)
                let kept = e.binary(.and, .double, old, others)
                value = e.binary(.or, .double, value, kept)
            }
            e.setState(register.offset, .double, value)
        }
        e.setRegister(i.rd, old)
    }
}
