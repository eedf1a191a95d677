/// A device that asks a guest for memory, and takes it (VirtIO 1.2, Traditional Memory Balloon Device).
///
/// What the guest wants back it has as soon as it touches it, so the queue of pages that leave the balloon is for the guest's
/// own order alone.
final class VirtIOBalloon: VirtIODevice, GuestBalloon {
    private static let inflateQueue = 0
    /// Feature Bits: VIRTIO_BALLOON_F_DEFLATE_ON_OOM.
    private static let deflateOnOutOfMemory: UInt64 = 1 << 2
    /// Device configuration layout: num_pages, and actual, which the driver writes.
    private static let actualOffset: UInt64 = 4
    /// Pages of one buffer that are taken, for a guest's exit not to take long: the guest keeps the others.
    private static let pageLimit = 1024

    private let memory: Unmanaged<AddressSpace>
    private let work: WorkQueue
    private var transport: Unmanaged<VirtIOTransport>?
    /// In pages.
    private var wantedPages: UInt32 = 0

    /// - Parameters:
    ///   - memory: The guest's, which outlives the device.
    ///   - work: Gives back pages, and waits meanwhile.
    public init(memory: AddressSpace, work: WorkQueue) {
        self.memory = .passUnretained(memory)
        self.work = work
    }

    public var identifier: UInt32 { VirtIODeviceType.balloon }
    public var features: UInt64 { Self.deflateOnOutOfMemory }
    public var queueSizes: [UInt16] { [64, 64] }
    public var configuration: [UInt8] { Self.bytes(0) + Self.bytes(0) }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }

    public func attach(to transport: VirtIOTransport) { self.transport = .passUnretained(transport) }

    // MARK: As Hyper has it

    public var wanted: UInt64 { UInt64(wantedPages) * Pages.size }

    public func ask(_ bytes: UInt64) {
        wantedPages = UInt32(clamping: min(bytes, memory._withUnsafeGuaranteedRef { $0.ownedSize }) / Pages.size)
        let wanted = Self.bytes(wantedPages)
        transport?._withUnsafeGuaranteedRef { transport in
            transport.changeConfiguration { $0.replaceSubrange(0..<4, with: wanted) }
        }
    }

    // MARK: As the guest has it

    public func notified(_ queue: Int) {
        transport?._withUnsafeGuaranteedRef { transport in
            transport.serve(queue) { buffer throws(HyperError) in
                if queue == Self.inflateQueue { inflate(buffer.readable) }
                return 0
            }
        }
    }

    /// The numbers of pages of 4 KiB, whatever the size of pages is.
    private func inflate(_ numbers: ScatterList) {
        var rest = numbers
        var addresses: [UInt64] = []
        while addresses.count < Self.pageLimit, let number = rest.number(bytes: 4) { addresses.append(number << 12) }
        // The work may be done when the device is gone.
        let memory = memory.takeUnretainedValue()
        if memory.take(addresses) > 0 { work.add { memory.giveBack() } }
    }

    /// How much the driver says that it has given, which it reads again.
    public func writeConfiguration(_ offset: UInt64, width: Int, value: UInt64) {
        guard offset >= Self.actualOffset, offset + UInt64(width) <= Self.actualOffset + 4 else { return }
        transport?._withUnsafeGuaranteedRef { transport in
            transport.changeConfiguration(tellsDriver: false) { bytes in
                for index in 0..<width {
                    bytes[Int(offset) + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
                }
            }
        }
    }
}
