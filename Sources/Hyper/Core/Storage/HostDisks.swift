/// A disk of the host's hardware.
public protocol HostDisk: VirtualDisk {
    /// Where it is in the host's tree.
    var place: Text { get }
    var counters: DiskCounters { get }
    /// Why it does not work any more; nil while it does.
    var failure: Text? { get }
}

public struct DiskCounters: Sendable {
    public var reads: UInt64 = 0
    public var readSectors: UInt64 = 0
    public var writes: UInt64 = 0
    public var writtenSectors: UInt64 = 0
    public var errors: UInt64 = 0
    public init() {}
}

/// The host's disks: vda, vdb, and so on, in the order in which they are found.
public enum HostDisks {
    // SAFETY: changed by one thread at a time: at boot, and by whoever holds the mutex of the management.
    nonisolated(unsafe) public private(set) static var all: [any HostDisk] = []

    /// A name that no disk has.
    public static func freeName() throws(HyperError) -> Text {
        for letter in UInt8(ascii: "a")...UInt8(ascii: "z") {
            let name = Text([UInt8(ascii: "v"), UInt8(ascii: "d"), letter])
            if !VirtualDisks.all.contains(where: { $0.identifier == name }) { return name }
        }
        throw HyperError("there are disks vda to vdz already, and no names for more")
    }

    /// Guests may have it from here on.
    public static func add(_ disk: any HostDisk) throws(HyperError) {
        try VirtualDisks.add(disk)
        all.append(disk)
    }

    public static func remove(_ disk: any HostDisk) {
        VirtualDisks.removePartitions(of: disk)
        VirtualDisks.remove(disk)
        all.removeAll { $0 === disk }
    }
}
