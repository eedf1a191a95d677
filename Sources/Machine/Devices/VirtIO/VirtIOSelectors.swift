/// Registers that all transports have alike: those that select a word of the features, or a queue, for others to show.
struct VirtIOSelectors {
    var deviceFeatures: UInt32 = 0
    var driverFeatures: UInt32 = 0
    var queue: UInt32 = 0

    /// The selected word of what the device offers.
    func deviceFeatures(of transport: VirtIOTransport) -> UInt32 {
        guard deviceFeatures < 2 else { return 0 }
        return UInt32(truncatingIfNeeded: transport.deviceFeatures.rawValue >> UInt64(32 * deviceFeatures))
    }

    /// The selected word of what the driver accepts.
    func driverFeatures(of transport: VirtIOTransport) -> UInt32 {
        guard driverFeatures < 2 else { return 0 }
        return UInt32(truncatingIfNeeded: transport.driverFeatures.rawValue >> UInt64(32 * driverFeatures))
    }

    func setDriverFeatures(of transport: VirtIOTransport, _ value: UInt32) {
        guard driverFeatures < 2 else { return }
        var features = transport.driverFeatures.rawValue
        features.replaceHalf(Int(driverFeatures), with: value)
        transport.setDriverFeatures(features)
    }

    /// The selected queue, if there is one.
    func queue(of transport: VirtIOTransport) -> Int? {
        queue < transport.queues.count ? Int(queue) : nil
    }

    /// Changes the selected queue. One that is ready is in use and keeps what it was given.
    func changeQueue(of transport: VirtIOTransport, _ change: (inout Virtqueue) -> Void) {
        guard let index = queue(of: transport), !transport.queues[index].isReady else { return }
        change(&transport.queues[index])
    }

    mutating func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("device features select", &deviceFeatures)
        visitor.field("driver features select", &driverFeatures)
        visitor.field("queue select", &queue)
    }
}
