import HyperModule

@testable import Hyper

/// A relocatable file, made field by field as ELF-64 Object File Format 1.5 has it.
struct ObjectFile {
    struct Symbol {
        var name: String
        /// The section's number; 0 is undefined, 0xfff1 absolute.
        var section: UInt16
        var value: UInt64 = 0
        /// STB_GLOBAL; 0 is local, 2 weak.
        var binding: UInt8 = 1
    }

    struct Relocation {
        var offset: UInt64
        var type: UInt32
        /// The symbol's number: the first of `symbols` is 1.
        var symbol: UInt32
        var addend: Int64 = 0
    }

    /// Sections 1, 2 and 3: code, data, and zeros.
    static let code: UInt16 = 1, data: UInt16 = 2, zeros: UInt16 = 3
    var machine: UInt16 = 243
    var type: UInt16 = 1
    var codeBytes: [UInt8] = []
    var dataBytes: [UInt8] = []
    var zeroCount: UInt64 = 0
    var symbols: [Symbol] = []
    var codeRelocations: [Relocation] = []
    var dataRelocations: [Relocation] = []
    var dataAlignment: UInt64 = 8
    var relocationSectionType: UInt32 = 4

    var bytes: [UInt8] {
        var names: [UInt8] = [0]
        var table = [UInt8](repeating: 0, count: 24)
        for symbol in symbols {
            table.add(UInt32(names.count))
            table += [symbol.binding << 4, 0]
            table.add(symbol.section)
            table.add(symbol.value)
            table.add(UInt64(0))
            names += Array(symbol.name.utf8) + [0]
        }
        // Type, flags, contents, size, link, info, alignment, size of entries.
        let write: UInt64 = 1, loaded: UInt64 = 2, executable: UInt64 = 4
        let sections: [(UInt32, UInt64, [UInt8], UInt64, UInt32, UInt32, UInt64, UInt64)] = [
            (0, 0, [], 0, 0, 0, 0, 0),
            (1, loaded | executable, codeBytes, UInt64(codeBytes.count), 0, 0, 4, 0),
            (1, loaded | write, dataBytes, UInt64(dataBytes.count), 0, 0, dataAlignment, 0),
            (8, loaded | write, [], zeroCount, 0, 0, 16, 0),
            (relocationSectionType, 0, Self.bytes(codeRelocations), UInt64(codeRelocations.count * 24), 6, 1, 8, 24),
            (relocationSectionType, 0, Self.bytes(dataRelocations), UInt64(dataRelocations.count * 24), 6, 2, 8, 24),
            (2, 0, table, UInt64(table.count), 7, 1, 8, 24),
            (3, 0, names, UInt64(names.count), 0, 0, 1, 0),
        ]
        var body: [UInt8] = []
        var headers: [UInt8] = []
        for (type, flags, contents, size, link, info, alignment, entrySize) in sections {
            headers.add(UInt32(0))
            headers.add(type)
            for value in [flags, 0, UInt64(64 + body.count), size] { headers.add(value) }
            headers.add(link)
            headers.add(info)
            headers.add(alignment)
            headers.add(entrySize)
            body += contents
        }
        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        file.add(type)
        file.add(machine)
        file.add(UInt32(1))
        for value in [0, 0, UInt64(64 + body.count)] { file.add(value) }
        file.add(UInt32(0))
        for value: UInt16 in [64, 0, 0, 64, UInt16(sections.count), 0] { file.add(value) }
        return file + body + headers
    }

    private static func bytes(_ relocations: [Relocation]) -> [UInt8] {
        var bytes: [UInt8] = []
        for relocation in relocations {
            bytes.add(relocation.offset)
            bytes.add(UInt64(relocation.symbol) << 32 | UInt64(relocation.type))
            bytes.add(UInt64(bitPattern: relocation.addend))
        }
        return bytes
    }
}

extension [UInt8] {
    mutating func add<Value: FixedWidthInteger>(_ value: Value) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}

/// A module whose functions are the test's.
enum FakeModule {
    // SAFETY: these tests run one at a time.
    nonisolated(unsafe) static var start: (OpaquePointer?) -> Bool = { _ in true }
    nonisolated(unsafe) static var stops = 0
    private static let startFunction: @convention(c) (OpaquePointer?) -> Bool = { FakeModule.start($0) }
    private static let stopFunction: @convention(c) () -> Void = { FakeModule.stops += 1 }

    static func address<Function>(_ function: Function) -> UInt64 { UInt64(unsafeBitCast(function, to: UInt.self)) }

    /// A file whose `hyper_module` leads to ``start`` and counts ``stops``.
    static func file(
        _ name: String, interface: UInt64 = hyper_interface(), exports: [String] = [], uses: [String] = []
    ) -> ObjectFile {
        let summary = "module of a test"
        var file = ObjectFile()
        file.codeBytes = [UInt8](repeating: 0, count: 64)
        file.dataBytes.add(interface)
        for value in [0, UInt64(name.utf8.count), 0, UInt64(summary.utf8.count), 0, 0] { file.dataBytes.add(value) }
        let text = UInt64(file.dataBytes.count)
        file.dataBytes += Array(name.utf8) + Array(summary.utf8)
        file.symbols = [
            .init(name: "hyper_module", section: ObjectFile.data),
            .init(name: "texts", section: ObjectFile.data, value: text, binding: 0),
            .init(name: "start", section: 0xfff1, value: address(startFunction), binding: 0),
            .init(name: "stop", section: 0xfff1, value: address(stopFunction), binding: 0),
        ]
        let word64: UInt32 = 2, call: UInt32 = 19
        file.dataRelocations = [
            .init(offset: 8, type: word64, symbol: 2),
            .init(offset: 24, type: word64, symbol: 2, addend: Int64(name.utf8.count)),
            .init(offset: 40, type: word64, symbol: 3), .init(offset: 48, type: word64, symbol: 4),
        ]
        for export in exports { file.symbols.append(.init(name: export, section: ObjectFile.code, value: 16)) }
        for use in uses {
            file.symbols.append(.init(name: use, section: 0))
            file.codeRelocations.append(.init(offset: 0, type: call, symbol: UInt32(file.symbols.count)))
        }
        return file
    }
}

/// Files in memory, as a file system.
final class MemoryFiles: FileSystem {
    var files: [(name: Text, bytes: [UInt8])] = []

    func entry(at path: Text) throws(HyperError) -> FileEntry? {
        if path.isEmpty || files.contains(where: { $0.name.hasPrefix("\(path)/") }) {
            return FileEntry(name: path, isDirectory: true, size: 0)
        }
        return files.first { $0.name == path }
            .map { FileEntry(name: path, isDirectory: false, size: UInt64($0.bytes.count)) }
    }

    func entries(in path: Text) throws(HyperError) -> [FileEntry] {
        let prefix: Text = path.isEmpty ? "" : "\(path)/"
        let names = files.filter { $0.name.hasPrefix(prefix) }
            .map { Text($0.name.bytes.dropFirst(prefix.count).prefix { $0 != 0x2f }) }
        var entries: [FileEntry] = []
        for name in names.inOrder() {
            guard let entry = try entry(at: "\(prefix)\(name)") else { continue }
            entries.append(FileEntry(name: name, isDirectory: entry.isDirectory, size: entry.size))
        }
        return entries
    }

    func read(_ path: Text, at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(HyperError) -> Int {
        guard let file = files.first(where: { $0.name == path }) else { throw HyperError("no such file") }
        let part = file.bytes.dropFirst(Int(offset)).prefix(target.count)
        target.copyBytes(from: part)
        return part.count
    }
}
