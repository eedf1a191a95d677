import ISA

/// Who called whom, in the hypervisor and in the guest beneath it, and the names for that.
extension Monitor {
    // MARK: Symbols

    /// `symbols FILE [guest VMID] [at ADDRESS|auto]`.
    func loadSymbols(_ arguments: [String]) throws(Refusal) -> [String] {
        var words = arguments[...]
        let path = words.popFirst() ?? ""
        var (guest, place): (UInt64?, UInt64?) = (nil, nil)
        var isFound = false
        while let word = words.popFirst() {
            switch (word, words.first) {
            case ("guest", let number?), ("vmid", let number?):
                guest = try self.number(number, "a VMID")
                words.removeFirst()
            case ("at", let address?):
                place = try self.address(address)
                words.removeFirst()
            case ("auto", _): isFound = true
            default: throw Refusal("\"\(word)\" is none of guest VMID, at ADDRESS and auto.")
            }
        }
        do throws(InputError) {
            let file = try InputFile.read(path)
            let image = try ELFFile(file, machine: board.architecture)
            guard !image.symbols.isEmpty else { throw InputError(file: path, problem: "has no symbols") }
            var symbols = isFound ? try find(image, guest) : LoadedSymbols(image, guest: guest, at: place)
            symbols.information = try DebugInformation(file)
            images.removeAll { $0.file == symbols.file && $0.guest == symbols.guest }
            images.append(symbols)
            return [symbols.text]
        } catch { throw Refusal(error.description) }
    }

    /// By what the CPUs execute now, or in that guest.
    private func find(_ image: ELFFile, _ guest: UInt64?) throws(InputError) -> LoadedSymbols {
        let order = [board.processors[current]] + board.processors
        for cpu in order where guest == nil || cpu.guest == guest {
            let found = withGuest(guest, on: cpu) { (context: FrameContext) -> LoadedSymbols? in
                LoadedSymbols.found(image, guest: guest, at: context.programCounter) {
                    context.read($0, 1, self.board.memory)?.first
                }
            }
            if let found { return found }
        }
        throw InputError(
            file: image.file, problem: "is not what runs now",
            mend: "Stop where it runs, and say it again; or say where it is: at ADDRESS.")
    }

    /// The name of an address of the guest's, or of who is none.
    func name(_ address: UInt64, guest: UInt64?) -> String? {
        for image in images where image.guest == guest { if let name = image.name(address) { return name } }
        return guest == nil ? symbols.name(address) : nil
    }

    // MARK: Frames

    /// Registers to begin with, and how to read memory with them.
    struct FrameContext {
        let processor: any InspectableProcessor
        let level: String
        let guest: UInt64?
        var registers: FrameRegisters

        var programCounter: UInt64 { registers.programCounter }

        /// What the CPU would execute next.
        init(_ processor: any InspectableProcessor) {
            let isGuests = processor.privilege.isGuests
            self.init(
                processor, processor.privilege.name, guest: isGuests ? processor.guest : nil, processor.programCounter)
        }

        init(_ processor: any InspectableProcessor, _ level: String, guest: UInt64?, _ programCounter: UInt64) {
            (self.processor, self.level, self.guest) = (processor, level, guest)
            let file = processor.makeRegisterFile()
            // General registers come first and are in the order of DWARF's numbers, on both machines.
            var values: [UInt64?] = (0..<32).map { file.read($0).map { UInt64(littleEndianBytes: $0) } }
            // Who has taken an exception has a stack pointer of its own (DDI 0487, "Stack pointer register selection").
            if level != processor.privilege.name, let state = processor.register(named: "SPSR_EL2") {
                values[31] = processor.register(named: level == "EL1" && state & 1 == 1 ? "SP_EL1" : "SP_EL0")
            }
            registers = FrameRegisters(programCounter: programCounter, values: values)
        }

        func read(_ address: UInt64, _ count: UInt64, _ memory: PhysicalMemory) -> [UInt8]? {
            var bytes: [UInt8] = []
            for offset in 0..<count {
                let place = DebugAddress(address &+ offset, in: .virtual(level: level))
                guard let physical = processor.physicalAddress(of: place, memory) else { return nil }
                var byte: UInt8 = 0
                guard memory.read(physical, into: &byte, count: 1) else { return nil }
                bytes.append(byte)
            }
            return bytes
        }
    }

    private static let mostFrames = 64

    /// What is known of the code that a guest executes, or who is none: of the machine's own programs, and of those that were
    /// named.
    private func programs(ofGuest guest: UInt64?) -> [SourcePrograms.Program] {
        let named = images.filter { $0.guest == guest }.compactMap { image in
            image.information.map { SourcePrograms.Program($0, bias: image.bias) }
        }
        return named + (guest == nil ? ownPrograms : [])
    }

    /// - Parameter guest: where registers hold what this guest has left in them, there is nothing yet of who handles its exit.
    private func frames(_ context: FrameContext, above guest: FrameContext? = nil) -> [StackFrame] {
        var registers = context.registers
        if let guest {
            let convention = FrameConvention(board.architecture)
            for number in [convention.framePointer, convention.linkRegister]
            where registers[number] == guest.registers[number] {
                registers.values[number] = nil
            }
        }
        let unwinder = StackUnwinder(board.architecture, programs(ofGuest: context.guest))
        return unwinder.frames(from: registers, limit: Self.mostFrames) { address, count in
            context.read(address, UInt64(count), self.board.memory)
        }
    }

    /// `backtrace [CPU]`.
    func backtrace(_ arguments: [String]) throws(Refusal) -> [String] {
        let cpu = try processor(arguments.first)
        let here = FrameContext(cpu)
        guard here.guest == nil else { return lines(frames(here), here, from: 0) }
        let beneath: (FrameContext, [StackFrame])? = withGuest(nil, on: cpu) { context in
            context.guest == nil ? nil : (context, self.frames(context))
        }
        let own = frames(here, above: beneath?.0)
        var lines = lines(own, here, from: 0)
        if let (context, frames) = beneath {
            lines.append("guest \(context.guest ?? 0), where it left:")
            lines += self.lines(frames, context, from: own.count)
        }
        return lines
    }

    private func lines(_ frames: [StackFrame], _ context: FrameContext, from first: Int) -> [String] {
        frames.enumerated().map { number, frame in
            let address = frame.registers.programCounter
            let guess =
                switch frame.origin {
                case .processor, .callFrameInformation: ""
                case .framePointer: "  (a guess, by the frame pointer)"
                case .linkRegister: "  (a guess, by the link register)"
                }
            return "\(padded("#\(first + number)", 4))\(hexadecimal(address))  \(context.level)  "
                + (name(of: frame, guest: context.guest) ?? "??") + guess
        }
    }

    /// The function that is executed, or that has called, and how far in it: `outer+0x10`. Where a call is the last
    /// instruction, it returns into the next function.
    private func name(of frame: StackFrame, guest: UInt64?) -> String? {
        guard frame.isCaller, let before = name(frame.instruction, guest: guest) else {
            return name(frame.registers.programCounter, guest: guest)
        }
        guard let plus = before.lastIndex(of: "+"), before[plus...].hasPrefix("+0x"),
            let offset = UInt64(before[plus...].dropFirst(3), radix: 16)
        else { return before + "+0x1" }
        return before[..<plus] + "+" + hexadecimal(offset &+ 1)
    }

    /// Looks into the guest that the CPU runs, or has left last: there its registers are the guest's still, whatever the hypervisor
    /// does with them afterwards. The machine is put back to there for as long.
    private func withGuest<T>(_ guest: UInt64?, on cpu: any InspectableProcessor, _ body: (FrameContext) -> T?) -> T? {
        let here = FrameContext(cpu)
        if here.guest != nil || !machine.canReverse { return body(here) }
        var event = EventPoint(.exit(reason: nil), guest: guest)
        event.processor = cpu.identifier
        return machine.running.look(atLast: event) { record in
            guard let record else { return guest == nil ? nil : body(here) }
            return body(FrameContext(cpu, record.from.name, guest: cpu.guest, record.programCounter))
        }
    }
}
