/// QARMA5, the cipher that makes pointer authentication codes (FEAT_PACQARMA5): QARMA-64 with the S-box σ2 and five rounds
/// each way.
///
/// Avanzi, "The QARMA Block Cipher Family" (2017). A block is 16 cells of four bits, the first one the most significant.
/// Tables are written as the paper's: the first digit is for cell or value 0.
enum QARMA {
    private static let rounds = 5
    private static let substitution: UInt64 = 0xb68f_c09e_3745_d21a
    private static let inverseSubstitution: UInt64 = 0x5ed8_ab19_26f0_4c73
    /// τ
    private static let shuffle: UInt64 = 0x0b6d_a1c7_5e38_f492
    private static let inverseShuffle: UInt64 = 0x05fa_d827_be41_639c
    /// h
    private static let tweakShuffle: UInt64 = 0x65ef_0123_7cd4_89ab
    private static let inverseTweakShuffle: UInt64 = 0x4567_b108_cdef_9a23
    /// The cells of the tweak that ω changes.
    private static let tweakCells: UInt64 = 0xff0f_f000_f00f_0f00
    private static let alpha: UInt64 = 0xc0ac_29b7_c97c_50dd

    /// c0 to c4
    @inline(__always)
    private static func constant(_ round: Int) -> UInt64 {
        switch round {
        case 0: 0
        case 1: 0x1319_8a2e_0370_7344
        case 2: 0xa409_3822_299f_31d0
        case 3: 0x082e_fa98_ec4e_6c89
        default: 0x4528_21e6_38d0_1377
        }
    }

    /// `block` encrypted with a tweak, by the keys w0 and k0.
    static func encrypt(_ block: UInt64, tweak: UInt64, whitening w0: UInt64, core k0: UInt64) -> UInt64 {
        let w1 = (w0 >> 1 | w0 << 63) ^ w0 >> 63
        var tweak = tweak
        var state = block ^ w0
        for round in 0..<rounds {
            state ^= k0 ^ tweak ^ constant(round)
            if round > 0 { state = mix(permute(state, shuffle)) }
            state = substitute(state, substitution)
            tweak = advance(tweak)
        }
        state ^= w1 ^ tweak
        state = substitute(mix(permute(state, shuffle)), substitution)
        // The reflector.
        state = permute(mix(permute(state, shuffle)) ^ k0, inverseShuffle)
        state = permute(mix(substitute(state, inverseSubstitution)), inverseShuffle)
        state ^= w0 ^ tweak
        for round in (0..<rounds).reversed() {
            state = substitute(state, inverseSubstitution)
            if round > 0 { state = permute(mix(state), inverseShuffle) }
            tweak = retreat(tweak)
            state ^= k0 ^ tweak ^ constant(round) ^ alpha
        }
        return state ^ w1
    }

    @inline(__always)
    private static func substitute(_ cells: UInt64, _ table: UInt64) -> UInt64 {
        var result: UInt64 = 0
        for place in 0..<16 as Range<UInt64> {
            let value = cells &>> (4 &* place) & 15
            result |= (table &>> (60 &- 4 &* value) & 15) &<< (4 &* place)
        }
        return result
    }

    /// Each cell is the one that the table names.
    @inline(__always)
    private static func permute(_ cells: UInt64, _ table: UInt64) -> UInt64 {
        var result: UInt64 = 0
        for place in 0..<16 as Range<UInt64> {
            let source = table &>> (4 &* place) & 15
            result |= (cells &>> (60 &- 4 &* source) & 15) &<< (4 &* place)
        }
        return result
    }

    /// Each column times the matrix circ(0, ρ, ρ², ρ), where ρ rotates a cell. A row is 16 bits.
    @inline(__always)
    private static func mix(_ cells: UInt64) -> UInt64 {
        func rotated(_ cells: UInt64) -> UInt64 {
            (cells &<< 1) & 0xeeee_eeee_eeee_eeee | (cells &>> 3) & 0x1111_1111_1111_1111
        }
        func turned(_ cells: UInt64, _ rows: UInt64) -> UInt64 {
            cells &<< (16 &* rows) | cells &>> (64 &- 16 &* rows)
        }
        let once = rotated(cells)
        return turned(once, 1) ^ turned(rotated(once), 2) ^ turned(once, 3)
    }

    /// The tweak of the next round: h, then ω, a step of a shift register.
    @inline(__always)
    private static func advance(_ tweak: UInt64) -> UInt64 {
        let cells = permute(tweak, tweakShuffle)
        let stepped =
            (cells &>> 1) & 0x7777_7777_7777_7777 | ((cells ^ cells &>> 1) & 0x1111_1111_1111_1111) &<< 3
        return stepped & tweakCells | cells & ~tweakCells
    }

    @inline(__always)
    private static func retreat(_ tweak: UInt64) -> UInt64 {
        let stepped =
            (tweak &<< 1) & 0xeeee_eeee_eeee_eeee | (tweak ^ tweak &>> 3) & 0x1111_1111_1111_1111
        return permute(stepped & tweakCells | tweak & ~tweakCells, inverseTweakShuffle)
    }
}
