import ISA

@testable import AArch64ISA

extension AArch64HotProgram {
    /// x9 gathers FPSR after operations none of whose lanes is saturated; x10 counts FPSR.QC after 26 of which one lane is or
    /// some are (C7.2, SQADD and so on). The others are a saturated lane each.
    static let saturation = AArch64HotProgram(
        "lanes that are saturated, and what FPSR.QC tells of them",
        [
            0xd2a0_0600,  // mov x0, #0x300000
            0xd518_1040,  // msr cpacr_el1, x0
            0xd503_3fdf,  // isb
            0xd280_031c,  // mov x28, #0x18
            0x5280_1002,  // mov w2, #0x80
            0x5290_0003,  // mov w3, #0x8000
            0x52b0_0004,  // mov w4, #0x80000000
            0xd2f0_0005,  // mov x5, #0x8000000000000000
            0x5280_1fe6,  // mov w6, #0xff
            0x4f00_e4a0,  // loop: movi v0.16b, #0x5
            0x4f00_e461,  // movi v1.16b, #0x3
            0x2f08_a403,  // uxtl v3.8h, v0.8b
            0x2f10_a464,  // uxtl v4.4s, v3.4h
            0xd51b_443f,  // msr fpsr, xzr
            0x4e21_0c02,  // sqadd v2.16b, v0.16b, v1.16b
            0x4e61_0c02,  // sqadd v2.8h, v0.8h, v1.8h
            0x4ea1_0c02,  // sqadd v2.4s, v0.4s, v1.4s
            0x4ee1_0c02,  // sqadd v2.2d, v0.2d, v1.2d
            0x4e20_2c22,  // sqsub v2.16b, v1.16b, v0.16b
            0x0e60_2c22,  // sqsub v2.4h, v1.4h, v0.4h
            0x5ea0_2c22,  // sqsub s2, s1, s0
            0x5ee0_2c22,  // sqsub d2, d1, d0
            0x2e21_0c02,  // uqadd v2.8b, v0.8b, v1.8b
            0x6e61_0c02,  // uqadd v2.8h, v0.8h, v1.8h
            0x6ea1_0c02,  // uqadd v2.4s, v0.4s, v1.4s
            0x6e21_2c02,  // uqsub v2.16b, v0.16b, v1.16b
            0x6e61_2c02,  // uqsub v2.8h, v0.8h, v1.8h
            0x6ea1_2c02,  // uqsub v2.4s, v0.4s, v1.4s
            0x4e61_b402,  // sqdmulh v2.8h, v0.8h, v1.8h
            0x6e61_b402,  // sqrdmulh v2.8h, v0.8h, v1.8h
            0x4ea1_b402,  // sqdmulh v2.4s, v0.4s, v1.4s
            0x6ea1_b402,  // sqrdmulh v2.4s, v0.4s, v1.4s
            0x0e61_d002,  // sqdmull v2.4s, v0.4h, v1.4h
            0x0ea1_d002,  // sqdmull v2.2d, v0.2s, v1.2s
            0x0e21_4862,  // sqxtn v2.8b, v3.8h
            0x2e21_4862,  // uqxtn v2.8b, v3.8h
            0x2e21_2862,  // sqxtun v2.8b, v3.8h
            0x0e61_4882,  // sqxtn v2.4h, v4.4s
            0x2e61_4882,  // uqxtn v2.4h, v4.4s
            0x2e61_2882,  // sqxtun v2.4h, v4.4s
            0xd53b_4421,  // mrs x1, fpsr
            0x8b01_0129,  // add x9, x9, x1
            0x4e0b_1c40,  // mov v0.b[5], w2
            0x4e0b_1c41,  // mov v1.b[5], w2
            0xd51b_443f,  // msr fpsr, xzr
            0x4e21_0c02,  // sqadd v2.16b, v0.16b, v1.16b
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e0b_2c40,  // smov x0, v2.b[5]
            0x8b00_016b,  // add x11, x11, x0
            0x4e06_1c60,  // mov v0.h[1], w3
            0x4e06_1c61,  // mov v1.h[1], w3
            0xd51b_443f,  // msr fpsr, xzr
            0x4e61_0c02,  // sqadd v2.8h, v0.8h, v1.8h
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0xd51b_443f,  // msr fpsr, xzr
            0x4e61_b402,  // sqdmulh v2.8h, v0.8h, v1.8h
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x0e06_3c40,  // umov w0, v2.h[1]
            0x8b00_018c,  // add x12, x12, x0
            0xd51b_443f,  // msr fpsr, xzr
            0x6e61_b402,  // sqrdmulh v2.8h, v0.8h, v1.8h
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0xd51b_443f,  // msr fpsr, xzr
            0x0e61_d002,  // sqdmull v2.4s, v0.4h, v1.4h
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e0c_1c80,  // mov v0.s[1], w4
            0x4e0c_1c81,  // mov v1.s[1], w4
            0xd51b_443f,  // msr fpsr, xzr
            0x4ea1_0c02,  // sqadd v2.4s, v0.4s, v1.4s
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e0c_2c40,  // smov x0, v2.s[1]
            0x8b00_01ad,  // add x13, x13, x0
            0xd51b_443f,  // msr fpsr, xzr
            0x4ea1_b402,  // sqdmulh v2.4s, v0.4s, v1.4s
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0xd51b_443f,  // msr fpsr, xzr
            0x6ea1_b402,  // sqrdmulh v2.4s, v0.4s, v1.4s
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0xd51b_443f,  // msr fpsr, xzr
            0x0ea1_d002,  // sqdmull v2.2d, v0.2s, v1.2s
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e18_1ca0,  // mov v0.d[1], x5
            0x4e18_1ca1,  // mov v1.d[1], x5
            0xd51b_443f,  // msr fpsr, xzr
            0x4ee1_0c02,  // sqadd v2.2d, v0.2d, v1.2d
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4f00_e421,  // movi v1.16b, #0x1
            0xd51b_443f,  // msr fpsr, xzr
            0x4ee1_2c02,  // sqsub v2.2d, v0.2d, v1.2d
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e18_3c40,  // mov x0, v2.d[1]
            0xaa00_01ce,  // orr x14, x14, x0
            0x4e04_1c80,  // mov v0.s[0], w4
            0xd51b_443f,  // msr fpsr, xzr
            0x5ea1_2c02,  // sqsub s2, s0, s1
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e0a_1c60,  // mov v0.h[2], w3
            0xd51b_443f,  // msr fpsr, xzr
            0x4e61_2c02,  // sqsub v2.8h, v0.8h, v1.8h
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e13_1c40,  // mov v0.b[9], w2
            0xd51b_443f,  // msr fpsr, xzr
            0x4e21_2c02,  // sqsub v2.16b, v0.16b, v1.16b
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4f00_e420,  // movi v0.16b, #0x1
            0x4f00_e441,  // movi v1.16b, #0x2
            0x4e0f_1cc0,  // mov v0.b[7], w6
            0xd51b_443f,  // msr fpsr, xzr
            0x6e21_0c02,  // uqadd v2.16b, v0.16b, v1.16b
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x0e0f_3c40,  // umov w0, v2.b[7]
            0x8b00_01ef,  // add x15, x15, x0
            0xd51b_443f,  // msr fpsr, xzr
            0x6e61_0c02,  // uqadd v2.8h, v0.8h, v1.8h
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0xd51b_443f,  // msr fpsr, xzr
            0x6ea1_0c02,  // uqadd v2.4s, v0.4s, v1.4s
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e0f_1cc1,  // mov v1.b[7], w6
            0xd51b_443f,  // msr fpsr, xzr
            0x6e21_2c02,  // uqsub v2.16b, v0.16b, v1.16b
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0xd51b_443f,  // msr fpsr, xzr
            0x6e61_2c02,  // uqsub v2.8h, v0.8h, v1.8h
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0xd51b_443f,  // msr fpsr, xzr
            0x6ea1_2c02,  // uqsub v2.4s, v0.4s, v1.4s
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e1a_1c63,  // mov v3.h[6], w3
            0xd51b_443f,  // msr fpsr, xzr
            0x0e21_4862,  // sqxtn v2.8b, v3.8h
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e0d_2c40,  // smov x0, v2.b[6]
            0x8b00_0210,  // add x16, x16, x0
            0xd51b_443f,  // msr fpsr, xzr
            0x2e21_4862,  // uqxtn v2.8b, v3.8h
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0xd51b_443f,  // msr fpsr, xzr
            0x2e21_2862,  // sqxtun v2.8b, v3.8h
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x4e1c_1c84,  // mov v4.s[3], w4
            0xd51b_443f,  // msr fpsr, xzr
            0x0e61_4882,  // sqxtn v2.4h, v4.4s
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0xd51b_443f,  // msr fpsr, xzr
            0x2e61_4882,  // uqxtn v2.4h, v4.4s
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0xd51b_443f,  // msr fpsr, xzr
            0x2e61_2882,  // sqxtun v2.4h, v4.4s
            0xd53b_4421,  // mrs x1, fpsr
            0xd35b_6c21,  // ubfx x1, x1, #27, #1
            0x8b01_014a,  // add x10, x10, x1
            0x0e0e_3c40,  // umov w0, v2.h[3]
            0x8b00_0231,  // add x17, x17, x0
            0xf100_079c,  // subs x28, x28, #0x1
            0x54ff_e781,  // b.ne loop
            0x1400_0000,  // stay: b stay
        ],
        leaves: [
            9: 0, 10: 24 * 26, 11: 0 &- 24 * 128, 12: 24 * 0x7fff, 13: 0 &- 24 << 31, 14: 1 << 63, 15: 24 * 0xff,
            16: 0 &- 24 * 128, 17: 0, 20: 0,
        ])
}
