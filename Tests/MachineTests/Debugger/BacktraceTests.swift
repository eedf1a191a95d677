import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

/// Frames of a hypervisor and of a guest beneath it, by records that their instructions make as the calling conventions say
/// (RISC-V ELF psABI, "Frame Pointer Convention"; AAPCS64, "The Frame Pointer").
@Suite("Backtraces")
struct BacktraceTests {
    /// In the guest, `start` calls `outer`, which calls `inner`, which calls the hypervisor.
    private static func words(_ guest: EventGuest) -> [UInt32] {
        switch guest {
        case .riscv:
            Array(guest.guests[..<27]) + [
                0x0008_0117,  // auipc sp, 0x80
                0xf941_0113,  // addi  sp, sp, -108
                0x0000_0413,  // li    s0, 0
                0x0080_00ef,  // jal   outer
                0x0000_006f,  // j     .
                0xff01_0113,  // outer: addi sp, sp, -16
                0x0011_3423,  // sd    ra, 8(sp)
                0x0081_3023,  // sd    s0, 0(sp)
                0x0101_0413,  // addi  s0, sp, 16
                0x0080_00ef,  // jal   inner
                0x0000_006f,  // j     .
                0xff01_0113,  // inner: addi sp, sp, -16
                0x0011_3423,  // sd    ra, 8(sp)
                0x0081_3023,  // sd    s0, 0(sp)
                0x0101_0413,  // addi  s0, sp, 16
                0x0000_0073,  // ecall
                0x0000_006f,  // j     .
            ]
        case .aarch64:
            Array(guest.guests[..<19]) + [
                0x1000_0001,  // adr  x1, .
                0x9144_0021,  // add  x1, x1, #0x100, lsl #12
                0x927c_ec3f,  // and  sp, x1, #~15
                0xd280_001d,  // mov  x29, #0
                0x9400_0002,  // bl   outer
                0x1400_0000,  // b    .
                0xa9bf_7bfd,  // outer: stp x29, x30, [sp, #-16]!
                0x9100_03fd,  // mov  x29, sp
                0x9400_0002,  // bl   inner
                0x1400_0000,  // b    .
                0xa9bf_7bfd,  // inner: stp x29, x30, [sp, #-16]!
                0x9100_03fd,  // mov  x29, sp
                0xd400_0002,  // hvc  #0
                0x1400_0000,  // b    .
            ] + Array(guest.guests[33...])
        }
    }

    /// Offsets of the functions in the guest's code, of where the calls return to, and of what the hypervisor's call leaves.
    private static func places(_ guest: EventGuest) -> (functions: [UInt64], returns: [UInt64]) {
        guest == .riscv ? ([0, 0x14, 0x2c], [0x3c, 0x28, 0x10]) : ([0, 0x18, 0x28], [0x34, 0x24, 0x14])
    }

    /// The guest's program, linked for address 0.
    private static func image(_ guest: EventGuest) -> [UInt8] {
        let code = words(guest)[(guest == .riscv ? 27 : 19)...].prefix(17)
        var builder = ELFBuilder.program(at: 0, code.flatMap { UInt64($0).littleEndianBytes(4) })
        if guest == .aarch64 { builder.machine = 183 }
        let functions = places(guest).functions
        builder.symbols = zip(["start", "outer", "inner"], functions).map { name, address in
            ELFBuilder.Symbol(name: name, value: address, size: 0x18)
        }
        return builder.bytes()
    }

    @Test(
        "The guest's frames are beneath those of who handles its exit, with its symbols found by where it runs",
        arguments: EventGuest.allCases, ["auto", "at"])
    func frames(_ guest: EventGuest, how: String) throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let file = directory + "/guest.elf"
            try Data(Self.image(guest)).write(to: URL(fileURLWithPath: file))
            try guest.load(Self.words(guest)) { target, session in
                _ = target.monitor("catch exit")
                #expect(target.runOn().reason == .breakpoint)
                // The handler goes on, and the machine is put back to where it stood after each look.
                _ = target.runOn(.step(processor: 0))
                let position = target.position
                let place = how == "auto" ? "auto" : "at \(guest.guestStart)"
                let answer = target.monitor("symbols \(file) guest \(guest.guestNumber) \(place)")
                #expect(
                    answer.contains("of guest \(guest.guestNumber), \(hexadecimal(guest.guestStart))-"), "\(answer)")
                let lines = target.monitor("backtrace").split(separator: "\n").map(String.init)
                #expect(target.position == position)
                let (returns, names) = (Self.places(guest).returns, ["inner", "outer", "start"])
                #expect(
                    lines.first == "#0  \(hexadecimal(guest.exitHandler + 4))  \(guest.levels.hypervisor)  ??",
                    "\(lines)")
                #expect(lines.dropFirst().first == "guest \(guest.guestNumber), where it left:", "\(lines)")
                let expected = zip(1..., zip(returns, names)).map { number, place in
                    "#\(number)  \(hexadecimal(guest.guestStart + place.0))  \(guest.levels.guest)  \(place.1)+0x"
                }
                #expect(lines.count == 5, "\(lines)")
                for (line, start) in zip(lines.dropFirst(2), expected) { #expect(line.hasPrefix(start), "\(line)") }
            }
        }
    }

    @Test("What is no image, or does not run, is refused with the reason")
    func refusals() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let file = directory + "/other.elf"
            var builder = ELFBuilder.program(at: 0, (0..<256).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            builder.symbols = [ELFBuilder.Symbol(name: "main", value: 0, size: 8)]
            try Data(builder.bytes()).write(to: URL(fileURLWithPath: file))
            try EventGuest.riscv.load(EventGuest.riscv.guests) { target, _ in
                #expect(target.monitor("symbols \(file) auto").contains("is not what runs now"))
                #expect(target.monitor("symbols \(directory)/none").contains("none"))
                #expect(target.monitor("symbols \(file) gest 1").contains("is none of guest VMID"))
                #expect(target.monitor("symbols \(file) at 0x1000").contains("0x1000-0x10ff"))
                #expect(target.monitor("symbols main") == "main is at 0x1000\n")
            }
        }
    }
}
