import ISA

/// Translates the code that a machine runs often into the host's, and runs it.
///
/// Code is interpreted until an address that was jumped to has been come to as often as the threshold says; then all code
/// that is reached from there within the page is translated. Translated code is found by virtual and physical address
/// and mode, and shared by all translation contexts; which of it a context may run, and at which address, is in the
/// context's jump cache, which is filled from here after a fetch was allowed.
public final class HotCode: Translator {
    public struct Options: Sendable {
        /// How often code is come to before it is translated.
        public var threshold = 24
        /// Bytes of host code at most.
        public var capacity = 64 << 20
        public var switches = OptimizationSwitches.all
        /// Makes translated code leave for the interpreter, and forgets it, where it otherwise would not.
        public var injectsFaults = false
        /// What the host is said to have; what it has, when nil. Code for another is not to be run.
        var host: X64.HostFeatures?
        /// Where results on their way have room in the state block. Few code runs out of all of it; tests leave less.
        var spillSlots = CoreState.spillCount
        public init() {}
    }

    /// Why nothing can be translated here.
    public struct Unavailable: Error, CustomStringConvertible {
        public let description: String
    }

    public let options: Options
    public internal(set) var statistics = Statistics()
    /// Counts which instructions translated code is left for.
    public var countsReasons = false
    /// Told of each region when it is made: the guest address that it was made for, and where its code is.
    public var observer: (_ address: UInt64, _ code: UnsafeRawBufferPointer) -> Void = { _, _ in }
    /// Notes what code is made of what, for a listing.
    var record: X64.CodeRecord?
    private let faults: FaultInjection?
    private let host: X64.HostFeatures
    private let memory: PhysicalMemory
    let code: CodeMemory
    let trampolines: X64.Trampolines
    private var pages = TranslatedPages()
    private let cold = ColdPlaces()
    private var pagesByPhysical: [UInt64: [TranslatedPage]] = [:]
    /// Those whose jump caches lead into the code.
    private var processors: [Attached] = []
    /// Processors hold their translator, so that it may not hold them.
    private struct Attached { unowned let processor: any TranslatableProcessor }
    // What translates is kept from one region to the next, as it needs the same memory again.
    private var region = Region()
    private var recorder: Recorder
    private var blocks = ContiguousArray<RegionEdges.RecordedBlock>()
    private var registerUses = ContiguousArray<Int>(repeating: 0, count: 64)
    private var generator: X64.Generator
    /// Of the region that was translated last.
    var edges: RegionEdges { generator.edges }

    private typealias Enter = @convention(c) (UnsafeMutableRawPointer, UInt) -> UInt64
    private let enter: Enter

    /// - Parameter memory: whose changes of code are to be obeyed.
    public init(
        memory: PhysicalMemory, guest: GuestTranslation, options: Options = Options()
    ) throws(Unavailable) {
        host = options.host ?? .host
        guard host.contains(.version2) else {
            throw Unavailable(
                description: "this computer's processor is no x86-64-v2, which is what the translator makes code for")
        }
        self.options = options
        faults = options.injectsFaults ? FaultInjection() : nil
        do throws(CodeMemory.Unavailable) {
            code = try CodeMemory(capacity: options.capacity)
        } catch {
            throw Unavailable(description: "there is no memory for translated code: \(error)")
        }
        var assembler = X64.Assembler(code.free)
        let map = RegisterMap(guest)
        trampolines = X64.Trampolines(&assembler, at: code.freeAddress, map, guest)
        code.commit(trampolines.count)
        generator = X64.Generator(map, trampolines, host, options.switches, spillSlots: options.spillSlots)
        generator.blocksLeft = faults.map { UInt(bitPattern: $0.blocksLeft) }
        var simplifications: Recorder.Simplifications = [.addresses]
        if options.switches.contains(.constants) { simplifications.insert(.constants) }
        if options.switches.contains(.forwarding) { simplifications.insert(.registers) }
        recorder = Recorder(
            at: 0, simplifications: simplifications, zeroRegister: guest.zeroRegister, sinkRegister: guest.sinkRegister)
        // SAFETY: the trampoline was made to be called as this type says.
        enter = unsafeBitCast(trampolines.enter, to: Enter.self)
        self.memory = memory
        super.init()
        memory.addObserver(self)
    }

    deinit { memory.removeObserver(self) }

    /// A processor whose code this translates. - Precondition: it outlives the translator's last ``run(_:)``.
    public func attach(_ processor: any TranslatableProcessor) {
        processors.append(Attached(processor: processor))
    }

    // MARK: Running

    public override func run(_ processor: any TranslatableProcessor) -> Bool {
        let core = processor.core
        while true {
            if let faults, faults.isFlushDue() { flush() }
            let address = core.pointee.programCounter
            var entry = core.pointee.context.pointee.code(of: address)
            if entry == 0 {
                if cold.countsVisit(address, mode: core.pointee.context.pointee.codeMode) { return false }
                entry = resolve(address, processor)
                if entry == 0 { return false }
                core.pointee.missedJump = 0
            }
            let executed = core.pointee.executed
            let exit = enter(UnsafeMutableRawPointer(core), UInt(entry))
            statistics.executed &+= core.pointee.executed &- executed
            statistics.exitCounts[Int(exit)] += 1
            if exit == X64.Exit.interpret.rawValue {
                if countsReasons { countReason(processor) }
                if core.pointee.refusedDevice != 0 { noteDeviceAccess(processor) }
            }
            // Nothing may be executed any more.
            if core.pointee.budget == 0 { return true }
            // An unresolved jump may find its code now.
            guard exit == X64.Exit.resolve.rawValue else { return exit == X64.Exit.event.rawValue }
        }
    }

    /// The code of `address`, entered into the current context's jump cache; 0 where it is not translated.
    private func resolve(_ address: UInt64, _ processor: any TranslatableProcessor) -> UInt64 {
        statistics.lookups += 1
        guard let page = processor.codePage(at: address) else { return 0 }
        let context = processor.core.pointee.context
        let mode = context.pointee.codeMode
        // Before the page is looked up: a page that is forgotten would not hear of changes of its code.
        if code.free.count < 1 << 20 { flush() }
        let translated = translatedPage(
            TranslatedPage.Key(virtual: address & ~4095, physical: page.physical, mode: mode))
        var offset = translated.entry(address)
        if offset == 0 {
            if translated.isRefused(address) {
                cold.enter(address, mode: mode, visits: Int.max)
                return 0
            }
            let threshold = faults == nil ? options.threshold : min(options.threshold, FaultInjection.threshold)
            let visits = translated.count(cold.takeVisits(address, mode: mode), at: address)
            guard visits >= threshold else {
                // The last visit before the threshold is looked up.
                cold.enter(address, mode: mode, visits: threshold &- visits &- 1)
                return 0
            }
            translated.resetCount(at: address)
            timed { translate(address, page, translated, processor) }
            offset = translated.entry(address)
            if offset == 0 { return 0 }
        }
        let entry = UInt64(UInt(bitPattern: code.executable)) + UInt64(offset)
        context.pointee.enterJump(address, code: entry)
        return entry
    }

    private func translatedPage(_ key: TranslatedPage.Key) -> TranslatedPage {
        if let page = pages[key] { return page }
        let page = TranslatedPage(key)
        pages.insert(page)
        pagesByPhysical[key.physical, default: []].append(page)
        return page
    }

    // MARK: Translating

    /// - Returns: bytes of the code that was made; 0 when none can be.
    @discardableResult
    func translate(
        _ address: UInt64, _ page: CodePage, _ translated: TranslatedPage, _ processor: any TranslatableProcessor
    ) -> Int {
        while true {
            do throws(Refusal) {
                return try translateRegion(at: address, page, translated, processor)
            } catch {
                statistics.refusals += 1
                translated.refuse(error.block)
                // The other blocks have code without it.
                if error.block == address { return 0 }
            }
        }
    }

    /// No code can be made of the block.
    private struct Refusal: Error { let block: UInt64 }

    private func translateRegion(
        at address: UInt64, _ page: CodePage, _ translated: TranslatedPage, _ processor: any TranslatableProcessor
    ) throws(Refusal) -> Int {
        region.find(from: address, in: page, of: processor, options.switches, translated)
        let context = processor.core.pointee.context
        let direct: X64.Generator.DirectMemory? =
            context.pointee.directLimit > 0 && faults == nil
            ? .init(base: context.pointee.directBase, size: context.pointee.directLimit) : nil
        let usesWindows = options.switches.contains(.windows)
        generator.begin(
            code.free, at: code.freeAddress, direct: direct,
            windows: (usesWindows && context.pointee.hasReadWindow, usesWindows && context.pointee.hasWriteWindow))
        generator.record = record
        for address in region.labels { generator.beginBlock(at: address) }
        for index in region.labels.indices {
            let ending = recordBlock(at: region.labels[index], page, translated, processor)
            if index == blocks.count { blocks.append(RegionEdges.RecordedBlock()) }
            swap(&blocks[index].block, &recorder.block)
            blocks[index].ending = ending
        }
        if options.switches.contains(.loopRegisters) {
            for loop in region.loops { begin(loop) }
        }
        if options.switches.contains(.edgeFlags) { generator.findEdges(blocks, region.labels.count) }
        for index in region.labels.indices {
            let count = blocks[index].block.instructionsOfOneRound
            statistics.instructions += count
            if count > 0 {
                let last = blocks[index].block.instructions[count - 1]
                translated.cover(
                    region.labels[index], bytes: UInt64(truncatingIfNeeded: last.offset) + UInt64(last.length))
            }
            let following = index + 1 < region.labels.count ? region.labels[index + 1] : nil
            generator.generate(&blocks[index].block, ending: blocks[index].ending, following: following)
            if generator.hasFailed { throw Refusal(block: region.labels[index]) }
        }
        generator.generateStubs()
        generator.assembler.finish()
        record = generator.record
        if generator.hasFailed || generator.assembler.hasOverflowed { throw Refusal(block: address) }
        let start = UInt32(code.used)
        for address in region.labels {
            translated.setEntry(address, start + UInt32(generator.offset(ofBlock: address)))
            cold.leave(address)
        }
        let count = generator.assembler.count
        statistics.regions += 1
        statistics.bytes += count
        observer(address, UnsafeRawBufferPointer(start: code.executable + code.used, count: count))
        code.commit(count)
        return count
    }

    /// Finds which registers the loop uses most, for a register map of its own.
    private func begin(_ loop: ClosedRange<UInt64>) {
        registerUses.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        for (index, address) in region.labels.enumerated() where loop.contains(address) {
            let weight = 1 << (2 * min(region.depth(of: address), 4))
            blocks[index].block.countRegisterUses(&registerUses, weight)
        }
        guard generator.beginLoop(registerUses) else { return }
        for address in region.labels where loop.contains(address) { generator.addToLoop(address) }
    }

    /// Records the block at `address`, up to the next label or a jump.
    private func recordBlock(
        at address: UInt64, _ page: CodePage, _ translated: TranslatedPage, _ processor: any TranslatableProcessor
    ) -> X64.Generator.Ending? {
        recorder.begin(at: address)
        var next = address
        while true {
            let isElsewhere = (next ^ address) & ~4095 != 0 || generator.hasBlock(at: next)
            if next != address, isElsewhere || translated.isRefused(next) { return .next(next) }
            // What is long goes on in a region of its own.
            if recorder.block.nodes.count >= 2000 { return .next(next) }
            guard record(next, page, translated, processor) else { return .interpreted(next) }
            if options.switches.contains(.unrolling), recorder.goRound() {
                next = address
                continue
            }
            if recorder.isClosed { return nil }
            next = next &+ UInt64(processor.length(of: next, in: page))
            if options.switches.contains(.conditionalMoves) { next = recordSkip(at: next, page, processor) }
        }
    }

    /// Records the instruction at `address`, or that the interpreter is called for it; false, and nothing recorded, where
    /// translated code has to be left for it.
    private func record(
        _ address: UInt64, _ page: CodePage, _ translated: TranslatedPage, _ processor: any TranslatableProcessor
    ) -> Bool {
        guard processor.record(address, in: page, &recorder) else { return false }
        let last = recorder.block.instructions.count - 1
        var isSupported = true
        // A closure would copy the generator.
        for index in recorder.block.nodes(of: last) where !generator.supports(recorder.block.nodes[index]) {
            isSupported = false
        }
        if isSupported && !translated.isDeviceAccess(address) { return true }
        switch processor.shape(of: address, in: page) {
        case .plain, .simple:
            let description = processor.accessDescription(of: address, in: page)
            if !isSupported || !recorder.callForLastAccess(described: description) { recorder.interpretLast() }
            return true
        default:
            if isSupported { return true }
            recorder.removeLast()
            return false
        }
    }

    /// Where the last instruction is a branch over the simple one at `address`, records that under the condition of the
    /// branch. - Returns: the address to go on at.
    private func recordSkip(at address: UInt64, _ page: CodePage, _ processor: any TranslatableProcessor) -> UInt64 {
        guard recorder.block.nodes.last?.operation == .branch, address & 4095 != 0, !generator.hasBlock(at: address)
        else { return address }
        let length = processor.length(of: address, in: page)
        guard processor.shape(of: address, in: page) == .simple, let skip = recorder.takeBranch(over: length) else {
            return address
        }
        // What is simple is always recorded.
        _ = processor.record(address, in: page, &recorder)
        recorder.finish(skip)
        return address &+ UInt64(length)
    }

    /// Code was left for an access to a device. Where that comes again and again, the interpreter is to be called instead.
    private func noteDeviceAccess(_ processor: any TranslatableProcessor) {
        processor.core.pointee.refusedDevice = 0
        let address = processor.core.pointee.programCounter
        guard let page = processor.codePage(at: address) else { return }
        let mode = processor.core.pointee.context.pointee.codeMode
        let key = TranslatedPage.Key(virtual: address & ~4095, physical: page.physical, mode: mode)
        guard let translated = pages[key], translated.countDeviceAccess(address) else { return }
        forget(translated, keepingAccesses: true)
    }

    // MARK: Forgetting

    public override func codeChanged(page: UInt64, granules: UInt64) {
        guard let translated = pagesByPhysical[page] else { return }
        for page in translated where page.granules & granules != 0 {
            statistics.invalidations += 1
            forget(page, keepingAccesses: false)
        }
    }

    public override func breakpointsChanged(in page: UInt64, _ space: DebugStops.AddressSpace) {
        switch space {
        case .physical:
            for translated in pagesByPhysical[page] ?? [] { forget(translated, keepingAccesses: true) }
        case .virtual:
            pages.forEach { if $0.key.virtual == page { forget($0, keepingAccesses: true) } }
        }
    }

    public override func memoryMapChanged() { flush() }

    public override func forget() { flush() }

    private func forget(_ page: TranslatedPage, keepingAccesses: Bool) {
        page.clear(keepingAccesses: keepingAccesses)
        for attached in processors {
            attached.processor.forEachContext { $0.pointee.dropJumps(into: page.key.virtual) }
        }
    }

    /// Forgets all code. - Precondition: none is being executed.
    private func flush() {
        statistics.flushes += 1
        for attached in processors { attached.processor.forEachContext { $0.pointee.flushJumps() } }
        pages = TranslatedPages()
        pagesByPhysical.removeAll()
        code.reset(to: trampolines.count)
    }
}

extension Block {
    /// How many instructions there are before the first comes again.
    fileprivate var instructionsOfOneRound: Int {
        for index in instructions.indices.dropFirst() where instructions[index].offset <= instructions[index - 1].offset
        {
            return index
        }
        return instructions.count
    }

    /// Adds `weight` for each use of a register's value, and for each set of it.
    fileprivate func countRegisterUses(_ uses: inout ContiguousArray<Int>, _ weight: Int) {
        func count(_ node: Node) {
            if node.immediate < UInt64(uses.count) { uses[Int(node.immediate)] += weight }
        }
        for node in nodes {
            if node.operation == .setRegister { count(node) }
            let kinds = node.operation.operands
            for position in 0..<4 where kinds[position] != .nothing {
                let operand = node[operand: position]
                if operand >= 0, nodes[Int(operand)].operation == .register { count(nodes[Int(operand)]) }
            }
        }
    }
}
