import Foundation
import TestSupport
import Testing

/// The `orrery` script, with a `swift` that only pretends to build.
@Suite("Launcher")
struct LauncherTests {
    /// A checkout in a temporary directory, and a PATH with a pretended swift in front.
    private struct Checkout {
        let root: String
        var environment: [String: String]

        init(_ directory: String, swiftVersion: String = "6.3.1", build: String = "") throws {
            root = directory + "/check out"
            let bin = directory + "/bin"
            for path in [root + "/Sources", root + "/firmware", bin] {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
            let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent().path
            try FileManager.default.copyItem(atPath: repository + "/orrery", toPath: root + "/orrery")
            try Data().write(to: URL(fileURLWithPath: root + "/Package.swift"))
            environment = ProcessInfo.processInfo.environment
            environment["PATH"] = bin + ":" + (environment["PATH"] ?? "")
            environment["CI"] = "true"
            environment["ORRERY_VERBOSE"] = nil
            // Before a run the launcher has the firmware images made.
            try script(root + "/firmware/build", "exit 0")
            try script(
                bin + "/swift",
                """
                if [ "$1" = --version ]; then echo "Swift version \(swiftVersion) (swift-RELEASE)"; exit; fi
                echo "swift $*" >>"\(directory)/calls"
                if [ "$1" = test ]; then echo tested; exit 3; fi
                echo "Building for production..."
                echo "[0/2] Write swift-version.txt"
                echo "[1/2] Compiling Machine Clock.swift"
                \(build)
                mkdir -p "\(root)/.build/release"
                printf '#!/bin/sh\\necho "ran: $*"; pwd; exit 7\\n' >"\(root)/.build/release/orrery"
                chmod +x "\(root)/.build/release/orrery"
                echo "Build complete! (1.0s)"
                """)
        }

        func script(_ path: String, _ text: String) throws {
            try ("#!/bin/bash\n" + text + "\n").write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }

        func run(_ arguments: String..., through program: String? = nil, in directory: String? = nil) throws
            -> ExternalTool.Result
        {
            try ExternalTool.run(
                program: program ?? root + "/orrery", arguments, in: directory ?? root, environment: environment)
        }
    }

    @Test("It builds with visible steps on standard error, then becomes the program, status and all")
    func build() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let checkout = try Checkout(directory)
            let result = try checkout.run("run", "a b", in: "/")
            #expect(result.outputText == "ran: run a b\n/\n")
            #expect(result.status == 7)
            #expect(result.errorText == "orrery: building [1/2] Compiling Machine Clock.swift\n")
            let calls = try String(contentsOfFile: directory + "/calls", encoding: .utf8)
            #expect(calls == "swift build --package-path \(checkout.root) -c release --product orrery\n")
        }
    }

    @Test("When nothing changed it shows nothing and calls no swift; when a file did, it builds again")
    func upToDate() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let checkout = try Checkout(directory)
            _ = try checkout.run("run")
            let again = try checkout.run("run")
            #expect(again.errorText == "")
            #expect(again.outputText == "ran: run\n\(checkout.root)\n")
            // A file that appears touches its directory.
            let future = Date(timeIntervalSinceNow: 60)
            try Data().write(to: URL(fileURLWithPath: checkout.root + "/Sources/New.swift"))
            try FileManager.default.setAttributes(
                [.modificationDate: future], ofItemAtPath: checkout.root + "/Sources/New.swift")
            #expect(try checkout.run("run").errorText.contains("Compiling"))
            let calls = try String(contentsOfFile: directory + "/calls", encoding: .utf8)
            #expect(calls.split(separator: "\n").count == 2)
        }
    }

    @Test("A checkout that was moved is built again, without the precompiled modules of its old path")
    func moved() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let checkout = try Checkout(directory)
            _ = try checkout.run("run")
            let modules = "/.build/x86_64/release/ModuleCache"
            try FileManager.default.createDirectory(
                atPath: checkout.root + modules, withIntermediateDirectories: true)
            _ = try checkout.run("run")
            #expect(FileManager.default.fileExists(atPath: checkout.root + modules), "it has not moved yet")

            let root = directory + "/moved"
            try FileManager.default.moveItem(atPath: checkout.root, toPath: root)
            _ = try checkout.run("run", through: root + "/orrery", in: directory)
            #expect(!FileManager.default.fileExists(atPath: root + modules))
            let calls = try String(contentsOfFile: directory + "/calls", encoding: .utf8)
            #expect(calls.hasSuffix("swift build --package-path \(root) -c release --product orrery\n"))
        }
    }

    @Test("It works through a symbolic link")
    func symbolicLink() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let checkout = try Checkout(directory)
            let link = directory + "/link"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: checkout.root + "/orrery")
            #expect(try checkout.run("run", through: link, in: "/").outputText == "ran: run\n/\n")
        }
    }

    @Test("A build that fails shows its errors in full and runs nothing")
    func failure() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let checkout = try Checkout(
                directory, build: "echo 'Clock.swift:3:1: error: no such thing'; echo '  3 | code'; exit 1")
            for _ in 0..<2 {
                let result = try checkout.run("run")
                #expect(result.status == 1)
                #expect(result.outputText == "")
                #expect(
                    result.errorText == """
                        orrery: building [1/2] Compiling Machine Clock.swift
                        Clock.swift:3:1: error: no such thing
                          3 | code
                        orrery: the build failed.

                        """)
            }
        }
    }

    @Test("A swift that is too old is refused with both versions")
    func oldSwift() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let result = try Checkout(directory, swiftVersion: "5.10.1").run("run")
            #expect(result.status == 1)
            #expect(result.errorText.contains("orrery: swift is 5.10.1 (\(directory)/bin/swift), and 6.2 or later is"))
        }
        try ExternalTool.withTemporaryDirectory { directory in
            let result = try Checkout(directory, swiftVersion: "6.10").run("run")
            #expect(result.status == 7, "6.10 is later than 6.2")
        }
    }

    @Test("Where it may not install what is missing, it names the command to type")
    func mayNotInstall() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            var checkout = try Checkout(directory)
            // A PATH with the tools that the script needs, but without pkg-config; id says this is not root.
            let bin = directory + "/bin"
            for tool in ["bash", "dirname", "readlink", "rm", "uname", "cat", "mkdir", "find", "env"] {
                let path = try #require(ExternalTool.path(tool))
                try FileManager.default.createSymbolicLink(atPath: "\(bin)/\(tool)", withDestinationPath: path)
            }
            try checkout.script(bin + "/id", "echo 1000")
            try checkout.script(bin + "/apt-get", "exit 9")
            checkout.environment["PATH"] = bin
            let result = try checkout.run("run")
            #expect(result.status == 1)
            #expect(result.errorText.contains("orrery: missing: pkg-config (finding these libraries)"))
            #expect(result.errorText.contains("orrery: installing needs root. As root, type:"))
            #expect(result.errorText.contains("apt-get update && apt-get install -y --no-install-recommends"))
            #expect(!FileManager.default.fileExists(atPath: directory + "/calls"), "nothing was built")
        }
    }

    @Test("The verbose mode shows every command and its output")
    func verbose() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            var checkout = try Checkout(directory)
            checkout.environment["ORRERY_VERBOSE"] = "1"
            let errors = try checkout.run("run").errorText
            #expect(errors.contains("+ swift build --package-path"))
            #expect(errors.contains("Build complete! (1.0s)"))
        }
    }
}
