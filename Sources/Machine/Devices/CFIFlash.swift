import ISA

/// Parallel NOR flash: two 16-bit chips side by side on a 32-bit bus. Device tree: `cfi-flash`, `bank-width = <4>`.
///
/// Commands: Intel's basic command set ("StrataFlash Embedded Memory (P30)", sections on the device command codes and
/// the status register); JEDEC JESD68 (CFI) for the query table. Each command is written to both chips at once, its code
/// in both halves of the word; each answer shows in both halves.
///
/// While the chips are in read-array mode their contents are a read-only memory region, from which CPUs read and
/// execute without asking the device. Any command hides the region, so that reads come here and find status or tables;
/// the read-array command shows it again. The region belongs to the machine's memory, and is described with it.
///
/// Programming and erasing take no time. Lock commands are accepted and all blocks stay unlocked, which is what the
/// query table states: it offers no optional features.
public final class CFIFlash: Device {
    /// What becomes of what the guest programs.
    public enum Access: Sendable {
        /// Programming and erasing fail.
        case readOnly
        /// It stays in memory.
        case copyOnWrite
        /// It goes to the back end at once.
        case writeThrough
    }

    enum Command: UInt8 {
        case lockBlock = 0x01
        case wordProgramAlternate = 0x10
        case blockErase = 0x20
        case lockDownBlock = 0x2f
        case wordProgram = 0x40
        case clearStatus = 0x50
        case lockSetup = 0x60
        case readStatus = 0x70
        case readID = 0x90
        case query = 0x98
        case suspend = 0xb0
        case confirm = 0xd0
        case bufferedProgram = 0xe8
        case readArray = 0xff
    }

    /// Bits of the status register.
    enum Status {
        static let blockProtected: UInt8 = 0x02
        static let programError: UInt8 = 0x10
        static let eraseError: UInt8 = 0x20
        static let ready: UInt8 = 0x80
        /// Both errors: commands in a wrong order.
        static let sequenceError = programError | eraseError
    }

    /// What a read returns.
    private enum ReadMode: UInt8 {
        case array, status, id, query
    }

    /// What the next write is.
    private enum Expectation: UInt8 {
        case command, programData, eraseConfirm, lockConfirm, bufferCount, bufferData, bufferConfirm
    }

    /// Sector of the pair of chips.
    static let sectorSize: UInt64 = 256 << 10
    /// Words that one buffered program may write: 2 KiB a chip.
    private static let bufferWords = 1024
    private static let manufacturer: UInt16 = 0x89
    private static let part: UInt16 = 0x18

    public let name: String
    private let memory: PhysicalMemory
    private let base: UInt64
    private let size: UInt64
    private let host: UnsafeMutableRawPointer
    private let backend: (any BlockBackend)?
    private let access: Access
    private let reports: DeviceReports
    private let table: [UInt8]

    private var mode = ReadMode.array
    private var expectation = Expectation.command
    private var status = Status.ready
    /// Writes still to come of a buffered program.
    private var remaining: UInt32 = 0
    /// The write buffer: offset, size and value of each write, packed.
    private var buffer: [UInt8] = []
    /// The sector that a buffered program is for.
    private var bufferSector: UInt64 = 0
    /// Bytes changed since the region was hidden: decoded code of them is dropped when it is shown.
    private var changed: Range<UInt64>?

    /// Adds the flash's region to `memory`. The board maps the device at the same place.
    /// - Parameters:
    ///   - base: where the bank is; the device hides and shows the memory there.
    ///   - size: of both chips together: a power of two.
    ///   - contents: what the bank holds; the rest of it is erased. Nil leaves it all zero, as an empty bank of QEMU's.
    ///   - report: told in a sentence when the host cannot keep what the guest programs.
    public init(
        name: String, memory: PhysicalMemory, base: UInt64, size: UInt64 = 32 << 20,
        contents: (any BlockBackend)? = nil, access: Access = .copyOnWrite,
        report: @escaping (String) -> Void = { _ in }
    ) throws(FlashError) {
        precondition(
            size >= 2 * Self.sectorSize && size & (size - 1) == 0, "flash has whole sectors, in a power of two")
        if let contents, contents.byteCount > size { throw .tooLarge(name, image: contents.byteCount, bank: size) }
        guard let host = memory.addRegion(base: base, size: size, isReadOnly: true) else {
            throw .noHostMemory(name, size: size)
        }
        if let contents {
            let count = Int(contents.byteCount)
            do throws(BlockError) {
                // SAFETY: `host` has `size` bytes, and the image is no larger.
                try contents.read(at: 0, into: UnsafeMutableRawBufferPointer(start: host, count: count))
            } catch {
                throw .image(name, error)
            }
            (host + count).initializeMemory(as: UInt8.self, repeating: 0xff, count: Int(size) - count)
        }
        self.name = name
        self.memory = memory
        self.base = base
        self.size = size
        self.host = host
        self.backend = contents
        self.access = access
        reports = DeviceReports(name, to: report)
        table = Self.queryTable(size: size)
    }

    /// Contents stay: they are what flash is for.
    public func reset() {
        mode = .array
        expectation = .command
        status = Status.ready
        remaining = 0
        buffer = []
        bufferSector = 0
        show()
    }

    /// The region is there while a read would return the array.
    private var isVisible: Bool { mode == .array && expectation == .command }

    private func show() {
        memory.setEnabled(isVisible, at: base)
        if isVisible, let range = changed {
            memory.noteWrite(base + range.lowerBound, count: range.upperBound - range.lowerBound)
            changed = nil
        }
    }

    // MARK: Reading

    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        guard offset < self.size, UInt64(size) <= self.size - offset else { throw AccessFault() }
        var value: UInt64 = 0
        for index in 0..<UInt64(size) {
            value |= UInt64(byte(at: offset + index)) << (8 * index)
        }
        return value
    }

    private func byte(at offset: UInt64) -> UInt8 {
        // A command in progress shows the status, whatever was read before it.
        switch expectation == .command ? mode : .status {
        // SAFETY: the caller has checked the offset against the size.
        case .array: return host.load(fromByteOffset: Int(offset), as: UInt8.self)
        case .status: return chipByte(UInt16(status), offset)
        case .id:
            switch offset % Self.sectorSize / 4 {
            case 0: return chipByte(Self.manufacturer, offset)
            case 1: return chipByte(Self.part, offset)
            default: return 0  // word 2 of a sector: it is not locked
            }
        case .query:
            let index = offset / 4
            return chipByte(index < UInt64(table.count) ? UInt16(table[Int(index)]) : 0, offset)
        }
    }

    /// The byte at `offset` of a word that both chips answer with `value`.
    private func chipByte(_ value: UInt16, _ offset: UInt64) -> UInt8 {
        UInt8(truncatingIfNeeded: value >> (8 * UInt16(offset % 2)))
    }

    // MARK: Writing

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        guard offset < self.size, UInt64(size) <= self.size - offset else { throw AccessFault() }
        let code = UInt8(truncatingIfNeeded: value)
        switch expectation {
        case .command: execute(Command(rawValue: code), offset)
        case .programData:
            finish(program([Program(offset: offset, size: size, value: value)]), Status.programError)
        case .eraseConfirm:
            if Command(rawValue: code) == .confirm { finish(erase(offset), Status.eraseError) } else { failSequence() }
        case .lockConfirm:
            switch Command(rawValue: code) {
            case .lockBlock, .lockDownBlock, .confirm: finish(nil, 0)
            default: failSequence()
            }
        case .bufferCount:
            let count = UInt64(UInt16(truncatingIfNeeded: value)) + 1
            if count > UInt64(Self.bufferWords) {
                failSequence()
            } else {
                remaining = UInt32(count)
                bufferSector = offset / Self.sectorSize
                expectation = .bufferData
            }
        case .bufferData:
            buffer.append(littleEndian: offset)
            buffer.append(littleEndian: UInt8(size))
            buffer.append(littleEndian: value)
            remaining -= 1
            if remaining == 0 { expectation = .bufferConfirm }
        case .bufferConfirm:
            let programs = bufferedPrograms()
            let isInSector = programs.allSatisfy {
                $0.offset / Self.sectorSize == bufferSector
                    && ($0.offset + UInt64($0.size) - 1) / Self.sectorSize == bufferSector
            }
            if Command(rawValue: code) == .confirm, isInSector {
                finish(program(programs), Status.programError)
            } else {
                failSequence()
            }
        }
        show()
    }

    private func execute(_ command: Command?, _ offset: UInt64) {
        switch command {
        case .readArray: mode = .array
        case .readStatus: mode = .status
        case .readID: mode = .id
        case .query: mode = .query
        case .clearStatus: status = Status.ready
        case .wordProgram, .wordProgramAlternate: expectation = .programData
        case .blockErase: expectation = .eraseConfirm
        case .lockSetup: expectation = .lockConfirm
        case .bufferedProgram:
            buffer = []
            expectation = .bufferCount
        case .suspend: mode = .status  // nothing is ever in progress
        case .confirm, .lockBlock, .lockDownBlock, nil: break  // nothing to resume or to confirm
        }
    }

    /// Ends a command. Its success or failure is read from the status register.
    private func finish(_ error: FlashFailure?, _ errorBit: UInt8) {
        switch error {
        case nil: break
        case .protected: status |= errorBit | Status.blockProtected
        case .backend(let error):
            status |= errorBit
            reports.report("\(error); the guest sees a flash error")
        }
        mode = .status
        expectation = .command
        remaining = 0
        buffer = []
    }

    private func failSequence() {
        status |= Status.sequenceError
        finish(nil, 0)
    }

    private enum FlashFailure {
        case protected
        case backend(BlockError)
    }

    private struct Program {
        static let packedSize = 17
        let offset: UInt64
        let size: Int
        let value: UInt64
    }

    private func bufferedPrograms() -> [Program] {
        stride(from: 0, to: buffer.count - Program.packedSize + 1, by: Program.packedSize).map {
            Program(
                offset: buffer.littleEndian(at: $0), size: Int(buffer[$0 + 8]), value: buffer.littleEndian(at: $0 + 9))
        }
    }

    /// Programming turns ones into zeroes; only erasing brings ones back.
    private func program(_ programs: [Program]) -> FlashFailure? {
        if access == .readOnly { return .protected }
        for program in programs {
            memory.willChange(base + program.offset, count: UInt64(program.size))
            for index in 0..<UInt64(program.size) {
                let byte = UInt8(truncatingIfNeeded: program.value >> (8 * index))
                // SAFETY: `write` has checked offset and size of each program.
                let target = host + Int(program.offset + index)
                target.storeBytes(of: target.load(as: UInt8.self) & byte, as: UInt8.self)
            }
            if let failure = keep(program.offset, UInt64(program.size)) { return failure }
        }
        return nil
    }

    private func erase(_ offset: UInt64) -> FlashFailure? {
        if access == .readOnly { return .protected }
        let start = offset / Self.sectorSize * Self.sectorSize
        memory.willChange(base + start, count: Self.sectorSize)
        // SAFETY: the size is a multiple of the sector's.
        (host + Int(start)).initializeMemory(as: UInt8.self, repeating: 0xff, count: Int(Self.sectorSize))
        return keep(start, Self.sectorSize)
    }

    /// Notes a change, and writes it through if it is to last.
    private func keep(_ offset: UInt64, _ count: UInt64) -> FlashFailure? {
        let end = offset + count
        changed = changed.map { min($0.lowerBound, offset)..<max($0.upperBound, end) } ?? offset..<end
        guard access == .writeThrough, let backend else { return nil }
        do throws(BlockError) {
            // SAFETY: the range lies inside the region.
            try backend.write(at: offset, from: UnsafeRawBufferPointer(start: host + Int(offset), count: Int(count)))
            reports.recovered()
            return nil
        } catch {
            return .backend(error)
        }
    }

    // MARK: Query table

    /// What each chip answers to a CFI query, by word (JESD68, section 4; P30's extended table "PRI").
    private static func queryTable(size: UInt64) -> [UInt8] {
        let chip = size / 2
        let block = sectorSize / 2
        let blocks = chip / block - 1
        var table = [UInt8](repeating: 0, count: 0x40)
        func set(_ index: Int, _ values: UInt8...) { table.replaceSubrange(index..<index + values.count, with: values) }
        set(0x10, UInt8(ascii: "Q"), UInt8(ascii: "R"), UInt8(ascii: "Y"))
        set(0x13, 0x01, 0x00)  // Intel/Sharp extended command set
        set(0x15, 0x31, 0x00)  // address of the extended table
        set(0x1b, 0x45, 0x55)  // supply: 4.5 V to 5.5 V
        set(0x1f, 0x07, 0x07, 0x0a, 0x00)  // typical times: 128 µs a word, 128 µs a buffer, 1 s an erase
        set(0x23, 0x04, 0x04, 0x04, 0x00)  // the longest: 16 times that
        set(0x27, UInt8(chip.trailingZeroBitCount))  // size: a power of two
        set(0x28, 0x02, 0x00)  // interface: x8/x16
        set(0x2a, UInt8((2 * bufferWords).trailingZeroBitCount), 0x00)  // buffer size: a power of two
        set(0x2c, 0x01)  // one erase block region: number of blocks - 1, size / 256
        set(0x2d, UInt8(truncatingIfNeeded: blocks), UInt8(truncatingIfNeeded: blocks >> 8))
        set(0x2f, UInt8(truncatingIfNeeded: block >> 8), UInt8(truncatingIfNeeded: block >> 16))
        set(0x31, UInt8(ascii: "P"), UInt8(ascii: "R"), UInt8(ascii: "I"), UInt8(ascii: "1"), UInt8(ascii: "0"))
        set(0x3f, 0x01)  // one protection field
        return table
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        let wasVisible = isVisible
        visitor.field("read mode", &mode, otherwise: .array)
        visitor.field("expectation", &expectation, otherwise: .command)
        visitor.field("status", &status)
        visitor.field("remaining", &remaining)
        // What no sequence of writes leads to, but a damaged snapshot may hold.
        if expectation == .bufferData, remaining == 0 || remaining > UInt32(Self.bufferWords) {
            visitor.refuse("1 to \(Self.bufferWords)")
            remaining = 1
        }
        visitor.field("buffer", &buffer, parts: Program.packedSize, limit: Self.bufferWords)
        if !bufferedPrograms().allSatisfy({ $0.size <= 8 && $0.offset < size && UInt64($0.size) <= size - $0.offset }) {
            visitor.refuse("writes within the bank")
            buffer = []
        }
        visitor.field("buffer sector", &bufferSector)
        // Somebody may have put other contents there, and could not say so while the region was hidden.
        if visitor.replacesFields { changed = wasVisible && isVisible ? nil : 0..<size }
        show()
    }
}

/// Why a flash bank could not be set up.
public enum FlashError: Error, CustomStringConvertible {
    case tooLarge(String, image: UInt64, bank: UInt64)
    case noHostMemory(String, size: UInt64)
    case image(String, BlockError)

    public var description: String {
        switch self {
        case .tooLarge(let name, let image, let bank):
            return "\(name): its image has \(image) bytes, but the bank has \(bank). Give it an image that fits"
        case .noHostMemory(let name, let size): return "\(name): the host has not \(size) bytes of memory for it"
        case .image(let name, let error): return "\(name): \(error)"
        }
    }
}
