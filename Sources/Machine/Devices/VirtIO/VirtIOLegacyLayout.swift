/// How a legacy driver says over MMIO where its queues are (VirtIO 1.2, 4.2.4, "Legacy interface"): in pages, the size of
/// which it says too.
struct VirtIOLegacyLayout {
    /// GuestPageSize and QueueAlign, in bytes. Of drivers that leave them out, QEMU believes that they mean this.
    private static let standardUnit: UInt32 = 4096

    /// Drivers say it before they reset the device, and once.
    var pageSize: UInt32 = standardUnit
    /// A queue each.
    var alignments: [UInt32]

    init(queues: Int) {
        alignments = Array(repeating: Self.standardUnit, count: queues)
    }

    mutating func reset() {
        self = VirtIOLegacyLayout(queues: alignments.count)
    }

    func alignment(of queue: Int) -> UInt64 { UInt64(alignments[queue]) }

    /// Where a queue is that begins at that page, or why that is not known.
    func address(ofPage number: UInt32) -> Result<UInt64, VirtqueueError> {
        guard pageSize > 0, pageSize & (pageSize - 1) == 0 else {
            return .failure(.badUnit("page size", UInt64(pageSize)))
        }
        return .success(UInt64(number) * UInt64(pageSize))
    }

    /// QueuePFN: 0 of a queue that is not in use.
    func pageNumber(of queue: Virtqueue) -> UInt32 {
        guard queue.isReady, pageSize > 0 else { return 0 }
        return UInt32(truncatingIfNeeded: queue.descriptorTable / UInt64(pageSize))
    }

    mutating func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("guest page size", &pageSize)
        visitor.field("queue alignments", &alignments)
    }
}
