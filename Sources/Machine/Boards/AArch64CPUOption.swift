import AArch64ISA

/// What `--cpu` may say of an AArch64 CPU behind its name, under QEMU's names where QEMU has them.
struct AArch64CPUOption {
    let name: String
    /// The CPU is one that has these.
    let requires: AArch64.Features
    /// What it has where the option is on, and has not where it is off.
    let features: AArch64.Features
    /// What it cannot have either without them.
    var includes: AArch64.Features = []

    /// Pointers are signed by QARMA5, or by an algorithm of our own where `pauth-impdef` is on (FEAT_PACQARMA5,
    /// FEAT_PACIMP).
    static let all = [
        AArch64CPUOption(name: "el2", requires: .el2, features: .el2),
        AArch64CPUOption(name: "pauth", requires: .pauth, features: .pauth, includes: .pacIMP),
        AArch64CPUOption(name: "pauth-impdef", requires: .pauth, features: .pacIMP),
        AArch64CPUOption(name: "lpa2", requires: .lpa2, features: .lpa2),
        AArch64CPUOption(name: "nested", requires: .nv, features: .nv),
    ]
}

extension AArch64.CPUModel {
    /// The CPU that `text` asks for: `cortex-a72`, or `cortex-a72,el2=off` for one without EL2; `max` where none is named.
    init(cpu text: String?) throws(InputError) {
        let words = (text ?? "max").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let names = Self.all.map(\.name)
        guard let named = Self.named(words[0]) else {
            throw InputError(
                file: "--cpu", problem: "there is no CPU \"\(words[0].prefix(40))\"",
                mend: nearestWord(to: words[0], among: names).map { "Did you mean \($0)?" }
                    ?? "There are \(enumeration(names)).")
        }
        var choice: [(option: AArch64CPUOption, isOn: Bool)] = []
        for word in words.dropFirst() { choice.append(try named.option(word)) }
        func isOn(_ name: String) -> Bool? { choice.last { $0.option.name == name }?.isOn }
        if isOn("pauth-impdef") == true, isOn("pauth") == false {
            throw InputError(
                file: "--cpu", problem: "pauth-impdef=on chooses an algorithm, and pauth=off has no use for one",
                mend: "Leave out one of both.")
        }
        self = named.with { features in
            for (option, isOn) in choice {
                if isOn { features.formUnion(option.features) } else { features.subtract(option.features) }
                if !isOn { features.subtract(option.includes) }
            }
        }
    }

    /// An option of this CPU, and whether it is on: `pauth=off`.
    private func option(_ word: String) throws(InputError) -> (AArch64CPUOption, Bool) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let options = AArch64CPUOption.all.filter { features.isSuperset(of: $0.requires) }
        guard let option = options.first(where: { $0.name == parts[0] }) else {
            let names = options.map(\.name)
            throw InputError(
                file: "--cpu", problem: "\"\(word.prefix(40))\" is no option of \(name)",
                mend: nearestWord(to: parts[0], among: names).map { "Did you mean \($0)?" }
                    ?? "There \(names.count == 1 ? "is" : "are") \(enumeration(names)), =on or =off.")
        }
        switch parts.dropFirst().first {
        case "on": return (option, true)
        case "off": return (option, false)
        case let value:
            let given = value.map { "\"\($0.prefix(40))\"" } ?? "neither"
            throw InputError(
                file: "--cpu", problem: "\(option.name) is \(given), and must be on or off",
                mend: "Write \(option.name)=on or \(option.name)=off.")
        }
    }
}
