extension SelfTest {
    /// The second stage of a guest that nobody runs, on tables as this machine has them.
    static var pageTables: SelfTest {
        SelfTest(name: "page-tables", summary: "a guest's second stage: pages of each size, split, unmapped, protected")
        {
            () throws(HyperError) in
            typealias Stage = SecondStage<Port.SecondStage>
            try expectNothingLost { () throws(HyperError) in
                var stage = try Stage(identifier: 63)
                let giant = Stage.pageSize(2), large = Stage.pageSize(1), small = Stage.pageSize(0)
                let empty = stage.tablePages
                func leads(_ stage: borrowing Stage, _ guest: UInt64, _ host: UInt64?) throws(HyperError) {
                    let found = stage.translate(guest)
                    try expect(found == host, "\(hex: guest) leads to \(hex: found ?? 0), not to \(hex: host ?? 0)")
                }
                try leads(stage, 0, nil)
                // One page of each size, and what is beside it.
                try stage.map(giant, to: 4 * giant, level: 2, .all)
                try leads(stage, giant + 0x1234_5678, 4 * giant + 0x1234_5678)
                try leads(stage, 2 * giant, nil)
                try expect(stage.tablePages == empty, "a page of 1 GiB has taken a table")
                try stage.map(3 * giant, to: giant + large, level: 1, .all)
                try leads(stage, 3 * giant + large - 1, giant + 2 * large - 1)
                try leads(stage, 3 * giant + large, nil)
                try stage.map(3 * giant + large, to: 7 * small, level: 0, .all)
                try leads(stage, 3 * giant + large + 0xabc, 7 * small + 0xabc)
                try leads(stage, 3 * giant + large + small, nil)
                try expect(stage.tablePages == empty + 2, "two tables are \(stage.tablePages - empty)")
                // A page that is split: the new one leads where it should, and the rest is mapped when it is touched.
                try stage.map(giant + 5 * small, to: 9 * small, level: 0, .all)
                try leads(stage, giant + 5 * small, 9 * small)
                try leads(stage, giant + 6 * small, nil)
                try leads(stage, giant + large, nil)
                // What it is made of may do what it is said to, and no more; written pages need no fault to be known.
                for access in [[.read], [.read, .write], [.read, .execute], .all] as [SecondStageAccess] {
                    try stage.map(5 * giant, to: small, level: 0, access)
                    let found = stage.access(5 * giant)
                    try expect(found == access, "access \(UInt64(access.rawValue)) is \(UInt64(found?.rawValue ?? 0))")
                }
                // Unmapped: exactly what was said.
                for page in 0..<4 as Range<UInt64> {
                    try stage.map(6 * giant + page * small, to: page * small, level: 0, .all)
                }
                stage.unmap(6 * giant + small, size: 2 * small)
                try leads(stage, 6 * giant, 0)
                try leads(stage, 6 * giant + small, nil)
                try leads(stage, 6 * giant + 3 * small - 1, nil)
                try leads(stage, 6 * giant + 3 * small, 3 * small)
                // A large page over a table gives the table back.
                let tables = stage.tablePages
                try stage.map(3 * giant + large, to: 8 * large, level: 1, .all)
                try leads(stage, 3 * giant + large + small, 8 * large + small)
                try expect(stage.tablePages == tables - 1, "the table under a page of 2 MiB is still there")
                stage.unmap(0, size: 16 * giant)
                try leads(stage, giant + 5 * small, nil)
            }
        }
    }

    /// Does something 16 times, which leaves behind nothing. Guests that run meanwhile may have touched a few pages of theirs.
    private static func expectNothingLost(_ body: () throws(HyperError) -> Void) throws(HyperError) {
        Heap.trim()
        let before = Pages.statistics.used
        for _ in 0..<16 { try body() }
        Heap.trim()
        let after = Pages.statistics.used
        try expect(after < before + 16, "\(after - min(before, after)) pages are lost in 16 rounds")
    }

    static var allocator: SelfTest {
        SelfTest(name: "pages", summary: "pages of many sizes at once: apart, aligned, all given back") {
            () throws(HyperError) in
            try expectNothingLost { () throws(HyperError) in
                var blocks: [(address: UInt64, count: Int)] = []
                for round in 0..<64 {
                    let count = 1 + round * 7 % 33
                    let alignment = Pages.size << UInt64(round % 5)
                    let address = try Pages.allocate(count, alignment: alignment)
                    try expect(address % alignment == 0, "\(hex: address) is no multiple of \(hex: alignment)")
                    let end = address + UInt64(count) * Pages.size
                    for block in blocks {
                        try expect(
                            end <= block.address || address >= block.address + UInt64(block.count) * Pages.size,
                            "\(hex: address) and \(hex: block.address) overlap")
                    }
                    blocks.append((address, count))
                    if round % 3 == 2 {
                        let block = blocks.remove(at: round % blocks.count)
                        Pages.free(block.address, block.count)
                    }
                }
                for block in blocks { Pages.free(block.address, block.count) }
                blocks = []
            }
        }
    }

    static var heap: SelfTest {
        SelfTest(name: "heap", summary: "blocks of many sizes keep what is written, on all CPUs at once") {
            () throws(HyperError) in
            let before = Heap.statistics.bytes
            final class Changed {
                let lock = SpinLock()
                var count = 0
            }
            let changed = Changed()
            let workers: [() -> Void] = (0..<UInt8(4)).map { worker in
                {
                    for round in 0..<100 {
                        let size = 1 + round * 37 % 3000
                        guard let block = Heap.allocate(size) else { continue }
                        let bytes = UnsafeMutableRawBufferPointer(start: block, count: size)
                        for index in bytes.indices { bytes[index] = worker &+ UInt8(truncatingIfNeeded: index) }
                        Scheduler.yield()
                        let isKept = bytes.indices.allSatisfy {
                            bytes[$0] == worker &+ UInt8(truncatingIfNeeded: $0)
                        }
                        if !isKept { changed.lock.withLock { changed.count += 1 } }
                        Heap.free(block)
                    }
                }
            }
            try together(workers)
            try expect(changed.count == 0, "\(changed.count) blocks have changed")
            let after = Heap.statistics.bytes
            // The list of what is still to be done has room of its own.
            try expect(after - before < 16 << 10, "\(after - before) bytes are lost")
        }
    }
}
