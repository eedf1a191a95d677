import HyperModule

/// A module that is loaded, and what it has added.
public final class Module {
    public let name: Text
    public let summary: Text
    /// The file that it was loaded from.
    public let path: Text
    let image: ModuleImage
    /// The modules whose symbols it uses.
    let dependencies: [Module]
    private let stop: @convention(c) () -> Void

    public internal(set) var drivers: [Driver] = []
    public internal(set) var emulators: [Emulator] = []
    public internal(set) var commands: [Command] = []
    /// Devices of guests that its emulators are, guarded by `lock`.
    private var emulatedDevices = 0
    private let lock = SpinLock()

    var deviceCount: Int { lock.withLock { emulatedDevices } }
    func addDevice() { lock.withLock { emulatedDevices += 1 } }
    func removeDevice() { lock.withLock { emulatedDevices -= 1 } }

    /// Links the file. Its code is not executed yet.
    init(_ path: Text, _ file: ModuleFile, among loaded: [Module]) throws(HyperError) {
        var used: [Module] = []
        image = try ModuleImage(file) { name in
            if let address = ModuleExports.address(of: name) { return address }
            for module in loaded {
                guard let found = module.image.exports.first(where: { $0.name == name }) else { continue }
                if !used.contains(where: { $0 === module }) { used.append(module) }
                return found.address
            }
            return nil
        }
        Port.synchroniseInstructions()
        guard let address = image.address(of: "hyper_module", size: MemoryLayout<hyper_module>.size) else {
            throw HyperError("it has no symbol hyper_module: define it with HYPER_MODULE of HyperModule.h")
        }
        // SAFETY: it lies in the image, which lives as long as this; any bytes are a value of it.
        let description = UnsafeRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped
            .loadUnaligned(as: hyper_module.self)
        guard description.interface == ModuleExports.interface else {
            throw HyperError(
                """
                it was built for interface \(hex: description.interface), and this is \(hex: ModuleExports.interface): \
                build it anew, from the same sources as Hyper
                """)
        }
        guard let start = description.start, let stop = description.stop,
            let name = image.text(description.name), let summary = image.text(description.summary),
            name.isPlainWord
        else { throw HyperError("its hyper_module lacks a name of one word, a summary, or start or stop") }
        (self.path, self.name, self.summary, self.stop, dependencies) = (path, name, summary, stop, used)
        self.start = start
    }

    private let start: @convention(c) (OpaquePointer?) -> Bool

    /// Has the module add what it has. What it has added by the time it fails stays for ``remove``.
    func begin() throws(HyperError) {
        try ModuleError.check { start($0) }
        for driver in drivers { HostDevices.add(driver) }
        if !drivers.isEmpty { HostDevices.probe() }
    }

    /// Takes away what the module has added, all or nothing.
    func remove() throws(HyperError) {
        var removed: [Command] = []
        do throws(HyperError) {
            for command in commands {
                try Management.commands.remove(command)
                removed.append(command)
            }
        } catch {
            for command in removed { try Management.commands.add(command) }
            throw error
        }
        for driver in drivers { HostDevices.remove(driver) }
        for emulator in emulators { Emulators.remove(emulator.name) }
        // A handler that began before may still run on another CPU, and does not when that answers.
        CPUs.leaveHandlers()
        (drivers, emulators, commands) = ([], [], [])
    }

    /// Calls the module for the last time.
    func end() { stop() }
}

extension ModuleImage {
    /// What a structure in the image names; nil where that is not in the image.
    fileprivate func text(_ text: hyper_text) -> Text? {
        let start = UInt64(UInt(bitPattern: text.bytes))
        // A count beyond what an `Int` holds is a negative one.
        guard start >= address, 0...256 ~= text.count, start - address <= UInt64(pages * 4096 - text.count) else {
            return nil
        }
        return Text(text)
    }
}

/// The modules that are loaded.
public enum Modules {
    // SAFETY: changed by whoever has set `isBusy`; read by others under the lock.
    nonisolated(unsafe) private static var loaded: [Module] = []
    nonisolated(unsafe) private static var isBusy = false
    /// The one that adds what it has.
    nonisolated(unsafe) static var starting: Module?
    private static let lock = SpinLock()

    public static var all: [Module] { lock.withLock { loaded } }

    public static func find(_ name: Text) throws(HyperError) -> Module {
        guard let module = all.first(where: { $0.name == name }) else {
            throw HyperError("no module \(name) is loaded; `module list` shows those that are")
        }
        return module
    }

    @discardableResult
    public static func load(_ path: Text) throws(HyperError) -> Module {
        try alone { () throws(HyperError) in
            let bytes = try VirtualFileSystem.contents(of: path, limit: Configuration.MODULE_LIMIT_KIB << 10)
            do throws(HyperError) {
                return try start(try Module(path, try ModuleFile(bytes), among: loaded))
            } catch {
                throw HyperError("\(path): \(error.message)")
            }
        }
    }

    private static func start(_ module: Module) throws(HyperError) -> Module {
        guard !loaded.contains(where: { $0.name == module.name }) else {
            throw HyperError("a module \(module.name) is loaded already: unload it first")
        }
        for (name, _) in module.image.exports where name != "hyper_module" {
            let other = loaded.first { $0.image.exports.contains { $0.name == name } }
            guard other == nil, ModuleExports.address(of: name) == nil else {
                throw HyperError("\(name) is exported by \(other?.name ?? "Hyper") already")
            }
        }
        starting = module
        defer { starting = nil }
        do throws(HyperError) {
            try module.begin()
        } catch {
            // Nobody was there to use what it had added.
            try module.remove()
            module.end()
            throw error
        }
        lock.withLock { loaded.append(module) }
        return module
    }

    /// Takes the module away, if nobody uses it.
    public static func unload(_ name: Text) throws(HyperError) {
        try alone { () throws(HyperError) in
            let module = try find(name)
            if let user = loaded.first(where: { $0.dependencies.contains { $0 === module } }) {
                throw HyperError("module \(name) is used by module \(user.name): unload that first")
            }
            let devices = module.deviceCount
            guard devices == 0 else {
                throw HyperError(
                    "module \(name) is \(devices) device\(devices == 1 ? "" : "s" as Text) of guests: destroy them first"
                )
            }
            try module.remove()
            module.end()
            lock.withLock { loaded.removeAll { $0 === module } }
        }
    }

    /// Terminals may load and unload at once; one does so at a time.
    private static func alone<Result>(_ body: () throws(HyperError) -> Result) throws(HyperError) -> Result {
        let wasBusy = lock.withLock {
            defer { isBusy = true }
            return isBusy
        }
        guard !wasBusy else { throw HyperError("another module is being loaded or unloaded: try again") }
        defer { lock.withLock { isBusy = false } }
        return try body()
    }
}
