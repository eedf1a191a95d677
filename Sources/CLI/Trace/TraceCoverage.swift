import ArgumentParser
import Machine

extension TraceCommand {
    /// `orrery trace coverage`.
    struct Coverage: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write which code of programs a run has executed.",
            discussion: """
                The recording is run again, instruction by instruction. Programs are those that the machine was started with, \
                where they are ELF files, and those of --symbols. A file of drcov is what Lighthouse, Binary Ninja and others \
                show in the disassembly.

                Example:
                  orrery trace coverage hyper.orrery --drcov hyper.drcov --symbols guest:basic.elf
                """)

        @Argument(help: "The recording.", completion: .file())
        var file: String

        @OptionGroup var symbols: SymbolOptions

        @Option(
            help: ArgumentHelp("Write the blocks that were executed, as DynamoRIO's drcov does.", valueName: "file"))
        var drcov: String

        func run() throws {
            let replay = try TraceReplay(file, engine: .interpreter)
            let machine = replay.session.board.architecture
            var modules = try symbols.names().map { name throws(InputError) in
                try ExecutionCoverage.Module(name, machine: machine)
            }
            for path in [replay.session.description.kernel, replay.session.description.firmware].compactMap(\.self) {
                guard path != "none", !modules.contains(where: { $0.path == path }) else { continue }
                guard ELFFile.isELF(try InputFile.read(path).bytes) else { continue }
                let name = SymbolSpaces.FileName(owner: .machine, path: path)
                modules.append(try ExecutionCoverage.Module(name, machine: machine))
            }
            guard !modules.isEmpty else {
                throw UsageError(
                    "the machine's programs are no ELF files, so that nobody knows where their code is. Name one: --symbols FILE"
                )
            }
            let coverage = ExecutionCoverage(replay.session, modules)
            try replay.run()
            let out = try OutputFile(drcov)
            out.write(bytes: coverage.drcov)
            try out.close()
            for (number, module) in modules.enumerated() {
                StandardStreams.output(
                    "\(module.path): \(grouped(UInt64(coverage.blocks(of: number).count))) blocks, "
                        + "\(grouped(UInt64(coverage.offsets(of: number).count))) instructions\n")
            }
            if coverage.elsewhere > 0 {
                StandardStreams.output(
                    "\(grouped(coverage.elsewhere)) of \(grouped(coverage.executed)) executed instructions were in none of these\n"
                )
            }
        }
    }
}
