import ISA

/// Where everything that is loaded before power-on lies in memory.
///
/// Images may say where they belong; the others lie where the board's ``LoadRules`` say.
///
/// Nothing may overlap or leave memory: QEMU lets the RAM disk run into the device tree, and a plan refuses.
public struct LoadPlan: Sendable {
    /// The machine's RAM.
    public struct Memory: Equatable, Sendable {
        public let base: UInt64
        public let size: UInt64

        /// - Precondition: `base + size` does not wrap.
        public init(base: UInt64, size: UInt64) {
            precondition(base <= UInt64.max - size)
            self.base = base
            self.size = size
        }

        public var end: UInt64 { base + size }
    }

    public enum Role: Equatable, Sendable {
        case firmware, kernel, initrd, module, deviceTree
    }

    /// Bytes at an address, and zeros after them.
    public struct Placement: Sendable {
        public let file: String
        public let role: Role
        /// The number of an ELF segment.
        public let segment: Int?
        public let address: UInt64
        /// At least `bytes.count`; `address + size` does not wrap.
        public let size: UInt64
        public let bytes: ArraySlice<UInt8>

        public var end: UInt64 { address + size }

        var name: String { segment.map { "segment \($0)" } ?? "the file" }
        /// `0x80200000-0x821fffff`.
        var range: String { "\(hexadecimal(address))-\(hexadecimal(size == 0 ? address : end - 1))" }
    }

    private static let moduleAlignment: UInt64 = 2 << 20
    /// A suggestion of more memory than this helps nobody.
    private static let maximumMemory: UInt64 = 1 << 40

    public let memory: Memory
    private let rules: any LoadRules
    public private(set) var placements: [Placement] = []
    /// Where the machine's first instruction after the reset code is: in the firmware, else in the kernel.
    public let entry: UInt64
    /// Where firmware finds what it is to start.
    public private(set) var kernelEntry: UInt64?
    public private(set) var initrd: Range<UInt64>?
    /// Where each further image lies, in the order that they were given.
    public private(set) var modules: [Range<UInt64>] = []
    public private(set) var deviceTree: UInt64?
    let programs: Programs

    /// Places the images; ``placeDeviceTree(_:file:)`` follows when the tree, which names the RAM disk's place, is made.
    public init(
        memory: Memory, rules: any LoadRules = RISCVLoadRules(), firmware: LoadableImage? = nil,
        kernel: LoadableImage? = nil, initrd: InputFile? = nil, modules: [InputFile] = []
    ) throws(InputError) {
        let images = Images(firmware: firmware, kernel: kernel, initrd: initrd, modules: modules)
        do throws(Refusal) {
            self = try LoadPlan(attempt: memory, rules, images)
        } catch {
            var mend = error.mend
            if error.isForWantOfMemory {
                mend = Self.memoryThatFits(memory) { larger throws(Refusal) in
                    _ = try LoadPlan(attempt: larger, rules, images)
                }
            }
            throw InputError(file: error.file, problem: error.problem, mend: mend)
        }
    }

    /// Places the device tree.
    /// - Returns: its address.
    @discardableResult
    public mutating func placeDeviceTree(_ blob: [UInt8], file: String = "device tree") throws(InputError) -> UInt64 {
        let size = UInt64(blob.count)
        guard let address = deviceTreeAddress(size: size) else {
            throw InputError(
                file: file, problem: "no room for \(size) bytes beside the images: \(memoryDescription)",
                mend: "Give it more --memory.")
        }
        insert(Placement(file: file, role: .deviceTree, segment: nil, address: address, size: size, bytes: blob[...]))
        deviceTree = address
        return address
    }

    /// Copies everything to the machine's memory.
    public func load(into target: PhysicalMemory) throws(InputError) {
        for placement in placements {
            guard let host = target.host(placement.address, count: max(placement.size, 1)) else {
                throw InputError(file: placement.file, problem: "\(placement.range) is not memory of this machine")
            }
            target.willChange(placement.address, count: placement.size)
            // SAFETY: `host` is valid for `size` bytes, and `size` is at least the count of `bytes`.
            placement.bytes.withUnsafeBytes { source in
                if let base = source.baseAddress { host.copyMemory(from: base, byteCount: source.count) }
            }
            // The zeros matter when a machine is reset. Only pages that are not zero are touched, so that a large
            // zero-filled tail takes no memory of the host.
            let tail = UnsafeMutableRawBufferPointer(
                start: host + placement.bytes.count, count: Int(placement.size) - placement.bytes.count)
            for start in stride(from: 0, to: tail.count, by: 4096) {
                let page = UnsafeMutableRawBufferPointer(rebasing: tail[start..<min(start + 4096, tail.count)])
                if page.contains(where: { $0 != 0 }) { page.initializeMemory(as: UInt8.self, repeating: 0) }
            }
            target.noteWrite(placement.address, count: max(placement.size, 1))
        }
    }

    /// The placement that holds `address`.
    public func placement(at address: UInt64) -> Placement? {
        placements.first { $0.address <= address && address < $0.end }
    }
}

// MARK: The rules

extension LoadPlan {
    /// Why an attempt failed, before a mend is known.
    private struct Refusal: Error {
        let file: String
        let problem: String
        var mend: String?
        var isForWantOfMemory = false
    }

    private struct Images {
        let firmware: LoadableImage?
        let kernel: LoadableImage?
        let initrd: InputFile?
        let modules: [InputFile]
    }

    private init(attempt memory: Memory, _ rules: any LoadRules, _ images: Images) throws(Refusal) {
        self.memory = memory
        self.rules = rules
        var entry = rules.resetAddress(memory)
        var firmwareEnd: UInt64?
        if let firmware = images.firmware {
            entry = try Self.place(firmware, .firmware, at: memory.base, in: memory, &placements)
            firmwareEnd = placements.map(\.end).max() ?? memory.base
        }
        var isPlacedByRule = false
        if let kernel = images.kernel {
            guard let address = rules.kernelAddress(of: kernel, firmwareEnd: firmwareEnd, memory) else {
                throw Refusal(
                    file: kernel.file.name, problem: "asks for a place beyond the last address (text_offset)",
                    mend: "The file is damaged.")
            }
            let kernelEntry = try Self.place(kernel, .kernel, at: address, in: memory, &placements)
            self.kernelEntry = kernelEntry
            if images.firmware == nil { entry = kernelEntry }
            isPlacedByRule = if case .elf = kernel.contents { false } else { true }
        }
        self.entry = entry
        let kernels = placements.filter { $0.role == .kernel }
        let parts = kernels.isEmpty ? placements : kernels
        let start = parts.map(\.address).min() ?? memory.base
        programs = Programs(
            range: start..<max(parts.map(\.end).max() ?? start, start), isPlacedByRule: isPlacedByRule)
        if let initrd = images.initrd { try place(initrd) }
        for module in images.modules { try place(module: module) }
    }

    /// Places a program, at `address` unless it says otherwise.
    /// - Returns: its entry point.
    private static func place(
        _ image: LoadableImage, _ role: Role, at address: UInt64, in memory: Memory, _ placements: inout [Placement]
    ) throws(Refusal) -> UInt64 {
        let file = image.file.name
        var entry = address
        var new: [Placement] = []
        switch image.contents {
        case .elf(let elf):
            entry = elf.physicalEntry
            new = elf.segments.map {
                Placement(
                    file: file, role: role, segment: $0.index, address: $0.physicalAddress, size: $0.memorySize,
                    bytes: $0.bytes)
            }
        case .kernel, .raw:
            var size = UInt64(image.file.bytes.count)
            if case .kernel(let header) = image.contents { size = header.memorySize }
            guard address <= UInt64.max - size else {
                throw Refusal(
                    file: file, problem: "claims \(hexadecimal(size)) bytes of memory (image_size)",
                    mend: "The file is damaged.")
            }
            new = [
                Placement(
                    file: file, role: role, segment: nil, address: address, size: size, bytes: image.file.bytes[...])
            ]
        }
        for placement in new {
            guard placement.address >= memory.base, placement.end <= memory.end else {
                throw outside(placement, memory)
            }
            if let other = placements.first(where: { overlaps($0, placement.address, placement.size) }) {
                throw Refusal(
                    file: file,
                    problem: "\(placement.name) (\(placement.range)) overlaps \(other.file) (\(other.range))",
                    mend: other.role == .firmware ? "Link it elsewhere, or run it with --firmware none." : nil)
            }
        }
        placements += new
        placements.sort { $0.address < $1.address }
        guard memory.base <= entry, entry < memory.end else {
            throw Refusal(
                file: file,
                problem: "its entry point \(hexadecimal(entry)) lies outside memory: the machine has \(memory)",
                mend: "Set the entry point (ENTRY in a linker script) within the program.")
        }
        return entry
    }

    private static func outside(_ placement: Placement, _ memory: Memory) -> Refusal {
        var refusal = Refusal(
            file: placement.file,
            problem: "\(placement.name) (\(placement.range)) lies outside memory: the machine has \(memory)")
        if placement.address >> 63 != 0 {
            refusal.mend = "It is linked at virtual addresses: give the Image made from it, or set its load addresses."
        } else if placement.address < memory.base {
            refusal.mend = "Link it at \(hexadecimal(memory.base)) or above, or give the .bin file made from it."
        } else {
            refusal.isForWantOfMemory = true
        }
        return refusal
    }

    private mutating func place(_ initrd: InputFile) throws(Refusal) {
        let size = UInt64(initrd.bytes.count)
        let candidates = rules.initrdAddresses(programs, memory)
        guard let address = candidates.first(where: { isFree($0, size, keepingDeviceTree: true) }) else {
            throw Refusal(
                file: initrd.name, problem: "no room for \(size) bytes beside the kernel: \(memoryDescription)",
                isForWantOfMemory: true)
        }
        insert(
            Placement(
                file: initrd.name, role: .initrd, segment: nil, address: address, size: size, bytes: initrd.bytes[...]))
        self.initrd = address..<address + size
    }

    /// Places a further image behind all that is there.
    private mutating func place(module: InputFile) throws(Refusal) {
        guard !module.bytes.isEmpty else { throw Refusal(file: module.name, problem: "is empty") }
        let size = UInt64(module.bytes.count)
        let first = rules.moduleAddress(programs, initrd: initrd, memory)
        let behind = modules.last?.upperBound.alignedUp(Self.moduleAlignment) ?? first
        let candidates = [behind, rules.deviceTreeReserve(memory)?.upperBound ?? behind]
        guard let address = candidates.first(where: { isFree($0, size, keepingDeviceTree: true) }) else {
            throw Refusal(
                file: module.name, problem: "no room for \(size) bytes beside the other images: \(memoryDescription)",
                isForWantOfMemory: true)
        }
        insert(
            Placement(
                file: module.name, role: .module, segment: nil, address: address, size: size, bytes: module.bytes[...]))
        modules.append(address..<address + size)
    }

    private func deviceTreeAddress(size: UInt64) -> UInt64? {
        rules.deviceTreeAddresses(size: size, programs, initrd: initrd, memory).first {
            isFree($0, size, keepingDeviceTree: false)
        }
    }

    /// Whether `size` bytes at `address` are RAM that nothing occupies yet.
    private func isFree(_ address: UInt64, _ size: UInt64, keepingDeviceTree: Bool) -> Bool {
        guard address >= memory.base, address <= memory.end, size <= memory.end - address else { return false }
        if keepingDeviceTree, let reserve = rules.deviceTreeReserve(memory),
            reserve.lowerBound < address + size && address < reserve.upperBound
        {
            return false
        }
        return !placements.contains { Self.overlaps($0, address, size) }
    }

    private static func overlaps(_ placement: Placement, _ address: UInt64, _ size: UInt64) -> Bool {
        placement.address < address + size && address < placement.end
    }

    private mutating func insert(_ placement: Placement) {
        placements.append(placement)
        placements.sort { $0.address < $1.address }
    }

    private var memoryDescription: String { "the machine has \(memory)" }

    /// The mend that names the least memory, a power of two, with which `attempt` succeeds.
    private static func memoryThatFits(_ memory: Memory, _ attempt: (Memory) throws(Refusal) -> Void) -> String? {
        var size: UInt64 = 1 << 20
        while size <= maximumMemory, memory.base <= UInt64.max - size {
            if size > memory.size {
                do throws(Refusal) {
                    try attempt(Memory(base: memory.base, size: size))
                    return "Give it --memory \(ByteCount(size))."
                } catch {
                    guard error.isForWantOfMemory else { return nil }
                }
            }
            size *= 2
        }
        return nil
    }
}

extension LoadPlan.Memory: CustomStringConvertible {
    /// `16 MiB at 0x80000000`.
    public var description: String {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")]
        for (shift, unit) in units where size >> shift != 0 && size & (1 << shift - 1) == 0 {
            return "\(size >> shift) \(unit) at \(hexadecimal(base))"
        }
        return "\(size) bytes at \(hexadecimal(base))"
    }
}
