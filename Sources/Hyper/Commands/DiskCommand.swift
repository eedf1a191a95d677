extension Command {
    /// `vdisk`: disks, and which guest has which.
    static var vdisk: Command {
        Command(
            "vdisk", group: "Storage", "disks for guests, and for file systems",
            [
                Form("list", "all disks, and who has them") { _, output in
                    var table = Table("DISK|>KIB||KIND|USED BY")
                    for disk in VirtualDisks.all {
                        table.add([
                            disk.identifier, "\(disk.sectorCount / 2)", disk.isReadOnly ? "read-only" : "",
                            disk.kind, users(of: disk),
                        ])
                    }
                    output.write(table)
                },
                Form("partitions DISK", "look at its table of partitions, which are disks of their own") {
                    arguments, output throws(HyperError) in
                    let found = try VirtualDisks.addPartitions(of: try VirtualDisks.find(arguments[0]))
                    var table = Table(">NUMBER|>START|>SECTORS|TYPE|NAME")
                    for partition in found.partitions {
                        table.add([
                            "\(partition.number)", "\(partition.start)", "\(partition.count)", partition.type,
                            partition.name,
                        ])
                    }
                    output.write(table)
                    for problem in found.problems { output.write(problem) }
                },
                Form("create memory NEW SIZE", "make one of memory") { arguments, _ throws(HyperError) in
                    try VirtualDisks.add(try PageDisk(identifier: arguments[0], size: try size(arguments[1])))
                },
                Form("create file NEW PATH [MODE]", "make one of a file: its bytes are the disk's") {
                    arguments, _ throws(HyperError) in
                    let isReadOnly = try mode(arguments.count > 2 ? arguments[2] : "writable")
                    try add(try FileDisk(identifier: arguments[0], path: arguments[1], isReadOnly: isReadOnly))
                },
                Form("create overlay NEW DISK", "make one that begins as another, which stays as it is") {
                    arguments, _ throws(HyperError) in
                    try add(try OverlayDisk(identifier: arguments[0], base: try VirtualDisks.find(arguments[1])))
                },
                Form("remove DISK", "take one away that was created") { arguments, _ throws(HyperError) in
                    try remove(try VirtualDisks.find(arguments[0]))
                },
                Form("attach GUEST DEVICE DISK", "put a disk into a guest's empty drive") {
                    arguments, _ throws(HyperError) in
                    try drive(arguments).insert(try VirtualDisks.find(arguments[2]))
                },
                Form("detach GUEST DEVICE", "take the disk out of a guest's drive") { arguments, _ throws(HyperError) in
                    try drive(arguments).eject()
                },
            ],
            values: { name in
                switch name {
                case "DISK": VirtualDisks.all.map { $0.identifier }
                case "MODE": ["read-only", "writable"]
                default: guestValues(name)
                }
            })
    }

    private static func users(of disk: any VirtualDisk) -> Text {
        var text = Text()
        for user in DiskUses.users(of: disk) { text.append("\(text.isEmpty ? "" : ", " as Text)\(user)" as Text) }
        return text
    }

    private static func mode(_ text: Text) throws(HyperError) -> Bool {
        switch text {
        case "read-only": return true
        case "writable": return false
        default: throw HyperError("\(text) is no mode of a disk: there are read-only and writable")
        }
    }

    /// A disk that cannot be added gives back what it holds.
    private static func add(_ disk: QueuedDisk) throws(HyperError) {
        do throws(HyperError) {
            try VirtualDisks.add(disk)
        } catch {
            disk.close()
            throw error
        }
    }

    private static func remove(_ disk: any VirtualDisk) throws(HyperError) {
        if let user = DiskUses.users(of: disk).first {
            throw HyperError("disk \(disk.identifier) is \(user)'s: take it from there first")
        }
        guard disk.isCreated else {
            throw HyperError("disk \(disk.identifier) was not created here: it stays for as long as its hardware")
        }
        try VirtualDisks.checkPartitions(of: disk)
        VirtualDisks.removePartitions(of: disk)
        VirtualDisks.remove(disk)
        disk.close()
    }

    /// The drive of a guest: the name of its node in the guest's tree.
    private static func drive(_ arguments: [Text]) throws(HyperError) -> VirtIOBlock {
        let guest = try Guests.find(arguments[0])
        guard let drive = VirtIODrives.find("\(guest.name)/\(arguments[1])") else {
            throw HyperError(
                "guest \(guest.name) has no drive \(arguments[1]): its tree names them, with virtio_type = <2>")
        }
        return drive
    }
}
