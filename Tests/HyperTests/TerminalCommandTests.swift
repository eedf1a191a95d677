import Testing

@testable import Hyper

/// What commands printed, as they printed it.
final class PrintedOutput {
    private(set) var text = ""
    private(set) lazy var output = TerminalOutput { [unowned self] in text += String(decoding: $0, as: UTF8.self) }
}

extension CommandRegistry {
    /// The basic commands and, with forms of all kinds, one that manages guests.
    static func example() throws -> CommandRegistry {
        let commands = CommandRegistry { typed in ["/etc/", "/linux", "/linux.dtb"].filter { $0.hasPrefix(typed) } }
        try commands.addBasicCommands(version: "Hyper 1.2.3 (riscv64)")
        func say(_ form: Text) -> Form.Body {
            { arguments, output in
                var line = form
                for argument in arguments { line.append(Text(" <\(argument)>")) }
                output.write("\(line)\n")
            }
        }
        try commands.add(
            Command(
                "guest", group: "guests", "manage guests",
                [
                    Form("list", "list all guests", body: say("list")),
                    Form("kick NAME", "start the guest", body: say("kick")),
                    Form("dump NAME ADDRESS [COUNT]", "print the guest's memory", body: say("dump")),
                    Form("pause NAME...", "hold guests", body: say("pause")),
                    Form("load NAME FILE", "give the guest a file", body: say("load")),
                    Form("fail [WHY...]", "fail") { words, _ throws(HyperError) in
                        throw HyperError("guest \(words.first ?? "0") is on fire; halt it")
                    },
                ],
                values: { $0 == "NAME" ? ["linux1", "linux0"] : [] }))
        return commands
    }

    /// What the line prints, with the error at the end.
    func printed(_ line: Text) -> String {
        let printed = PrintedOutput()
        do throws(HyperError) { try run(line, printed.output) } catch { printed.output.write(error) }
        return printed.text.replacing("\r\n", with: "\n")
    }

    /// What may follow the text, and how much of it is there.
    func completed(_ text: Text) -> String {
        let completion = complete(text)
        return (["\(completion.typed)"] + completion.words.map(\.string)).joined(separator: " ")
    }
}

@Suite("Lines of commands")
struct TerminalLineTests {
    @Test(
        "A line is words, quotes, commands and a comment",
        arguments: [
            ("guest list", [["guest", "list"]]),
            ("  guest \t list\r", [["guest", "list"]]),
            ("a; b c ;;d;", [["a"], ["b", "c"], ["d"], []]),
            ("echo \"two  words; # none\" x", [["echo", "two  words; # none", "x"]]),
            ("a\"b c\"d \"\"", [["ab cd", ""]]),
            ("a#1 # the rest \"; b", [["a#1"]]),
            ("", [[]]),
            ("# nothing", [[]]),
        ] as [(Text, [[Text]])])
    func parsing(line: Text, commands: [[Text]]) {
        let parsed = ParsedLine(line)
        #expect(parsed.commands == commands)
        #expect(!parsed.isQuoted)
    }

    @Test("A quote that is not closed is noticed")
    func openQuote() { #expect(ParsedLine("echo \"a; b").isQuoted) }

    @Test(
        "The distance of two words is how many typing errors are between them",
        arguments: [
            // Examples of the literature, and the empty word.
            ("kitten", "sitting", 3), ("saturday", "sunday", 3), ("", "abc", 3), ("abc", "abc", 0),
            ("gusets", "guests", 1), ("ca", "abc", 3),
        ] as [(Text, Text, Int)])
    func distance(one: Text, other: Text, distance: Int) {
        #expect(one.distance(to: other) == distance)
        #expect(other.distance(to: one) == distance)
    }

    @Test(
        "The name that was probably meant is nearest, if one is near",
        arguments: [
            ("gest", "guest"), ("ehlp", "help"), ("vers", "version"), ("hlep", "help"), ("g", nil), ("xy", nil),
            ("modprobe", nil), ("", nil),
        ] as [(Text, Text?)])
    func nearest(typed: Text, name: Text?) {
        #expect(typed.nearest(in: ["echo", "guest", "heap", "help", "version", "vm"]) == name)
    }
}

extension CoreTests {
    @Suite("Commands")
    struct TerminalCommandTests {
        let commands: CommandRegistry

        init() throws {
            HostPort.start()
            commands = try CommandRegistry.example()
        }

        @Test(
            "The usage decides which form is meant and what its values are",
            arguments: [
                ("guest list", "list\n"),
                ("guest kick linux0", "kick <linux0>\n"),
                ("guest dump linux0 0x80000000", "dump <linux0> <0x80000000>\n"),
                ("guest dump linux0 0x80000000 16", "dump <linux0> <0x80000000> <16>\n"),
                ("guest pause a b c", "pause <a> <b> <c>\n"),
                ("guest pause \"a b\"; guest list # both", "pause <a b>\nlist\n"),
                ("guest fail", "guest 0 is on fire; halt it\n"),
                ("guest fail 7 8", "guest 7 is on fire; halt it\n"),
                ("echo", "\n"),
                ("echo one  \"two  three\"", "one two  three\n"),
                ("version", "Hyper 1.2.3 (riscv64)\n"),
                ("", ""),
                ("# version", ""),
            ] as [(Text, String)])
        func forms(line: Text, text: String) { #expect(commands.printed(line) == text) }

        @Test(
            "A line that is wrong is answered with how to write it",
            arguments: [
                ("gest list", "there is no command gest; did you mean guest?\n"),
                ("modprobe", "there is no command modprobe; `help` lists all\n"),
                ("guest lits", "guest has no lits; did you mean list?\n"),
                ("guest kick", "usage: guest kick NAME\n"),
                ("guest kick a b", "usage: guest kick NAME\n"),
                ("guest dump a 1 2 3", "usage: guest dump NAME ADDRESS [COUNT]\n"),
                ("guest pause", "usage: guest pause NAME...\n"),
                (
                    "guest",
                    """
                    usage: guest list
                           guest kick NAME
                           guest dump NAME ADDRESS [COUNT]
                           guest pause NAME...
                           guest load NAME FILE
                           guest fail [WHY...]

                    """
                ),
                ("help a b", "usage: help\n       help COMMAND\n"),
                ("help gest", "there is no command gest; did you mean guest?\n"),
                ("version now", "usage: version\n"),
                ("echo \"a", "a double quote is opened and not closed; close it\n"),
                ("history", "only a terminal has a history; enter `history` on one\n"),
                // The error ends the line.
                ("echo a; gest; echo b", "a\nthere is no command gest; did you mean guest?\n"),
            ] as [(Text, String)])
        func mistakes(line: Text, text: String) { #expect(commands.printed(line) == text) }

        @Test("`help` lists the commands by group, and `help COMMAND` its forms")
        func help() {
            #expect(
                commands.printed("help") == """
                    guests
                      guest    manage guests
                    terminal
                      echo     print words
                      help     list the commands, or explain one
                      history  list the lines that were entered
                      version  print the version

                    """)
            #expect(
                commands.printed("help guest") == """
                    guest: manage guests
                      guest list                       list all guests
                      guest kick NAME                  start the guest
                      guest dump NAME ADDRESS [COUNT]  print the guest's memory
                      guest pause NAME...              hold guests
                      guest load NAME FILE             give the guest a file
                      guest fail [WHY...]              fail

                    """)
        }

        @Test(
            "A word is completed to commands, subcommands and values",
            arguments: [
                ("", "0 echo guest help history version"),
                ("h", "1 help history"),
                ("echo a; ve", "2 version"),
                ("guest ", "0 dump fail kick list load pause"),
                ("guest k", "1 kick"),
                ("guest kick ", "0 linux0 linux1"),
                ("guest pause linux0 linux1 li", "2 linux0 linux1"),
                ("guest dump linux0 ", "0"),
                ("guest list ", "0"),
                ("guest load linux0 ", "0 /etc/ /linux /linux.dtb"),
                ("guest load linux0 /l", "2 /linux /linux.dtb"),
                ("help g", "1 guest"),
                ("echo \"h", "0"),
                ("echo # h", "0"),
                ("nothing ", "0"),
            ] as [(Text, String)])
        func completion(text: Text, words: String) { #expect(commands.completed(text) == words) }

        @Test("Values that cannot be typed as they are, such as names of files, are not offered")
        func plainWords() throws {
            try commands.add(
                Command("cat", group: "files", "print files", [Form("NAME", "print the file") { _, _ in }]) { _ in
                    ["a b", "c;", "#d", "\"", "e\u{1b}[2J", "é", "", "fine.txt", "fine.txt"]
                })
            #expect(commands.completed("cat ") == "0 fine.txt")
        }

        @Test("Commands come and go by name, but not while they are executed")
        func registry() throws {
            var remove: () throws(HyperError) -> Void = {}
            let busy = Command(
                "busy", group: "tests", "remove itself",
                [Form("", "try it") { _, _ throws(HyperError) in try remove() }])
            remove = { [commands] () throws(HyperError) in try commands.remove(busy) }
            try commands.add(busy)
            #expect(commands.all.map(\.name) == ["busy", "echo", "guest", "help", "history", "version"])
            #expect(throws: HyperError.self) { try commands.add(busy) }
            #expect(commands.printed("busy") == "command busy is being executed; try again when it has ended\n")
            try commands.remove(busy)
            #expect(commands.all.map(\.name) == ["echo", "guest", "help", "history", "version"])
            #expect(commands.printed("busy") == "there is no command busy; `help` lists all\n")
        }

        // MARK: Scripts

        static let script = """
            # what the machine begins with
            echo one

            guest kick linux0; gest
            echo two
            guest kick
            """

        @Test("A script stops at the first error, and says in which line")
        func script() {
            let printed = PrintedOutput()
            let script = Array(Self.script.utf8)
            let error = #expect(throws: HyperError.self) {
                try commands.runScript(script, name: "boot.hyper", printed.output)
            }
            #expect(printed.text == "one\r\nkick <linux0>\r\n")
            #expect(
                error?.message == "boot.hyper, line 4: there is no command gest; did you mean guest?")
        }

        @Test("A script goes on after errors where that is asked for")
        func stubbornScript() throws {
            let printed = PrintedOutput()
            let script = Array(Self.script.replacing("\n", with: "\r\n").utf8)
            try commands.runScript(script, name: "boot.hyper", stopsAtErrors: false, printed.output)
            #expect(
                printed.text.replacing("\r\n", with: "\n") == """
                    one
                    kick <linux0>
                    boot.hyper, line 4: there is no command gest; did you mean guest?
                    two
                    boot.hyper, line 6: usage: guest kick NAME

                    """)
        }

        @Test("No script of any bytes does harm")
        func randomScripts() throws {
            let words = ["guest ", "kick ", "\"", ";", "#", "\n", "echo ", "help ", "\u{1b}", "x", "version"]
            for seed in UInt64(1)...300 {
                var random = Seeded(state: seed)
                var script: [UInt8] = []
                for _ in 0..<Int.random(in: 0...60, using: &random) {
                    script += Array((words.randomElement(using: &random) ?? "").utf8)
                    let isNoisy = Int.random(in: 0..<8, using: &random) == 0
                    if isNoisy { script.append(.random(in: 0...255, using: &random)) }
                }
                let printed = PrintedOutput()
                try commands.runScript(script, name: "random", stopsAtErrors: false, printed.output)
                _ = commands.complete(Text(script))
            }
        }
    }
}
