/// Who uses which disk: whoever writes to one has it, and all of which it is a part or that are parts of it, alone.
public enum DiskUses {
    private struct Use {
        let disk: any VirtualDisk
        let user: Text
        let writes: Bool
    }

    // SAFETY: changed by one thread at a time, which holds the mutex of the management.
    nonisolated(unsafe) private static var all: [Use] = []

    /// Takes the disk for the user, as errors call it: a guest, or a path at which it is mounted.
    public static func take(_ disk: any VirtualDisk, for user: Text, writes: Bool) throws(HyperError) {
        for use in all where (writes || use.writes) && overlap(use.disk, disk) {
            throw HyperError(
                """
                disk \(disk.identifier) is \(use.user)'s\(use.writes ? ", which writes to it" : "" as Text): take it from \
                there first, or use a copy: vdisk create overlay NAME \(disk.identifier)
                """)
        }
        all.append(Use(disk: disk, user: user, writes: writes))
    }

    public static func giveBack(_ disk: any VirtualDisk, from user: Text) {
        guard let index = all.firstIndex(where: { $0.disk === disk && $0.user == user }) else { return }
        all.remove(at: index)
    }

    public static func users(of disk: any VirtualDisk) -> [Text] { all.filter { $0.disk === disk }.map { $0.user } }

    private static func overlap(_ a: any VirtualDisk, _ b: any VirtualDisk) -> Bool {
        a === b || a.whole === b || b.whole === a
    }
}
