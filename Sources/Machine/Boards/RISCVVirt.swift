import ISA
import JIT

/// A RISC-V machine with the memory map of QEMU's `virt` board, on which existing images run unchanged.
public final class RISCVVirt {
    public let memory = PhysicalMemory()
    public let space: AddressSpace
    public let clock: Clock
    public let scheduler: Scheduler
    public let features: RISCV.Features
    /// What executes instructions: the interpreter, too, where the JIT was asked for and is not available.
    public let engine: Engine
    /// The JIT, where that is what executes.
    public let translator: HotCode?
    public private(set) var harts: [RISCV.Hart] = []
    public private(set) var processors: [any InspectableProcessor] = []
    public let aclint: ACLINT
    public let plic: PLIC
    public let uart: NS16550A
    public let rtc: GoldfishRTC
    public let test: SiFiveTest
    public let flash: [CFIFlash]
    public let firmwareConfiguration: FirmwareConfiguration
    public let virtio: [VirtIOMMIO]
    /// The screen, and what a person in front of it has; nil on a machine without.
    public let display: Display?
    /// All devices, in the order of their addresses.
    public var devices: [any Device] { space.mappings.map(\.device) }
    /// What the guest last asked of the machine as a whole.
    public private(set) var request: MachineRequest?
    public let memorySize: UInt64

    /// What to build.
    public typealias Configuration = BoardConfiguration<RISCV.Features>

    private typealias Layout = RISCVVirtLayout

    /// The wires from interrupt controllers to a hart.
    private final class HartPins: InterruptSink {
        /// The board holds both, and lets them go together. A hart holds the bus, and so the PLIC, and so these.
        private let hart: Uncounted<RISCV.Hart>
        init(_ hart: RISCV.Hart) { self.hart = Uncounted(hart) }
        func setLine(_ number: Int, _ level: Bool) { hart.with { $0.setLine(UInt64(number), level) } }
    }

    /// What harts ask of the board.
    private final class Environment: RISCVEnvironment {
        weak var board: RISCVVirt?
        var timers: [Clock.Timer] = []
        var time: UInt64 { board?.aclint.mtime ?? 0 }

        /// Arms the hart's timer for when its own comparators match next.
        func timersChanged(_ hart: RISCV.Hart) {
            guard let board, hart.identifier < timers.count else { return }
            if let tick = hart.nextTimer, let due = board.aclint.nanoseconds(at: tick) {
                timers[hart.identifier].arm(at: due)
            } else {
                timers[hart.identifier].cancel()
            }
        }
    }

    private let environment = Environment()
    private var pins: [HartPins] = []

    /// - Throws: ``InputError`` when the host has not the memory.
    public init(_ configuration: Configuration) throws(InputError) {
        memorySize = configuration.memorySize
        features = configuration.cpu
        clock = configuration.clock
        space = AddressSpace(memory: memory)
        scheduler = Scheduler(clock: clock)
        guard memory.addRegion(base: Layout.ramBase, size: memorySize) != nil,
            memory.addRegion(base: Layout.resetROM.base, size: Layout.resetROM.size, isReadOnly: true) != nil
        else {
            throw InputError(
                file: "memory", problem: "this computer has no room for \(ByteCount(memorySize)) of guest memory",
                mend: "Ask for less with --memory.")
        }
        translator = configuration.makeTranslator(RISCV.Hart.translation, memory: memory)
        engine = translator == nil ? .interpreter : .jit
        let cluster = RISCV.Cluster(
            features: features, memory: memory, translates: translator != nil,
            decodedPages: configuration.decodedPages)
        for index in 0..<configuration.cpus {
            let hart = RISCV.Hart(identifier: index, cluster: cluster, bus: space, environment: environment)
            hart.translator = translator
            translator?.attach(hart)
            harts.append(hart)
            processors.append(hart)
            pins.append(HartPins(hart))
            scheduler.add(hart)
        }
        let pins = pins
        func lines(_ interrupt: UInt64) -> [InterruptLine] {
            pins.map { InterruptLine(to: $0, number: Int(interrupt)) }
        }
        aclint = ACLINT(
            name: "clint@2000000", clock: clock, frequency: UInt64(Layout.timebaseFrequency),
            softwareInterrupts: lines(RISCV.Interrupt.machineSoftware),
            timerInterrupts: lines(RISCV.Interrupt.machineTimer))
        let machineExternal = lines(RISCV.Interrupt.machineExternal)
        let supervisorExternal = lines(RISCV.Interrupt.supervisorExternal)
        plic = PLIC(
            name: "plic@c000000", sources: Int(Layout.interruptSources) + 1,
            outputs: zip(machineExternal, supervisorExternal).flatMap { [$0, $1] })
        uart = NS16550A(
            name: "serial@10000000", clock: clock, backend: configuration.console,
            interrupt: InterruptLine(to: plic, number: Int(Layout.uartInterrupt)),
            frequency: UInt64(Layout.uartClock))
        rtc = GoldfishRTC(
            name: "rtc@101000", clock: clock,
            interrupt: InterruptLine(to: plic, number: Int(Layout.rtcInterrupt)),
            powerOnTime: configuration.powerOnTime)
        var ask: (MachineRequest) -> Void = { _ in }
        test = SiFiveTest(name: "test@100000") { ask($0) }
        let plic = plic
        func line(_ interrupt: UInt32, _ index: Int) -> InterruptLine {
            InterruptLine(to: plic, number: Int(interrupt) + index)
        }
        let memory = memory
        let peripherals = try Peripherals(
            configuration, Layout.peripherals(memorySize: memorySize), space: space,
            Peripherals.Interrupts(
                virtio: { line(Layout.virtioInterrupt, $0) },
                pcie: (0..<4).map { line(Layout.pcieInterrupt, $0) },
                // There is nobody to make interrupts of them, and they are writes as others are.
                deliver: { _ = memory.store($0.address, $0.data) }))
        (flash, firmwareConfiguration) = (peripherals.flash, peripherals.firmwareConfiguration)
        (virtio, display) = (peripherals.virtio, peripherals.display)
        space.map(test, in: Layout.test)
        space.map(rtc, in: Layout.rtc)
        space.map(aclint, in: Layout.clint)
        space.map(plic, in: Layout.plic)
        space.map(uart, in: Layout.uart)
        environment.board = self
        environment.timers = harts.map { hart in
            Clock.Timer(clock) { [unowned self, unowned hart] in
                hart.updateTimers()
                environment.timersChanged(hart)
            }
        }
        if 1_000_000_000 % aclint.frequency == 0 {
            let period = 1_000_000_000 / aclint.frequency
            for hart in harts {
                hart.timebase = .init(
                    nanosecondsPerTick: period, offset: aclint.offset, latestRead: clock.latestRead)
            }
        }
        aclint.timeChanged = { [unowned self] in
            for hart in harts {
                hart.timebase?.offset = aclint.offset
                hart.updateTimers()
                environment.timersChanged(hart)
            }
        }
        ask = { [unowned self] in
            request = $0
            scheduler.stop()
        }
    }

    /// The extensions as the device tree names them.
    public var isa: RISCVISA {
        var extensions = ["zicsr", "zifencei", "zicntr", "zihpm"]
        for (name, feature) in RISCV.Features.names where features.contains(feature) {
            if name.first == "z" || (name.first == "s" && !name.hasPrefix("sv4") && !name.hasPrefix("sv5")) {
                extensions.append(name)
            }
        }
        return RISCVISA(letters: features.contains(.h) ? "imafdch" : "imafdc", extensions: extensions)
    }

    public var deviceTree: RISCVVirtDeviceTree {
        let mmu: RISCVVirtDeviceTree.MMU = features.contains(.sv57) ? .sv57 : features.contains(.sv48) ? .sv48 : .sv39
        return RISCVVirtDeviceTree(harts: harts.count, memorySize: memorySize, isa: isa, mmu: mmu)
    }

    /// Loads a plan and sets all harts to the reset code.
    public func powerOn(_ plan: LoadPlan) throws(InputError) {
        try plan.load(into: memory)
        writeResetCode(plan)
        for hart in harts {
            hart.reset()
            hart.state.pointee.core.programCounter = Layout.resetROM.base
        }
        // The interrupt controller comes last: it holds pending what devices ask for until they are reset.
        for device in devices where device !== plic { device.reset() }
        plic.reset()
        request = nil
    }

    public func describeOwnState(_ visitor: inout some StateVisitor) {
        visitor.field(&request)
        for timer in environment.timers { timer.describeState(&visitor) }
    }

    public func ownStateRestored() {
        // The wires need nothing: who drives them and who hears them have been restored with their levels.
        for hart in harts { hart.timebase?.offset = aclint.offset }
    }

    /// The code that every hart starts with: a0 = its number, a1 = the device tree, a2 = what comes after the firmware in
    /// the form of OpenSBI's `fw_dynamic_info`; then the entry point. As QEMU's board has it, so that firmware built for
    /// one runs on the other.
    private func writeResetCode(_ plan: LoadPlan) {
        guard let rom = memory.host(Layout.resetROM.base, count: Layout.resetROM.size) else { return }
        let code: [UInt32] = [
            0x0000_0297,  // auipc t0, 0
            0x0282_8613,  // addi  a2, t0, 40     (the information below)
            0xf140_2573,  // csrr  a0, mhartid
            0x0202_b583,  // ld    a1, 32(t0)     (the device tree)
            0x0182_b283,  // ld    t0, 24(t0)     (the entry point)
            0x0002_8067,  // jr    t0
        ]
        let information: [UInt64] = [
            plan.entry, plan.deviceTree ?? 0,
            0x4942_534f,  // magic "OSBI"
            2,  // version
            plan.kernelEntry ?? 0,
            1,  // the next stage runs in S-mode
            0,  // options
            0,  // boot hart
        ]
        memory.willChange(Layout.resetROM.base, count: 256)
        for (index, word) in code.enumerated() {
            rom.storeBytes(of: word.littleEndian, toByteOffset: index * 4, as: UInt32.self)
        }
        for (index, word) in information.enumerated() {
            rom.storeBytes(of: word.littleEndian, toByteOffset: 24 + index * 8, as: UInt64.self)
        }
        memory.noteWrite(Layout.resetROM.base, count: 256)
    }
}

extension RISCV.Hart: Processor {
    public var executed: UInt64 { state.pointee.core.executed }
    public var clockOffset: UInt64 {
        get { state.pointee.core.clockOffset }
        set { state.pointee.core.clockOffset = newValue }
    }
    public var isWaiting: Bool { state.pointee.waiting }
    public var hasEndedTurn: Bool { state.pointee.core.hasEndedTurn }
    public func stop() { endTurn() }
    public func loseReservation() { state.pointee.core.reservation = 0 }
}

extension BoardConfiguration<RISCV.Features> {
    /// CPUs with all features.
    public init(console: any ConsoleBackend) { self.init(cpu: .all, console: console) }
}
