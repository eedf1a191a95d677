/// Commands that touch devices of which these tests know nothing.
enum DeviceCommands {
    static let help: StaticString = """
        peek ADDRESS        reads a word
        poke ADDRESS VALUE  writes a word
        balloon             gives the memory that it is asked for, and has it again
        irq N               enables interrupt N of a device, waits for it, and completes it
        exchange A B N      exchanges N frames with another guest, which has "exchange B A N"
        ping ADDRESS        asks a station of 10.0.2.0/24 whether it is there
        draw N              draws a picture on a GPU's screen
        events N [DEVICE]   prints N events of an input device

        """

    /// Whether it is one of these.
    static func run(_ name: Words, _ words: inout Words) -> Bool {
        if name.isEqual("peek") {
            peek(words.nextNumber())
        } else if name.isEqual("poke") {
            poke(words.nextNumber(), words.nextNumber())
        } else if name.isEqual("irq") {
            interrupt(words.nextNumber())
        } else if name.isEqual("balloon") {
            BalloonCommand.run()
        } else if name.isEqual("exchange") {
            NetworkCommands.exchange(words.nextNumber(), words.nextNumber(), words.nextNumber())
        } else if name.isEqual("ping") {
            NetworkCommands.ping(words.next())
        } else if name.isEqual("draw") {
            ScreenCommands.draw(words.nextNumber(), words.nextNumber())
        } else if name.isEqual("events") {
            InputCommands.events(words.nextNumber(), words.nextNumber())
        } else {
            return false
        }
        return true
    }

    private static func peek(_ address: UInt64?) {
        guard let address else { return Commands.complain("peek needs an address: peek 0x10000000") }
        let taken = Attempt.load(address, width: 4)
        guard !taken.didTrap else { return trapped(address, taken) }
        Console.hexadecimal(address)
        Console.write(" has ")
        Console.hexadecimal(UInt64(device_read32(address)))
        Console.write("\n")
    }

    private static func poke(_ address: UInt64?, _ value: UInt64?) {
        guard let address, let value else { return Commands.complain("poke needs an address and a value") }
        let taken = Attempt.store(address, value, width: 4)
        if taken.didTrap { trapped(address, taken) }
    }

    private static func trapped(_ address: UInt64, _ trap: basic_trap) {
        Console.hexadecimal(address)
        Console.write(" cannot be accessed: cause ")
        Console.decimal(trap.cause)
        Console.write("\n")
    }

    private static func interrupt(_ source: UInt64?) {
        guard let source, External.isPresent(0) else {
            return Commands.complain("irq needs a number, and an interrupt controller")
        }
        External.turnOn(0, source)
        let claimed = External.sleep() ? External.claim(0) : 0
        if claimed != 0 { External.complete(0, claimed) }
        External.turnOff(0, source)
        Console.write(claimed == source ? "interrupt " : "no interrupt ")
        Console.decimal(source)
        Console.write("\n")
    }
}
