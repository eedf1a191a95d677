import Foundation
import TestSupport
import Testing

/// A small guest in Embedded Swift, compiled by the toolchain.
enum SwiftProgram {
    static let isPossible = CompiledProgram.isPossible && ExternalTool.path("swiftc") != nil

    /// Line 17 has all of them in scope.
    private static let source = """
        struct Point { var x: Int32; var y: UInt64; var isSet: Bool }
        struct Reading { var raw: UInt64; var point: Point; var color: Color; var level: UInt16; var mode: Mode }
        enum Color { case red, green, blue }; enum Mode: UInt8 { case off = 5, slow = 9, fast = 7 }
        enum Shape { case circle(UInt32), square(UInt64) }
        class Base { var first: UInt16 = 4 }
        final class Node: Base { var value = 7; var color = Color.blue; var next: Node? }
        nonisolated(unsafe) var counter = 0
        @inline(never) func look(
            _ value: Int, _ flag: Bool, _ pointer: UnsafeMutablePointer<Point>, _ node: Node, _ pair: (Int8, Color),
            _ some: UInt32?, _ none: UInt32?, _ there: UnsafePointer<Point>?, _ missing: UnsafePointer<Point>?,
            _ noFlag: Bool?, _ noColor: Color?, _ yes: Bool?, _ green: Color?, _ noNode: Node?, _ shape: Shape
        ) {
            let reading = Reading(raw: 5, point: pointer.pointee, color: .green, level: 0x1234, mode: .fast)
            let raw = UnsafeRawPointer(pointer)
            counter = value + Int(reading.raw)
            counter += Int(raw.load(as: Int32.self))
            counter += 1
        }
        @_cdecl("swift_main") public func swiftMain() {
            var point = Point(x: -3, y: 40, isSet: true)
            let node = Node()
            node.next = Node()
            withUnsafeMutablePointer(to: &point) {
                look(-2, true, $0, node, (-1, .blue), 11, nil, $0, nil, nil, nil, true, .green, nil, .circle(4))
            }
        }

        """

    /// What Embedded Swift asks of who uses it, and a start.
    private static let start = #"""
        char stack[8192] __attribute__((aligned(16)));
        static char heap[4096] __attribute__((aligned(16)));
        static unsigned long used;
        int posix_memalign(void **p, unsigned long alignment, unsigned long size) {
            *p = heap + used;
            used += (size + 15) & ~15ul;
            return 0;
        }
        void free(void *p) {}
        int putchar(int c) { return c; }
        void *memset(void *p, int c, unsigned long n) {
            for (volatile unsigned long i = 0; i < n; i++) ((char *)p)[i] = c;
            return p;
        }
        void *memcpy(void *d, const void *s, unsigned long n) {
            for (volatile unsigned long i = 0; i < n; i++) ((char *)d)[i] = ((const char *)s)[i];
            return d;
        }
        void *memmove(void *d, const void *s, unsigned long n) { return memcpy(d, s, n); }
        void swift_main(void);
        int main(void) { swift_main(); for (;;); }
        #ifdef __riscv
        __asm__(".section .start,\"ax\"\n.globl _start\n_start: la sp, stack + 8192\n call main\n");
        #else
        __asm__(".section .start,\"ax\"\n.globl _start\n_start: adr x0, stack + 8192\n mov sp, x0\n mov x29, xzr\n bl main\n");
        #endif

        """#

    /// Compiles it, and hands over the program's path.
    static func compile<T>(
        for target: CompiledProgram.Target, _ body: (String) throws -> T
    ) throws -> T {
        try ExternalTool.withTemporaryDirectory { folder in
            let swiftc = try #require(ExternalTool.path("swiftc"))
            let triple = target == .riscv64 ? "riscv64-none-none-eabi" : "aarch64-none-none-elf"
            try Data(source.utf8).write(to: URL(fileURLWithPath: folder + "/t.swift"))
            let arguments =
                [
                    "-target", triple, "-swift-version", "6", "-parse-as-library", "-wmo", "-Onone", "-g",
                    "-enable-experimental-feature", "Embedded", "-Xfrontend", "-function-sections", "-Xfrontend",
                    "-disable-stack-protector", "-module-cache-path", folder + "/modules", "-c", "t.swift", "-o",
                    "swift.o",
                ] + target.options.flatMap { ["-Xcc", $0] }
            let result = try ExternalTool.run(program: swiftc, arguments, in: folder)
            try #require(result.status == 0, "swiftc does not compile the program: \(result.errorText)")
            let program = CompiledProgram(
                target: target, options: ["-O0", "-g", "-Wl,--gc-sections", folder + "/swift.o"])
            return try program.compile(source: start, script: program.guestScript, body)
        }
    }
}
