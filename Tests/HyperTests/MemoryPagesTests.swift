import Testing

@testable import Hyper

extension CoreTests {
    @Suite("Pages")
    struct PagesTests {
        @Test("All of a range can be allocated but the table that describes it, a byte a page")
        func capacity() throws {
            for pages in 1...70 {
                let memory = FakeMemory(adding: pages)
                #expect(Pages.statistics.total == UInt64(pages))
                #expect(Pages.statistics.reserved == 1)
                var addresses: [UInt64] = []
                while let address = try? Pages.allocate(1) { addresses.append(address) }
                #expect(addresses.sorted() == (1..<pages).map { memory.address($0) })
                #expect(Pages.statistics.used == UInt64(pages - 1))
                #expect(Pages.statistics.free == 0)
                #expect(Pages.statistics.largestFreeBlock == 0)
            }
            // 4096 bytes are not enough for 4096 pages and the range's own description.
            let memory = FakeMemory(adding: 4096)
            #expect(Pages.statistics.reserved == 2)
            _ = memory
        }

        @Test("Ranges without a whole page are none, and those that end beyond all addresses end there")
        func ends() throws {
            let memory = FakeMemory(pages: 8)
            Pages.add(start: memory.start + 1, size: 8190)
            Pages.add(start: memory.start, size: 0)
            Pages.add(start: .max - 100, size: .max)
            #expect(Pages.statistics.total == 0)
            Pages.reserve(start: memory.start, size: 0)
            Pages.reserve(start: memory.address(2) + 4095, size: .max)
            Pages.add(start: memory.start, size: 8 * 4096)
            #expect(Pages.statistics.total == 8 && Pages.statistics.free == 1)
            #expect(throws: HyperError.self) { _ = try Pages.allocate(1, alignment: 1 << 63) }
            #expect(try Pages.allocate(1) == memory.address(1))
            // All of it kept: a range without room for its own table is left out.
            let other = FakeMemory(pages: 4)
            Pages.reserve(start: other.start, size: 4 * 4096)
            Pages.add(start: other.start, size: 4 * 4096)
            #expect(Pages.statistics.total == 0)
            withExtendedLifetime((memory, other)) {}
        }

        @Test(
            "Every count at every alignment is had where it is free, and given back whole, around every hole of 32 pages"
        )
        func exhaustive() throws {
            let memory = FakeMemory(adding: 32)
            let initial = Pages.statistics
            // All occupations of the 31 pages by two pieces of any place and size.
            for hole in 1..<32 {
                for holeSize in 1...(32 - hole) {
                    // Take all, and give back a hole.
                    let all = try Pages.allocate(31)
                    #expect(all == memory.address(1))
                    Pages.free(memory.address(hole), holeSize)
                    #expect(Pages.statistics.free == UInt64(holeSize))
                    for shift in 0...5 {
                        for count in 1...31 {
                            let alignment = UInt64(4096) << UInt64(shift)
                            let first = (hole + (1 << shift) - 1) & ~0 << shift
                            let fits = first + count <= hole + holeSize
                            let address = try? Pages.allocate(count, alignment: alignment)
                            if (address != nil) != fits {
                                Issue.record(
                                    "\(count) pages at \(alignment) in \(holeSize) from \(hole): expected \(fits)")
                            }
                            guard let address else { continue }
                            let end = address + UInt64(count) * 4096
                            if address % alignment != 0 || address < memory.address(hole)
                                || end > memory.address(hole + holeSize)
                                || Pages.statistics.free != UInt64(holeSize - count)
                            {
                                Issue.record("\(count) pages at \(alignment) in \(holeSize) from \(hole): \(address)")
                            }
                            Pages.free(address, count)
                        }
                    }
                    // The rest, which is one piece or two.
                    if hole > 1 { Pages.free(memory.address(1), hole - 1) }
                    if hole + holeSize < 32 { Pages.free(memory.address(hole + holeSize), 32 - hole - holeSize) }
                    #expect(Pages.statistics == initial)
                }
            }
        }

        @Test(
            "Random lives: pieces lie apart and aligned, keep what is written to them, and end as they began",
            arguments: 0..<8)
        func random(seed: UInt64) throws {
            let memory = FakeMemory(pages: 2048)
            // Two ranges with a hole between, and one that is all but reserved.
            Pages.reserve(start: memory.start, size: 5 * 4096 + 1)
            Pages.add(start: memory.start, size: 1000 * 4096)
            Pages.add(start: memory.address(1021) + 1, size: 900 * 4096)
            let initial = Pages.statistics
            #expect(initial.total == 1899)  // the second range begins and ends within pages
            #expect(initial.reserved == 6 + 2)
            var random = SeededGenerator(seed: seed)
            var model = [Int](repeating: 0, count: 2048)  // the piece that each page is of
            for page in [0...6, 1000...1022, 1921...2047].joined() { model[page] = -1 }
            var pieces: [(page: Int, count: Int, mark: Int)] = []
            var refused = 0
            for mark in 1...4000 {
                if Bool.random(using: &random) || pieces.isEmpty {
                    let count = Int.random(in: 1...(1 << Int.random(in: 0...8, using: &random)), using: &random)
                    let shift = max(0, Int.random(in: -6...9, using: &random))
                    let alignment = UInt64(4096) << UInt64(shift)
                    guard let address = try? Pages.allocate(count, alignment: alignment) else {
                        refused += 1
                        // The model's own search: no free pages lie so.
                        let base = Int(memory.start / 4096)
                        let found = (0...(2048 - count)).contains { page in
                            (base + page) & ((1 << shift) - 1) == 0 && model[page..<page + count].allSatisfy { $0 == 0 }
                        }
                        #expect(!found, "\(count) pages at \(alignment) were refused")
                        continue
                    }
                    #expect(address % alignment == 0)
                    let page = Int((address - memory.start) / 4096)
                    #expect(model[page..<page + count].allSatisfy { $0 == 0 })
                    for page in page..<page + count {
                        model[page] = mark
                        fill(memory.address(page), mark)
                    }
                    pieces.append((page, count, mark))
                } else {
                    var (page, count, mark) = pieces.remove(at: Int.random(in: pieces.indices, using: &random))
                    for page in page..<page + count { #expect(holds(memory.address(page), mark)) }
                    if count > 2, Int.random(in: 0..<4, using: &random) == 0 {
                        // A part from its middle: what is below and above lives on.
                        let start = Int.random(in: 1..<count - 1, using: &random)
                        let end = Int.random(in: start + 1..<count, using: &random)
                        pieces.append((page, start, mark))
                        pieces.append((page + end, count - end, mark))
                        (page, count) = (page + start, end - start)
                    }
                    Pages.free(memory.address(page), count)
                    for page in page..<page + count { model[page] = 0 }
                }
                guard mark % 16 == 0 else { continue }
                #expect(Pages.statistics.free == UInt64(model.count { $0 == 0 }))
                #expect(Pages.statistics.used == UInt64(model.count { $0 > 0 }))
                #expect(Pages.statistics.largestFreeBlock == largestBlock(model, memory.start))
            }
            #expect(refused > 0)
            for (page, count, _) in pieces { Pages.free(memory.address(page), count) }
            #expect(Pages.statistics == initial)
        }

        /// By the definition: 2^n free pages at a multiple of 2^n pages.
        private func largestBlock(_ model: [Int], _ start: UInt64) -> UInt64 {
            for order in (0...11).reversed() {
                let size = 1 << order
                let first = Int((UInt64(size) - start / 4096 % UInt64(size)) % UInt64(size))
                for page in stride(from: first, through: model.count - size, by: size)
                where model[page..<page + size].allSatisfy({ $0 == 0 }) { return UInt64(size) }
            }
            return 0
        }

        private func words(_ address: UInt64) -> UnsafeMutableBufferPointer<Int> {
            // SAFETY: a page of the fake memory.
            UnsafeMutableBufferPointer(start: UnsafeMutablePointer(bitPattern: UInt(address)), count: 512)
        }

        /// Marks the page where the allocator would write if it thought that it was free, and at its end.
        private func fill(_ address: UInt64, _ mark: Int) {
            for index in [0, 1, 2, 511] { words(address)[index] = mark }
        }

        private func holds(_ address: UInt64, _ mark: Int) -> Bool {
            [0, 1, 2, 511].allSatisfy { words(address)[$0] == mark }
        }

        @Test(
            "A block of 1 GiB comes whole out of 2 GiB, and more than one block can be had where blocks are neighbours")
        func large() throws {
            let memory = FakeMemory(adding: 2 << 18)
            let initial = Pages.statistics
            #expect(initial.reserved == 129)  // 2^19 bytes of states, and the description
            #expect(initial.largestFreeBlock == 1 << 18)
            let block = try Pages.allocate(1 << 18)
            #expect(block == memory.address(1 << 18))
            Pages.free(block, 1 << 18)
            let count = 3 << 17  // 1.5 GiB
            let piece = try Pages.allocate(count)
            #expect(piece + UInt64(count) * 4096 <= memory.start + memory.size)
            #expect(Pages.statistics.used == UInt64(count))
            Pages.free(piece, count)
            #expect(Pages.statistics == initial)
        }

        @Test("What is reserved is never given out: before a range is added, and after")
        func reserved() throws {
            let memory = FakeMemory(pages: 64)
            Pages.reserve(start: memory.address(10) + 4095, size: 2)  // touches pages 10 and 11
            Pages.add(start: memory.start, size: memory.size)
            Pages.reserve(start: memory.address(20), size: 3 * 4096)
            Pages.reserve(start: memory.address(21), size: 4 * 4096)  // some of it once more
            Pages.reserve(start: memory.start + memory.size, size: 4096)  // not memory
            #expect(Pages.statistics.reserved == 1 + 2 + 5)
            var addresses: [UInt64] = []
            while let address = try? Pages.allocate(1) { addresses.append(address) }
            let expected = (1..<64).filter { $0 != 10 && $0 != 11 && !(20...24).contains($0) }
            #expect(addresses.sorted() == expected.map { memory.address($0) })
        }

        @Test("A reservation leaves its marks where they were: the allocator writes nothing into reserved memory")
        func untouched() {
            let memory = FakeMemory(pages: 64)
            for page in 0..<64 { fill(memory.address(page), 0x1234_5678) }
            Pages.reserve(start: memory.start, size: 32 * 4096)
            Pages.add(start: memory.start, size: memory.size)
            for page in 0..<32 { #expect(holds(memory.address(page), 0x1234_5678)) }
            #expect(Pages.statistics.free == 31)
        }

        @Test(
            "Pages of a colour have numbers of that colour, of any count of colours, until there are none",
            arguments: [1, 2, 3, 7, 16, 64, 100])
        func colours(count: Int) throws {
            let memory = FakeMemory(adding: 300)
            let initial = Pages.statistics
            var pages: [UInt64] = []
            for index in 0..<count {
                let colour = try PageColour(index: UInt(index), of: UInt(count))
                var found: [UInt64] = []
                while let address = try? Pages.allocate(1, colour: colour) { found.append(address) }
                let expected = (1..<300).map { memory.address($0) }.filter { $0 / 4096 % UInt64(count) == index }
                #expect(found.sorted() == expected)
                pages += found
            }
            #expect(Pages.statistics.free == 0)
            for page in pages.shuffled() { Pages.free(page, 1) }
            #expect(Pages.statistics == initial)
        }

        @Test("A second colour is served from the blocks that the first has broken up")
        func colouredFragments() throws {
            _ = try withExtendedLifetime(FakeMemory(adding: 1024)) {
                for _ in 0..<64 { _ = try Pages.allocate(1, colour: PageColour(index: 0, of: 4)) }
                let largest = Pages.statistics.largestFreeBlock
                for _ in 0..<64 { _ = try Pages.allocate(1, colour: PageColour(index: 1, of: 4)) }
                #expect(Pages.statistics.largestFreeBlock == largest)
            }
        }

        @Test("What cannot be had is refused with its reason")
        func refusals() throws {
            try withExtendedLifetime(FakeMemory(adding: 16)) {
                func message(_ body: () throws -> Void) -> String {
                    do { try body() } catch let error as HyperError {
                        return String(decoding: error.message.bytes, as: UTF8.self)
                    } catch {}
                    return "nothing was refused"
                }
                #expect(
                    message { _ = try Pages.allocate(16) }
                        == """
                        no 16 pages in one piece at a multiple of 4096: 15 of 16 are free, 8 of them in one block, and 0 are \
                        kept for the heap; destroy a guest, or ask for less
                        """)
                #expect(message { _ = try Pages.allocate(0) }.hasPrefix("0 pages cannot be had at a multiple of 4096"))
                #expect(message { _ = try Pages.allocate(-1) }.hasPrefix("-1 pages cannot be had"))
                #expect(message { _ = try Pages.allocate(.max) }.hasPrefix("no 9223372036854775807 pages"))
                #expect(message { _ = try Pages.allocate(1, alignment: 6144) }.hasPrefix("1 pages cannot be had"))
                #expect(message { _ = try Pages.allocate(1, alignment: 2048) }.hasPrefix("1 pages cannot be had"))
                #expect(message { _ = try Pages.allocate(1, alignment: 1 << 63) }.hasPrefix("no 1 pages in one piece"))
                #expect(
                    message { _ = try PageColour(index: 3, of: 3) } == "there is no page colour 3 of 3: the first is 0")
                let colour = try PageColour(index: 0, of: 1)
                #expect(
                    message { _ = try Pages.allocate(2, colour: colour) }
                        == "2 pages have no one colour: ask for them one by one")
                // The last pages are the heap's.
                Pages.keptForHeap = 12
                for _ in 0..<3 { _ = try Pages.allocate(1) }
                #expect(message { _ = try Pages.allocate(1) }.contains("12 of 16 are free"))
                for _ in 0..<12 { #expect(Pages.allocateForHeap(1, alignment: 4096) != nil) }
                #expect(Pages.allocateForHeap(1, alignment: 4096) == nil)
            }
        }

        @Test("Misuse is a panic that says what was wrong, and where")
        func misuse() async {
            await expectPanic(
                "pages are freed that are free",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    let address = try Pages.allocate(3)
                    Pages.free(address, 3)
                    Pages.free(address, 3)
                    _ = memory
                })
            await expectPanic(
                "pages are freed that are free",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    // More than was allocated.
                    Pages.free(try Pages.allocate(3), 4)
                    _ = memory
                })
            await expectPanic(
                "pages of two allocations are freed as one",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    let address = try Pages.allocate(2)
                    _ = try (Pages.allocate(2), Pages.allocate(2), Pages.allocate(2))
                    Pages.free(address, 3)
                    _ = memory
                })
            await expectPanic(
                "pages are freed that are reserved",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    Pages.free(memory.start, 1)
                })
            await expectPanic(
                "pages are freed that are not memory: 0x1000",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    Pages.free(4096, 1)
                    _ = memory
                })
            await expectPanic(
                "what is freed is not pages",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    Pages.free(try Pages.allocate(1) + 8, 1)
                    _ = memory
                })
            await expectPanic(
                "memory is reserved that is in use",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    Pages.reserve(start: try Pages.allocate(1), size: 1)
                    _ = memory
                })
            await expectPanic(
                "memory is added twice",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let memory = FakeMemory(adding: 16)
                    Pages.add(start: memory.start + 8 * 4096, size: memory.size)
                })
        }
    }
}
