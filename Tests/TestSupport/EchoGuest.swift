/// A program for the RISC-V board that sends back each character of the serial port, and powers off with status 0 after a newline.
public enum EchoGuest {
    public static let words: [UInt32] = [
        0x1000_0437,  // lui  s0, 0x10000
        0x0010_04b7,  // lui  s1, 0x100
        0x0000_5937,  // lui  s2, 0x5
        0x5559_0913,  // addi s2, s2, 0x555
        0x00a0_0993,  // li   s3, 10
        0x0054_4283,  // lbu  t0, 5(s0)
        0x0012_f293,  // andi t0, t0, 1
        0xfe02_8ce3,  // beqz t0, -8
        0x0004_4503,  // lbu  a0, 0(s0)
        0x00a4_0023,  // sb   a0, 0(s0)
        0xff35_16e3,  // bne  a0, s3, -20
        0x0124_a023,  // sw   s2, 0(s1)
        0x0000_006f,  // j    .
    ]
}
