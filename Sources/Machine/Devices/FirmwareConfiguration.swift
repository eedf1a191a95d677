import ISA

/// QEMU's firmware configuration device, memory-mapped: how firmware is given the kernel, its command line and tables.
///
/// Interface: QEMU's docs/specs/fw_cfg. Device tree: `qemu,fw-cfg-mmio`. Items are byte strings under a 16-bit key; the
/// directory under key 0x19 lists those that have a file name. Numbers in the directory and in the DMA interface are
/// big-endian; the traditional items are little-endian.
public final class FirmwareConfiguration: Device {
    /// The register map.
    enum Register {
        /// Reads the next bytes of the selected item, in memory order.
        static let data: Range<UInt64> = 0x00..<0x08
        /// Big-endian, write-only: selects an item and goes back to its start.
        static let selector: UInt64 = 0x08
        /// Big-endian address of a DMA control structure; the write of its low half starts the transfer.
        static let dma: Range<UInt64> = 0x10..<0x18
    }

    /// Keys of items that have no file name.
    public enum Key {
        public static let signature: UInt16 = 0x00
        public static let id: UInt16 = 0x01
        public static let cpuCount: UInt16 = 0x05
        public static let kernelSize: UInt16 = 0x08
        public static let initrdSize: UInt16 = 0x0b
        public static let kernelData: UInt16 = 0x11
        public static let initrdData: UInt16 = 0x12
        public static let commandLineSize: UInt16 = 0x14
        public static let commandLineData: UInt16 = 0x15
        public static let fileDirectory: UInt16 = 0x19
        public static let firstFile: UInt16 = 0x20
        /// Bits that choose among kinds of items which do not exist here.
        static let kinds: UInt16 = 0xc000
    }

    /// Bits of a DMA control word. With `select`, the upper half is the key.
    private struct Control: OptionSet {
        let rawValue: UInt32
        static let error = Control(rawValue: 1)
        static let read = Control(rawValue: 2)
        static let skip = Control(rawValue: 4)
        static let select = Control(rawValue: 8)
        static let write = Control(rawValue: 16)
    }

    private struct File {
        let name: String
        let key: UInt16
    }

    /// Bytes of a directory entry: size, key, reserved, and a name that ends with a zero.
    private static let nameSize = 56
    /// "QEMU CFG", as a big-endian number: what the DMA register reads.
    private static let dmaSignature: UInt64 = 0x5145_4d55_2043_4647
    /// The traditional interface and DMA are there.
    private static let idBits: UInt32 = 0b11

    public let name: String
    /// It maps the device, and so holds it.
    private unowned let space: AddressSpace
    private var items: [UInt16: [UInt8]] = [:]
    private var writable: [UInt16] = []
    private var files: [File] = []

    private var selected: UInt16 = 0
    private var position: UInt32 = 0
    private var dmaHigh: UInt32 = 0

    /// - Parameters:
    ///   - space: where the guest's DMA control structures and buffers are.
    ///   - cpuCount: how many CPUs the machine has.
    public init(name: String, space: AddressSpace, cpuCount: Int) {
        self.name = name
        self.space = space
        items[Key.signature] = Array("QEMU".utf8)
        add(Key.id, Self.idBits)
        add(Key.cpuCount, UInt16(clamping: cpuCount))
        updateDirectory()
    }

    // MARK: Contents, given by the board

    /// Adds an item that has no file name, or replaces it.
    public func add(_ key: UInt16, bytes: [UInt8]) {
        items[key] = bytes
    }

    private func add(_ key: UInt16, _ value: some FixedWidthInteger) {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: value)
        items[key] = bytes
    }

    /// Adds a named file, such as `opt/com.example/setting`.
    /// - Parameters:
    ///   - file: a name of at most 55 bytes that is not there yet.
    ///   - isWritable: whether the guest may write it by DMA. Its size is fixed.
    /// - Returns: its key.
    @discardableResult
    public func add(file: String, bytes: [UInt8], isWritable: Bool = false) -> UInt16 {
        precondition(file.utf8.count < Self.nameSize, "a file name of fw_cfg has at most 55 bytes")
        precondition(!files.contains { $0.name == file }, "fw_cfg has a file \(file) already")
        precondition(files.count < 0x1000, "fw_cfg is full")
        let key = Key.firstFile + UInt16(files.count)
        files.append(File(name: file, key: key))
        items[key] = bytes
        if isWritable { writable.append(key) }
        updateDirectory()
        return key
    }

    /// Adds a kernel for firmware to boot.
    public func add(kernel: [UInt8]) {
        add(Key.kernelSize, UInt32(clamping: kernel.count))
        items[Key.kernelData] = kernel
    }

    public func add(initrd: [UInt8]) {
        add(Key.initrdSize, UInt32(clamping: initrd.count))
        items[Key.initrdData] = initrd
    }

    /// Adds the kernel's command line; the terminating zero counts.
    public func add(commandLine: String) {
        let bytes = Array(commandLine.utf8) + [0]
        add(Key.commandLineSize, UInt32(clamping: bytes.count))
        items[Key.commandLineData] = bytes
    }

    private func updateDirectory() {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(files.count).bigEndian)
        for file in files {
            bytes.append(littleEndian: UInt32(clamping: items[file.key]?.count ?? 0).bigEndian)
            bytes.append(littleEndian: file.key.bigEndian)
            bytes.append(littleEndian: UInt16(0))
            let name = Array(file.name.utf8)
            bytes += name + Array(repeating: 0, count: Self.nameSize - name.count)
        }
        items[Key.fileDirectory] = bytes
    }

    public func reset() {
        selected = 0
        position = 0
        dmaHigh = 0
    }

    // MARK: Registers

    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        guard offset % UInt64(size) == 0 else { throw AccessFault() }
        switch offset {
        case Register.data:
            var value: UInt64 = 0
            for index in 0..<UInt64(size) { value |= UInt64(nextByte()) << (8 * index) }
            return value
        case Register.dma:
            let whole = Self.dmaSignature.byteSwapped >> (8 * (offset - Register.dma.lowerBound))
            return size == 8 ? whole : whole & ((1 << (8 * UInt64(size))) - 1)
        default: throw AccessFault()
        }
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        guard offset % UInt64(size) == 0 else { throw AccessFault() }
        switch (offset, size) {
        case (Register.data, _): break  // writing through the data register is no longer supported
        case (Register.selector, 2): select(UInt16(truncatingIfNeeded: value).byteSwapped)
        case (Register.dma.lowerBound, 8): startDMA(value.byteSwapped)
        case (Register.dma.lowerBound, 4): dmaHigh = UInt32(truncatingIfNeeded: value).byteSwapped
        case (Register.dma.lowerBound + 4, 4):
            startDMA(UInt64(dmaHigh) << 32 | UInt64(UInt32(truncatingIfNeeded: value).byteSwapped))
        default: throw AccessFault()
        }
    }

    private func select(_ key: UInt16) {
        selected = key & ~Key.kinds
        position = 0
    }

    /// The next byte of the selected item; zero beyond its end.
    private func nextByte() -> UInt8 {
        guard let item = items[selected], position < item.count else { return 0 }
        defer { position += 1 }
        return item[Int(position)]
    }

    // MARK: DMA

    /// Carries out the structure {control, length, address} at `address` and clears its control word, or sets its error
    /// bit. Where there is no structure nothing can be said.
    private func startDMA(_ address: UInt64) {
        dmaHigh = 0
        let memory = space.memory
        guard address <= .max - 16, let controlWord = memory.load(address, as: UInt32.self)?.byteSwapped,
            let length = memory.load(address + 4, as: UInt32.self)?.byteSwapped,
            let buffer = memory.load(address + 8, as: UInt64.self)?.byteSwapped
        else { return }
        let control = Control(rawValue: controlWord)
        if control.contains(.select) { select(UInt16(truncatingIfNeeded: controlWord >> 16)) }
        var isDone = true
        if control.contains(.read) {
            isDone = read(UInt64(length), to: buffer)
        } else if control.contains(.write) {
            isDone = write(UInt64(length), from: buffer)
        } else if control.contains(.skip) {
            advance(UInt64(length))
        }
        _ = memory.store(address, (isDone ? 0 : Control.error.rawValue).bigEndian)
    }

    /// How much of the selected item is left.
    private var remaining: UInt64 {
        guard let item = items[selected], position < item.count else { return 0 }
        return UInt64(item.count) - UInt64(position)
    }

    private func advance(_ count: UInt64) {
        position = UInt32(clamping: UInt64(position) + min(count, remaining))
    }

    /// Copies to the guest; what lies beyond the end of the item is zero.
    private func read(_ count: UInt64, to address: UInt64) -> Bool {
        var target = GuestBuffer(space.memory)
        guard target.append(GuestBuffer.Piece(address: address, count: count), isWritten: true) else { return false }
        let start = Int(position)
        let present = Int(min(count, remaining))
        let item = items[selected] ?? []
        target.write { bytes in
            bytes.copyBytes(from: item[start..<start + present])
            if present < bytes.count {
                UnsafeMutableRawBufferPointer(rebasing: bytes[present...]).initializeMemory(
                    as: UInt8.self, repeating: 0)
            }
        }
        advance(count)
        return true
    }

    /// Copies from the guest into a writable file, within its size.
    private func write(_ count: UInt64, from address: UInt64) -> Bool {
        guard writable.contains(selected), count <= remaining else { return false }
        var source = GuestBuffer(space.memory)
        guard source.append(GuestBuffer.Piece(address: address, count: count), isWritten: false) else { return false }
        let start = Int(position)
        items[selected]?.replaceSubrange(start..<start + Int(count), with: source.bytes())
        advance(count)
        return true
    }

    // MARK: State

    /// Items that the guest cannot write are the board's and do not change.
    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("selected", &selected)
        visitor.field("position", &position)
        // A position never passes its item's end.
        let end = UInt32(clamping: items[selected]?.count ?? 0)
        if position > end {
            visitor.refuse("no more than \(end), the item's length")
            position = end
        }
        visitor.field("dma high", &dmaHigh)
        for key in writable {
            var bytes = items[key] ?? []
            visitor.field("file", &bytes, count: bytes.count)
            items[key] = bytes
        }
    }
}
