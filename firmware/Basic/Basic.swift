// A guest that tests the machine it finds itself in: a hypervisor's, or a board's under SBI firmware. It cannot tell
// which, and takes all it knows from its device tree. Then it obeys a command line, or the boot arguments.

@c public func basic_main(_ hart: UInt64, _ treeAddress: UInt64) -> Never {
    Machine.discover(bootHart: hart, treeAddress: treeAddress)
    setUpFloats()
    Serial.setUp()
    Console.write("\nbasic: hart ")
    Console.decimal(hart)
    Console.write(" of ")
    Console.decimal(Machine.hartCount)
    Console.write(", memory ")
    Console.decimal(Memory.total >> 10)
    Console.write(" KiB\n")
    guard Machine.tree != nil else { stop("there is no device tree that can be read") }

    var arguments = Words(Machine.bootArguments)
    if !arguments.contains("quiet") { runTests() }
    var commands = false
    while let command = arguments.nextCommand() {
        guard !command.isSetting else { continue }
        commands = true
        Commands.run(command)
    }
    if commands { Commands.end(reset: false) }
    Commands.prompt()
}

func runTests() {
    Test.begin()
    testFirmware()
    testExceptions()
    testMemory()
    testTimer()
    testSerial()
    testInterrupts()
    testPaging()
    testFloats()
    testHarts()
    testClock()
    testVirtIO()
    testPCI()
    Test.end()
}

/// What ends the guest without its having been asked to.
func stop(_ reason: StaticString) -> Never {
    Console.release()
    Console.write("basic: stopped: ")
    Console.write(reason)
    Console.write("\n")
    Firmware.end(reset: false, failed: true)
}

/// Results, one a line.
enum Test {
    nonisolated(unsafe) private(set) static var passed: UInt64 = 0
    nonisolated(unsafe) private(set) static var failed: UInt64 = 0

    static func begin() { (passed, failed) = (0, 0) }

    static func end() {
        Console.write("basic: ")
        Console.decimal(passed)
        Console.write(" passed, ")
        Console.decimal(failed)
        Console.write(" failed\n")
    }

    private static func pass(_ name: StaticString) {
        passed += 1
        Console.write("ok ")
        Console.write(name)
        Console.write("\n")
    }

    private static func fail(_ name: StaticString, expected: () -> Void, got: () -> Void) {
        failed += 1
        Console.write("fail ")
        Console.write(name)
        Console.write(": expected ")
        expected()
        Console.write(", got ")
        got()
        Console.write("\n")
    }

    /// Not counted: the machine lacks what the test is about.
    static func skip(_ name: StaticString, _ reason: StaticString) {
        Console.write("skip ")
        Console.write(name)
        Console.write(": ")
        Console.write(reason)
        Console.write("\n")
    }

    static func equal(_ name: StaticString, _ got: UInt64, _ expected: UInt64) {
        if got == expected { return pass(name) }
        fail(name, expected: { number(expected) }, got: { number(got) })
    }

    static func either(_ name: StaticString, _ got: UInt64, _ first: UInt64, _ second: UInt64) {
        if got == first || got == second { return pass(name) }
        fail(
            name,
            expected: {
                number(first)
                Console.write(" or ")
                number(second)
            }, got: { number(got) })
    }

    static func atLeast(_ name: StaticString, _ got: UInt64, _ least: UInt64) {
        if got >= least { return pass(name) }
        fail(
            name,
            expected: {
                Console.write("at least ")
                number(least)
            }, got: { number(got) })
    }

    static func atMost(_ name: StaticString, _ got: UInt64, _ most: UInt64) {
        if got <= most { return pass(name) }
        fail(
            name,
            expected: {
                Console.write("at most ")
                number(most)
            }, got: { number(got) })
    }

    static func holds(_ name: StaticString, _ holds: Bool) {
        if holds { return pass(name) }
        fail(name, expected: { Console.write("yes") }, got: { Console.write("no") })
    }

    /// An exception at the instruction that was tried, or at `pc`. Where the manual leaves the value open, it may be zero.
    static func exception(
        _ name: StaticString, _ trap: basic_trap, cause: UInt64, value: UInt64, orZero: Bool = false, pc: UInt64? = nil
    ) {
        let pc = pc ?? trap.instruction
        let (what, expected, got): (StaticString, UInt64, UInt64) =
            if trap.cause != cause {
                ("cause ", cause, trap.cause)
            } else if trap.value != value && !(orZero && trap.value == 0) {
                ("value ", value, trap.value)
            } else { ("pc ", pc, trap.pc) }
        if expected == got { return pass(name) }
        fail(
            name,
            expected: {
                Console.write(what)
                number(expected)
            }, got: { number(got) })
    }

    /// Small numbers in decimal, small negative ones too; all else in hexadecimal.
    private static func number(_ value: UInt64) {
        let signed = Int64(bitPattern: value)
        if signed < 0, signed > -100 {
            Console.write("-")
            Console.decimal(signed.magnitude)
        } else if value < 1_000_000 {
            Console.decimal(value)
        } else {
            Console.hexadecimal(value)
        }
    }
}
