import AArch64ISA
import ISA
import JIT

/// An AArch64 machine with the memory map of QEMU's arm `virt` board, on which existing images run unchanged.
public final class AArch64Virt {
    public let memory = PhysicalMemory()
    public let space: AddressSpace
    public let clock: Clock
    public let scheduler: Scheduler
    public let model: AArch64.CPUModel
    /// What executes instructions, and the JIT where that does.
    public let engine: Engine
    public let translator: HotCode?
    public private(set) var elements: [AArch64.ProcessingElement] = []
    public private(set) var processors: [any InspectableProcessor] = []
    private let interruptController: AArch64InterruptController
    /// What is Secure state's alone; nil without EL3.
    private let secureDevices: AArch64SecureDevices?
    /// Calls of firmware are answered by the board, and not by what runs at EL3.
    private(set) var hasBuiltInFirmware: Bool
    let hasImageInFlash: Bool
    public let gicVersion: GICVersion
    public let uart: PL011
    public let rtc: PL031
    public let gpio: PL061
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

    /// Of Arm's Generic Interrupt Controller.
    public enum GICVersion: String, MachineOption {
        public static let name = "gic-version"
        public static let summary = "the interrupt controller: GICv2 or GICv3"
        case two = "2"
        case three = "3"
    }

    /// What to build.
    public typealias Configuration = BoardConfiguration<AArch64.CPUModel>

    private typealias Layout = AArch64VirtLayout

    /// The wires from the interrupt controller to a CPU.
    private final class Pins: InterruptSink {
        /// The board holds both, and lets them go together. A CPU holds the bus, and so the interrupt controller, and so these.
        private let element: Uncounted<AArch64.ProcessingElement>
        init(_ element: AArch64.ProcessingElement) { self.element = Uncounted(element) }
        func setLine(_ number: Int, _ level: Bool) { element.with { $0.setLine(UInt64(number), level) } }
    }

    /// The wires of a CPU's timers and performance monitors to the interrupt controller, and the alarm for when the next of
    /// the timers is due.
    private struct Timers {
        let lines: [InterruptLine]
        let alarm: Clock.Timer
    }

    /// What CPUs ask of the board.
    private final class Environment: AArch64Environment {
        // SAFETY: the board holds the CPUs, and nobody else calls. A weak reference would make each use of the board slow.
        unowned(unsafe) var board: AArch64Virt?
        var counter: UInt64 { board?.counter ?? 0 }
        var counterFrequency: UInt64 { Layout.counterFrequency }
        func timersChanged(_ element: AArch64.ProcessingElement) { board?.timersChanged(element) }
        func sendEvent() { board?.elements.forEach { $0.receiveEvent() } }
        func callFirmware(_ element: AArch64.ProcessingElement, byHypervisorCall: Bool) -> Bool {
            guard let board, board.hasBuiltInFirmware, byHypervisorCall != element.hasEL2 else { return false }
            board.firmware?.call(element)
            return true
        }
        func forEachElement(_ body: (AArch64.ProcessingElement) -> Void) { board?.elements.forEach(body) }
    }

    private let environment = Environment()
    private var pins: [Pins] = []
    private var timers: [Timers] = []
    private var firmware: AArch64Firmware?

    /// - Throws: ``InputError`` when the host has not the memory.
    public init(
        _ configuration: Configuration, gicVersion: GICVersion = .two, secure: SecureState = .off
    ) throws(InputError) {
        memorySize = configuration.memorySize
        self.gicVersion = gicVersion
        // Its registers are there where the board's interrupt controller is such a one.
        model = configuration.cpu.with {
            if gicVersion != .three { $0.remove(.gicv3) }
            if secure == .on { $0.insert(.el3) }
        }
        hasBuiltInFirmware = secure == .off || configuration.flash.isEmpty
        hasImageInFlash = !configuration.flash.isEmpty
        clock = configuration.clock
        space = AddressSpace(memory: memory)
        let scheduler = Scheduler(clock: clock)
        self.scheduler = scheduler
        guard memory.addRegion(base: Layout.ramBase, size: memorySize) != nil else {
            throw InputError(
                file: "memory", problem: "this computer has no room for \(ByteCount(memorySize)) of guest memory",
                mend: "Ask for less with --memory.")
        }
        translator = configuration.makeTranslator(AArch64.ProcessingElement.translation, memory: memory)
        engine = translator == nil ? .interpreter : .jit
        let cluster = AArch64.Cluster(
            model: model, memory: memory, translates: translator != nil, decodedPages: configuration.decodedPages)
        for index in 0..<configuration.cpus {
            let element = AArch64.ProcessingElement(
                identifier: index, cluster: cluster, bus: space, environment: environment)
            element.translator = translator
            translator?.attach(element)
            elements.append(element)
            processors.append(element)
            pins.append(Pins(element))
            scheduler.add(element)
        }
        let outputs = pins.map { pins in
            func line(_ interrupt: UInt64) -> InterruptLine { InterruptLine(to: pins, number: Int(interrupt)) }
            var outputs = GICOutputs(
                irq: line(AArch64.Interrupt.irq), fiq: line(AArch64.Interrupt.fiq),
                virtualIRQ: line(AArch64.Interrupt.virtualIRQ), virtualFIQ: line(AArch64.Interrupt.virtualFIQ))
            if secure == .on, gicVersion == .three {
                outputs.group1 = (line(AArch64.Interrupt.secureGroup1), line(AArch64.Interrupt.nonSecureGroup1))
            }
            return outputs
        }
        // The scheduler holds the CPUs, and these the bus and so the interrupt controller.
        let turns = Uncounted(scheduler)
        let controller = AArch64InterruptController(
            gicVersion, elements: elements, outputs: outputs, memory: memory, clock: clock,
            hasSecurity: secure == .on,
            accessor: { turns.with { $0.currentIdentifier } })
        interruptController = controller
        uart = PL011(
            name: "pl011@9000000", clock: clock, backend: configuration.console,
            interrupt: controller.line(spi: Layout.uartInterrupt), frequency: UInt64(Layout.peripheralClock))
        rtc = PL031(
            name: "pl031@9010000", clock: clock, interrupt: controller.line(spi: Layout.rtcInterrupt),
            powerOnTime: configuration.powerOnTime)
        gpio = PL061(name: "pl061@9030000", clock: clock, interrupt: controller.line(spi: Layout.gpioInterrupt))
        let memory = memory
        let peripherals = try Peripherals(
            configuration, Layout.peripherals(memorySize: memorySize, isSecure: secure == .on), space: space,
            Peripherals.Interrupts(
                virtio: { controller.line(spi: Layout.virtioInterrupt + $0) },
                pcie: (0..<4).map { controller.line(spi: Layout.pcieInterrupt + $0) },
                deliver: { controller.deliver($0, memory) }))
        (flash, firmwareConfiguration) = (peripherals.flash, peripherals.firmwareConfiguration)
        (virtio, display) = (peripherals.virtio, peripherals.display)
        secureDevices =
            secure == .off
            ? nil
            : try AArch64SecureDevices(
                controller, memory: memory, clock: clock, peripheralClock: UInt64(Layout.peripheralClock),
                ask: { [environment] in environment.board?.ask($0) })
        mapDevices()
        environment.board = self
        firmware = AArch64Firmware(self, seed: configuration.seed)
        let interrupts =
            [
                Layout.physicalTimerInterrupt, Layout.virtualTimerInterrupt, Layout.hypervisorTimerInterrupt,
                Layout.hypervisorVirtualTimerInterrupt, Layout.monitorsInterrupt,
            ] + (secure == .on ? [AArch64SecureDevices.Layout.timerInterrupt] : [])
        timers = elements.map { element in
            element.timebase = .init(nanosecondsPerTick: Self.nanosecondsPerTick, latestRead: clock.latestRead)
            return Timers(
                lines: interrupts.map { controller.line(ppi: $0, cpu: element.identifier) },
                alarm: Clock.Timer(clock) { [unowned(unsafe) self, unowned(unsafe) element] in timersChanged(element) })
        }
    }

    private func mapDevices() {
        for frame in interruptController.frames(hasEL2: model.features.contains(.el2)) {
            space.map(frame.device, in: frame.window)
        }
        for frame in model.features.contains(.el3) ? interruptController.secureFrames : [] {
            space.map(frame.device, in: AArch64SecureDevices.place(frame.window))
        }
        secureDevices?.map(in: space)
        space.map(uart, in: Layout.uart)
        space.map(rtc, in: Layout.rtc)
        space.map(gpio, in: Layout.gpio)
    }

    /// The system counter: a tick is a whole number of nanoseconds.
    private static let nanosecondsPerTick = 1_000_000_000 / Layout.counterFrequency
    private var counter: UInt64 { clock.read() / Self.nanosecondsPerTick }

    /// Brings these wires of a CPU up to date, and its alarm to when the next of them changes.
    private func timersChanged(_ element: AArch64.ProcessingElement) {
        guard element.identifier < timers.count else { return }
        let timers = timers[element.identifier]
        let outputs = element.timerLevels()
        // The monitors' wire comes between the four timers' that are always there and the secure one's.
        let levels = outputs & 15 | (element.monitorsInterrupt ? 1 << 4 : 0) | (outputs & 1 << 4) << 1
        for (index, line) in timers.lines.enumerated() { line.set(levels >> UInt64(index) & 1 != 0) }
        if let tick = element.nextTimer(), tick <= Clock.end / Self.nanosecondsPerTick {
            timers.alarm.arm(at: tick * Self.nanosecondsPerTick)
        } else {
            timers.alarm.cancel()
        }
    }

    public func observeAcknowledgements(_ observer: @escaping (InterruptAcknowledgement) -> Void) {
        interruptController.observeAcknowledgements(observer)
    }

    /// What the guest asks of the machine as a whole; the turn ends.
    func ask(_ request: MachineRequest) {
        self.request = request
        scheduler.stop()
    }

    public var deviceTree: AArch64VirtDeviceTree {
        AArch64VirtDeviceTree(
            cpus: elements.count, memorySize: memorySize, cpu: model.compatible,
            hasEL2: model.features.contains(.el2), gicVersion: gicVersion, isSecure: model.features.contains(.el3),
            hasBuiltInFirmware: hasBuiltInFirmware)
    }

    /// Resets everything: the first CPU begins at `entry` with the device tree's address in x0, and the others wait for
    /// the firmware to be asked to start them.
    /// - Parameter atEL3: what begins there is the firmware, as that in flash is.
    public func powerOn(entry: UInt64, deviceTree: UInt64, atEL3: Bool = false) {
        hasBuiltInFirmware = !atEL3
        for device in devices { device.reset() }
        if hasBuiltInFirmware, model.features.contains(.el3) { interruptController.handOver() }
        for element in elements {
            if element.identifier == 0 || !hasBuiltInFirmware {
                // Firmware sorts out which CPU goes on.
                element.start(at: entry, argument: deviceTree)
                if hasBuiltInFirmware { element.leaveSecureState() }
            } else {
                element.turnOff()
            }
        }
        request = nil
    }

    public func describeOwnState(_ visitor: inout some StateVisitor) {
        visitor.field(&request)
        visitor.field("built-in firmware", &hasBuiltInFirmware)
        firmware?.describeState(&visitor)
        for timers in timers {
            for line in timers.lines { line.describeState(&visitor) }
            timers.alarm.describeState(&visitor)
        }
    }

    /// Nothing does.
    public func ownStateRestored() {}
}

extension AArch64.CPUModel {
    /// As the device-tree bindings name it (bindings/arm/cpus.yaml); `max` is nobody's CPU.
    var compatible: String { name == "max" ? "arm,armv8" : "arm," + name }
}

extension AArch64.ProcessingElement: Processor {
    public var clockOffset: UInt64 {
        get { state.pointee.core.clockOffset }
        set { state.pointee.core.clockOffset = newValue }
    }
    public var isWaiting: Bool { state.pointee.waiting || state.pointee.halted }
    public var hasEndedTurn: Bool { state.pointee.core.hasEndedTurn }
    public func stop() { endTurn() }
    public func loseReservation() { state.pointee.core.reservation = 0 }
}
