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
                What is up to date is left alone. firmware/configure OUTPUT chooses what it is built with.

                Example:
                  orrery hyper build
                """)

        @Option(
            help: ArgumentHelp("Where to put it; a folder of the user's cache when not given.", valueName: "folder"),
            completion: .directory)
        var output: String?

        @Flag(help: "Show the commands that build it.")
        var verbose = false

        func run() throws {
            let images = try HyperImages(folder: output, isVerbose: verbose)
            StandardStreams.output(
                """
                firmware    \(images.firmware)
                hypervisor  \(images.kernel)
                its files   \(images.archive)

                To its terminal:
                  orrery run --firmware \(images.firmware) \\
                    --kernel \(images.kernel) --initrd \(images.archive) --memory 512M

                """)
        }
    }
}

/// The images of Hyper, built when they are not up to date.
struct HyperImages {
    let firmware: String
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
    init(folder: String? = nil, configuration: String? = nil, isVerbose: Bool = false) throws {
        let configure = try ProjectFolder.find("firmware/configure")
        let build = try ProjectFolder.find("firmware/build")
        let pack = try ProjectFolder.find("testsuites/hyper/build")
        let folder = folder ?? ProjectFolder.cache("hyper")
        let images = ["riscv/firmware", "riscv/basic", "riscv/hyper"]
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
        firmware = folder + "/riscv/firmware.elf"
        kernel = folder + "/riscv/hyper.elf"
        archive = folder + "/riscv-virt.cpio"
    }
}
