import Foundation
import TestSupport
import Testing

@testable import Machine

/// Nothing that a device keeps is left out of snapshots by mistake: the sources themselves are looked at.
@Suite("Completeness of states")
struct StateCompletenessTests {
    /// Why a stored property is in no description.
    private enum Reason {
        /// Set when the machine is built, by its description, and the same ever after.
        case fixed
        /// It follows from what is described, and is worked out anew when that is replaced.
        case derived
        /// It has no meaning between two accesses.
        case transient
        /// Whoever is outside of the machine has it, and the guest does not see it.
        case outside
    }

    /// What was looked at, by file.
    private static let reviewed: [String: [String: Reason]] = [
        "ACLINT.swift": ["timeChanged": .fixed],
        "BlockBackend.swift": ["failure": .outside, "flushes": .outside],
        "ConsoleBackend.swift": ["arrived": .fixed, "observer": .outside, "output": .outside],
        "DeviceReports.swift": ["last": .outside, "count": .outside],
        "FirmwareConfiguration.swift": ["files": .fixed],
        "InputPort.swift": [
            "arrived": .fixed, "observer": .outside, "type": .fixed, "code": .fixed, "value": .fixed,
        ],
        "NetworkBackend.swift": ["arrived": .fixed, "observer": .outside, "sent": .outside],
        "OverlayDisk.swift": ["heldBytes": .derived],
        "UserNetwork.swift": [
            "slirp": .outside, "timer": .outside, "answers": .outside, "descriptors": .outside, "isOpen": .outside,
            "lost": .outside,
        ],
        "GICOutputs.swift": ["group1": .fixed],
        "GICv2CPUInterface.swift": ["rawValue": .fixed, "acknowledged": .outside],
        "GICv2Distributor.swift": ["interfaces": .fixed],
        "GICv2Virtual.swift": ["interface": .fixed],
        "GICv3CPUInterface.swift": ["redistributor": .fixed, "security": .transient, "acknowledged": .outside],
        "GICv3Distributor.swift": ["redistributors": .fixed, "targets": .derived],
        "GICv3ITS.swift": ["touched": .transient],
        "GICv3Virtual.swift": ["redistributor": .fixed, "acknowledged": .outside],
        "InterruptBank.swift": ["hasCandidates": .derived],
        // The Active Priorities Registers are described word by word.
        "InterruptPriorities.swift": [
            "active": .derived, "activeSecureOne": .derived, "running": .derived, "halves": .derived,
            // By who has the priorities.
            "hasCommonBinaryPoint": .derived,
        ],
        // One by one, by who has them.
        "ListRegisters.swift": ["registers": .derived, "rawValue": .fixed],
        "PLIC.swift": ["acknowledged": .outside],
        "PCIConfigurationSpace.swift": ["ranges": .derived, "link": .fixed, "end": .fixed],
        "VirtIOBlock.swift": ["transport": .fixed],
        "VirtIOConsole.swift": ["transport": .fixed],
        "VirtIOEntropy.swift": ["transport": .fixed],
        "VirtIOGPU.swift": ["moved": .transient],
        "VirtIOInput.swift": ["transport": .fixed],
        "VirtIOTransport.swift": ["signal": .fixed],
        // The chains of one access.
        "Virtqueue.swift": ["readable": .transient, "writable": .transient],
        "AArch64CPUOption.swift": ["includes": .fixed],
        "AArch64Virt.swift": [
            "elements": .fixed, "processors": .fixed, "pins": .fixed, "timers": .fixed, "firmware": .fixed,
        ],
        "RISCVVirt.swift": ["harts": .fixed, "processors": .fixed, "pins": .fixed],
        "BoardConfiguration.swift": [
            "cpu": .fixed, "cpus": .fixed, "memorySize": .fixed, "clock": .fixed, "console": .fixed,
            "powerOnTime": .fixed, "virtio": .fixed, "drives": .fixed, "network": .fixed, "macAddress": .fixed,
            "flash": .fixed, "hasDisplay": .fixed, "seed": .fixed, "engine": .fixed, "jitOptions": .fixed,
            "report": .fixed,
        ],
        "Board.swift": [
            "clock": .fixed, "console": .fixed, "network": .fixed, "macAddress": .fixed, "report": .fixed,
        ],
    ]
    /// Files of values that others keep.
    private static let values: Set<String> = [
        "Display.swift", "GuestBuffer.swift", "NetworkAddress.swift", "PCIeDeviceTree.swift",
        "AArch64VirtDeviceTree.swift", "RISCVVirtDeviceTree.swift",
    ]

    /// The stored properties of a file's types, of those that are in no other type.
    private func storedProperties(_ lines: [Substring]) -> [String] {
        let modifiers = #"(?:(?:public|private|fileprivate|package|weak|unowned|\w+\(set\)) )*"#
        guard let declaration = try? Regex("^    " + modifiers + #"var (\w+)( *[:=].*)$"#) else { return [] }
        return lines.indices.compactMap { index in
            guard let match = lines[index].firstMatch(of: declaration), let name = match.output[1].substring,
                let rest = match.output[2].substring
            else { return nil }
            // What has a body, and no initial value, is computed; observers have a property to observe.
            let isComputed = rest.contains("{") && !rest.prefix { $0 != "{" }.contains("=")
            let next = index + 1 < lines.count ? lines[index + 1] : ""
            return isComputed && !next.contains("didSet") ? nil : String(name)
        }
    }

    /// All that a file's descriptions and what they call at once say.
    private func descriptions(_ lines: [Substring]) -> String {
        var text = ""
        var isInside = false
        for line in lines {
            if line.firstMatch(of: /^ {4}.*func (describe\w*State|replaceClusters)\(/) != nil { isInside = true }
            if isInside { text += line + "\n" }
            if line == "    }" { isInside = false }
        }
        return text
    }

    private func mentions(_ text: String, _ name: String) throws -> Bool {
        try text.firstMatch(of: Regex("\\b\(name)\\b").wordBoundaryKind(.simple)) != nil
    }

    private func files(_ folder: String) throws -> [String] {
        let path = BuiltImages.root + "/Sources/Machine/" + folder
        let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        let found = names.filter { $0.hasSuffix(".swift") }.sorted()
        #expect(found.count > 5, "there are no sources in \(path)")
        return found.map { path + "/" + $0 }
    }

    @Test("Every property of a device or board is described, or was looked at", arguments: ["Devices", "Boards"])
    func properties(folder: String) throws {
        for path in try files(folder) {
            let file = URL(fileURLWithPath: path).lastPathComponent
            guard !Self.values.contains(file) else { continue }
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false)
            let text = descriptions(lines)
            for name in storedProperties(lines) where Self.reviewed[file]?[name] == nil {
                let isNamed = try mentions(text, name)
                #expect(
                    isNamed,
                    """
                    \(file): nothing describes `\(name)`. Describe it in describeState, or say here why it need not be: \
                    as derived (and then work it out anew where visitor.replacesFields), fixed, transient or outside.
                    """)
            }
        }
    }

    /// Fields of the CPUs' state blocks that are in no description: what follows from others.
    private static let derived: [String: Set<String>] = [
        "RISCV": ["core", "hpmExecuted", "hpmRetired", "contexts"],
        "AArch64": ["core", "monitorsAreActive", "contexts", "floatLevels"],
    ]

    @Test("Every register of a CPU is described, or follows from others", arguments: ["RISCV", "AArch64"])
    func registers(architecture: String) throws {
        let root = BuiltImages.root + "/Sources/"
        let lines = try String(contentsOfFile: root + "ISA/\(architecture)/State.swift", encoding: .utf8).split(
            separator: "\n")
        let description = "Machine/Debugger/\(architecture)/\(architecture)State.swift"
        let text = try String(contentsOfFile: root + description, encoding: .utf8)
        let names = lines.compactMap { $0.firstMatch(of: /^ {8}public var (\w+)(:| = )/)?.output.1 }.map(String.init)
        #expect(names.count > 50, "there are no registers in State.swift")
        for name in names where !(Self.derived[architecture]?.contains(name) ?? false) {
            #expect(
                try mentions(text, name),
                "nothing describes `\(name)`: name it in \(architecture)State.swift, or say here that it follows from others"
            )
        }
    }
}
