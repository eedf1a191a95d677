import Testing

@testable import Hyper

extension CoreTests {
    /// Memory of guests that is taken and had again, shared, for reading alone, or of some colours.
    @Suite("Memory of guests")
    final class GuestMemoryTests {
        private static let base: UInt64 = 0x8000_0000, page: UInt64 = 4096
        let memory = FakeMemory(adding: 4096)

        deinit {
            for guest in Guests.all { Guests.destroy(guest) }
            for block in SharedMemory.blocks { try? SharedMemory.remove(block.name) }
        }

        /// A guest of 512 pages, and whatever else.
        private func guest(
            _ name: Text = "one", type: Text = "alloced_ram",
            change: (DeviceTreeNode, DeviceTreeNode) -> Void = { _, _ in }
        ) throws -> Guest {
            let node = DeviceTreeNode()
            node.set("model", text: "board")
            node.set("device_type", text: "guest")
            let template = node.add("vcpu_template")
            template.set("device_type", text: "vcpu")
            template.set("compatible", text: "test")
            template.set("start_pc", u32: 0x8000_0000)
            let space = node.add("aspace")
            space.set("guest_irq_count", u32: 64)
            let ram = Self.region(space, "mem0", "real", type, UInt32(Self.base), 512 << 12)
            ram.set("align_order", u32: 21)
            change(space, ram)
            return try Guests.make(node, name: name)
        }

        @discardableResult
        private static func region(
            _ space: DeviceTreeNode, _ name: Text, _ kind: Text, _ type: Text, _ start: UInt32, _ size: UInt32
        ) -> DeviceTreeNode {
            let node = space.add(name)
            node.set("manifest_type", text: kind)
            node.set("address_type", text: "memory")
            node.set("device_type", text: type)
            node.set("guest_physical_addr", u32: start)
            node.set("physical_size", u32: size)
            return node
        }

        private func store(_ value: UInt64, _ guest: Guest, _ address: UInt64) {
            #expect(withUnsafeBytes(of: value) { guest.space.write(address, from: $0) })
        }

        private func load(_ guest: Guest, _ address: UInt64) -> UInt64? {
            var value: UInt64 = 0
            return withUnsafeMutableBytes(of: &value) { guest.space.read(address, into: $0) } ? value : nil
        }

        // MARK: Taking

        @Test("A page that is taken is given back, and had again as zeros when it is touched")
        func taking() throws {
            let guest = try guest()
            for index in 0..<UInt64(8) { store(index + 1, guest, Self.base + index * Self.page) }
            let used = Pages.statistics.used
            #expect(guest.space.take([Self.base + 2 * Self.page, Self.base + 5 * Self.page]) == 2)
            #expect(guest.space.takenSize == 2 * Self.page)
            guest.space.giveBack()
            #expect(Pages.statistics.used == used - 2)
            // Not twice, as long as it is not had again.
            #expect(guest.space.take([Self.base + 2 * Self.page]) == 0)
            #expect(try guest.space.map(Self.base + 2 * Self.page + 8, for: .write))
            let values = (0..<UInt64(8)).map { load(guest, Self.base + $0 * Self.page) }
            #expect(values == [1, 2, 0, 4, 5, 0, 7, 8])
            #expect(guest.space.takenSize == 0)
            #expect(guest.space.take([Self.base + 2 * Self.page]) == 1)
            guest.space.giveBack()
            #expect(guest.space.takenSize == Self.page)
        }

        @Test("What a large page has mapped leads to the others, and to nothing where a page is taken")
        func largePage() throws {
            let guest = try guest()
            #expect(try guest.space.map(Self.base))
            let first = try #require(guest.space.translate(Self.base))
            #expect(guest.space.translate(Self.base + 511 * Self.page) == first + 511 * Self.page)
            #expect(guest.space.take([Self.base + 300 * Self.page]) == 1)
            #expect(guest.space.translate(Self.base + 300 * Self.page) == nil)
            #expect(try guest.space.map(Self.base + 299 * Self.page))
            #expect(guest.space.translate(Self.base + 299 * Self.page) == first + 299 * Self.page)
            #expect(guest.space.translate(Self.base + 300 * Self.page) == nil)
        }

        @Test("A page is not given back while somebody uses what it found before")
        func uses() throws {
            let guest = try guest()
            let use = guest.space.beginUse()
            let pointer = try #require(guest.space.memory(Self.base, count: 8))
            #expect(guest.space.take([Self.base]) == 1)
            let used = Pages.statistics.used
            let thread = Scheduler.makeThread("balloon") { guest.space.giveBack() }
            Scheduler.wake(thread)
            Port.run(until: Port.counter + Timers.ticks(20_000_000))
            // A use that begins later is waited for by nobody.
            let later = guest.space.beginUse()
            #expect(Pages.statistics.used >= used, "the page is still the guest's")
            pointer.storeBytes(of: 7, as: UInt64.self)
            guest.space.endUse(use)
            Port.run(until: Port.counter + Timers.ticks(20_000_000))
            #expect(Pages.statistics.used < used)
            guest.space.endUse(later)
        }

        @Test("Only what is the guest's alone is taken, and not what a device keeps")
        func refusals() throws {
            try SharedMemory.make("common", size: 8192)
            let guest = try guest { space, _ in
                Self.region(space, "shm", "real", "shared_ram", 0x4000_0000, 8192).set("shared_mem", text: "common")
            }
            guest.space.keep(Self.base + 0x1800, count: 0x1000)
            let addresses: [UInt64] = [
                0x4000_0000, 0x5000_0000, Self.base + 0x1000, Self.base + 0x2000, .max & ~4095, Self.base + 8,
            ]
            #expect(guest.space.take(addresses) == 0)
            guest.space.release(Self.base + 0x1800, count: 0x1000)
            #expect(guest.space.take([Self.base + 0x1000]) == 1)
            #expect(guest.space.ownedSize == 512 * Self.page)
            let other = try self.guest("two") { space, _ in
                Self.region(space, "again", "alias", "misc", 0x4000_0000, 4096)
                    .set("alias_physical_addr", u32: UInt32(Self.base))
            }
            #expect(other.space.ownedSize == 0)
            #expect(other.space.take([Self.base]) == 0, "it is found elsewhere, too")
            let fixed = try self.guest("three")
            try fixed.space.mapAll()
            #expect(fixed.space.take([Self.base]) == 0, "a device of the host's has it")
        }

        @Test("Whatever is taken and had again, each page keeps what was written, and no two are one")
        func anyOrder() throws {
            let used = Pages.statistics.used
            try takeInAnyOrder(20_000, seed: 11)
            // Of others most pages were never taken.
            for seed in 0..<UInt64(200) { try takeInAnyOrder(20, seed: seed) }
            #expect(Pages.statistics.used == used)
        }

        private func takeInAnyOrder(_ rounds: UInt64, seed: UInt64) throws {
            let guest = try guest()
            var random = SeededGenerator(seed: seed)
            // What each page has, by the order of what was done.
            var expected = [UInt64](repeating: 0, count: 512)
            var isTaken = [Bool](repeating: false, count: 512)
            for round in 1...rounds {
                let index = Int.random(in: 0..<512, using: &random)
                let address = Self.base + UInt64(index) * Self.page
                switch Int.random(in: 0..<8, using: &random) {
                case 0, 1:
                    #expect(guest.space.take([address]) == (isTaken[index] ? 0 : 1))
                    (isTaken[index], expected[index]) = (true, 0)
                case 2: guest.space.giveBack()
                case 3:
                    #expect(try guest.space.map(address))
                    isTaken[index] = false
                case 4, 5:
                    store(round, guest, address + 64)
                    (isTaken[index], expected[index]) = (false, round)
                default:
                    #expect(load(guest, address + 64) == expected[index])
                    isTaken[index] = false
                }
                let found = guest.space.takenSize / Self.page
                guard found == isTaken.count(where: { $0 }) else {
                    Issue.record("\(found) pages are taken after \(round) steps")
                    break
                }
            }
            let places = (0..<512).map { index -> UInt64 in
                let address = Self.base + UInt64(index) * Self.page
                #expect(load(guest, address + 64) == expected[index])
                return UInt64(UInt(bitPattern: guest.space.memory(address, count: 8)))
            }
            #expect(Set(places).count == 512)
            Guests.destroy(guest)
        }

        @Test("Bytes in pages that lie here and there are read and written in pieces")
        func pieces() throws {
            let guest = try guest()
            let addresses = (0..<UInt64(16)).map { Self.base + $0 * Self.page }
            #expect(guest.space.take(addresses) == 16)
            guest.space.giveBack()
            // Had again in another order.
            for address in addresses.reversed() { store(0, guest, address) }
            let bytes = (0..<16 * 4096 - 100).map { UInt8(truncatingIfNeeded: $0 * 7) }
            #expect(bytes.withUnsafeBytes { guest.space.write(Self.base + 50, from: $0) })
            var found = [UInt8](repeating: 0, count: bytes.count)
            #expect(found.withUnsafeMutableBytes { guest.space.read(Self.base + 50, into: $0) })
            #expect(found == bytes)
            var total = 0
            #expect(try guest.space.forEachPiece(Self.base, count: 16 * 4096) { total += $0.count })
            #expect(total == 16 * 4096)
            #expect(try !guest.space.forEachPiece(Self.base + 511 * Self.page, count: 8192) { _ in })
            // Side by side or not, a pointer never has less than was asked for.
            for address in addresses.dropLast() {
                guard let pointer = guest.space.memory(address, count: 8192) else { continue }
                let next = guest.space.memory(address + Self.page, count: 1)
                #expect(next == pointer + 4096)
            }
        }

        @Test("A GPU reads the pages that the guest has now, not those that it had when it gave them")
        func backing() throws {
            let guest = try guest()
            let resource = try VirtIOGPUResource(1, .standard, width: 16, height: 64)
            let screen = try Screen(width: 16, height: 64)
            for word in 0..<UInt64(512) { store(0x0055_5555_0055_5555, guest, Self.base + word * 8) }
            resource.attach([.init(start: Self.base, count: 4096)])
            #expect(resource.transfer(screen.bounds, from: 0, of: guest.space))
            resource.draw(screen.bounds, on: screen, cornerX: 0, y: 0)
            #expect((0..<1024).allSatisfy { screen.pixels[$0] & 0xff_ffff == 0x55_5555 })
            #expect(guest.space.take([Self.base]) == 1)
            guest.space.giveBack()
            // Somebody else has it now.
            let other = try Pages.allocate(1)
            defer { Pages.free(other, 1) }
            UnsafeMutablePointer<UInt64>(bitPattern: UInt(other))!.update(repeating: ~0, count: 512)
            #expect(resource.transfer(screen.bounds, from: 0, of: guest.space))
            resource.draw(screen.bounds, on: screen, cornerX: 0, y: 0)
            #expect((0..<1024).allSatisfy { screen.pixels[$0] & 0xff_ffff == 0 })
        }

        // MARK: Other kinds

        @Test("What is for reading alone is not mapped for a guest that writes")
        func readOnly() throws {
            let guest = try guest { space, _ in Self.region(space, "rom", "real", "alloced_rom", 0x1000_0000, 8192) }
            #expect(try guest.space.map(0x1000_0000, for: .read))
            #expect(try guest.space.map(0x1000_0000, for: .execute))
            #expect(try !guest.space.map(0x1000_0000, for: .write))
            #expect(guest.space.memory(0x1000_0000, count: 1, write: true) == nil)
        }

        @Test("Guests share memory, which is not main memory, and which stays as long as one has it")
        func shared() throws {
            let used = Pages.statistics.used
            try share()
            #expect(Pages.statistics.used == used)
        }

        private func share() throws {
            try SharedMemory.make("common", size: 5000)
            func sharing(_ name: Text, _ type: Text) throws -> Guest {
                try guest(name) { space, _ in
                    Self.region(space, "shm", "real", type, 0x4000_0000, 8192).set("shared_mem", text: "common")
                }
            }
            let (one, two) = (try sharing("one", "shared_ram"), try sharing("two", "shared_rom"))
            store(0x2026, one, 0x4000_1ff8)
            #expect(load(two, 0x4000_1ff8) == 0x2026)
            #expect(one.space.regions.filter { $0.isMainMemory }.map { $0.name } == ["mem0"])
            #expect(throws: HyperError.self) { try SharedMemory.make("common", size: 1) }
            #expect(throws: HyperError.self) { try SharedMemory.make("none", size: 0) }
            #expect(throws: HyperError.self) { try SharedMemory.make("all", size: .max) }
            Guests.destroy(one)
            #expect(throws: HyperError.self) { try SharedMemory.remove("common") }
            Guests.destroy(two)
            try SharedMemory.remove("common")
            #expect(throws: HyperError.self) { _ = try sharing("one", "shared_ram") }
        }

        @Test("Coloured memory has pages of its colours alone")
        func coloured() throws {
            let used = Pages.statistics.used
            try colour()
            #expect(Pages.statistics.used == used)
        }

        private func colour() throws {
            func coloured(_ first: UInt32, _ count: UInt32) throws -> Guest {
                try self.guest(type: "colored_ram") { _, ram in
                    ram.remove("align_order")
                    ram.set("first_color", u32: first)
                    ram.set("num_colors", u32: count)
                }
            }
            let guest = try coloured(4, 3)
            for index in 0..<UInt64(512) {
                let page = try #require(guest.space.translate(Self.base + index * Self.page)) / Self.page
                #expect((4...6).contains(page % UInt64(Configuration.PAGE_COLOURS)))
            }
            store(1, guest, Self.base + 511 * Self.page)
            #expect(load(guest, Self.base + 511 * Self.page) == 1)
            #expect(guest.space.take([Self.base]) == 1)
            Guests.destroy(guest)
            #expect(throws: HyperError.self) { _ = try coloured(15, 2) }
            #expect(throws: HyperError.self) { _ = try coloured(16, 1) }
            // There are 256 pages of a colour of 4096.
            #expect(throws: HyperError.self) { _ = try coloured(0, 1) }
        }

        // MARK: The balloon's registers

        @Test("A balloon tells how many pages are wanted, and takes those whose numbers it is given")
        func balloon() throws {
            let twin = try TwinMemory()
            let space = try AddressSpace(identifier: 3)
            let balloon = VirtIOBalloon(memory: space, work: WorkQueue("balloon"))
            let driver = try TwinDriver(balloon, memory: twin)
            #expect(driver.read(0x008) == 5)
            driver.start()
            #expect(driver.read(0x100) == 0)
            let host = try Pages.allocate(16)
            try space.add(
                Region(
                    name: "ram", start: Self.base, size: 16 * Self.page, kind: .memory(host, .all), isOwned: true,
                    moved: MovedPages(pages: 16)))
            // More than there is cannot be asked for.
            balloon.ask(1 << 40)
            #expect(driver.read(0x100) == 16)
            #expect(driver.acknowledge() == 2, "the configuration has changed")
            balloon.ask(3 * Self.page)
            #expect(driver.read(0x100) == 3)
            let used = Pages.statistics.used
            let numbers: [UInt32] = [0x80003, 0x80007, 0x80007, 0xffff_ffff, 0, 0x80010]
            driver.queues[0].add([
                numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
            ])
            driver.queues[0].kick()
            #expect(driver.queues[0].take()?.length == 0)
            #expect(space.takenSize == 2 * Self.page)
            Port.run()
            #expect(Pages.statistics.used == used - 2)
            driver.write(0x104, 2)
            #expect(driver.read(0x104) == 2)
            #expect(driver.read(0x100) == 3)
            // What leaves the balloon is there once it is touched.
            driver.queues[1].add([[3, 0, 8, 0]])
            driver.queues[1].kick()
            #expect(driver.queues[1].take()?.length == 0)
            #expect(try space.map(Self.base + 3 * Self.page))
            #expect(space.takenSize == Self.page)
            for (address, count) in space.pages(of: space.regions[0]) { Pages.free(address, count) }
            space.remove(space.regions[0])
        }
    }
}
