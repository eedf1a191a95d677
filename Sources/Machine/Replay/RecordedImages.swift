/// What a recording holds of a machine's images because it may change from one build of this program to the next.
public struct RecordedImages: Sendable {
    public var deviceTree: [UInt8]?
    public var builtInFirmware: InputFile?

    public init(deviceTree: [UInt8]? = nil, builtInFirmware: InputFile? = nil) {
        self.deviceTree = deviceTree
        self.builtInFirmware = builtInFirmware
    }

    /// The roles of a recording's resources that are not words of a description.
    public enum Role {
        public static let deviceTree = "device-tree"
        public static let builtInFirmware = "built-in-firmware"
    }
}

extension MachineDescription {
    /// The same machine with nothing outside: files are not written to, and nobody types.
    var withoutOutside: MachineDescription {
        var description = withOverlays
        description.input = nil
        return description
    }

    /// The images that a guest may change: what they hold depends on when it is looked at.
    public var changingFiles: [Drive] { (drives + flash).filter { !$0.isReadOnly && !$0.isSnapshot } }

    /// The same machine whose guest's writes stay in memory, where they belong to its state.
    public var withOverlays: MachineDescription {
        var description = self
        func snapshot(_ drive: Drive) -> Drive {
            Drive(path: drive.path, isReadOnly: drive.isReadOnly, isSnapshot: !drive.isReadOnly)
        }
        description.drives = drives.map(snapshot)
        description.flash = flash.map(snapshot)
        return description
    }

    /// The files that the machine is made from, by the word that names each.
    public var files: [(role: Key, path: String)] {
        var files: [(Key, String)] = []
        for (key, path) in [(Key.firmware, firmware), (.kernel, kernel), (.initrd, initrd), (.dtb, dtb)] {
            if let path, path != "none" { files.append((key, path)) }
        }
        files += modules.map { (.module, $0.path) } + drives.map { (.drive, $0.path) } + flash.map { (.flash, $0.path) }
        return files
    }
}
