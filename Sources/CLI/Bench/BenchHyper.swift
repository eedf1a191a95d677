import Foundation
import Machine

/// `orrery bench hyper`: what our hypervisor spends on its guests, in instructions from the trap that leaves the guest to
/// the return, its firmware's included. Instructions are counted, not timed, so the figures are the same on every host.
struct BenchHyper {
    static let name = "hyper"

    struct Figure {
        let name: String
        let value: Double
        /// What we promise; nil where we promise nothing.
        var limit: Double?
        /// What Xvisor takes (commit 8713a802, counted in the same way on QEMU's `virt` board).
        var xvisor: Double?
        var unit = ""

        var isKept: Bool { limit.map { value <= $0 } ?? true }
    }

    private let target: BenchTarget
    private let images: HyperImages
    /// Of the configuration that has what Xvisor's image has, which is less than ours has by default.
    private let comparableImages: HyperImages?

    init(for target: BenchTarget) throws {
        self.target = target
        images = try HyperImages(for: target)
        comparableImages =
            target == .riscv
            ? try HyperImages(
                for: target, folder: ProjectFolder.cache("hyper-comparison"), configuration: "riscv_comparison") : nil
    }

    func measure(_ show: (String) -> Void) throws -> [Figure] {
        let figures = target == .riscv ? try measureRISCV(show) : try measureAArch64(show)
        show("the prompt")
        return figures + (try prompt())
    }

    private func measureRISCV(_ show: (String) -> Void) throws -> [Figure] {
        show("guests")
        let exits = try countExits(cpu: nil)
        show("guests without Sstc")
        let exitsWithoutSstc = try countExits(cpu: "max,sstc=off")
        return [
            try exits.figure("SBI base call", "SBI base, function 0", 250, 732),
            try exits.figure("SBI set_timer", "SBI TIME, function 0", 400, 839),
            try exits.figure("emulated UART, register read", "load guest-page fault at 0x10000005", 400, 1098),
            try exits.figure("emulated UART, character out", "store guest-page fault at 0x10000000", 800, 2039),
            try exitsWithoutSstc.figure(
                "virtual timer tick injected (without Sstc)", "supervisor timer interrupt", 700, 1781),
            try exits.figure("WFI without switch", "virtual instruction, wfi", 700, 1799),
            try exits.figure("WFI to idle", "virtual instruction, wfi, then idle", 1200, 2989),
            try exits.figure("idle to guest, by a timer", "wake-up by supervisor timer interrupt", nil, 3380),
            try exits.figure(
                "guest to guest, preemptive", "supervisor timer interrupt, then another guest", 1200, 3519),
            try exits.figure(
                "first second-stage fault (RAM)", "instruction guest-page fault at 0x80200000", 5000, 30_000),
        ]
    }

    /// On the board and the CPU on which Xvisor's were counted: with a GICv2, and EL2 that is no host.
    private func measureAArch64(_ show: (String) -> Void) throws -> [Figure] {
        show("guests")
        let exits = try countExits(cpu: BenchTarget.model)
        return [
            try exits.figure("PSCI_VERSION", "HVC PSCI_VERSION", 198, 396),
            try exits.figure("emulated UART, register read", "data abort of a read at 0x9000018", 315, 630),
            try exits.figure("emulated UART, character out", "data abort of a write at 0x9000000", 680, 1360),
            try exits.figure("virtual timer tick", "IRQ", 900, 3134),
            try exits.figure("WFI without switch", "trapped WFI", 700, nil),
            try exits.figure("WFI to idle", "trapped WFI, then idle", 1200, nil),
            try exits.figure("idle to guest, by a timer", "wake-up by IRQ", nil, nil),
            try exits.figure("guest to guest, preemptive", "IRQ, then another guest", 1500, 4403),
            try exits.figure("first second-stage fault (RAM)", "instruction abort at 0x80200000", 5000, nil),
        ]
    }

    // MARK: Exits

    private struct Exits {
        let medians: [String: UInt64]

        func figure(_ name: String, _ reason: String, _ limit: Double?, _ xvisor: Double?) throws -> Figure {
            guard let value = medians[reason] else {
                throw InputError(
                    file: "bench.script", problem: "no guest has left for \"\(reason)\"",
                    mend: "See what guests leave for with `orrery run --exits`.")
            }
            return Figure(name: name, value: Double(value), limit: limit, xvisor: xvisor)
        }
    }

    private func countExits(cpu: String?) throws -> Exits {
        var description = machine
        description.cpu = cpu
        description.append = "bootcmd=\"vfs run /bench.script\""
        var output: [UInt8] = []
        let console = ConsoleHub()
        console.listeners.append { output += $0 }
        let session = try Session(description, console: console)
        let statistics = try ExitStatistics(session)
        let conclusion = session.run()
        guard conclusion == .exited(status: 0) else {
            throw InputError(
                file: "bench.script",
                problem:
                    "did not come to its end (\(conclusion)): \(String(decoding: output.suffix(2000), as: UTF8.self))")
        }
        return Exits(
            medians: Dictionary(uniqueKeysWithValues: statistics.rows.map { ($0.name, $0.costs.median) }))
    }

    private var machine: MachineDescription {
        var description = MachineDescription()
        if target == .aarch64 {
            description.machine = "aarch64-virt"
            description.cpu = BenchTarget.model
        }
        description.firmware = images.firmware
        description.kernel = images.kernel
        description.initrd = images.archive
        description.memory = ByteCount(512 << 20)
        description.timeout = TimeSpan(nanoseconds: 60_000_000_000)
        return description
    }

    // MARK: The prompt

    private func prompt() throws -> [Figure] {
        var description = machine
        description.append = "bootcmd=\"\""
        description.until = "^hyper# "
        var output: [UInt8] = []
        let console = ConsoleHub()
        console.listeners.append { output += $0 }
        let session = try Session(description, console: console)
        let conclusion = session.run()
        let text = String(decoding: output, as: UTF8.self)
        guard case .matched = conclusion, let words = text.firstMatch(of: /([0-9]+) KiB in use/),
            let used = Double(words.output.1)
        else {
            throw InputError(file: images.kernel, problem: "came to no prompt (\(conclusion)): \(text.suffix(2000))")
        }
        let instructions = session.board.executed
        let interrupts = RunStatistics(session.board).interrupts
        let idle: UInt64 = 100
        let start = session.board.scheduler.time
        while session.board.scheduler.time < start + idle * 1_000_000_000 {
            if session.board.scheduler.round(limit: start + idle * 1_000_000_000) == .stuck { break }
        }
        let image = try images.size
        let isRISCV = target == .riscv
        var figures = [
            Figure(
                name: "reset to prompt", value: Double(instructions) / 1e6, limit: isRISCV ? 4 : 5,
                xvisor: isRISCV ? 14.53 : 15.4, unit: "M"),
            Figure(name: "image, with everything", value: image, unit: "KiB"),
        ]
        if let comparableImages {
            figures.append(
                Figure(
                    name: "image, with what Xvisor's has", value: try comparableImages.size, limit: 400, xvisor: 785,
                    unit: "KiB"))
        }
        return figures + [
            Figure(
                name: "memory in use at the prompt, image included", value: (used + image) / 1024, limit: 8,
                xvisor: isRISCV ? 25.5 : nil, unit: "MiB"),
            Figure(
                name: "idle: host interrupts a second",
                value: Double(RunStatistics(session.board).interrupts - interrupts) / Double(idle),
                limit: 0.1, xvisor: isRISCV ? 1.0 : nil),
        ]
    }

    // MARK: What is shown

    static func table(_ figures: [Figure]) -> [String] {
        var rows = [["", "Hyper", "at most", "Xvisor", "of Xvisor's"]]
        for figure in figures {
            func text(_ value: Double?) -> String { value.map { number($0, figure.unit) } ?? "" }
            let share = figure.xvisor.map { decimal(100 * figure.value / $0, places: 0) + " %" } ?? ""
            rows.append([
                figure.name, text(figure.value), text(figure.limit), text(figure.xvisor),
                share + (figure.isKept ? "" : "  more than promised"),
            ])
        }
        let widths = (0..<5).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = row[0] + String(repeating: " ", count: widths[0] - row[0].count)
            for column in 1..<4 {
                line += "  " + String(repeating: " ", count: widths[column] - row[column].count) + row[column]
            }
            return line + "  " + row[4]
        }
    }

    private static func number(_ value: Double, _ unit: String) -> String {
        let isWhole = value == value.rounded()
        return (isWhole ? grouped(UInt64(value)) : decimal(value, places: 2)) + (unit.isEmpty ? "" : " " + unit)
    }

    static func json(_ figures: [Figure]) -> JSON {
        .object(
            figures.map { figure in
                let values = [("hyper", figure.value), ("limit", figure.limit), ("xvisor", figure.xvisor)]
                return (
                    figure.name, .object(values.map { ($0.0, $0.1.map { .decimal(decimal($0, places: 3)) } ?? .null) })
                )
            })
    }
}
