/// A function behind the bridge, which keeps its configuration space.
protocol PCIFunctionEmulator: AnyObject {
    /// Of its memory: a power of two.
    var memorySize: UInt64 { get }
    /// As it is at first.
    func makeConfiguration() -> PCIConfigurationSpace
    /// Whether it would hold its pin, if it may or not.
    var isInterrupting: Bool { get }
    /// What the guest lets the function do has perhaps changed. The bridge's lock is held.
    func configure(_ configuration: PCIConfigurationSpace)
    /// The same, after that: the function looks for what it could not do before. No lock is held.
    func goOn()
    /// What of its memory an access of its configuration space leads to.
    func indirectAccess(_ offset: Int, _ configuration: PCIConfigurationSpace) -> (offset: UInt64, width: Int)?
    func read(_ offset: UInt64, width: Int) -> UInt64
    func write(_ offset: UInt64, width: Int, value: UInt64)
    func reset()
    func remove()
}
