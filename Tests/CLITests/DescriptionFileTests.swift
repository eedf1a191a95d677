import Foundation
import TestSupport
import Machine
import Testing

@testable import CLI

@Suite("Machine description file")
struct DescriptionFileTests {
    private static let whole = """
        # A guest of two harts.
        machine: virt
        cpu: rv64gch
        harts: 2
        memory: 64M
        firmware: none
        kernel: build/vmm.elf
        append: console=ttyS0 -- quiet
        initrd: /srv/initrd.cpio
        module:
          - Image,console=hvc0 root=/dev/vda,ro
          - guest.cpio
        dtb: board.dtb
        drive:
          - disk.img
          - tools.img,read-only
        net: user,hostfwd=tcp::2222-:22,hostfwd=udp:0.0.0.0:5353-10.0.2.9:53,mac=52:54:00:ab:cd:ef,restrict=on
        flash: code.fd,snapshot
        display: "vnc:5901"
        screenshot: screen.png
        input: "keys.txt"
        until: 'login: $'
        fail-on: [Oops, "panic: .*"]
        timeout: 250ms
        max-instructions: 10M
        seed: 7
        engine: interpreter
        jit-threshold: 20
        jit-inject-faults: true
        jit-perf-map: true

        """

    private func parse(_ text: String) throws(InputError) -> MachineDescription {
        try DescriptionFile.parse(InputFile(name: "boot.yaml", bytes: Array(text.utf8)))
    }

    private func refusal(_ text: String) -> String {
        do throws(InputError) {
            _ = try parse(text)
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test("Each word of the flags is understood")
    func words() throws {
        let description = try parse(Self.whole)
        #expect(description.machine == "virt")
        #expect(description.cpu == "rv64gch")
        #expect(description.harts == 2)
        #expect(description.memory?.bytes == 64 << 20)
        #expect(description.firmware == "none")
        #expect(description.jitPerfMap == true)
        #expect(description.kernel == "build/vmm.elf")
        #expect(description.append == "console=ttyS0 -- quiet")
        #expect(description.initrd == "/srv/initrd.cpio")
        #expect(
            description.modules == [
                .init(path: "Image", arguments: "console=hvc0 root=/dev/vda,ro"), .init(path: "guest.cpio"),
            ])
        #expect(description.dtb == "board.dtb")
        #expect(description.drives == [.init(path: "disk.img"), .init(path: "tools.img", isReadOnly: true)])
        var net = MachineDescription.Network.User()
        var forward = MachineDescription.Forward(.udp, hostPort: 5353, guestPort: 53)
        forward.hostAddress = IPv4Address(0, 0, 0, 0)
        forward.guestAddress = IPv4Address(10, 0, 2, 9)
        net.forwards = [.init(.tcp, hostPort: 2222, guestPort: 22), forward]
        net.macAddress = try MACAddress("52:54:00:ab:cd:ef")
        net.isRestricted = true
        #expect(description.net == .user(net))
        #expect(net.forwards[0].hostAddress == IPv4Address(127, 0, 0, 1), "nobody else's can connect")
        #expect(net.forwards[0].guestAddress == IPv4Address(10, 0, 2, 15))
        #expect(description.flash == [.init(path: "code.fd", isSnapshot: true)])
        #expect(description.display == .vnc(address: IPv4Address(127, 0, 0, 1), port: 5901))
        #expect(description.screenshot == "screen.png")
        #expect(description.input == "keys.txt")
        #expect(description.until == "login: $")
        #expect(description.failOn == ["Oops", "panic: .*"])
        #expect(description.timeout?.nanoseconds == 250_000_000)
        #expect(description.maxInstructions?.value == 10_000_000)
        #expect(description.seed == 7)
        #expect(description.engine == .interpreter)
        #expect(description.jitOptions.threshold == 20)
        #expect(description.jitOptions.injectsFaults)
        // What may be disabled is the JIT's to say.
        for key in MachineDescription.Key.allCases where key != .jitDisable {
            #expect(!description.texts(key).isEmpty, "\(key.rawValue)")
        }
    }

    @Test("What is written is read back equal")
    func roundTrip() throws {
        let description = try parse(Self.whole)
        #expect(try parse(DescriptionFile.text(description)) == description)
        #expect(try parse(DescriptionFile.text(MachineDescription())) == MachineDescription())
        for odd in ["~", "null", "- a", "'", "\"", "a: b", "&x", "*x", "# c", "ä\u{1f600}", " s ", "l\nm", "\u{1b}"] {
            var description = MachineDescription()
            description.until = odd
            #expect(try parse(DescriptionFile.text(description)) == description, "\(odd)")
        }
    }

    @Test("An unknown word is refused with its line and the nearest word")
    func unknownWord() {
        #expect(
            refusal("kernel: a\nmemroy: 64M\n")
                == "boot.yaml:2: \"memroy\" is not a word of a machine description. Did you mean memory?")
        #expect(refusal("fail_on: a").hasSuffix("Did you mean fail-on?"))
        #expect(refusal("drives: a").hasSuffix("Did you mean drive?"))
        #expect(refusal("colour: red").contains("The words are machine, cpu, harts, memory, firmware, kernel"))
        #expect(refusal("[a]: b").contains("\"a list\" is not a word"))
    }

    @Test(
        "A bad value is refused with its line and a mend",
        arguments: [
            ("kernel: a\nmemory: 64X", "boot.yaml:2: \"64X\" is not a size: \"X\" is not a unit"),
            ("memory: 1000", "memory is 1000, and must be a multiple of 4K from 64K to 1T. Try 256M."),
            ("harts: 0", "harts is 0, and must be at least 1"),
            ("harts: 513", "harts is 513, and must be at most 512"), ("harts: two", "\"two\" is not a count"),
            ("kernel:", "kernel has no value"), ("kernel: ''", "kernel is empty"),
            ("kernel: [a, b]", "the value of kernel is not one word or text"),
            ("drive: [[a]]", "the value of drive is not one word or text. Write one, or a list"),
            ("drive: []", "drive has no value"), ("drive: a,readonly", "\"readonly\" is not an option of a drive"),
            ("net: usr", "there is no network \"usr\". Write user or none."),
            ("net: none,restrict=on", "there is no network \"none\""),
            ("net: user,hostfw=tcp::1-:2", "\"hostfw\" is not an option of a user network. Did you mean hostfwd?"),
            ("net: user,restrict=yes", "restrict is \"yes\", and must be on or off"),
            ("net: user,hostfwd=tcp::2222", "in \"tcp::2222\" a part is missing. hostfwd=tcp::2222-:22 leads from"),
            ("net: user,hostfwd=sctp::1-:2", "\"sctp\" is neither tcp nor udp"),
            ("net: user,hostfwd=tcp::0-:2", "\"0\" is not a port, which is a number from 1 to 65535"),
            ("net: user,hostfwd=tcp::1-:65536", "\"65536\" is not a port"),
            ("net: user,hostfwd=tcp:localhost:1-:2", "\"localhost\" is not an address, which is four numbers"),
            ("net: user,mac=52:54:00:12:34", "\"52:54:00:12:34\" is not a MAC address"),
            ("net: user,mac=01:00:5e:00:00:01", "01:00:5e:00:00:01 is the address of no single card"),
            ("display: sdl", "\"sdl\" is not a display. There are none, headless, vnc:PORT"),
            ("append: \"a\\0b\"", "append contains a NUL character"), ("- kernel", "is not a list of \"word: value\""),
            ("kernel: a\nkernel: b", "\"kernel\" stands twice"), ("kernel: 'a", "is not valid YAML"),
            ("kernel: a\n---\nkernel: b", "is not valid YAML"), ("a: &x b", "an anchor (&) stands here"),
            ("engine: interpeter", "there is no engine \"interpeter\". Did you mean interpreter?"),
            ("engine: qemu", "there is no engine \"qemu\". There are jit and interpreter."),
            ("jit-inject-faults: often", "jit-inject-faults is \"often\", and must be true or false"),
            ("jit-disable: everything", "the JIT has no optimisation \"everything\""),
            ("kernel: a\n? &x b", "boot.yaml:2: an anchor"), ("timeout: soon", "\"soon\" is not a time"),
        ])
    func badValues(text: String, expected: String) {
        #expect(refusal(text).contains(expected), "\(refusal(text))")
    }

    @Test("An ampersand within a text is not an anchor")
    func ampersand() throws {
        #expect(try parse("append: a &b\nuntil: 'x: &y'").until == "x: &y")
    }

    @Test("An empty file is an empty description; folded text loses its last newline")
    func emptyAndFolded() throws {
        #expect(try parse("") == MachineDescription())
        #expect(try parse("# nothing\n") == MachineDescription())
        #expect(try parse("append: >\n  console=ttyS0\n  quiet\n").append == "console=ttyS0 quiet")
    }

    @Test("Deep nesting, large files and bytes that are not text are refused")
    func hostile() throws {
        for unit in ["[", "{a: ", "- ", "? ", "{", "[{"] {
            #expect(refusal(String(repeating: unit, count: 16_000)) != "accepted", "\(unit)")
        }
        #expect(refusal("until: " + String(repeating: "a", count: 70_000)) == "boot.yaml: is larger than 65536 bytes")
        #expect(throws: InputError.self) {
            try DescriptionFile.parse(InputFile(name: "boot.yaml", bytes: [0x6b, 0xff, 0xfe]))
        }
    }

    @Test("Relative paths start at the file's directory, and saving keeps them there")
    func paths() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: directory + "/sub", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = directory + "/boot.yaml"
        try Self.whole.write(toFile: file, atomically: true, encoding: .utf8)
        let description = try DescriptionFile.read(file)
        #expect(description.kernel == directory + "/build/vmm.elf")
        #expect(description.initrd == "/srv/initrd.cpio")
        #expect(description.screenshot == directory + "/screen.png")
        #expect(description.firmware == "none")
        #expect(description.drives[1] == .init(path: directory + "/tools.img", isReadOnly: true))

        let saved = directory + "/sub/../saved.yaml"
        try DescriptionFile.write(description, to: saved)
        let text = try String(contentsOfFile: saved, encoding: .utf8)
        #expect(text.contains("kernel: build/vmm.elf\n"))
        #expect(text.contains("initrd: /srv/initrd.cpio\n"))
        #expect(try DescriptionFile.read(directory + "/saved.yaml") == description)
        #expect(throws: InputError.self) { try DescriptionFile.write(description, to: directory + "/no/boot.yaml") }
    }

    @Test("Flags override a file word by word")
    func overriding() throws {
        var flags = MachineDescription()
        flags.memory = ByteCount(1 << 30)
        flags.drives = [.init(path: "other.img")]
        var expected = try parse(Self.whole)
        expected.memory = ByteCount(1 << 30)
        expected.drives = [.init(path: "other.img")]
        #expect(try parse(Self.whole).overridden(by: flags) == expected)
        #expect(MachineDescription().overridden(by: expected) == expected)
    }

    @Test("Damaged files are refused in one line or read back equal when saved")
    func damaged() {
        let corpus = [Self.whole, "kernel: a\ndrive: [b, c]\nuntil: \"x\\u0041\"\n", "append: |\n  a\n  b\n"].map {
            Array($0.utf8)
        }
        fuzz("description", cases: 5000, corpus: corpus) { bytes, _ in
            let description: MachineDescription
            do throws(InputError) {
                description = try DescriptionFile.parse(InputFile(name: "file", bytes: bytes))
            } catch {
                let text = error.description
                try require(text.hasPrefix("file") && !text.contains("\n"), "bad error: \(text)")
                return
            }
            let text = try DescriptionFile.text(description)
            let again = try DescriptionFile.parse(InputFile(name: "again", bytes: Array(text.utf8)))
            try require(again == description, "reads differently after saving: \(text)")
        }
    }
}
