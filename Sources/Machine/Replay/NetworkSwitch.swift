/// What a network card is connected to: a network, or for a run that is repeated nothing but a recording of one.
public final class NetworkSwitch: NetworkBackend {
    public let input = NetworkInput()
    /// Nil where frames come from a recording, and nobody hears what the guest sends.
    public internal(set) var network: UserNetwork?

    /// What the guest sends was sent before.
    var isCut = false

    public func send(_ frame: [UInt8]) {
        if !isCut { network?.send(frame) }
    }
}
