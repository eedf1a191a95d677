import ISA

/// What a PE needs of the machine around it, beside memory and the bus.
public protocol AArch64Environment: AnyObject {
    /// The system counter (D11.1.2).
    var counter: UInt64 { get }
    /// The PE's own timers or performance monitors changed: ask ``AArch64/ProcessingElement/timerLevels()`` and
    /// ``AArch64/ProcessingElement/monitorsInterrupt`` what their interrupts are now, and
    /// ``AArch64/ProcessingElement/nextTimer()`` when to ask again.
    func timersChanged(_ element: AArch64.ProcessingElement)
    /// How often the system counter counts in a second: what firmware tells by CNTFRQ_EL0.
    var counterFrequency: UInt64 { get }
    /// SEV: sets the event register of every PE.
    func sendEvent()
    /// The PE has called firmware, where the machine has some of its own: by HVC, or else SMC. Arguments and results are
    /// in its registers (Arm DEN 0028, SMC Calling Convention). False where that instruction is not how it is called.
    func callFirmware(_ element: AArch64.ProcessingElement, byHypervisorCall: Bool) -> Bool
    /// All PEs that share the machine's memory, this one among them: what inner-shareable maintenance reaches.
    func forEachElement(_ body: (AArch64.ProcessingElement) -> Void)
}

extension AArch64 {
    /// One processing element: the owner of a state block, its translation contexts, and the slow paths of its instructions.
    public final class ProcessingElement {
        public let identifier: Int
        public let state: UnsafeMutablePointer<State>
        /// Kept alive: the handlers are its.
        let cluster: Cluster
        public let model: CPUModel
        public let features: Features
        public let hasEL2: Bool
        public let hasEL3: Bool
        let memory: PhysicalMemory
        /// Where the machine stops for a debugger, and what this PE has to do with it.
        let debugStops: DebugStops
        let stops: ProcessorStops
        /// It leads to devices, which do not hold the PE; so the PE may hold it.
        let bus: any PhysicalBus
        unowned(unsafe) let environment: any AArch64Environment
        let code: CodeCache
        let decoder: Decoder
        let handlers: UnsafePointer<UInt>
        /// Of loads and stores by SP, before their own.
        let stackHandler: UInt
        /// The cluster's.
        let registers: SystemRegisterTable
        let instructions: SystemInstructionTable
        let pool = ContextPool()
        /// The PE's CPU interface, where its registers are a GICv3's. It does not hold the PE.
        public var interruptController: (any InterruptControllerInterface)? {
            get { interruptConnection?.interface }
            set {
                interruptConnection = newValue.map { InterruptConnection($0) }
                interruptInterface = interruptConnection.map { Uncounted($0) }
            }
        }
        private var interruptConnection: InterruptConnection?
        /// The same for accesses.
        private(set) var interruptInterface: Uncounted<InterruptConnection>?
        /// The RAM, where most of page tables and data are.
        let ram: PhysicalMemory.Region?
        /// The exception level that the PE comes out of reset in: the highest there is.
        public var resetLevel: Int { Int(features.highestLevel) }
        /// What translation depends on beside the roots, of each context: found by the number in a key's mode.
        var regimes = RegimeKeys()
        /// The first stages that are known, of EL1&0 and of EL2, in memory of their own, so that nobody copies them; and the
        /// second.
        let firstStages: UnsafeMutablePointer<TranslationRegime>
        var knowsGuest = false
        var knownHypervisor: TranslationRegime.Kind?
        var stageTwo: StageTwo
        /// What debug registers have armed, and whether it concerns code, and data.
        var armed = ArmedDebug()
        var examinesCode = false
        var examinesData = false
        let pointerCodes = PointerCodes()
        let translationFeatures: TranslationFeatures
        /// Bits of PSTATE that some PEs have.
        let optionalBits: UInt64
        /// Runs what is translated in place of the interpreter; nil where everything is interpreted.
        public var translator: Translator?
        /// Told of each exception, after it was taken, while tracing.
        public var trapObserver: ((TrapRecord) -> Void)? { didSet { updateObserved() } }
        /// Told of each write of a system register, by its number, while tracing.
        public var registerObserver: ((UInt16, UInt64) -> Void)? { didSet { updateObserved() } }
        /// Told of each return into a guest from EL2.
        public var guestEntryObserver: (() -> Void)? { didSet { updateObserved() } }
        /// Told of each exception return, after it: the level that it came from.
        public var returnObserver: ((_ from: Int) -> Void)? { didSet { updateObserved() } }
        /// Told of each WFI that is not trapped.
        public var waitObserver: (() -> Void)? { didSet { updateObserved() } }
        /// Told of the interrupts that are pending, a bit each as in ``AArch64/Interrupt``, those of HCR_EL2 among the virtual
        /// ones, whenever they may have changed.
        public var pendingObserver: ((UInt64) -> Void)? { didSet { updateObserved() } }
        /// One of these is there; then everything is interpreted.
        private(set) var isObserved = false
        /// The latest exceptions, for post-mortems.
        var traps = ExceptionRing<TrapRecord>()
        public var statistics = ProcessorStatistics()
        /// What makes the system counter of virtual time, where that is so simple; else the environment is asked.
        public var timebase: Timebase?

        /// An exception as it was taken.
        public struct TrapRecord: Sendable {
            /// Virtual time in nanoseconds.
            public let time: UInt64
            public let kind: ExceptionKind
            /// ESR_ELx; 0 for interrupts.
            public let syndrome: UInt64
            /// The address that the exception returns to.
            public let programCounter: UInt64
            public let faultAddress: UInt64
            public let guestPhysical: UInt64
            public let fromLevel: Int
            public let toLevel: Int
            /// How often the same exception came again at once.
            public var repeats: UInt64 = 0
        }

        /// - Parameter cluster: what the PEs of one machine share.
        public init(
            identifier: Int, cluster: Cluster, bus: any PhysicalBus, environment: any AArch64Environment
        ) {
            self.identifier = identifier
            self.cluster = cluster
            self.bus = bus
            self.environment = environment
            model = cluster.model
            features = cluster.features
            hasEL2 = cluster.features.contains(.el2)
            hasEL3 = cluster.features.contains(.el3)
            translationFeatures = cluster.translationFeatures
            optionalBits = PSTATE.optional(cluster.features)
            stageTwo = StageTwo(cluster.translationFeatures, hcr: 0, vtcr: 0, vttbr: 0, sctlr: 0)
            memory = cluster.memory
            debugStops = memory.stops
            stops = ProcessorStops(memory.stops)
            code = cluster.code
            decoder = cluster.decoder
            handlers = cluster.handlers
            // SAFETY: a handler has no context, so that it is the address of its code and nothing else.
            stackHandler = unsafeBitCast(AArch64.stackHandler, to: UInt.self)
            registers = cluster.registers
            instructions = cluster.instructions
            ram = memory.largestRegion
            state = .allocate(capacity: 1)
            firstStages = .allocate(capacity: 2)
            let context = pool.select(TranslationContext.Key(firstStage: 0, secondStage: 0, mode: 0))
            state.initialize(to: State(core: CoreState(context: context)))
            state.pointee.core.owner = Unmanaged.passUnretained(self).toOpaque()
            code.pools.append(pool)
            reset()
        }

        deinit {
            pointerCodes.deallocate()
            traps.deallocate()
            firstStages.deallocate()
            regimes.deallocate()
            state.deallocate()
        }

        public var core: UnsafeMutablePointer<CoreState> {
            UnsafeMutableRawPointer(state).assumingMemoryBound(to: CoreState.self)
        }

        /// The PE as a reset leaves it (D1.9), at address 0; the board sets the program counter.
        public func reset() {
            let owner = state.pointee.core.owner
            let executed = state.pointee.core.executed
            pool.flushAll()
            state.pointee = State(core: CoreState(context: state.pointee.core.context))
            state.pointee.core.owner = owner
            state.pointee.core.turnEnd = executed
            if let ram {
                state.pointee.core.memoryHost = UInt64(UInt(bitPattern: ram.host))
                state.pointee.core.memorySize = ram.size
                state.pointee.core.codeGranules = UInt64(UInt(bitPattern: ram.codeGranules))
            }
            state.pointee.pstate = initialProcessState
            resetSystemRegisters()
            contextChanged()
            debugChanged()
        }

        static func of(_ state: UnsafeMutableRawPointer) -> ProcessingElement {
            let owner = state.assumingMemoryBound(to: CoreState.self).pointee.owner!
            // SAFETY: the PE wrote its own address into the state block that it owns, and outlives every handler.
            return Unmanaged<ProcessingElement>.fromOpaque(owner).takeUnretainedValue()
        }

        /// Calls `body` with the PE, without keeping count of a reference to it.
        @inline(__always)
        static func with<Value>(_ state: UnsafeMutableRawPointer, _ body: (ProcessingElement) -> Value) -> Value {
            let owner = state.assumingMemoryBound(to: CoreState.self).pointee.owner!
            // SAFETY: as above.
            return Unmanaged<ProcessingElement>.fromOpaque(owner)._withUnsafeGuaranteedRef(body)
        }

        @inline(__always)
        static func with<Value>(
            _ state: UnsafeMutableRawPointer, _ body: (ProcessingElement) throws(Fault) -> Value
        ) throws(Fault) -> Value {
            let result = with(state) { element -> Result<Value, Fault> in
                do throws(Fault) { return .success(try body(element)) } catch { return .failure(error) }
            }
            return try result.get()
        }

        // MARK: Exception levels

        /// The current exception level.
        public var level: Int { Int(state.pointee.pstate >> 2 & 3) }

        /// EL1 and its EL0 are a guest's: they are behind a second stage.
        public var hasGuest: Bool {
            hypervisorConfiguration & (HypervisorConfiguration.vm | HypervisorConfiguration.tge)
                == HypervisorConfiguration.vm
        }

        /// HCR_EL2 as it takes effect: all clear without EL2, and in Secure state.
        @inline(__always)
        var hypervisorConfiguration: UInt64 { isEL2Enabled ? state.pointee.hcr : 0 }

        /// HCR_EL2.E2H and TGE: EL0 is an application of a host at EL2.
        var isHost: Bool {
            let both = HypervisorConfiguration.e2h | HypervisorConfiguration.tge
            return hypervisorConfiguration & both == both
        }

        /// Changes exception level and stack pointer selection, as `mode` (PSTATE.M) says.
        @inline(__always)
        func setMode(_ mode: UInt64) {
            let s = state
            saveStackPointer()
            s.pointee.pstate = s.pointee.pstate & ~PSTATE.mode | mode & PSTATE.mode
            s.pointee.core.registers[Int(AArch64.stackPointer)] = s.pointee.sp[stackPointerIndex]
        }

        /// SP_EL0, where SPSel is 0, or that of the level.
        private var stackPointerIndex: Int { state.pointee.pstate & PSTATE.spSelect == 0 ? 0 : level }

        /// Puts the current stack pointer to where it is by its own name.
        public func saveStackPointer() {
            state.pointee.sp[stackPointerIndex] = state.pointee.core.registers[Int(AArch64.stackPointer)]
        }

        /// The other way, after one was written by its name.
        public func loadStackPointer() {
            state.pointee.core.registers[Int(AArch64.stackPointer)] = state.pointee.sp[stackPointerIndex]
        }

        /// The condition flags as PSTATE and NZCV have them: in bits 31 to 28.
        public var conditionFlags: UInt64 {
            get { AArch64.nzcv(raw: state.pointee.core.flags.raw) << 28 }
            set { state.pointee.core.flags = FlagsRecord(result: AArch64.rawFlags(newValue >> 28 & 15)) }
        }

        // MARK: For the machine and its firmware

        /// MPIDR_EL1's affinity fields.
        public var affinity: UInt64 { UInt64(identifier) }

        public var isOff: Bool { state.pointee.halted }

        /// Starts the PE anew, at `entry` and with `argument` in X0.
        public func start(at entry: UInt64, argument: UInt64) {
            reset()
            state.pointee.cntfrq = environment.counterFrequency
            core.pointee.programCounter = entry
            core.pointee.registers[0] = argument
        }

        /// Turns it off, until it is started.
        public func turnOff() {
            state.pointee.halted = true
            core.pointee.endTurn()
        }

        /// Has it wait for an interrupt.
        public func wait() {
            state.pointee.waiting = !hasInterrupt
            core.pointee.endTurn()
        }

        /// Sets the event register.
        public func receiveEvent() { state.pointee.event = true }

        /// X0 to X30.
        public func generalRegister(_ number: Int) -> UInt64 { core.pointee.registers[number] }
        public func setGeneralRegister(_ number: Int, _ value: UInt64) { core.pointee.registers[number] = value }

        // MARK: Post-mortems

        /// The latest exceptions, oldest first.
        public var recentTraps: [TrapRecord] { traps.all }

        /// It takes the same exception in its own handler without end, and no interrupt can end that.
        public var isLost: Bool {
            guard let last = traps.last?.pointee else { return false }
            return last.repeats >= 1000 && last.kind == .synchronous && last.fromLevel == last.toLevel
                && last.toLevel == level && state.pointee.core.programCounter == last.programCounter
        }

        private func updateObserved() {
            isObserved =
                trapObserver != nil || registerObserver != nil || guestEntryObserver != nil || waitObserver != nil
                || returnObserver != nil || pendingObserver != nil
        }

        /// Keeps the last exceptions, and counts them: one was taken.
        @inline(__always)
        func record(
            _ kind: ExceptionKind, syndrome: UInt64, returnAddress: UInt64, from: Int, to target: Int
        ) {
            if kind != .synchronous { statistics.interrupts += 1 }
            let faultAddress = state.pointee.far[target]
            // Only what is unlike the last one, or observed, needs all of it.
            func whole() -> TrapRecord {
                TrapRecord(
                    time: core.pointee.virtualTime, kind: kind, syndrome: syndrome, programCounter: returnAddress,
                    faultAddress: faultAddress, guestPhysical: state.pointee.hpfar, fromLevel: from, toLevel: target)
            }
            if let last = traps.last, last.pointee.syndrome == syndrome, last.pointee.programCounter == returnAddress,
                last.pointee.kind == kind, last.pointee.faultAddress == faultAddress
            {
                // A loop must not push out what led to it.
                last.pointee.repeats += 1
                // The scheduler may know that nothing will come to end it.
                if kind == .synchronous, from == target, last.pointee.repeats % 1000 == 0, isLost {
                    core.pointee.endTurn()
                }
            } else {
                traps.keep(whole())
            }
            if isObserved { trapObserver?(whole()) }
        }
    }

    /// What the PEs of one machine share: memory, decoded code, and the decoder for their features.
    public final class Cluster {
        public let model: CPUModel
        public let features: Features
        public let translationFeatures: TranslationFeatures
        public let memory: PhysicalMemory
        let code: CodeCache
        let decoder: Decoder
        /// For each operation that of 32 bits and that of 64.
        let handlers: UnsafePointer<UInt>
        let registers: SystemRegisterTable
        let instructions: SystemInstructionTable
        /// SP alignment is checked somewhere, or was; and there may be translated code from before, which does not.
        var checksStackAlignment = false
        var hasStaleTranslations = false

        /// - Parameters:
        ///   - translates: whether hot code is to be translated, so that the interpreter has to stop at each jump.
        ///   - decodedPages: how many pages of decoded code are kept; nil for as many as pay.
        public init(
            model: CPUModel, memory: PhysicalMemory, translates: Bool = false, decodedPages: Int? = nil
        ) {
            self.model = model
            features = model.features
            translationFeatures = TranslationFeatures(model)
            self.memory = memory
            memory.descriptorInUse = Descriptor.inUse
            memory.stops.comparedBits = ArmedDebug.compared
            decoder = Decoder(features)
            registers = SystemRegisterTable(model)
            instructions = SystemInstructionTable(features)
            let count = 2 * Operation.allCases.count
            let table = UnsafeMutablePointer<UInt>.allocate(capacity: count)
            // SAFETY: here and below, a handler has no context, so that it is the address of its code and nothing else.
            table.initialize(repeating: unsafeBitCast(sharedHandler, to: UInt.self), count: count)
            for (operation, word, double) in AArch64.handlers + (translates ? AArch64.transferHandlers : []) {
                table[2 * Int(operation.rawValue)] = unsafeBitCast(word, to: UInt.self)
                table[2 * Int(operation.rawValue) + 1] = unsafeBitCast(double, to: UInt.self)
            }
            handlers = UnsafePointer(table)
            code = CodeCache(
                memory: memory, pageCapacity: decodedPages ?? (translates ? 512 : 6144),
                decodeHandler: unsafeBitCast(decodeHandler, to: UInt.self),
                pageEndHandler: unsafeBitCast(pageEndHandler, to: UInt.self),
                breakpointHandler: unsafeBitCast(breakpointHandler, to: UInt.self))
        }

        deinit {
            handlers.deallocate()
            registers.deallocate()
            instructions.deallocate()
        }
    }
}
