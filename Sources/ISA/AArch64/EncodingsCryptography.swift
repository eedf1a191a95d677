/// Cryptography (C4.1, "Data Processing -- Scalar Floating-Point and Advanced SIMD"), in the notation of
/// `EncodingsVector.swift`. All vectors have 128 bits.
extension AArch64.Encoding {
    package static let cryptography: [AArch64.Encoding] = [
        // AES
        .init("01001110 00 10100 00100 10 Vn Vd", .aese, .aes),
        .init("01001110 00 10100 00101 10 Vn Vd", .aesd, .aes),
        .init("01001110 00 10100 00110 10 Vn Vd", .aesmc, .aes),
        .init("01001110 00 10100 00111 10 Vn Vd", .aesimc, .aes),
        // SHA-1 and SHA-256
        .init("01011110 00 0 Vm 0 000 00 Vn Vd", .sha1c, .sha1),
        .init("01011110 00 0 Vm 0 001 00 Vn Vd", .sha1p, .sha1),
        .init("01011110 00 0 Vm 0 010 00 Vn Vd", .sha1m, .sha1),
        .init("01011110 00 0 Vm 0 011 00 Vn Vd", .sha1su0, .sha1),
        .init("01011110 00 0 Vm 0 100 00 Vn Vd", .sha256h, .sha256),
        .init("01011110 00 0 Vm 0 101 00 Vn Vd", .sha256h2, .sha256),
        .init("01011110 00 0 Vm 0 110 00 Vn Vd", .sha256su1, .sha256),
        .init("01011110 00 10100 00000 10 Vn Vd", .sha1h, .sha1),
        .init("01011110 00 10100 00001 10 Vn Vd", .sha1su1, .sha1),
        .init("01011110 00 10100 00010 10 Vn Vd", .sha256su0, .sha256),
        // SHA-512 and SHA-3
        .init("11001110011 Vm 1 0 00 00 Vn Vd", .sha512h, .sha512),
        .init("11001110011 Vm 1 0 00 01 Vn Vd", .sha512h2, .sha512),
        .init("11001110011 Vm 1 0 00 10 Vn Vd", .sha512su1, .sha512),
        .init("11001110011 Vm 1 0 00 11 Vn Vd", .rax1, .sha3),
        .init("11001110110 00000 1 0 00 00 Vn Vd", .sha512su0, .sha512),
        .init("11001110000 Vm 0 Va Vn Vd", .eor3, .sha3),
        .init("11001110001 Vm 0 Va Vn Vd", .bcax, .sha3),
        .init("11001110100 Vm uimm[5:0] Vn Vd", .xar, .sha3),
        // SM3 and SM4
        .init("11001110010 Vm 0 Va Vn Vd", .sm3ss1, .sm3, lane: .word),
        .init("11001110010 Vm 10 index[1:0] 00 Vn Vd", .sm3tt1a, .sm3, lane: .word),
        .init("11001110010 Vm 10 index[1:0] 01 Vn Vd", .sm3tt1b, .sm3, lane: .word),
        .init("11001110010 Vm 10 index[1:0] 10 Vn Vd", .sm3tt2a, .sm3, lane: .word),
        .init("11001110010 Vm 10 index[1:0] 11 Vn Vd", .sm3tt2b, .sm3, lane: .word),
        .init("11001110011 Vm 1 1 00 00 Vn Vd", .sm3partw1, .sm3, lane: .word),
        .init("11001110011 Vm 1 1 00 01 Vn Vd", .sm3partw2, .sm3, lane: .word),
        .init("11001110011 Vm 1 1 00 10 Vn Vd", .sm4ekey, .sm4, lane: .word),
        .init("11001110110 00000 1 0 00 01 Vn Vd", .sm4e, .sm4, lane: .word),
    ]
}
