import AArch64

/// A GICv3's CPU interface, and the one that it gives to guests, as system registers (IHI 0069, 12.2 and 12.4).
enum GICSystemRegisters {
    /// ICC_SRE_EL2, and ICC_SRE_EL1 for guests: system registers, no bypass of the interface, and EL1 may use its own.
    private static let systemRegisters: UInt64 = 1 << 0 | 1 << 1 | 1 << 2, forLower: UInt64 = 1 << 3
    /// ICC_CTLR_EL1: the deactivation is apart from the priority's drop.
    private static let separateDeactivation: UInt64 = 1 << 1

    /// Has this CPU take interrupts of group 1, of any priority.
    static func start() {
        write_icc_sre_el2(systemRegisters | forLower)
        instruction_barrier()
        write_icc_sre_el1(systemRegisters)
        instruction_barrier()
        write_icc_pmr_el1(0xff)
        write_icc_bpr1_el1(0)
        write_icc_ctlr_el1(separateDeactivation)
        write_icc_igrpen1_el1(1)
        instruction_barrier()
    }

    static func stop() {
        write_icc_igrpen1_el1(0)
        instruction_barrier()
    }

    /// What was acknowledged is not signalled any more before something else is executed.
    @inline(__always)
    static func acknowledge() -> UInt64 {
        let value = read_icc_iar1_el1()
        fence_memory()
        return value
    }

    @inline(__always)
    static func dropPriority(_ value: UInt64) {
        write_icc_eoir1_el1(value)
        instruction_barrier()
    }

    @inline(__always)
    static func deactivate(_ value: UInt64) {
        write_icc_dir_el1(value)
        instruction_barrier()
    }

    /// Other CPUs see before it what was stored until now.
    static func send(_ value: UInt64) {
        data_barrier()
        write_icc_sgi1r_el1(value)
        instruction_barrier()
    }

    static func virtualType() -> UInt64 { read_ich_vtr_el2() }
    @inline(__always)
    static func setVirtualControl(_ value: UInt64) { write_ich_hcr_el2(value) }
    @inline(__always)
    static func emptyLists() -> UInt64 { read_ich_elrsr_el2() }
    @inline(__always)
    static func virtualMachine() -> UInt64 { read_ich_vmcr_el2() }
    @inline(__always)
    static func setVirtualMachine(_ value: UInt64) { write_ich_vmcr_el2(value) }

    @inline(never)
    static func activePriorities(_ index: Int) -> UInt64 {
        switch index {
        case 0: read_ich_ap1r0_el2()
        case 1: read_ich_ap1r1_el2()
        case 2: read_ich_ap1r2_el2()
        default: read_ich_ap1r3_el2()
        }
    }

    @inline(never)
    static func setActivePriorities(_ index: Int, _ value: UInt64) {
        switch index {
        case 0: write_ich_ap1r0_el2(value)
        case 1: write_ich_ap1r1_el2(value)
        case 2: write_ich_ap1r2_el2(value)
        default: write_ich_ap1r3_el2(value)
        }
    }

    @inline(never)
    static func list(_ index: Int) -> UInt64 {
        switch index {
        case 0: read_ich_lr0_el2()
        case 1: read_ich_lr1_el2()
        case 2: read_ich_lr2_el2()
        case 3: read_ich_lr3_el2()
        case 4: read_ich_lr4_el2()
        case 5: read_ich_lr5_el2()
        case 6: read_ich_lr6_el2()
        case 7: read_ich_lr7_el2()
        case 8: read_ich_lr8_el2()
        case 9: read_ich_lr9_el2()
        case 10: read_ich_lr10_el2()
        case 11: read_ich_lr11_el2()
        case 12: read_ich_lr12_el2()
        case 13: read_ich_lr13_el2()
        case 14: read_ich_lr14_el2()
        default: read_ich_lr15_el2()
        }
    }

    @inline(never)
    static func setList(_ index: Int, _ value: UInt64) {
        switch index {
        case 0: write_ich_lr0_el2(value)
        case 1: write_ich_lr1_el2(value)
        case 2: write_ich_lr2_el2(value)
        case 3: write_ich_lr3_el2(value)
        case 4: write_ich_lr4_el2(value)
        case 5: write_ich_lr5_el2(value)
        case 6: write_ich_lr6_el2(value)
        case 7: write_ich_lr7_el2(value)
        case 8: write_ich_lr8_el2(value)
        case 9: write_ich_lr9_el2(value)
        case 10: write_ich_lr10_el2(value)
        case 11: write_ich_lr11_el2(value)
        case 12: write_ich_lr12_el2(value)
        case 13: write_ich_lr13_el2(value)
        case 14: write_ich_lr14_el2(value)
        default: write_ich_lr15_el2(value)
        }
    }
}
