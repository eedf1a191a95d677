import ISA
import Testing

@testable import JIT

/// Conditions, jumps, and what fills the room between them.
extension AssemblerTests {
    @Test("Conditions, and what tests them", arguments: X64.Condition.allCases)
    func conditions(condition: X64.Condition) throws {
        let suffix = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"][
            Int(condition.rawValue)]
        for target in Register.allCases {
            try expect("set\(suffix) \(name(target, .byte))") { $0.set(condition, target) }
            for width in Self.wide {
                try expect("cmov\(suffix) \(name(target, width)), \(name(.r14, width))") {
                    $0.move(if: condition, target, .register(.r14), width)
                }
            }
        }
        for memory in [Memory(.r13), Memory(.rsi, 0x1000, index: .r9, scale: 4)] {
            try expect("set\(suffix) \(name(memory, .byte))") { $0.set(condition, memory) }
            try expect("cmov\(suffix) r10, \(name(memory, .double))") { $0.move(if: condition, .r10, .memory(memory)) }
        }
        #expect(condition.inverted != condition && condition.inverted.inverted == condition)
    }

    @Test("Jumps go to their labels, forwards and backwards, and calls and returns are there")
    func jumps() throws {
        let lines = try text { assembler in
            let (back, forward) = (assembler.label(), assembler.label())
            assembler.bind(back)  // 0
            assembler.jump(if: .equal, forward)  // 0, 6 bytes
            assembler.jump(back)  // 6, 2 bytes
            assembler.call(forward)  // 8, 5 bytes
            assembler.bind(forward)  // 13
            assembler.return()
        }
        #expect(lines == ["je 0xd", "jmp 0", "call 0xd", "ret"])
        for target in Register.allCases {
            try expect("jmp \(target)") { $0.jump(to: .register(target)) }
            try expect("call qword ptr [\(target) + 0x10]") { $0.call(.memory(Memory(target, 0x10))) }
            try expect("push \(target)") { $0.push(target) }
            try expect("pop \(target)") { $0.pop(target) }
        }
    }

    @Test("A jump back takes two bytes as far as these reach, and a jump forward where that was promised")
    func shortJumps() throws {
        // Of 128 bytes back, two are the jump's own.
        for (room, length) in [(126, 2), (127, 5)] {
            let lines = try text { assembler in
                let back = assembler.label()
                assembler.bind(back)
                for _ in 0..<room { assembler.breakpoint() }
                assembler.jump(back)
                #expect(assembler.count == room + length)
            }
            #expect(lines == Array(repeating: "int3", count: room) + ["jmp 0"])
        }
        let lines = try text { assembler in
            let (back, forward) = (assembler.label(), assembler.label())
            assembler.bind(back)  // 0
            assembler.jumpShort(if: .notSign, forward)  // 0, 2 bytes
            assembler.jump(if: .above, back)  // 2, 2 bytes
            assembler.jumpShort(forward)  // 4, 2 bytes
            assembler.bind(forward)  // 6
            assembler.undefined()
        }
        #expect(lines == ["jns 6", "ja 0", "jmp 6", "ud2"])
    }

    @Test("A promise that a jump is short is checked", arguments: [127, 128])
    func brokenPromise(room: Int) throws {
        let lines = try text { assembler in
            let forward = assembler.label()
            assembler.jumpShort(if: .less, forward)
            for _ in 0..<room { assembler.breakpoint() }
            assembler.bind(forward)
            assembler.finish()
            #expect(assembler.hasOverflowed == (room > 127))
        }
        #expect(room > 127 || lines.first == "jl 0x81")
    }

    @Test("Labels have addresses and offsets, and code may go on after it was finished")
    func labels() throws {
        for target in Register.allCases {
            let lines = try text { assembler in
                let (first, second) = (assembler.label(), assembler.label())
                assembler.address(target, first)  // 0, 7 bytes
                assembler.bind(first)
                assembler.finish()
                assembler.jump(second)  // 7, 5 bytes
                assembler.return()  // 12
                assembler.bind(second)
                assembler.finish()
                assembler.address(target, first)  // 13, 7 bytes
                #expect(assembler.offset(of: first) == 7 && assembler.offset(of: second) == 13)
            }
            #expect(lines == ["lea \(target), [rip]", "jmp 0xd", "ret", "lea \(target), [rip - 0xd]"])
        }
    }

    @Test("Jumps and calls reach addresses of the host within 2 GiB, and others are refused")
    func hostAddresses() throws {
        // Capstone reads at 0 what is to run at `base`.
        let base: UInt = 0x7fff_0000_1000
        let lines = try text { assembler in
            assembler.call(toAddress: base + 0x1234_5678, from: base)
            assembler.jump(toAddress: base + 0x20, from: base)
            assembler.jump(if: .parity, toAddress: base, from: base)
        }
        #expect(lines == ["call 0x12345678", "jmp 0x20", "jp 0"])
        // A displacement counts from the end of the instruction, here 5 bytes.
        let limits: [(address: UInt, overflows: Bool)] = [
            (base + 5 + 0x7fff_ffff, false), (base + 5 + 0x8000_0000, true),
            (base + 5 - 0x8000_0000, false), (base + 5 - 0x8000_0001, true),
        ]
        for (address, overflows) in limits {
            _ = try text { assembler in
                assembler.jump(toAddress: address, from: base)
                #expect(assembler.hasOverflowed == overflows, "0x\(String(address, radix: 16))")
            }
        }
    }

    @Test("Padding is of as few instructions that do nothing as there can be", arguments: 0...32)
    func padding(before: Int) throws {
        let lines = try text { assembler in
            for _ in 0..<before { assembler.breakpoint() }
            assembler.align(to: 16)
            #expect(assembler.count % 16 == 0 && assembler.count - before < 16)
        }
        let padding = lines.dropFirst(before)
        let missing = (16 - before % 16) % 16
        #expect(padding.count == (missing + 8) / 9)
        #expect(padding.allSatisfy { $0.hasPrefix("nop") || $0 == "xchg ax, ax" }, "\(padding)")
    }
}
