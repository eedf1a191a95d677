import Testing

@testable import Hyper

extension CoreTests {
    @Suite("Heap")
    struct HeapTests {
        @Test("Every size at every alignment lies as asked, holds as much, and is given back to the byte")
        func sizes() throws {
            let memory = FakeMemory(adding: 1024)
            let initial = Pages.statistics
            for shift in 0...16 {
                let alignment = 1 << shift
                for size in [0...2100, 4000...4200, 8190...8200].joined() {
                    let before = Heap.statistics.bytes
                    let address = try #require(Heap.allocate(size, alignment: alignment))
                    #expect(UInt(bitPattern: address) % UInt(max(alignment, 16)) == 0, "\(size) at \(alignment)")
                    let used = Heap.statistics.bytes - before
                    #expect(used >= size && used > 0)
                    // What is small takes no page.
                    if size <= 1344 && shift <= 6 { #expect(used <= 1344) }
                    address.initializeMemory(as: UInt8.self, repeating: 0xa5, count: size)
                    Heap.free(address)
                    #expect(Heap.statistics.bytes == before)
                }
            }
            #expect(Heap.statistics.bytes == 0)
            Heap.trim()
            #expect(Heap.statistics.pages == 0)
            #expect(Pages.statistics == initial)
            _ = memory
        }

        @Test("A page has as many blocks of a size as fit beside its header, and they lie apart")
        func capacity() throws {
            let memory = FakeMemory(adding: 64)
            #expect(MemoryLayout<Slab>.size <= Slab.headerSize)
            for index in 0..<Heap.sizes.count {
                let size = Int(Heap.sizes[index])
                #expect(4032 % size == 0 && size % 16 == 0)
                let blocks = try (0..<4032 / size).map { _ in try #require(Heap.allocate(size)) }
                let addresses = blocks.map { UInt(bitPattern: $0) }.sorted()
                #expect(Heap.statistics.pages == 1)
                #expect(addresses.first! % 4096 == 64)
                #expect(zip(addresses, addresses.dropFirst()).allSatisfy { $1 - $0 == UInt(size) })
                #expect(addresses.last! + UInt(size) == addresses.first! - 64 + 4096)
                #expect(Heap.statistics.blocks[index].count == 4032 / size)
                // One more takes another page, which stays when the first one is given back.
                let more = Heap.allocate(size)
                #expect(Heap.statistics.pages == 2)
                for block in blocks { Heap.free(block) }
                #expect(Heap.statistics.pages == 1)
                Heap.free(more)
                #expect(Heap.statistics.pages == 1)
                #expect(Heap.statistics.bytes == 0)
                Heap.trim()
                #expect(Heap.statistics.pages == 0)
            }
            _ = memory
        }

        @Test(
            "Random lives: blocks lie apart, keep what is written to them, are counted, and end with no byte in use",
            arguments: 0..<8)
        func random(seed: UInt64) throws {
            let memory = FakeMemory(adding: 600)
            let initial = Pages.statistics
            var random = SeededGenerator(seed: seed)
            var blocks: [(address: UnsafeMutableRawPointer, size: Int, mark: UInt8)] = []
            var refused = 0
            for step in 0..<20_000 {
                // Grows and shrinks in turn, so that slabs fill up and empty.
                let grows = step / 2500 % 2 == 0
                if Int.random(in: 0..<8, using: &random) < (grows ? 6 : 2) || blocks.isEmpty {
                    let size = Int.random(in: 0...(16 << Int.random(in: 0...9, using: &random)), using: &random)
                    let shift = max(3, Int.random(in: -12...14, using: &random))
                    guard let address = Heap.allocate(size, alignment: 1 << shift) else {
                        refused += 1
                        #expect(Pages.statistics.largestFreeBlock << 12 < max(size, 1 << shift))
                        continue
                    }
                    #expect(UInt(bitPattern: address) & ((1 << shift) - 1) == 0)
                    let mark = UInt8.random(in: 0...255, using: &random)
                    address.initializeMemory(as: UInt8.self, repeating: mark, count: size)
                    blocks.append((address, size, mark))
                } else {
                    let (address, size, mark) = blocks.remove(at: Int.random(in: blocks.indices, using: &random))
                    #expect(UnsafeRawBufferPointer(start: address, count: size).allSatisfy { $0 == mark })
                    Heap.free(address)
                }
                if step % 500 == 0 {
                    let now = Heap.statistics
                    #expect(now.blocks.reduce(now.largeAllocations) { $0 + $1.count } == blocks.count)
                    #expect(now.bytes >= blocks.reduce(0) { $0 + $1.size })
                    #expect(UInt64(now.pages) == Pages.statistics.used)
                    let spans = blocks.map { (UInt(bitPattern: $0.address), UInt($0.size)) }.sorted { $0 < $1 }
                    #expect(zip(spans, spans.dropFirst()).allSatisfy { $0.0 + $0.1 <= $1.0 })
                }
            }
            for block in blocks { Heap.free(block.address) }
            let end = Heap.statistics
            #expect(end.bytes == 0)
            #expect(end.blocks.allSatisfy { $0.count == 0 && $0.pages <= 1 })
            Heap.trim()
            #expect(Heap.statistics.pages == 0)
            #expect(Pages.statistics == initial)
            _ = (memory, refused)
        }

        @Test("10,000 lives of what a guest is made of leave the memory as it was, to the byte, without a trim")
        func lives() throws {
            let memory = FakeMemory(adding: 4096)
            // Something lives on throughout.
            let others = (0..<100).map { Heap.allocate(16 + $0 * 30) }
            var before: (Heap.Statistics, PageStatistics)?
            for life in 0..<10_000 {
                let pieces = [24, 72, 300, 1200, 5000, 40, 40, 16 << 10].map { Heap.allocate($0) }
                let ram = try Pages.allocate(256 + life % 3, alignment: 2 << 20)
                Pages.free(ram, 256 + life % 3)
                for piece in pieces.reversed() { Heap.free(piece) }
                let now = (Heap.statistics, Pages.statistics)
                if let before, before != now {
                    Issue.record("life \(life): \(now) in use, \(before) after the first")
                    break
                }
                before = now
            }
            for other in others { Heap.free(other) }
            Heap.trim()
            #expect(Heap.statistics.pages == 0)
            #expect(Pages.statistics.used == 0)
            _ = memory
        }

        @Test("Without memory there is nil, and what was there before can still be used and given back")
        func exhaustion() throws {
            let memory = FakeMemory(adding: 8)
            var blocks: [UnsafeMutableRawPointer] = []
            while let block = Heap.allocate(1000) { blocks.append(block) }
            #expect(blocks.count == 7 * 4)
            #expect(Heap.allocate(16) == nil)
            #expect(Heap.allocate(4096) == nil)
            for block in blocks { Heap.free(block) }
            #expect(Heap.statistics.bytes == 0)
            for size in [8 << 12, .max, .max - 4095, .max - 4096, -1, .min] { #expect(Heap.allocate(size) == nil) }
            #expect(Heap.allocate(1, alignment: 1 << 62) == nil)
            Heap.free(nil)
            _ = memory
        }

        @Test("Misuse is a panic that says what was wrong, and where")
        func misuse() async {
            await expectPanic(
                "memory is freed that is not allocated",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    let block = Heap.allocate(24)
                    Heap.free(block)
                    Heap.free(block)
                    _ = memory
                })
            await expectPanic(
                "memory is freed that is not allocated",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    // Within a block.
                    Heap.free(Heap.allocate(48)! + 16)
                    _ = memory
                })
            await expectPanic(
                "memory is freed that is not allocated",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    // A slab's header.
                    Heap.free(UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: Heap.allocate(48)) & ~4095 + 16))
                    _ = memory
                })
            await expectPanic(
                "memory is freed that is not allocated",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    // Within pages, past the first.
                    Heap.free(Heap.allocate(3 * 4096)! + 4096)
                    _ = memory
                })
            await expectPanic(
                "memory is freed that is not allocated",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    let block = Heap.allocate(8192)
                    Heap.free(block)
                    Heap.free(block)
                    _ = memory
                })
        }

        @Test("The panic for want of memory says what was asked for, and how much is free")
        func outOfMemory() async {
            await expectPanic(
                """
                out of memory: 1048576 bytes at a multiple of 16 were asked for, and 15 of 16 pages are free, 8 of them in one \
                block
                """,
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    if Heap.allocate(1 << 20) == nil { Heap.panic(1 << 20, 16) }
                    _ = memory
                })
        }
    }
}
