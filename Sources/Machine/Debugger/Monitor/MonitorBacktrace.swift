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
            let image = try ELFFile(try InputFile.read(path), machine: board.architecture)
            guard !image.symbols.isEmpty else { throw InputError(file: path, problem: "has no symbols") }
            let symbols = isFound ? try find(image, guest) : LoadedSymbols(image, guest: guest, at: place)
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
        let programCounter: UInt64
        let framePointer: UInt64
        let linkRegister: UInt64

        /// What the CPU would execute next.
        init(_ processor: any InspectableProcessor) {
            let isGuests = processor.privilege.isGuests
            self.init(
                processor, processor.privilege.name, guest: isGuests ? processor.guest : nil, processor.programCounter)
        }

        init(_ processor: any InspectableProcessor, _ level: String, guest: UInt64?, _ programCounter: UInt64) {
            func register(_ names: [String]) -> UInt64 {
                names.lazy.compactMap { processor.register(named: $0) }.first ?? 0
            }
            (self.processor, self.level, self.guest, self.programCounter) = (processor, level, guest, programCounter)
            framePointer = register(["s0", "x29"])
            linkRegister = register(["ra", "x30"])
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

    /// The addresses of frames, the innermost first: by frame pointers, as the calling conventions lay the records out (RISC-V ELF
    /// psABI, "Frame Pointer Convention"; AAPCS64, "The Frame Pointer").
    /// - Parameter guest: where registers hold what this guest has left in them, there is nothing yet of who handles its exit.
    private func frames(_ context: FrameContext, above guest: FrameContext? = nil) -> [UInt64] {
        var addresses = [context.programCounter]
        let isRISCV = board.architecture == .riscv
        var pointer = context.framePointer
        while addresses.count < Self.mostFrames, pointer != 0, pointer % 8 == 0, pointer != guest?.framePointer {
            let record = isRISCV ? pointer &- 16 : pointer
            guard let bytes = context.read(record, 16, board.memory) else { break }
            let next = bytes.littleEndian(at: 0, as: UInt64.self)
            let address = bytes.littleEndian(at: 8, as: UInt64.self)
            guard address != 0 else { break }
            addresses.append(address)
            // Stacks grow down: callers' frames are above.
            guard next > pointer else { break }
            pointer = next
        }
        // A function that has called nobody may have no record: its caller is in the link register.
        let caller = context.linkRegister
        if addresses.count == 1, caller != 0, caller != context.programCounter, caller != guest?.linkRegister {
            addresses.append(caller)
        }
        return addresses
    }

    /// `backtrace [CPU]`.
    func backtrace(_ arguments: [String]) throws(Refusal) -> [String] {
        let cpu = try processor(arguments.first)
        let here = FrameContext(cpu)
        guard here.guest == nil else { return lines(frames(here), here, from: 0) }
        let beneath: (FrameContext, [UInt64])? = withGuest(nil, on: cpu) { context in
            context.guest == nil ? nil : (context, self.frames(context))
        }
        let own = frames(here, above: beneath?.0)
        var lines = lines(own, here, from: 0)
        if let (context, addresses) = beneath {
            lines.append("guest \(context.guest ?? 0), where it left:")
            lines += self.lines(addresses, context, from: own.count)
        }
        return lines
    }

    private func lines(_ addresses: [UInt64], _ context: FrameContext, from first: Int) -> [String] {
        addresses.enumerated().map { number, address in
            let name = name(address, guest: context.guest) ?? "??"
            return "\(padded("#\(first + number)", 4))\(hexadecimal(address))  \(context.level)  \(name)"
        }
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
