import ISA

/// A machine of ours, as debuggers see it: the registers and memory of a session's board, and its run.
public final class MachineTarget: DebugTarget {
    private let session: Session
    private let board: any Board
    private let files: [any DebugRegisterFile]
    private lazy var commands = Monitor(session, debuggedBy: self)
    let running: MachineRunning
    public let registers: [DebugRegister]
    public let executable: String?

    /// - Parameter describe: how a run's end is told of, for those that are no exit of the guest's.
    public init(_ session: Session, describe: @escaping (Session.Conclusion) -> String?) {
        self.session = session
        board = session.board
        files = board.processors.map { $0.makeRegisterFile() }
        registers = files.first?.registers ?? []
        running = MachineRunning(session, describe: describe)
        let programs = [session.description.kernel, session.description.firmware].compactMap(\.self)
        // What is raw or compressed has nothing that a debugger could read.
        executable = programs.first { path in path != "none" && Self.isELF(path) }
    }

    private static func isELF(_ path: String) -> Bool {
        do throws(InputError) { return ELFFile.isELF(try InputFile.read(path).bytes) } catch { return false }
    }

    public var architecture: ELFFile.Machine { board.architecture }
    public var processorCount: Int { board.processors.count }
    public func label(of processor: Int) -> String { self.processor(processor)?.label ?? "" }

    public func status(of processor: Int) -> String {
        guard let processor = self.processor(processor) else { return "" }
        return processor.privilegeText + (processor.idleness.map { ", \($0)" } ?? "")
    }

    public var currentProcessor: Int { min(board.scheduler.currentIdentifier, max(processorCount - 1, 0)) }
    public var position: UInt64 { board.executed }

    private func processor(_ number: Int) -> (any InspectableProcessor)? {
        board.processors.indices.contains(number) ? board.processors[number] : nil
    }

    // MARK: Registers

    public func readRegister(_ number: Int, of processor: Int) -> [UInt8]? {
        guard files.indices.contains(processor) else { return nil }
        // A CPU that reads a counter has later CPUs see no earlier time; a debugger has not.
        let latestRead = board.clock.latestRead.pointee
        defer { board.clock.latestRead.pointee = latestRead }
        return files[processor].read(number)
    }

    public func writeRegister(_ number: Int, of processor: Int, _ bytes: [UInt8]) -> Bool {
        guard files.indices.contains(processor), registers.indices.contains(number), running.mayEdit() else {
            return false
        }
        return session.port.deliver(
            .registerEdit(processor: UInt64(processor), registers[number].name, bytes))
    }

    // MARK: Memory

    private static let page = PhysicalMemory.pageSize

    /// The parts of a range of addresses, each in one page, and where they are; up to the first that is nowhere.
    private func parts(
        of address: DebugAddress, count: Int, _ processor: Int
    ) -> [(physical: UInt64, count: Int)] {
        guard let cpu = translator(of: address, processor) else { return [] }
        var parts: [(physical: UInt64, count: Int)] = []
        var done = 0
        while done < count {
            let place = address.value &+ UInt64(done)
            // Addresses end, and do not begin again at 0.
            if done > 0, place < address.value { break }
            let size = min(count - done, Int(Self.page - place % Self.page))
            guard let physical = cpu.physicalAddress(of: DebugAddress(place, in: address.space), board.memory),
                board.memory.host(physical, count: UInt64(size)) != nil
            else { break }
            parts.append((physical, size))
            done += size
        }
        return parts
    }

    /// The CPU whose tables translate the address: one that has a guest selected that is named.
    private func translator(of address: DebugAddress, _ processor: Int) -> (any InspectableProcessor)? {
        guard case .guestPhysical(let guest?) = address.space, self.processor(processor)?.guest != guest else {
            return self.processor(processor)
        }
        return board.processors.first { $0.guest == guest }
    }

    /// More than any protocol asks for at once.
    private static let mostBytes = 1 << 24

    public func readMemory(_ address: DebugAddress, count: Int, of processor: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for part in parts(of: address, count: min(count, Self.mostBytes), processor) {
            guard let host = board.memory.host(part.physical, count: UInt64(part.count)) else { break }
            bytes += UnsafeRawBufferPointer(start: host, count: part.count)
        }
        return bytes
    }

    public func writeMemory(_ address: DebugAddress, _ bytes: [UInt8], of processor: Int) -> Bool {
        let parts = parts(of: address, count: bytes.count, processor)
        guard parts.reduce(0, { $0 + $1.count }) == bytes.count else { return false }
        guard running.mayEdit() else { return false }
        var done = 0
        for part in parts {
            guard session.port.deliver(.memoryEdit(part.physical, Array(bytes[done..<done + part.count]))) else {
                return false
            }
            done += part.count
        }
        return true
    }

    public var memoryMap: [DebugMemoryRegion] {
        let memory = board.memory.regions.map {
            DebugMemoryRegion($0.isReadOnly ? .rom : .ram, start: $0.base, size: $0.size)
        }
        let devices = board.space.mappings.map {
            DebugMemoryRegion(.device, start: $0.base, size: $0.size, name: $0.device.name)
        }
        return (memory + devices).sorted { ($0.start, $0.size) < ($1.start, $1.size) }
    }

    // MARK: Running

    public func insert(_ point: StopPoint) throws(DebugRefusal) { try running.insert(point) }
    public func remove(_ point: StopPoint) { running.remove(point) }
    public var canReverse: Bool { running.canReverse }
    public func resume(_ resumption: Resumption) { running.resume(resumption) }
    public func advance() -> DebugStop? { running.advance() }
    public func interrupt() { running.interrupt() }

    public func restart() throws(DebugRefusal) {
        guard session.companion?.mayBranch ?? true else {
            throw DebugRefusal("The run is being recorded, and a recording has no restart: begin a new one.")
        }
        do throws(InputError) {
            try board.powerOn(session.plan)
            running.restart()
        } catch {
            throw DebugRefusal(error.description)
        }
    }

    /// A debugger is gone, and with it what its monitor's commands have the machine stop at.
    public func deleteMonitorStops() { commands.deleteStops() }

    private func goLive(_ replay: ReplayedRun) -> String {
        if replay.isLive { return "The run has left the recording already.\n" }
        guard running.mayEdit() else { return "The run is being recorded, and cannot go another way here.\n" }
        replay.goLive()
        return "The run leaves the recording here, and goes on as one of its own.\n"
    }

    /// Asked now and then while a command of the monitor's takes long: whether nobody waits for its answer any more.
    public var isGivenUp: () -> Bool {
        get { running.isGivenUp }
        set { running.isGivenUp = newValue }
    }

    /// How the run has ended, where it has.
    public var conclusion: Session.Conclusion? { running.conclusion }

    /// The machine is somewhere else: what is known of how it came here is of no use.
    func wasPutBack() { running.restart() }

    public func monitor(_ command: String) -> String {
        if command == "live", let replay = session.replay { return goLive(replay) }
        let before = session.restorations
        let (text, action) = commands.execute(command)
        if session.restorations != before { wasPutBack() }
        switch action {
        case .stay: return text
        case .resume, .quit: return "The debugger that is connected says that: its own continue and kill.\n"
        }
    }
}
