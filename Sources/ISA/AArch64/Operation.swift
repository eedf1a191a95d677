extension AArch64 {
    /// Every instruction, by mnemonic; what follows a `_` tells forms of one mnemonic apart. Widths are operands
    /// (``Encoding/isWide(_:)``), and so are the size and the ordering of atomic accesses.
    package enum Operation: UInt16, CaseIterable, Sendable {
        case illegal
        case udf
        // Data processing, immediate
        case adr, adrp, add_immediate, adds_immediate, sub_immediate, subs_immediate, and_immediate, orr_immediate,
            eor_immediate, ands_immediate, movn, movz, movk, sbfm, bfm, ubfm, extr
        // Branches
        case b_cond, b, bl, cbz, cbnz, tbz, tbnz, br, blr, ret, eret, drps, braa, brab, braaz, brabz, blraa, blrab,
            blraaz, blrabz, retaa, retab, eretaa, eretab
        // Exceptions and system
        case svc, hvc, smc, brk, hlt, dcps1, dcps2, dcps3
        case hint, nop, yield, wfe, wfi, sev, sevl, esb, csdb, bti, xpaclri, pacia1716, pacib1716, autia1716, autib1716,
            paciaz, paciasp, pacibz, pacibsp, autiaz, autiasp, autibz, autibsp
        case clrex, dsb, dmb, isb, sb, cfinv, xaflag, axflag, msr_uao, msr_pan, msr_spsel, msr_ssbs, msr_dit,
            msr_daifset, msr_daifclr, msr_register, mrs, sys, sysl
        // Loads and stores
        case ldr_literal, ldrsw_literal, prfm_literal
        case stnp, ldnp, stp_post, ldp_post, ldpsw_post, stp_offset, ldp_offset, ldpsw_offset, stp_pre, ldp_pre,
            ldpsw_pre
        case sturb, ldurb, ldursb, sturh, ldurh, ldursh, stur, ldur, ldursw, prfum
        case sttrb, ldtrb, ldtrsb, sttrh, ldtrh, ldtrsh, sttr, ldtr, ldtrsw
        case strb_post, ldrb_post, ldrsb_post, strh_post, ldrh_post, ldrsh_post, str_post, ldr_post, ldrsw_post
        case strb_pre, ldrb_pre, ldrsb_pre, strh_pre, ldrh_pre, ldrsh_pre, str_pre, ldr_pre, ldrsw_pre
        case strb_register, ldrb_register, ldrsb_register, strh_register, ldrh_register, ldrsh_register, str_register,
            ldr_register, ldrsw_register, prfm_register
        case strb_unsigned, ldrb_unsigned, ldrsb_unsigned, strh_unsigned, ldrh_unsigned, ldrsh_unsigned, str_unsigned,
            ldr_unsigned, ldrsw_unsigned, prfm_unsigned
        case stxr, stlxr, ldxr, ldaxr, stxp, stlxp, ldxp, ldaxp, stllr, stlr, ldlar, ldar
        case cas, casp, ldadd, ldclr, ldeor, ldset, ldsmax, ldsmin, ldumax, ldumin, swp
        case ldapr, stlurb, ldapurb, ldapursb, stlurh, ldapurh, ldapursh, stlur, ldapur, ldapursw
        case ldraa, ldrab, ldraa_pre, ldrab_pre
        // Data processing, register
        case udiv, sdiv, lslv, lsrv, asrv, rorv, pacga, crc32b, crc32h, crc32w, crc32x, crc32cb, crc32ch, crc32cw,
            crc32cx
        case rbit, rev16, rev32, rev, clz, cls, pacia, pacib, pacda, pacdb, autia, autib, autda, autdb, paciza, pacizb,
            pacdza, pacdzb, autiza, autizb, autdza, autdzb, xpaci, xpacd
        case and_shifted, bic_shifted, orr_shifted, orn_shifted, eor_shifted, eon_shifted, ands_shifted, bics_shifted,
            add_shifted, adds_shifted, sub_shifted, subs_shifted, add_extended, adds_extended, sub_extended,
            subs_extended
        case adc, adcs, sbc, sbcs, rmif, setf8, setf16, ccmn_register, ccmp_register, ccmn_immediate, ccmp_immediate,
            csel, csinc, csinv, csneg
        case madd, msub, smaddl, smsubl, smulh, umaddl, umsubl, umulh
        // Floating point, and its loads and stores
        case fmov_s, fmov_d, fmov_h, fabs_s, fabs_d, fabs_h, fneg_s, fneg_d, fneg_h, fsqrt_s, fsqrt_d, fsqrt_h,
            frintn_s, frintn_d, frintn_h, frintp_s, frintp_d, frintp_h, frintm_s, frintm_d, frintm_h, frintz_s,
            frintz_d, frintz_h, frinta_s, frinta_d, frinta_h, frintx_s, frintx_d, frintx_h, frinti_s, frinti_d,
            frinti_h, frint32z_s, frint32z_d, frint32x_s, frint32x_d, frint64z_s, frint64z_d, frint64x_s,
            frint64x_d, fcvt_d_s, fcvt_h_s, fcvt_s_d, fcvt_h_d, fcvt_s_h, fcvt_d_h, bfcvt, fmul_s, fmul_d, fmul_h,
            fdiv_s,
            fdiv_d, fdiv_h, fadd_s, fadd_d, fadd_h, fsub_s, fsub_d, fsub_h, fmax_s, fmax_d, fmax_h, fmin_s, fmin_d,
            fmin_h, fmaxnm_s, fmaxnm_d, fmaxnm_h, fminnm_s, fminnm_d, fminnm_h, fnmul_s, fnmul_d, fnmul_h, fcsel_s,
            fcsel_d, fcsel_h, fmadd_s, fmadd_d, fmadd_h, fmsub_s, fmsub_d, fmsub_h, fnmadd_s, fnmadd_d, fnmadd_h,
            fnmsub_s, fnmsub_d, fnmsub_h, fcmp_s, fcmp_zero_s, fcmp_d, fcmp_zero_d, fcmp_h, fcmp_zero_h, fcmpe_s,
            fcmpe_zero_s, fcmpe_d, fcmpe_zero_d, fcmpe_h, fcmpe_zero_h, fccmp_s, fccmp_d, fccmp_h, fccmpe_s,
            fccmpe_d, fccmpe_h, fmov_immediate_s, fmov_immediate_d, fmov_immediate_h, fcvtns_s, fcvtns_d, fcvtns_h,
            fcvtnu_s, fcvtnu_d, fcvtnu_h, fcvtas_s, fcvtas_d, fcvtas_h, fcvtau_s, fcvtau_d, fcvtau_h, fcvtps_s,
            fcvtps_d, fcvtps_h, fcvtpu_s, fcvtpu_d, fcvtpu_h, fcvtms_s, fcvtms_d, fcvtms_h, fcvtmu_s, fcvtmu_d,
            fcvtmu_h, fcvtzs_s, fcvtzs_d, fcvtzs_h, fcvtzu_s, fcvtzu_d, fcvtzu_h, scvtf_s, scvtf_d, scvtf_h,
            ucvtf_s, ucvtf_d, ucvtf_h, fjcvtzs, fcvtzs_fixed_s, fcvtzs_fixed_d, fcvtzs_fixed_h, fcvtzu_fixed_s,
            fcvtzu_fixed_d, fcvtzu_fixed_h, scvtf_fixed_s, scvtf_fixed_d, scvtf_fixed_h, ucvtf_fixed_s,
            ucvtf_fixed_d, ucvtf_fixed_h, fmov_to_s, fmov_from_s, fmov_to_d, fmov_from_d, fmov_to_h, fmov_from_h,
            fmov_to_high, fmov_from_high
        case ldr_s_literal, ldr_d_literal, ldr_q_literal, stnp_s, ldnp_s, stnp_d, ldnp_d, stnp_q, ldnp_q,
            stp_s_post, ldp_s_post, stp_d_post, ldp_d_post, stp_q_post, ldp_q_post, stp_s_offset, ldp_s_offset,
            stp_d_offset, ldp_d_offset, stp_q_offset, ldp_q_offset, stp_s_pre, ldp_s_pre, stp_d_pre, ldp_d_pre,
            stp_q_pre, ldp_q_pre, stur_b, ldur_b, stur_h, ldur_h, stur_s, ldur_s, stur_d, ldur_d, stur_q, ldur_q,
            str_b_post, ldr_b_post, str_h_post, ldr_h_post, str_s_post, ldr_s_post, str_d_post, ldr_d_post,
            str_q_post, ldr_q_post, str_b_pre, ldr_b_pre, str_h_pre, ldr_h_pre, str_s_pre, ldr_s_pre, str_d_pre,
            ldr_d_pre, str_q_pre, ldr_q_pre, str_b_register, ldr_b_register, str_h_register, ldr_h_register,
            str_s_register, ldr_s_register, str_d_register, ldr_d_register, str_q_register, ldr_q_register,
            str_b_unsigned, ldr_b_unsigned, str_h_unsigned, ldr_h_unsigned, str_s_unsigned, ldr_s_unsigned,
            str_d_unsigned, ldr_d_unsigned, str_q_unsigned, ldr_q_unsigned
        // Vectors: two or three operands
        case shadd, sqadd_vector, srhadd, shsub, sqsub_vector, cmgt_vector, cmge_vector, sshl_vector, sqshl_vector,
            srshl_vector, sqrshl_vector, smax, smin, sabd, saba, add_vector, cmtst_vector, mla_vector, mul_vector,
            smaxp, sminp, sqdmulh_vector, addp_vector, uhadd, uqadd_vector, urhadd, uhsub, uqsub_vector, cmhi_vector,
            cmhs_vector, ushl_vector, uqshl_vector, urshl_vector, uqrshl_vector, umax, umin, uabd, uaba, sub_vector,
            cmeq_vector, mls_vector, pmul, umaxp, uminp, sqrdmulh_vector, and_vector, bic_vector, orr_vector,
            orn_vector, eor_vector, bsl, bit, bif, fmaxnm_vector, fmla_vector, fadd_vector, fmulx_vector,
            fcmeq_vector, fmax_vector, frecps_vector, fminnm_vector, fmls_vector, fsub_vector, fmin_vector,
            frsqrts_vector, fmaxnmp_vector, faddp_vector, fmul_vector, fcmge_vector, facge_vector, fmaxp_vector,
            fdiv_vector, fminnmp_vector, fabd_vector, fcmgt_vector, facgt_vector, fminp_vector, fmlal_vector,
            fmlsl_vector, fmlal2_vector, fmlsl2_vector, sqrdmlah_vector, sqrdmlsh_vector, sdot_vector, udot_vector,
            usdot_vector, smmla, usmmla, ummla, bfmmla, bfdot_vector, bfmlalb_vector, bfmlalt_vector, fcmla_vector,
            fcadd, saddl, saddw, ssubl, ssubw, addhn, sabal, subhn, sabdl, smlal_vector, sqdmlal_vector,
            smlsl_vector, sqdmlsl_vector, smull_vector, sqdmull_vector, pmull, uaddl, uaddw, usubl, usubw, raddhn,
            uabal, rsubhn, uabdl, umlal_vector, umlsl_vector, umull_vector, uzp1, trn1, zip1, uzp2, trn2, zip2, ext,
            tbl, tbx
        // Vectors: one operand, and copies
        case rev64, rev16_vector, saddlp, suqadd_vector, cls_vector, cnt, sadalp, sqabs_vector, cmgt_zero_vector,
            cmeq_zero_vector, cmlt_zero_vector, abs_vector, xtn, sqxtn_vector, rev32_vector, uaddlp, usqadd_vector,
            clz_vector, not, rbit_vector, uadalp, sqneg_vector, cmge_zero_vector, cmle_zero_vector, neg_vector,
            sqxtun_vector, shll, uqxtn_vector, urecpe, ursqrte, frintn_vector, frintm_vector, fcvtns_vector,
            fcvtms_vector, fcvtas_vector, scvtf_vector, frint32z_vector, frint64z_vector, fcmgt_zero_vector,
            fcmeq_zero_vector, fcmlt_zero_vector, fabs_vector, frintp_vector, frintz_vector, fcvtps_vector,
            fcvtzs_vector, frecpe_vector, frinta_vector, frintx_vector, fcvtnu_vector, fcvtmu_vector, fcvtau_vector,
            ucvtf_vector, frint32x_vector, frint64x_vector, fcmge_zero_vector, fcmle_zero_vector, fneg_vector,
            frinti_vector, fcvtpu_vector, fcvtzu_vector, frsqrte_vector, fsqrt_vector, fcvtn, fcvtl,
            fcvtxn_vector, bfcvtn, saddlv, smaxv, sminv, addv, uaddlv, umaxv, uminv, fmaxnmv, fmaxv, fminnmv, fminv,
            dup_element_vector,
            dup_general, smov, umov, ins_general, ins_element
        // Vectors: immediates and elements
        case movi, orr_immediate_vector, mvni, bic_immediate_vector, fmov_immediate_vector, sshr_vector, ssra_vector,
            srshr_vector, srsra_vector, shl_vector, sqshl_immediate_vector, shrn, rshrn, sqshrn_vector,
            sqrshrn_vector, sshll, ushr_vector, usra_vector, urshr_vector, ursra_vector, sri_vector, sli_vector,
            sqshlu_vector, uqshl_immediate_vector, sqshrun_vector, sqrshrun_vector, uqshrn_vector, uqrshrn_vector,
            ushll, scvtf_fixed_vector, fcvtzs_fixed_vector, ucvtf_fixed_vector, fcvtzu_fixed_vector, smlal_element,
            sqdmlal_element_vector, smlsl_element, sqdmlsl_element_vector, mul_element, smull_element,
            sqdmull_element_vector, sqdmulh_element_vector, sqrdmulh_element_vector, mla_element, umlal_element,
            mls_element, umlsl_element, umull_element, sqrdmlah_element_vector, sqrdmlsh_element_vector, sdot_element,
            udot_element, fmla_element_vector, fmls_element_vector, fmul_element_vector, fmulx_element_vector,
            fmlal_element, fmlsl_element, fmlal2_element, fmlsl2_element, fcmla_element, sudot_element, usdot_element,
            bfdot_element, bfmlalb_element, bfmlalt_element
        // Scalars in vector registers
        case sqadd_scalar, sqsub_scalar, sqshl_scalar, sqrshl_scalar, sqdmulh_scalar, uqadd_scalar, uqsub_scalar,
            uqshl_scalar, uqrshl_scalar, sqrdmulh_scalar, cmgt_scalar, cmge_scalar, sshl_scalar, srshl_scalar,
            add_scalar, cmtst_scalar, cmhi_scalar, cmhs_scalar, ushl_scalar, urshl_scalar, sub_scalar, cmeq_scalar,
            fmulx_scalar, fcmeq_scalar, frecps_scalar, frsqrts_scalar, fcmge_scalar, facge_scalar, fabd_scalar,
            fcmgt_scalar, facgt_scalar, sqrdmlah_scalar, sqrdmlsh_scalar, sqdmlal_scalar, sqdmlsl_scalar,
            sqdmull_scalar, suqadd_scalar, sqabs_scalar, sqxtn_scalar, usqadd_scalar, sqneg_scalar, sqxtun_scalar,
            uqxtn_scalar, cmgt_zero_scalar, cmeq_zero_scalar, cmlt_zero_scalar, abs_scalar, cmge_zero_scalar,
            cmle_zero_scalar, neg_scalar, fcvtns_scalar, fcvtms_scalar, fcvtas_scalar, scvtf_scalar,
            fcmgt_zero_scalar, fcmeq_zero_scalar, fcmlt_zero_scalar, fcvtps_scalar, fcvtzs_scalar, frecpe_scalar,
            frecpx, fcvtnu_scalar, fcvtmu_scalar, fcvtau_scalar, ucvtf_scalar, fcmge_zero_scalar, fcmle_zero_scalar,
            fcvtpu_scalar, fcvtzu_scalar, frsqrte_scalar, fcvtxn_scalar, addp_scalar, fmaxnmp_scalar, faddp_scalar,
            fmaxp_scalar, fminnmp_scalar, fminp_scalar, dup_element_scalar, sshr_scalar, ssra_scalar, srshr_scalar,
            srsra_scalar, shl_scalar, sqshl_immediate_scalar, sqshrn_scalar, sqrshrn_scalar, ushr_scalar, usra_scalar,
            urshr_scalar, ursra_scalar, sri_scalar, sli_scalar, sqshlu_scalar, uqshl_immediate_scalar, sqshrun_scalar,
            sqrshrun_scalar, uqshrn_scalar, uqrshrn_scalar, scvtf_fixed_scalar, fcvtzs_fixed_scalar,
            ucvtf_fixed_scalar, fcvtzu_fixed_scalar, sqdmlal_element_scalar, sqdmlsl_element_scalar,
            sqdmull_element_scalar, sqdmulh_element_scalar, sqrdmulh_element_scalar, sqrdmlah_element_scalar,
            sqrdmlsh_element_scalar, fmla_element_scalar, fmls_element_scalar, fmul_element_scalar,
            fmulx_element_scalar
        // Loads and stores of structures
        case st1_multiple, st2_multiple, st3_multiple, st4_multiple, ld1_multiple, ld2_multiple, ld3_multiple,
            ld4_multiple, st1_multiple_post, st2_multiple_post, st3_multiple_post, st4_multiple_post,
            ld1_multiple_post, ld2_multiple_post, ld3_multiple_post, ld4_multiple_post, st1_single, st2_single,
            st3_single, st4_single, ld1_single, ld2_single, ld3_single, ld4_single, ld1r, ld2r, ld3r, ld4r,
            st1_single_post, st2_single_post, st3_single_post, st4_single_post, ld1_single_post, ld2_single_post,
            ld3_single_post, ld4_single_post, ld1r_post, ld2r_post, ld3r_post, ld4r_post
        // Cryptography
        case aese, aesd, aesmc, aesimc, sha1c, sha1p, sha1m, sha1su0, sha256h, sha256h2, sha256su1, sha1h, sha1su1,
            sha256su0, sha512h, sha512h2, sha512su1, rax1, sha512su0, eor3, bcax, xar, sm3ss1,
            sm3tt1a, sm3tt1b, sm3tt2a, sm3tt2b, sm3partw1, sm3partw2, sm4ekey, sm4e

        /// As the manual's page is titled, without what the size and the ordering of an access add.
        var mnemonic: String {
            self == .b_cond ? "b.cond" : String(String(describing: self).prefix { $0 != "_" })
        }
    }
}
