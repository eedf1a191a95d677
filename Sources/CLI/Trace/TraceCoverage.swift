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

                A tracefile of lcov has all lines that code was made of, as programs that were compiled with -g say, and how \
                often each was executed. Of the places where DWARF's line table has a line begin, the one that was executed \
                most often counts, in each function and in each inlined copy of one; copies are added up. So a loop that the \
                compiler unrolled counts for less. Functions have the names that linkers know, and are counted where they are \
                entered. Each program is a test of its own: genhtml --show-details tells them apart.

                Examples:
                  orrery trace coverage hyper.orrery --drcov hyper.drcov --symbols guest:basic.elf
                  orrery trace coverage boot.orrery --lcov boot.info && genhtml boot.info -o boot
                  orrery trace coverage boot.orrery --lcov - | lcov --summary /dev/stdin
                """)

        @Argument(help: "The recording.", completion: .file())
        var file: String

        @OptionGroup var symbols: SymbolOptions

        @Option(
            help: ArgumentHelp("Write the blocks that were executed, as DynamoRIO's drcov does.", valueName: "file"))
        var drcov: String?

        @Option(
            help: ArgumentHelp(
                "Write how often lines of source were executed, as lcov and genhtml read it; - is standard output.",
                valueName: "file"))
        var lcov: String?

        func run() throws {
            guard drcov != nil || lcov != nil else {
                throw UsageError(
                    "there is nothing to write. Name a file: --lcov FILE for lines, --drcov FILE for blocks.")
            }
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
            // Before it is run, which may take long.
            let sources = lcov == nil ? [] : try Self.sources(of: modules)
            let coverage = ExecutionCoverage(replay.session, modules)
            try replay.run()
            if let drcov {
                let out = try OutputFile(drcov)
                out.write(bytes: coverage.drcov)
                try out.close()
            }
            for (number, module) in modules.enumerated() {
                tell(
                    "\(printable(module.path)): \(grouped(UInt64(coverage.blocks(of: number).count))) blocks, "
                        + "\(grouped(UInt64(coverage.offsets(of: number).count))) instructions\n")
            }
            if lcov != nil { try writeLines(coverage, sources) }
            if coverage.elsewhere > 0 {
                tell(
                    "\(grouped(coverage.elsewhere)) of \(grouped(coverage.executed)) executed instructions were in none of these\n"
                )
            }
        }

        /// Says what was found, where no file is written to.
        private func tell(_ text: String) {
            if lcov == "-" { StandardStreams.error(text) } else { StandardStreams.output(text) }
        }

        /// What is known of the programs' source, each in its place.
        private static func sources(of modules: [ExecutionCoverage.Module]) throws -> [DebugInformation] {
            let sources = try modules.map { module throws(InputError) in
                try DebugInformation(try InputFile.read(module.path))
            }
            let unknown = zip(modules, sources).filter { $0.1.isEmpty }.map { printable($0.0.path) }
            guard unknown.count < modules.count else {
                throw InputError(
                    file: unknown[0], problem: "has no debug information, so that nothing is known of its lines",
                    mend: "Compile it with -g, or name a file that was: --symbols FILE.")
            }
            for path in unknown {
                StandardStreams.complain(
                    "\(path) has no debug information: nothing is told of its lines. Compile it with -g.")
            }
            return sources
        }

        private func writeLines(_ coverage: ExecutionCoverage, _ sources: [DebugInformation]) throws {
            var text = ""
            for (number, module) in coverage.modules.enumerated() where !sources[number].isEmpty {
                let start = module.range.lowerBound &- module.bias
                let lines = SourceCoverage(
                    sources[number], in: start..<start + UInt64(module.range.count), coverage.executions(of: number))
                text += lines.lcov(test: Self.test(module))
                tell(
                    "\(printable(module.path)): \(grouped(UInt64(lines.executedLineCount))) of "
                        + "\(grouped(UInt64(lines.lineCount))) lines\n")
            }
            if lcov == "-" { return StandardStreams.output(text) }
            if let lcov { try OutputFile.write(text, to: lcov) }
        }

        /// `guest_2_basic_elf`: lcov takes letters, digits and underscores (lcov(1), --test-name).
        private static func test(_ module: ExecutionCoverage.Module) -> String {
            let owner =
                switch module.owner {
                case .machine: ""
                case .guests: "guest_"
                case .guest(let number): "guest_\(number)_"
                }
            return owner
                + String(
                    Profile.name(of: module.path).unicodeScalars.map {
                        $0.isASCII && $0.properties.isAlphabetic || ("0"..."9").contains($0) ? Character($0) : "_"
                    })
        }
    }
}
