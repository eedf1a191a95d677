import Foundation
import Machine
import TestSupport
import Testing

/// A small program in C, compiled for a machine by the toolchain's clang.
struct CompiledProgram: CustomStringConvertible {
    enum Target: String, CaseIterable {
        case riscv64, aarch64
        /// clang's for it, beside the target.
        var options: [String] {
            switch self {
            case .riscv64: ["-march=rv64imac", "-mabi=lp64", "-mcmodel=medany", "-mno-relax"]
            case .aarch64: []
            }
        }
    }
    let target: Target
    let options: [String]

    /// Both machines', with and without optimisation, by both versions of DWARF that compilers write.
    static let all = Target.allCases.flatMap { target in
        ["-O0", "-O2"].flatMap { level in
            ["-gdwarf-4", "-gdwarf-5"].map { CompiledProgram(target: target, options: [level, $0]) }
        }
    }
    static let isPossible = ["clang", "ld.lld"].allSatisfy { ExternalTool.path($0) != nil }

    var description: String { ([target.rawValue] + options).joined(separator: " ") }

    /// Lines are counted on by the tests: 8 is `leaf`, 12 is `middle`, 21 is `_start`.
    static let source = """
        struct point { int x; long y; const char *name; };
        static volatile long sink;
        __attribute__((always_inline)) static inline long twice(long v) {
            long w = v * 2;
            sink = w;
            return w;
        }
        __attribute__((noinline)) long leaf(long a, int *p) {
            long r = twice(a) + *p;
            return r;
        }
        __attribute__((noinline)) long middle(struct point *p) {
            int local = p->x + 1;
            long r = leaf(p->y, &local);
            for (int i = 0; i < 3; i++) {
                r += twice(i);
            }
            return r;
        }
        struct point global = { 3, 40, "origin" };
        void _start(void) {
            long r = middle(&global);
            sink = r;
            for (;;) ;
        }

        """

    /// A guest that begins at the start of a board's memory and makes itself a stack. `leaf` is from line 5 on, `middle` from
    /// 10, `main` from 18.
    static let guest = #"""
        struct point { int x; long y; const char *name; struct point *next; };
        volatile long counter;
        char stack[4096] __attribute__((aligned(16)));
        struct point origin = { 3, 40, "origin", &origin };
        __attribute__((noinline)) long leaf(long value, int *addend) {
            long result = value * 2 + *addend;
            counter = result;
            return result;
        }
        __attribute__((noinline)) long middle(struct point *p) {
            int local = p->x + 1;
            long sum = 0;
            for (int i = 0; i < 4; i++) {
                sum += leaf(p->y + i, &local);
            }
            return sum;
        }
        int main(void) {
            long total = middle(&origin);
            counter = total;
        #ifdef __riscv
            *(volatile unsigned *)0x100000 = 0x5555;
        #endif
            for (;;) ;
        }
        #ifdef __riscv
        __asm__(".section .start,\"ax\"\n.globl _start\n_start: la sp, stack + 4096\n call main\n");
        #else
        __asm__(".section .start,\"ax\"\n.globl _start\n_start: adr x0, stack + 4096\n mov sp, x0\n mov x29, xzr\n bl main\n");
        #endif

        """#

    /// Compiles ``guest`` and hands over the program's path.
    func compileGuest<T>(_ body: (String) throws -> T) throws -> T {
        try compile(source: Self.guest, script: guestScript, body)
    }

    /// The linker's, for a guest.
    var guestScript: String {
        """
        SECTIONS { . = \(target == .riscv64 ? "0x80000000" : "0x40080000"); .text : { *(.start) *(.text*) }
          .rodata : { *(.rodata*) } .eh_frame : { *(.eh_frame) } .data : { *(.data*) *(.sdata*) } .bss : { *(.bss*) *(.sbss*) } }
        """
    }

    /// Assembles a program that begins at the start of a board's memory, by `_start`, and hands over its path.
    static func assemble<T>(_ source: String, for target: Target, _ body: (String) throws -> T) throws -> T {
        let base = target == .riscv64 ? "0x80000000" : "0x40080000"
        return try ExternalTool.withTemporaryDirectory { directory in
            let script = "SECTIONS { . = \(base); .text : { *(.text*) } .data : { *(.data*) } }"
            try Data(source.utf8).write(to: URL(fileURLWithPath: directory + "/t.S"))
            try Data(script.utf8).write(to: URL(fileURLWithPath: directory + "/t.ld"))
            let result = try ExternalTool.run(
                program: try #require(ExternalTool.path("clang")),
                ["--target=\(target.rawValue)-none-elf"] + target.options + [
                    "-nostdlib", "-fuse-ld=lld", "-static", "-Wl,-T,t.ld", "-o", "t.elf", "t.S",
                ], in: directory)
            try #require(result.status == 0, "clang does not assemble the program: \(result.errorText)")
            return try body(directory + "/t.elf")
        }
    }

    /// Compiles it, and hands over the program's path, in a folder of its own.
    func compile<T>(
        source: String = Self.source, script: String? = nil, _ body: (String) throws -> T
    ) throws -> T {
        try ExternalTool.withTemporaryDirectory { directory in
            try Data(source.utf8).write(to: URL(fileURLWithPath: directory + "/t.c"))
            if let script { try Data(script.utf8).write(to: URL(fileURLWithPath: directory + "/t.ld")) }
            let clang = try #require(ExternalTool.path("clang"))
            let result = try ExternalTool.run(
                program: clang,
                ["--target=\(target.rawValue)-none-elf"] + target.options + options + [
                    "-ffreestanding", "-nostdlib", "-fuse-ld=lld", "-static",
                    script == nil ? "-Wl,-Ttext=0x80000000" : "-Wl,-T,t.ld", "-o", "t.elf",
                    "t.c",
                ], in: directory)
            try #require(result.status == 0, "clang does not compile the program: \(result.errorText)")
            return try body(directory + "/t.elf")
        }
    }
}
