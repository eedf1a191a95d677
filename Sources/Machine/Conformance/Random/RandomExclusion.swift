/// What random programs leave out because QEMU 7.2.22 is known to depart from the manual there. A difference that is
/// explained is left out by its kind, before it is made, so that every difference found is news.
public struct RandomExclusion: Sendable {
    /// What is left out; where it is an instruction, its mnemonic.
    public let what: String
    /// What QEMU does, and what the manual says.
    public let reason: String
}
