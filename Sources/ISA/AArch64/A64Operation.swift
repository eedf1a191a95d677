extension AArch64 {
    /// Every instruction, by mnemonic; what follows a `_` tells forms of one mnemonic apart. Widths are operands
    /// (``Encoding/isWide(_:)``), and so are the size and the ordering of atomic accesses.
    enum Operation: UInt16, CaseIterable, Sendable {
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

        /// As the manual's page is titled, without what the size and the ordering of an access add.
        var mnemonic: String {
            self == .b_cond ? "b.cond" : String(String(describing: self).prefix { $0 != "_" })
        }
    }
}
