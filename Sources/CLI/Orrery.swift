import ArgumentParser

@main
struct Orrery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orrery", abstract: "Runs hypervisor images without the hardware, deterministically.")
}
