extension RISCV {
    /// Every instruction, by mnemonic (`_` stands for the dot). Compressed encodings are among the operations they expand
    /// to.
    enum Operation: UInt16, CaseIterable, Sendable {
        case illegal
        case lui, auipc, jal, jalr, beq, bne, blt, bge, bltu, bgeu, lb, lh, lw, ld, lbu, lhu, lwu, sb, sh, sw,
            sd, addi, slti, sltiu, xori, ori, andi, slli, srli, srai, add, sub, sll, slt, sltu, xor, srl, sra,
            or, and, addiw, slliw, srliw, sraiw, addw, subw, sllw, srlw, sraw, fence, fence_i, ecall, ebreak,
            csrrw, csrrs, csrrc, csrrwi, csrrsi, csrrci, mul, mulh, mulhsu, mulhu, div, divu, rem, remu, mulw,
            divw, divuw, remw, remuw
        case lr_w, sc_w, amoswap_w, amoadd_w, amoxor_w, amoand_w, amoor_w, amomin_w, amomax_w, amominu_w,
            amomaxu_w, lr_d, sc_d, amoswap_d, amoadd_d, amoxor_d, amoand_d, amoor_d, amomin_d, amomax_d,
            amominu_d, amomaxu_d, amocas_w, amocas_d, amocas_q, wrs_nto, wrs_sto
        case add_uw, sh1add, sh2add, sh3add, sh1add_uw, sh2add_uw, sh3add_uw, slli_uw, andn, orn, xnor, clz,
            clzw, ctz, ctzw, cpop, cpopw, max, maxu, min, minu, sext_b, sext_h, zext_h, rol, rolw, ror, rorw,
            rori, roriw, orc_b, rev8, clmul, clmulh, clmulr, bclr, bext, binv, bset, bclri, bexti, binvi, bseti,
            czero_eqz, czero_nez, pack, packh, packw, brev8, xperm4, xperm8
        case cbo_inval, cbo_clean, cbo_flush, cbo_zero
        case sret, mret, wfi, sfence_vma, sinval_vma, sfence_w_inval, sfence_inval_ir, hfence_vvma, hfence_gvma,
            hinval_vvma, hinval_gvma, hlv_b, hlv_bu, hlv_h, hlv_hu, hlvx_hu, hlv_w, hlv_wu, hlvx_wu, hlv_d,
            hsv_b, hsv_h, hsv_w, hsv_d
        case flh, flw, fld, fsh, fsw, fsd, fmadd_s, fmsub_s, fnmsub_s, fnmadd_s, fadd_s, fsub_s, fmul_s, fdiv_s,
            fsqrt_s, fsgnj_s, fsgnjn_s, fsgnjx_s, fmin_s, fmax_s, fle_s, flt_s, feq_s, fclass_s, fcvt_w_s,
            fcvt_wu_s, fcvt_l_s, fcvt_lu_s, fcvt_s_w, fcvt_s_wu, fcvt_s_l, fcvt_s_lu, fmv_x_w, fmv_w_x, fmadd_d,
            fmsub_d, fnmsub_d, fnmadd_d, fadd_d, fsub_d, fmul_d, fdiv_d, fsqrt_d, fsgnj_d, fsgnjn_d, fsgnjx_d,
            fmin_d, fmax_d, fle_d, flt_d, feq_d, fclass_d, fcvt_w_d, fcvt_wu_d, fcvt_l_d, fcvt_lu_d, fcvt_d_w,
            fcvt_d_wu, fcvt_d_l, fcvt_d_lu, fmv_x_d, fmv_d_x, fmadd_h, fmsub_h, fnmsub_h, fnmadd_h, fadd_h,
            fsub_h, fmul_h, fdiv_h, fsqrt_h, fsgnj_h, fsgnjn_h, fsgnjx_h, fmin_h, fmax_h, fle_h, flt_h, feq_h,
            fclass_h, fcvt_w_h, fcvt_wu_h, fcvt_l_h, fcvt_lu_h, fcvt_h_w, fcvt_h_wu, fcvt_h_l, fcvt_h_lu,
            fmv_x_h, fmv_h_x, fcvt_s_d, fcvt_d_s, fcvt_s_h, fcvt_h_s, fcvt_d_h, fcvt_h_d

        /// How many there are.
        static var count: Int { Int(fcvt_h_d.rawValue) + 1 }

        /// All it does is to set an integer register to what is soon computed from others.
        var isSimple: Bool {
            switch self {
            case .lui, .auipc, .addi, .slti, .sltiu, .xori, .ori, .andi, .slli, .srli, .srai, .add, .sub, .sll, .slt,
                .sltu, .xor, .srl, .sra, .or, .and, .addiw, .slliw, .srliw, .sraiw, .addw, .subw, .sllw, .srlw, .sraw,
                .add_uw, .sh1add, .sh2add, .sh3add, .sh1add_uw, .sh2add_uw, .sh3add_uw, .slli_uw, .andn, .orn, .xnor,
                .sext_b, .sext_h, .zext_h:
                return true
            default: return false
            }
        }

        /// As assemblers write it.
        var mnemonic: String { String(describing: self).split(separator: "_").joined(separator: ".") }
    }
}
