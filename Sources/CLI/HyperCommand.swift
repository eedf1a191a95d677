import ArgumentParser
import Foundation
import Machine

/// `orrery hyper`.
struct HyperCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hyper", abstract: "Build the hypervisor that comes with this emulator.", subcommands: [Build.self]
    )

    struct Build: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Build it, its firmware, and an archive of guests to begin with.",
            discussion: """
                What is up to date is left alone. firmware/configure OUTPUT chooses what it is built with. On AArch64 it needs
                no firmware.

                Examples:
                  orrery hyper build
                  orrery hyper build --machine aarch64-virt
                """)

        @Option(
            help: ArgumentHelp(
                "The board that it is built for (riscv-virt): `orrery machines` lists them.", valueName: "name"))
        var machine: String?

        @Option(
            help: ArgumentHelp("Where to put it; a folder of the user's cache when not given.", valueName: "folder"),
            completion: .directory)
        var output: String?

        @Flag(help: "Show the commands that build it.")
        var verbose = false

        func run() throws {
            let images = try HyperImages(for: BenchTarget(board: machine), folder: output, isVerbose: verbose)
            var lines = ["hypervisor  \(images.kernel)", "its files   \(images.archive)"]
            var options = ["--kernel \(images.kernel)", "--initrd \(images.archive)", "--memory 512M"]
            if let firmware = images.firmware {
                lines.insert("firmware    \(firmware)", at: 0)
                options.insert("--firmware \(firmware)", at: 0)
            }
            if let machine { options.insert("--machine \(machine)", at: 0) }
            StandardStreams.output(
                """
                \(lines.joined(separator: "\n"))

                To its terminal:
                  orrery run \(options.joined(separator: " \\\n    "))

                """)
        }
    }
}

/// The images of Hyper, built when they are not up to date.
struct HyperImages {
    /// What it runs on, where it needs one.
    let firmware: String?
    let kernel: String
    /// Its first file system: trees of guests, our own guest, and scripts.
    let archive: String

    /// How much a machine loads of the hypervisor, in KiB.
    var size: Double {
        get throws { try Double(InputFile.read(String(kernel.dropLast(4)) + ".bin").bytes.count) / 1024 }
    }

    /// - Parameters:
    ///   - folder: nil for one of the user's cache.
    ///   - configuration: one of `firmware/configs`; nil for what the folder was configured as, or the default.
    init(
        for target: BenchTarget, folder: String? = nil, configuration: String? = nil, isVerbose: Bool = false
    ) throws {
        let configure = try ProjectFolder.find("firmware/configure")
        let build = try ProjectFolder.find("firmware/build")
        let pack = try ProjectFolder.find("testsuites/hyper/build")
        let folder = folder ?? ProjectFolder.cache("hyper")
        let needsFirmware = target == .riscv
        let images = ((needsFirmware ? ["firmware"] : []) + ["basic", "hyper"]).map { "\(target.rawValue)/\($0)" }
        let configuring = configuration.map { [(configure, [folder, "defconfig", $0])] } ?? []
        for (script, arguments) in configuring + [
            (build, (isVerbose ? ["--verbose"] : []) + [folder] + images), (pack, [folder, folder]),
        ] {
            let built = try HostProcess(script, arguments, limit: 1800).run()
            if isVerbose { StandardStreams.error(String(decoding: built.output, as: UTF8.self)) }
            guard built.end == .exited(0) else {
                throw InputError(
                    file: script, problem: "failed: " + String(decoding: built.errors.suffix(2000), as: UTF8.self))
            }
        }
        firmware = needsFirmware ? folder + "/riscv/firmware.elf" : nil
        // A raw image, as boot loaders start Linux, where there is no firmware.
        kernel = folder + "/\(target.rawValue)/hyper" + (needsFirmware ? ".elf" : ".bin")
        archive = folder + "/\(target.rawValue)-virt.cpio"
    }
}
