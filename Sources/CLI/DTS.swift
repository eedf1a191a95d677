import ArgumentParser
import Machine

/// `orrery dts`.
struct DTS: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dts",
        abstract: "Print the device tree that a run would give its guest, as source.",
        discussion: """
            Examples:
              orrery dts --harts 4 --memory 2G
              orrery dts boot.yaml | dtc -O dtb -o boot.dtb
            """)

    @OptionGroup var machine: MachineOptions

    func run() throws {
        var description = try machine.description()
        // A script and expressions do not show in the tree, and the firmware only in where things lie.
        description.input = nil
        description.drives = []
        description.net = nil
        description.flash = []
        let session = try Session(description, builtInFirmware: try? BuiltInFirmware.read())
        StandardStreams.output(try session.deviceTreeSource())
    }
}
