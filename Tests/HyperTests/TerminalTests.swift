import Testing

@testable import Hyper

@Suite("What a command prints")
struct TerminalOutputTests {
    @Test("Lines end in CR LF on the wire; what is sent as it is, as it is")
    func lineEnds() {
        let printed = PrintedOutput()
        printed.output.write("one\ntwo\n")
        printed.output.send(Array("\nthree".utf8))
        #expect(printed.text == "one\r\ntwo\r\n\nthree")
    }

    @Test("A table's columns are as wide as what stands in them, and numbers stand right")
    func table() {
        var table = Table("guest|>exits|state")
        table.add(["linux0", "7", "running"])
        table.add(["basic", "1234567", "halted"])
        table.add(["gone"])
        #expect(
            table.text(isHeaderBold: false).string == """
                guest     exits  state
                linux0        7  running
                basic   1234567  halted
                gone

                """)
    }

    @Test("What a table shows of names from elsewhere gives a terminal no orders")
    func controlCharacters() {
        var table = Table("|")
        table.add(["clear\u{1b}[2J.txt", "ä"])
        table.add(["a\nb\u{7f}"])
        #expect(table.text(isHeaderBold: false).string == "clear?[2J.txt  ä\na?b?\n")
    }

    @Test("The header of a table is bold on a terminal, and only there")
    func boldHeader() {
        var bytes: [UInt8] = []
        let terminal = TerminalOutput(isInteractive: true) { bytes += $0 }
        let printed = PrintedOutput()
        terminal.write(Table("a|b"))
        printed.output.write(Table("a|b"))
        #expect(String(decoding: bytes, as: UTF8.self) == "\u{1b}[1ma  b\u{1b}[0m\r\n")
        #expect(printed.text == "a  b\r\n")
    }
}

extension CoreTests {
    @Suite("A terminal")
    struct TerminalTests {
        let commands: CommandRegistry
        let screen: TerminalScreen
        let terminal: Terminal

        init() throws {
            HostPort.start()
            commands = try CommandRegistry.example()
            let screen = TerminalScreen()
            self.screen = screen
            terminal = Terminal(commands) { screen.receive($0) }
            terminal.start()
        }

        func type(_ keys: String) { terminal.receive(Array(keys.utf8)) }

        @Test("A session: a command, a mistake, completion, and the history")
        func session() {
            type("version\r")
            type("gest list\r")
            type(Keys.up + Keys.home + Keys.right + "u\r")
            type("gu\tk\tlinux1\r")
            type("echo a; echo b\r\nhistory\r")
            #expect(
                screen.picture == """
                    hyper# version
                    Hyper 1.2.3 (riscv64)
                    hyper# gest list
                    there is no command gest; did you mean guest?
                    hyper# guest list
                    list
                    hyper# guest kick linux1
                    kick <linux1>
                    hyper# echo a; echo b
                    a
                    b
                    hyper# history
                    1  version
                    2  gest list
                    3  guest list
                    4  guest kick linux1
                    5  echo a; echo b
                    6  history
                    hyper# |
                    """)
            #expect(screen.errors == [])
        }

        @Test("Terminals share the commands, and each has its own line and history")
        func severalTerminals() throws {
            let otherScreen = TerminalScreen()
            let other = Terminal(commands) { otherScreen.receive($0) }
            other.start()
            type("echo here\rhal")
            other.receive(Array("echo there\r".utf8))
            type("f")
            try commands.add(Command("half", group: "tests", "be half", [Form("", "be half") { $1.write("half\n") }]))
            type("\r")
            other.receive(Array("half\r".utf8))
            #expect(screen.picture == "hyper# echo here\nhere\nhyper# half\nhalf\nhyper# |")
            #expect(otherScreen.picture == "hyper# echo there\nthere\nhyper# half\nhalf\nhyper# |")
            #expect(terminal.history == ["echo here", "half"])
            #expect(other.history == ["echo there", "half"])
        }

        @Test("What is printed while somebody types stands above the line")
        func interruption() {
            type("guest kick" + Keys.left)
            terminal.write("guest linux0 is halted\n")
            terminal.write("no newline")
            #expect(screen.picture == "guest linux0 is halted\nno newline\nhyper# guest kic|k")
            type("\u{15}")
            #expect(screen.picture == "guest linux0 is halted\nno newline\nhyper# |k")
        }

        @Test("The prompt begins a row of its own")
        func unfinishedRow() throws {
            try commands.add(Command("dots", group: "tests", "print dots", [Form("", "dots") { $1.write("...") }]))
            type("dots\recho a\r")
            #expect(screen.picture == "hyper# dots\n...\nhyper# echo a\na\nhyper# |")
        }

        @Test("Control-L leaves the line alone on the screen, in the first row")
        func clearedScreen() {
            type("echo a\recho b\(Keys.left)")
            type(Keys.control("L"))
            #expect(screen.picture == "hyper# echo |b")
            type("\r\(Keys.control("C"))")
            #expect(screen.picture == "hyper# echo b\nb\nhyper# ^C\nhyper# |")
        }

        @Test("A script's errors are printed with the line, and the prompt is there again")
        func script() {
            terminal.runScript(Array("version\nguest kick\nversion\n".utf8), name: "boot.hyper")
            #expect(
                screen.picture == "Hyper 1.2.3 (riscv64)\nboot.hyper, line 2: usage: guest kick NAME\nhyper# |")
        }

        @Test("Pasted lines are all executed, in a row as narrow as the screen")
        func pasting() {
            terminal.columns = 20
            type("echo 1\recho 2\recho a line longer than the row\r")
            #expect(
                screen.picture == """
                    hyper# echo 1
                    1
                    hyper# echo 2
                    2
                    hyper# he row
                    a line longer than the row
                    hyper# |
                    """)
        }

        // MARK: Capture

        /// Whoever takes the keys, until they are the editor's again.
        final class Listener {
            var keys = ""
            var isReleased = false

            init(_ terminal: Terminal) {
                terminal.capture({ [self] in keys.unicodeScalars.append(Unicode.Scalar($0)) }) { [self] in
                    isReleased = true
                }
            }
        }

        @Test("A captured terminal passes on all keys until ESC x q")
        func capture() throws {
            var listener: Listener?
            try commands.add(
                Command(
                    "bind", group: "tests", "take the keys",
                    [
                        Form("", "take the keys") { _, output in
                            if let terminal = output.terminal { listener = Listener(terminal) }
                            output.write("bound\n")
                        }
                    ]))
            type("bind\rls\r\u{3}")
            terminal.send(Array("guest# ".utf8))
            type("q\u{1b}[A\u{1b}\u{1b}xx\u{1b}xyxq")
            #expect(screen.picture == "hyper# bind\nbound\nguest# |")
            #expect(listener?.keys == "ls\r\u{3}q\u{1b}[A\u{1b}\u{1b}xx\u{1b}xyxq")
            #expect(listener?.isReleased == false)
            type("\u{1b}x")
            type("qecho back")
            #expect(listener?.isReleased == true)
            #expect(screen.picture == "hyper# bind\nbound\nguest#\nhyper# echo back|")
            type("\r")
            #expect(screen.picture == "hyper# bind\nbound\nguest#\nhyper# echo back\nback\nhyper# |")
            #expect(terminal.history == ["bind", "echo back"])
        }

        @Test("The escape character is passed on at once, and is all that the other side sees of ESC x q")
        func escape() {
            let listener = Listener(terminal)
            type("a\u{1b}")
            #expect(listener.keys == "a\u{1b}")
            type("x")
            type("q")
            #expect(listener.keys == "a\u{1b}")
            #expect(listener.isReleased)
        }

        @Test("A capture can be released from the other side, and gives way to the next")
        func release() {
            type("half a li")
            let first = Listener(terminal)
            #expect(screen.picture == "|")
            let second = Listener(terminal)
            #expect(first.isReleased)
            type("x")
            #expect(first.keys == "")
            #expect(second.keys == "x")
            terminal.release()
            terminal.release()
            #expect(second.isReleased)
            #expect(screen.picture == "hyper# half a li|")
        }
    }
}
