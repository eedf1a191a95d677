import HyperModule
import Testing

@testable import Hyper

extension CoreTests {
    /// Modules from their files to their ends.
    @Suite("Modules")
    final class ModuleTests {
        let memory = FakeMemory(adding: 256)
        let files = MemoryFiles()

        init() throws {
            try VirtualFileSystem.mount(files, kind: "memory", at: "/modules")
            FakeModule.start = { _ in true }
            FakeModule.stops = 0
        }

        deinit {
            for module in Modules.all.reversed() { try? Modules.unload(module.name) }
            try? VirtualFileSystem.unmount("/modules")
            HostDevices.tree = DeviceTreeNode()
        }

        private func load(_ file: ObjectFile) throws -> Module {
            files.files = [("one.o", file.bytes)]
            return try Modules.load("/modules/one.o")
        }

        private func expectRefusal(_ reason: String, _ body: () throws -> Void) {
            let error = #expect(throws: HyperError.self) { try body() }
            #expect(error?.message.string.contains(reason) ?? false, "\(error?.message.string ?? "")")
        }

        @Test("A module is started, listed, unloaded and stopped, and gives back its memory")
        func life() throws {
            let used = Pages.statistics.used
            var starts = 0
            FakeModule.start = { _ in
                starts += 1
                return true
            }
            let file = FakeModule.file("one", exports: ["one_a"], uses: ["hyper_print"])
            for round in 1...3 {
                let module = try load(file)
                #expect(module.name == "one")
                #expect(module.summary == "module of a test")
                #expect(module.image.exports.map { $0.name } == ["hyper_module", "one_a"])
                #expect(Modules.all.count == 1)
                #expect(starts == round)
                try Modules.unload("one")
                #expect(FakeModule.stops == round)
                #expect(Modules.all.isEmpty)
            }
            expectRefusal("no module one is loaded") { try Modules.unload("one") }
            #expect(Pages.statistics.used == used)
        }

        @Test("A module of another interface, or without a description, is not started")
        func mismatch() throws {
            FakeModule.start = { _ in
                Issue.record("it was started")
                return true
            }
            expectRefusal("it was built for interface 0x4711, and this is 0x0: build it anew") {
                _ = try load(FakeModule.file("one", interface: 0x4711))
            }
            var file = FakeModule.file("one")
            file.symbols[0].name = "module"
            expectRefusal("it has no symbol hyper_module") { _ = try load(file) }
            file = FakeModule.file("one")
            file.symbols[0].value = 40
            expectRefusal("it was built for interface") { _ = try load(file) }
            // Nothing may be read outside of the image.
            file.symbols[0] = .init(name: "hyper_module", section: 0xfff1, value: 0x10)
            expectRefusal("it has no symbol hyper_module") { _ = try load(file) }
            file = FakeModule.file("one")
            file.dataRelocations.removeLast()
            expectRefusal("lacks a name of one word") { _ = try load(file) }
            file = FakeModule.file("one")
            file.dataRelocations[0].addend = 1 << 40
            expectRefusal("lacks a name of one word") { _ = try load(file) }
            expectRefusal("lacks a name of one word") { _ = try load(FakeModule.file("one two")) }
            for count in [257, 1 << 40, 1 << 63, .max] as [UInt64] {
                file = FakeModule.file("one")
                file.dataBytes.replaceSubrange(16..<24, with: withUnsafeBytes(of: count.littleEndian) { Array($0) })
                expectRefusal("lacks a name of one word") { _ = try load(file) }
            }
            expectRefusal("/modules/two.o: there is no such file") { try Modules.load("/modules/two.o") }
            #expect(FakeModule.stops == 0)
        }

        @Test("A start that fails says why, and leaves nothing")
        func failure() throws {
            let used = Pages.statistics.used
            FakeModule.start = { error in
                Self.withCommand("left") { command in #expect(hyper_add_command(command, error)) }
                return hyper_fail(error, hyper_text("it does not like it here"))
            }
            expectRefusal("/modules/one.o: it does not like it here") { _ = try load(FakeModule.file("one")) }
            FakeModule.start = { _ in false }
            expectRefusal("it failed, and did not say why") { _ = try load(FakeModule.file("one")) }
            expectRefusal("there is no command left") { _ = try Management.commands.find("left") }
            #expect(FakeModule.stops == 2)
            #expect(Modules.all.isEmpty)
            #expect(Pages.statistics.used == used)
        }

        @Test("Modules use each other's symbols, and the used one stays")
        func uses() throws {
            _ = try load(FakeModule.file("one", exports: ["one_a"]))
            expectRefusal("a module one is loaded already") { _ = try load(FakeModule.file("one")) }
            expectRefusal("one_a is exported by one already") {
                _ = try load(FakeModule.file("two", exports: ["one_a"]))
            }
            expectRefusal("memcpy is exported by Hyper already") {
                _ = try load(FakeModule.file("two", exports: ["memcpy"]))
            }
            expectRefusal("nobody exports two_a") { _ = try load(FakeModule.file("three", uses: ["two_a"])) }
            let two = try load(FakeModule.file("two", uses: ["one_a"]))
            #expect(two.dependencies.map { $0.name } == ["one"])
            expectRefusal("module one is used by module two: unload that first") { try Modules.unload("one") }
            try Modules.unload("two")
            try Modules.unload("one")
        }

        @Test("Nothing is added to Hyper by a module that does not start")
        func late() {
            expectRefusal("only a module's start can add something") {
                try ModuleError.check { error in
                    var result = true
                    Self.withCommand("late") { result = hyper_add_command($0, error) }
                    return result
                }
            }
        }

        // MARK: Commands

        private static func withCommand(_ name: StaticString, _ body: (UnsafePointer<hyper_command>) -> Void) {
            var form = hyper_form(usage: hyper_text("NAME [WORD...]"), summary: hyper_text("says it")) {
                arguments, count, output, error in
                for index in 0..<count { hyper_write(output, arguments.unsafelyUnwrapped[index]) }
                return count < 3 || hyper_fail(error, hyper_text("too much"))
            }
            withUnsafePointer(to: &form) { form in
                var command = hyper_command(
                    name: hyper_text(name), group: hyper_text("Tests"), summary: hyper_text("a test's"), forms: form,
                    form_count: 1)
                withUnsafePointer(to: &command, body)
            }
        }

        @Test("A module's command is executed with its values, and goes with the module")
        func command() throws {
            FakeModule.start = { error in
                var isAdded = false
                Self.withCommand("said") { isAdded = hyper_add_command($0, error) }
                return isAdded
            }
            let module = try load(FakeModule.file("one"))
            #expect(module.commands.map { $0.name } == ["said"])
            #expect(Management.commands.printed("said alpha beta") == "alphabeta")
            #expect(Management.commands.printed("said \"\" b c") == "bctoo much\n")
            expectRefusal("there is a command said already") { _ = try load(FakeModule.file("two")) }
            let said = try Management.commands.find("said")
            said.runs += 1
            expectRefusal("command said is being executed") { try Modules.unload("one") }
            #expect(try Management.commands.find("said") === said)
            said.runs -= 1
            try Modules.unload("one")
            expectRefusal("there is no command said") { _ = try Management.commands.find("said") }
        }

        // MARK: Drivers

        nonisolated(unsafe) private static var probed: [UInt64] = []
        nonisolated(unsafe) private static var removed = 0

        private static func addDriver(_ error: OpaquePointer?) -> Bool {
            var driver = hyper_driver(
                name: hyper_text("fake"), compatible: hyper_text("test,fake test,other"),
                probe: { node, error in
                    var (base, size, number): (UInt64, UInt64, UInt64) = (0, 0, 0)
                    guard hyper_node_registers(node, 0, &base, &size, error) else { return nil }
                    _ = hyper_node_number(node, hyper_text("value"), &number)
                    ModuleTests.probed += [base, size, number]
                    return UnsafeMutableRawPointer(bitPattern: 1)
                }, remove: { _ in ModuleTests.removed += 1 })
            return hyper_add_driver(&driver, error)
        }

        @Test("A module's driver gets the devices that nobody has, and loses them with the module")
        func driver() throws {
            let tree = DeviceTreeNode()
            tree.set("#address-cells", u32: 1)
            tree.set("#size-cells", u32: 1)
            let good = tree.add("fake@1000")
            good.set("compatible", text: "test,fake")
            good.set("reg", cells: [0x1000, 0x100])
            good.set("value", u32: 7)
            let bad = tree.add("other")
            bad.set("compatible", text: "test,other")
            HostDevices.tree = tree
            (Self.probed, Self.removed) = ([], 0)
            FakeModule.start = { Self.addDriver($0) }
            _ = try load(FakeModule.file("one"))
            #expect(Self.probed == [0x1000, 0x100, 7])
            #expect(HostDevices.bound.map { $0.node.path } == ["/fake@1000"])
            #expect(HostDevices.failed.count == 1)
            expectRefusal("has driver fake already: unbind it first") { try HostDevices.bind(good) }
            expectRefusal("/other: the missing reg has 0 entries") { try HostDevices.bind(bad) }
            expectRefusal("there is a driver fake already") { _ = try load(FakeModule.file("two")) }
            try HostDevices.unbind(good)
            #expect(Self.removed == 1)
            expectRefusal("/fake@1000 has no driver") { try HostDevices.unbind(good) }
            try HostDevices.bind(good)
            try Modules.unload("one")
            #expect(Self.removed == 2)
            #expect(HostDevices.bound.isEmpty)
            expectRefusal("no driver knows /fake@1000") { try HostDevices.bind(good) }
        }
    }
}

extension hyper_text {
    init(_ text: StaticString) { self.init(bytes: text.utf8Start, count: text.utf8CodeUnitCount) }
}
