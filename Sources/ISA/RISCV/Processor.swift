/// What a hart needs of the machine around it, beside memory and the bus.
public protocol RISCVEnvironment: AnyObject {
    /// The machine's timer (mtime), which `time` reads.
    var time: UInt64 { get }
    /// The hart's own comparators (stimecmp, vstimecmp, or what shifts them) changed: ask ``RISCV/Hart/nextTimer`` when
    /// to call ``RISCV/Hart/updateTimers()``.
    func timersChanged(_ hart: RISCV.Hart)
}

extension RISCV {
    /// One hart: the owner of a state block, its translation contexts, and the slow paths of its instructions.
    public final class Hart {
        public let identifier: Int
        public let state: UnsafeMutablePointer<State>
        /// Kept alive: the handlers below are its.
        private let cluster: Cluster
        public let features: Features
        let memory: PhysicalMemory
        /// Where the machine stops for a debugger, and what this hart has to do with it.
        let debugStops: DebugStops
        let stops: ProcessorStops
        /// It leads to devices, which do not hold the hart; so the hart may hold it.
        let bus: any PhysicalBus
        unowned(unsafe) let environment: any RISCVEnvironment
        let code: CodeCache
        let decoder: Decoder
        /// The handler of each operation, then those of compressed forms.
        let handlers: UnsafePointer<UInt>
        let pool = ContextPool()
        var protection = Protection()
        /// One page of slots that lead nowhere, for instructions that no decoded page can hold.
        let scratch: UnsafeMutablePointer<DecodedSlot>
        private var directMemory = DirectMemory()
        /// The RAM, where no level is kept from any of it.
        private(set) var openMemory: PhysicalMemory.Region?
        private(set) var tableMemory = TableMemory()
        /// The RAM, where most of page tables and data are.
        let ram: PhysicalMemory.Region?
        /// The context that was selected last at each privilege.
        private let recentContexts: UnsafeMutablePointer<UnsafeMutablePointer<TranslationContext>>
        /// Those of them that know what memory is direct now.
        private var validRecentContexts: UInt8 = 0
        /// What loads and stores look like in htinst, by the word.
        let transformations: UnsafeMutablePointer<Transformation>
        /// Whether any programmable counter counts.
        var counterIsActive = false
        /// Runs what is translated in place of the interpreter; nil where everything is interpreted.
        public var translator: Translator?
        /// Told of each trap, after it was taken, while tracing.
        public var trapObserver: ((TrapRecord) -> Void)? { didSet { updateObserved() } }
        /// Told of each CSR write, while tracing: number and new value.
        public var registerObserver: ((UInt16, UInt64) -> Void)? { didSet { updateObserved() } }
        /// Told when a guest is entered: V was 0, and an xRET, which does not count as executed yet, has made it 1.
        public var guestEntryObserver: (() -> Void)? { didSet { updateObserved() } }
        /// Told of each xRET, after it: where from.
        public var returnObserver: ((_ from: Privilege, _ virtual: Bool) -> Void)? { didSet { updateObserved() } }
        /// Told of a WFI that does not trap, before it counts as executed.
        public var waitObserver: (() -> Void)? { didSet { updateObserved() } }
        /// Told of the interrupts that are pending, a bit each as in mip, whenever they may have changed.
        public var pendingObserver: ((UInt64) -> Void)? { didSet { updateObserved() } }
        /// Somebody is told of one of these; then everything is interpreted.
        private(set) var isObserved = false
        /// The latest traps, for post-mortems.
        var traps = ExceptionRing<TrapRecord>()
        public var statistics = ProcessorStatistics()
        /// What makes `time` of virtual time, where that is so simple; else the environment is asked.
        public var timebase: Timebase?
        /// Exceptions taken, beside what ``statistics`` counts.
        public var exceptionCount: UInt64 { trappedBeforeReset &+ core.pointee.trapped }
        private var trappedBeforeReset: UInt64 = 0

        /// A trap as it was taken.
        public struct TrapRecord: Sendable {
            /// Virtual time in nanoseconds.
            public let time: UInt64
            /// The cause as a cause register holds it.
            public let cause: UInt64
            public let programCounter: UInt64
            public let value: UInt64
            public let guestPhysical: UInt64
            public let fromPrivilege: Privilege
            public let fromVirtual: Bool
            public let toPrivilege: Privilege
            public let toVirtual: Bool
            /// How often the same trap came again at once.
            public var repeats: UInt64 = 0

            /// A call of the next level, which is how a healthy system lives: it is not kept, unless it leads to itself.
            public var isCall: Bool { (Cause.userCall...Cause.machineCall).contains(cause) }

            func isSame(as other: TrapRecord) -> Bool {
                cause == other.cause && programCounter == other.programCounter && value == other.value
            }
        }

        /// - Parameter cluster: what the harts of one machine share.
        public init(
            identifier: Int, cluster: Cluster, bus: any PhysicalBus, environment: any RISCVEnvironment
        ) {
            self.identifier = identifier
            self.cluster = cluster
            self.bus = bus
            self.environment = environment
            features = cluster.features
            memory = cluster.memory
            debugStops = memory.stops
            stops = ProcessorStops(memory.stops)
            code = cluster.code
            decoder = cluster.decoder
            handlers = cluster.handlers
            ram = memory.largestRegion
            state = .allocate(capacity: 1)
            scratch = DecodedPage.allocateSlots(handler: code.pageEndHandler, pageEnd: code.pageEndHandler)
            let context = pool.select(TranslationContext.Key(firstStage: 0, secondStage: 0, mode: 0))
            recentContexts = .allocate(capacity: 8)
            recentContexts.initialize(repeating: context, count: 8)
            transformations = .allocate(capacity: Self.transformationCount)
            transformations.initialize(repeating: Transformation(), count: Self.transformationCount)
            state.initialize(to: State(core: CoreState(context: context)))
            state.pointee.core.owner = Unmanaged.passUnretained(self).toOpaque()
            code.pools.append(pool)
            reset()
        }

        deinit {
            protection.deallocate()
            scratch.deallocate()
            traps.deallocate()
            recentContexts.deallocate()
            transformations.deallocate()
            state.deallocate()
        }

        /// The hart as power-on leaves it (section "Reset"), at address 0; the board sets the program counter.
        public func reset() {
            let owner = state.pointee.core.owner
            let executed = state.pointee.core.executed
            trappedBeforeReset = exceptionCount
            pool.flushAll()
            state.pointee = State(core: CoreState(context: state.pointee.core.context))
            state.pointee.core.owner = owner
            state.pointee.core.turnEnd = executed
            if let region = memory.largestRegion {
                state.pointee.core.memoryHost = UInt64(UInt(bitPattern: region.host))
                state.pointee.core.memorySize = region.size
                state.pointee.core.codeGranules = UInt64(UInt(bitPattern: region.codeGranules))
            }
            protection.update(state)
            updateDirectMemory()
            counterIsActive = false
            // Images that know nothing of menvcfg expect A and D bits to be set for them where the hart can do it: they
            // run before any firmware that would choose. (The manual leaves the reset value open.)
            if features.contains(.svadu) { state.pointee.menvcfg = State.EnvironmentConfiguration.adue }
            if !features.contains(.h) {
                state.pointee.hstatus = 0
                state.pointee.vsstatus = 0
            } else {
                state.pointee.mideleg = Self.virtualInterrupts | 1 << Interrupt.supervisorGuestExternal
            }
            privilegeChanged()
        }

        static func of(_ state: UnsafeMutableRawPointer) -> Hart {
            let owner = state.assumingMemoryBound(to: CoreState.self).pointee.owner!
            // SAFETY: the hart wrote its own address into the state block that it owns, and outlives every handler.
            return Unmanaged<Hart>.fromOpaque(owner).takeUnretainedValue()
        }

        /// Calls `body` with the hart, without keeping count of a reference to it.
        @inline(__always)
        static func with<Result>(_ state: UnsafeMutableRawPointer, _ body: (Hart) -> Result) -> Result {
            let owner = state.assumingMemoryBound(to: CoreState.self).pointee.owner!
            // SAFETY: as above.
            return Unmanaged<Hart>.fromOpaque(owner)._withUnsafeGuaranteedRef(body)
        }

        @inline(__always)
        static func with<Result>(
            _ state: UnsafeMutableRawPointer, _ body: (Hart) throws(Fault) -> Result
        ) throws(Fault) -> Result {
            let result = with(state) { hart -> Swift.Result<Result, Fault> in
                do throws(Fault) { return .success(try body(hart)) } catch { return .failure(error) }
            }
            return try result.get()
        }

        /// The level's number: its privilege, and 4 where V=1.
        static func place(_ privilege: Privilege, virtual: Bool) -> Int {
            Int(privilege.rawValue) | (virtual ? 4 : 0)
        }

        /// What translation contexts depend on has changed, or may have.
        func privilegeChanged() {
            forgetContexts()
            levelChanged()
        }

        /// Which contexts belong to the levels has to be found out anew.
        func forgetContexts() { state.pointee.contexts = .init(repeating: 0) }

        /// Selects the translation context, and what else follows from privilege and status registers, after a trap or a
        /// return.
        func levelChanged() {
            let s = state
            let place = Self.place(s.pointee.privilege, virtual: s.pointee.virtual)
            // With MPRV, the context is that of another level.
            let isOwn = s.pointee.privilege != .machine || s.pointee.mstatus & State.Status.mprv == 0
            let known = UInt(s.pointee.contexts[place])
            if isOwn, let context = UnsafeMutablePointer<TranslationContext>(bitPattern: known) {
                s.pointee.core.context = context
            } else {
                selectContext(place)
                if isOwn && !counterIsActive {
                    s.pointee.contexts[place] = UInt64(UInt(bitPattern: s.pointee.core.context))
                }
            }
            let isOn = s.pointee.mstatus & State.Status.fs != 0
            let isOnForGuest = !s.pointee.virtual || s.pointee.vsstatus & State.Status.fs != 0
            s.pointee.core.floatEnabled = isOn && isOnForGuest ? 1 : 0
        }

        private func selectContext(_ place: Int) {
            let key = contextKey()
            // Most changes are between a few contexts, one for each privilege.
            var context = recentContexts[place]
            if validRecentContexts & 1 << UInt8(place) != 0, context.pointee.key == key {
                pool.touch(context)
            } else {
                // Those of the levels are selected without a word to the pool.
                for place in 0..<8 {
                    let known = UInt(state.pointee.contexts[place])
                    if let context = UnsafeMutablePointer<TranslationContext>(bitPattern: known) { pool.touch(context) }
                }
                context = pool.select(key, evicting: { forgetContexts() })
                enterDirectMemory(context, isDirect: key.mode & Self.untranslatedContext != 0)
                recentContexts[place] = context
                validRecentContexts |= 1 << UInt8(place)
            }
            core.pointee.context = context
        }

        /// The bit of a context key's mode that says that data accesses are a guest's, so that both roots are its own.
        static let guestContext: UInt64 = 1 << 5
        /// The bit that says that data addresses are physical ones.
        static let untranslatedContext: UInt64 = 1 << 9

        /// Lets translated code read memory without a look into the TLB, where addresses are physical and nothing protects
        /// any of it.
        private func enterDirectMemory(_ context: UnsafeMutablePointer<TranslationContext>, isDirect: Bool) {
            var mode = UInt64(state.pointee.privilege.rawValue) << 1 | (state.pointee.virtual ? 1 << 3 : 0)
            let limit = isDirect ? directMemory.limit : 0
            if limit != 0 { mode |= 1 }
            context.pointee.directBase = directMemory.base
            context.pointee.directLimit = limit
            context.pointee.directAddend = directMemory.addend
            context.pointee.codeMode = mode
        }

        /// Host address of `count` bytes of memory, or nil when they are not all in one region.
        @inline(__always)
        func host(_ address: UInt64, count: UInt64) -> UnsafeMutableRawPointer? {
            if let ram {
                let offset = address &- ram.base
                if offset < ram.size && count <= ram.size &- offset { return ram.host + Int(offset) }
            }
            return memory.host(address, count: count)
        }

        /// Works out which memory that is, after protection has changed.
        func updateDirectMemory() {
            validRecentContexts = 0
            forgetContexts()
            tableMemory = TableMemory()
            if let ram {
                let part = protection.readablePart(of: ram.base, ram.size)
                if part.size >= 8 {
                    tableMemory = TableMemory(
                        base: part.start, limit: part.size - 7, host: ram.host + Int(part.start - ram.base))
                }
            }
            openMemory = memory.largestRegion.flatMap { region in
                let isOpen = [RISCV.Access.read, .write].allSatisfy {
                    protection.allows(region.base, region.size, $0, machine: false)
                }
                return isOpen ? region : nil
            }
            guard features.contains(.misaligned), let region = memory.largestRegion,
                protection.allows(region.base, region.size, .read, machine: true),
                !debugStops.watchesReads(of: region.base, count: region.size)
            else {
                directMemory = DirectMemory()
                return
            }
            directMemory = DirectMemory(
                base: region.base, limit: region.size, addend: UInt64(UInt(bitPattern: region.host)) &- region.base)
        }

        /// Memory that page tables may be read from without a question to protection.
        struct TableMemory {
            var base: UInt64 = 0
            /// Where an entry may begin, counted from the base: 0 where there is none.
            var limit: UInt64 = 0
            var host = UnsafeMutableRawPointer(bitPattern: 8)!
        }

        private struct DirectMemory {
            var base: UInt64 = 0
            /// 0 where there is none.
            var limit: UInt64 = 0
            var addend: UInt64 = 0
        }

        @inline(__always)
        private func contextKey() -> TranslationContext.Key {
            let data = dataMode
            let fetchVirtual = state.pointee.virtual
            var mode = UInt64(state.pointee.privilege.rawValue) | UInt64(data.privilege.rawValue) << 2
            if fetchVirtual { mode |= 1 << 4 }
            if data.virtual { mode |= Self.guestContext }
            if data.sum && data.privilege == .supervisor { mode |= 1 << 6 }
            if data.makeExecutableReadable { mode |= 1 << 7 }
            if data.makeExecutableReadableBoth { mode |= 1 << 8 }
            // In machine mode without MPRV nothing is translated, so that all roots share one context.
            if data.privilege == .machine {
                return TranslationContext.Key(firstStage: 0, secondStage: 0, mode: mode | Self.untranslatedContext)
            }
            return TranslationContext.Key(
                firstStage: data.virtual ? state.pointee.vsatp : state.pointee.satp,
                secondStage: data.virtual ? state.pointee.hgatp : 0, mode: mode)
        }

        /// The trap came from the first instruction of the handler that it goes to.
        public func isInHandler(_ trap: TrapRecord) -> Bool {
            let vector =
                trap.toPrivilege == .machine
                ? state.pointee.mtvec : trap.toVirtual ? state.pointee.vstvec : state.pointee.stvec
            return trap.programCounter == vector & ~3
        }

        /// It takes the same exception in its handler without end: nothing that it could change by itself is left, and no
        /// interrupt is taken, as the trap has disabled those of its own level and none of a higher one is enabled.
        public var isLost: Bool {
            guard let last = traps.last?.pointee, last.repeats >= 1000, last.cause >> 63 == 0, isInHandler(last) else {
                return false
            }
            let (privilege, virtual) = (state.pointee.privilege, state.pointee.virtual)
            return state.pointee.core.programCounter == last.programCounter
                && (privilege == .machine || state.pointee.mie == 0)
                && last.fromPrivilege == privilege && last.toPrivilege == privilege
                && last.fromVirtual == virtual && last.toVirtual == virtual
        }

        /// The latest traps, oldest first.
        public var recentTraps: [TrapRecord] { traps.all }

        private func updateObserved() {
            isObserved =
                trapObserver != nil || registerObserver != nil || guestEntryObserver != nil || waitObserver != nil
                || returnObserver != nil || pendingObserver != nil
        }

        /// Keeps the last traps, and counts them.
        func record(_ trap: TrapRecord) {
            if trap.cause >> 63 == 1 { statistics.interrupts += 1 }
            if !trap.isCall || isInHandler(trap) { keep(trap) }
            if isObserved { trapObserver?(trap) }
        }

        private func keep(_ trap: TrapRecord) {
            if let last = traps.last, last.pointee.isSame(as: trap) {
                // A loop must not push out what led to it.
                last.pointee.repeats += 1
                // The scheduler may know that nothing will come to end it.
                if last.pointee.repeats % 1000 == 0, isLost { endTurn() }
            } else {
                traps.keep(trap)
            }
        }
    }

    /// What the harts of one machine share: memory, decoded code, and the decoder for their features.
    public final class Cluster {
        public let features: Features
        public let memory: PhysicalMemory
        let code: CodeCache
        let decoder: Decoder
        /// One for each operation, and again for its compressed form.
        let handlers: UnsafePointer<UInt>

        /// - Parameters:
        ///   - translates: whether hot code is to be translated, so that the interpreter has to stop at each jump.
        ///   - decodedPages: how many pages of code are kept decoded for the interpreter, 32 KiB each. Where only cold code
        ///     is interpreted, few do.
        public init(
            features: Features, memory: PhysicalMemory, translates: Bool = false, decodedPages: Int? = nil
        ) {
            self.features = features
            self.memory = memory
            memory.descriptorInUse = PageTableEntry.inUse
            decoder = Decoder(features)
            let count = Operation.count
            precondition(RISCV.handlers.count == count, "the handler table does not follow the operations")
            let table = UnsafeMutablePointer<UInt>.allocate(capacity: 2 * count)
            // SAFETY: here and below, a handler has no context, so that it is the address of its code and nothing else.
            for (index, handler) in RISCV.handlers.enumerated() {
                table[index] = unsafeBitCast(handler, to: UInt.self)
                // An operation that does not end with a constant advance has one handler for both lengths.
                table[count + index] = table[index]
            }
            for (operation, handler) in RISCV.compressedHandlers {
                table[count + Int(operation.rawValue)] = unsafeBitCast(handler, to: UInt.self)
            }
            for (operation, handler) in translates ? RISCV.transferHandlers : [] {
                table[Int(operation.rawValue)] = unsafeBitCast(handler, to: UInt.self)
                table[count + Int(operation.rawValue)] = unsafeBitCast(handler, to: UInt.self)
            }
            handlers = UnsafePointer(table)
            code = CodeCache(
                memory: memory, pageCapacity: decodedPages ?? (translates ? 512 : 6144),
                decodeHandler: unsafeBitCast(decodeHandler, to: UInt.self),
                pageEndHandler: unsafeBitCast(pageEndHandler, to: UInt.self),
                breakpointHandler: unsafeBitCast(breakpointHandler, to: UInt.self))
        }

        deinit { handlers.deallocate() }
    }
}
