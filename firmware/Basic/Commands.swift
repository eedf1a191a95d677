/// Text of words: a line, a command, or the boot arguments, which are commands with semicolons between them.
struct Words {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer?) { self.bytes = bytes ?? UnsafeRawBufferPointer(start: nil, count: 0) }

    /// The commands that only change how the guest starts.
    var isSetting: Bool {
        var words = self
        guard let word = words.next() else { return true }
        return word.isEqual("quiet") || word.isEqual("console=sbi")
    }

    func isEqual(_ text: StaticString) -> Bool { matches(bytes, 0, bytes.count, text) }

    /// Whether one of its commands is `text`.
    func contains(_ text: StaticString) -> Bool {
        var commands = self
        while var command = commands.nextCommand() { if command.next()?.isEqual(text) ?? false { return true } }
        return false
    }

    private mutating func next(until isEnd: (UInt8) -> Bool) -> Words? {
        while position < bytes.count, isEnd(bytes[position]) { position += 1 }
        let start = position
        while position < bytes.count, !isEnd(bytes[position]) { position += 1 }
        return position > start ? Words(UnsafeRawBufferPointer(rebasing: bytes[start..<position])) : nil
    }

    mutating func nextCommand() -> Words? { next { $0 == 0x3b || $0 == 0 } }
    mutating func next() -> Words? { next { $0 <= 0x20 } }

    mutating func nextNumber() -> UInt64? {
        guard let word = next() else { return nil }
        let isHexadecimal = word.bytes.count > 2 && word.bytes[0] == 0x30 && word.bytes[1] == 0x78
        var value: UInt64 = 0
        for byte in word.bytes.dropFirst(isHexadecimal ? 2 : 0) {
            switch byte {
            case 0x30...0x39: value = value &* (isHexadecimal ? 16 : 10) &+ UInt64(byte - 0x30)
            case 0x61...0x66 where isHexadecimal: value = value &* 16 &+ UInt64(byte - 0x57)
            default: return nil
            }
        }
        return value
    }

    /// A number up to a dot or the end.
    mutating func nextPart() -> UInt64? {
        guard var part = next(until: { $0 == 0x2e }) else { return nil }
        return part.nextNumber()
    }

    func print() { for byte in bytes { Console.put(byte) } }
}

enum Commands {
    /// Reads lines and obeys them.
    static func prompt() -> Never {
        guard let line = UnsafeMutablePointer<UInt8>(bitPattern: UInt(address_of_basic_line())) else { stop("no line") }
        let limit = 255
        while true {
            Console.write("basic# ")
            var count = 0
            while true {
                let byte = Console.read()
                if byte == 0x0d || byte == 0x0a { break }
                if byte == 0x7f || byte == 8 {
                    if count > 0 {
                        count -= 1
                        Console.write("\u{8} \u{8}")
                    }
                } else if byte >= 0x20, count < limit {
                    // SAFETY: the line has one byte more than the limit.
                    line[count] = byte
                    count += 1
                    Console.put(byte)
                }
            }
            Console.write("\n")
            var commands = Words(UnsafeRawBufferPointer(start: line, count: count))
            while let command = commands.nextCommand() { run(command) }
        }
    }

    static func run(_ command: Words) {
        var words = command
        guard let name = words.next() else { return }
        if name.isEqual("help") {
            help()
        } else if name.isEqual("hi") {
            Console.write("hello\n")
        } else if name.isEqual("test") {
            runTests()
        } else if name.isEqual("sleep") {
            sleep(words.nextNumber())
        } else if name.isEqual("spin") {
            spin(words.nextNumber())
        } else if name.isEqual("wait") {
            wait(words.nextNumber())
        } else if name.isEqual("tick") {
            tick(words.nextNumber())
        } else if name.isEqual("poll") {
            poll(words.nextNumber())
        } else if name.isEqual("call") {
            callFirmware(words.nextNumber())
        } else if name.isEqual("fault") {
            fault()
        } else if name.isEqual("hostile") {
            hostile(words.nextNumber(), words.nextNumber())
        } else if name.isEqual("sweep") {
            sweep()
        } else if name.isEqual("reset") {
            end(reset: true)
        } else if name.isEqual("off") {
            end(reset: false)
        } else if !DeviceCommands.run(name, &words) {
            Console.write("basic: there is no command ")
            name.print()
            Console.write("; help lists them\n")
        }
    }

    private static func help() {
        Console.write(
            """
            hi         says hello
            test       tests the machine again
            sleep N    waits N ms in WFI
            spin N     is busy for N ms
            wait N     executes WFI N times while an interrupt is pending
            tick N     takes N interrupts of its timer, a millisecond apart, while it is busy
            poll N     reads the UART's line status N times: what a read costs
            call N     asks the firmware for its version N times: what a call costs
            fault      touches a page that was never touched: what that costs
            hostile [SEED [N]]   does its worst, N times or for ever
            sweep      accesses every register of every device, wrongly too, and every page
            reset      cold reboot
            off        shutdown; its reason is a failure where tests failed

            """)
        Console.write(DeviceCommands.help)
    }

    static func end(reset: Bool) -> Never { Firmware.end(reset: reset, failed: Test.failed != 0) }

    private static func sleep(_ count: UInt64?) {
        guard let count else { return complain("sleep needs milliseconds: sleep 100") }
        let start = Clock.now
        Clock.sleep(milliseconds: count)
        report("slept", (Clock.now - start) / max(Clock.milliseconds(1), 1))
    }

    private static func spin(_ count: UInt64?) {
        guard let count else { return complain("spin needs milliseconds: spin 100") }
        let start = Clock.now
        _ = Clock.wait(milliseconds: count) { false }
        report("spun", (Clock.now - start) / max(Clock.milliseconds(1), 1))
    }

    private static func wait(_ count: UInt64?) {
        guard let count, count > 0 else { return complain("wait needs a count: wait 100") }
        Timer.begin(0)
        for _ in 0..<count { wait_for_interrupt() }
        Timer.stop()
        Console.decimal(count)
        Console.write(" times an interrupt was pending\n")
    }

    private static func tick(_ count: UInt64?) {
        guard let count, count > 0 else { return complain("tick needs a count: tick 100") }
        let before = hart_timer_interrupts(0)
        Timer.period = Clock.milliseconds(1)
        Timer.begin(Clock.now + Timer.period)
        let came = Interrupt.take(milliseconds: 100 + 10 * count) {
            UInt64(hart_timer_interrupts(0) &- before) >= count
        }
        Timer.stop()
        if came { report("ticked for", count) } else { complain("the timer does not tick") }
    }

    private static func poll(_ count: UInt64?) {
        guard let count, count > 0 else { return complain("poll needs a count: poll 1000") }
        guard Serial.base != 0 else { return complain("the tree has no UART to poll") }
        measure("read of the UART's status", count) {
            if Serial.width == 4 {
                loop_of_word_loads(Serial.statusAddress, count)
            } else {
                loop_of_byte_loads(Serial.statusAddress, count)
            }
        }
    }

    private static func callFirmware(_ count: UInt64?) {
        guard let count, count > 0 else { return complain("call needs a count: call 1000") }
        measure("call", count) { loop_of_calls(count) }
    }

    /// Prints the cost of one round of a loop of three instructions, of which two are the loop's own.
    private static func measure(_ what: StaticString, _ count: UInt64, _ body: () -> Void) {
        let before = Counters.read()
        body()
        guard let before, let after = Counters.read() else { return }
        Console.decimal(count)
        Console.write(" times: each ")
        Console.write(what)
        hundredths(" took ", (after.cycles &- before.cycles) &* 100 / count)
        hundredths(" cycles, ", (after.instructions &- before.instructions) &* 100 / count)
        Console.write(" instructions, with the loop's 2\n")
    }

    private static func hundredths(_ text: StaticString, _ value: UInt64) {
        Console.write(text)
        Console.decimal(value / 100)
        Console.write(".")
        Console.decimal(value / 10 % 10)
        Console.decimal(value % 10)
    }

    /// The next page from the end of memory downwards, which only the memory test touches too.
    nonisolated(unsafe) private static var untouched: UInt64 = 0

    private static func fault() {
        guard !Memory.areAllTouched else { return complain("the memory test touched every page: start with quiet") }
        guard Counters.read() != nil else { return complain("no counter of instructions may be read") }
        if untouched == 0 { untouched = Memory.end & ~0xfff }
        repeat { untouched -= 4096 } while Memory.isReserved(untouched) && Memory.contains(untouched)
        guard Memory.contains(untouched) else { return complain("no page is left") }
        let first = Counters.ofLoad(untouched), again = Counters.ofLoad(untouched)
        Console.write("page ")
        Console.hexadecimal(untouched)
        Console.write(": the first load took ")
        Console.decimal(first)
        Console.write(" instructions, the second ")
        Console.decimal(again)
        Console.write("\n")
    }

    private static func hostile(_ seed: UInt64?, _ count: UInt64?) {
        let seed = seed ?? 1
        Console.write("hostile with seed ")
        Console.decimal(seed)
        Console.write("\n")
        if count == nil, Harts.startAll() {
            for index in 1..<max(Machine.hartCount, 1) { Harts.begin(.hostile, index, seed &+ index) }
        }
        Hostile(seed: seed).run(actions: count)
        Serial.setUp()
        Console.write("\nhostile no more\n")
    }

    static func complain(_ text: StaticString) {
        Console.write("basic: ")
        Console.write(text)
        Console.write("\n")
    }

    private static func sweep() {
        let accesses = Sweep.devices(), pages = Sweep.memory()
        Serial.setUp()
        Console.write("\n")
        Console.decimal(accesses)
        Console.write(" accesses of devices, and ")
        Console.decimal(pages)
        Console.write(" pages\n")
    }

    private static func report(_ what: StaticString, _ milliseconds: UInt64) {
        Console.write(what)
        Console.write(" ")
        Console.decimal(milliseconds)
        Console.write(" ms\n")
    }
}
