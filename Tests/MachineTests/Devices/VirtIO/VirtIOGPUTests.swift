import Testing

@testable import Machine

/// Expected values: VirtIO 1.2, section 5.7, and pixels by hand.
@Suite("VirtIO GPU")
struct VirtIOGPUTests {
    typealias Response = GPUResponse
    let device = GPUDriver()
    var driver: DriverTwin { device.driver }
    let backing = GPUDriver.backing

    @Test("It is device 16 with two queues, one screen, and no features of its own")
    func identity() {
        #expect(driver.get(.deviceID) == 16)
        #expect(driver.deviceFeatures() & 0xff_ffff == 0)
        #expect(driver.mmio.get(0x100) == 0, "events_read")
        #expect(driver.mmio.get(0x108) == 1, "num_scanouts")
        #expect(driver.mmio.get(0x10c) == 0, "num_capsets")
    }

    @Test("GET_DISPLAY_INFO tells of sixteen screens, of which the first is there")
    func displayInfo() {
        let answer = device.exchange(GPUDriver.words([0x100, 0, 0, 0, 0, 0]))
        #expect(answer.count == 24 + 16 * 24)
        #expect(answer.littleEndian(at: 0) == Response.displayInfo)
        #expect(Array(answer[24..<48]) == GPUDriver.words([0, 0, 1280, 800, 1, 0]))
        #expect(answer[48...].allSatisfy { $0 == 0 })
    }

    @Test("A response to a fenced request names the fence and its context, and no other does")
    func fence() {
        let fenced = device.exchange(GPUDriver.words([0x100, 1, 0x1234_5678, 0x9abc_def0, 7, 0]))
        #expect(Array(fenced[0..<24]) == GPUDriver.words([0x1101, 1, 0x1234_5678, 0x9abc_def0, 7, 0]))
        let failed = device.exchange(GPUDriver.words([0xffff, 1, 5, 0, 0, 0]))
        #expect(failed == GPUDriver.words([Response.unspecified, 1, 5, 0, 0, 0]))
        let other = device.exchange(GPUDriver.words([0x101, 0, 5, 0, 7, 0]))
        #expect(other == GPUDriver.words([Response.invalidParameter, 0, 0, 0, 0, 0]))
    }

    /// Makes resource 1 of `width` by `height`, backed by one piece that holds `pixels`.
    private func make(_ width: UInt32, _ height: UInt32, format: UInt32 = 2, _ pixels: [UInt8]) {
        driver.put(pixels, at: backing)
        #expect(device.create(1, format: format, width, height) == Response.noData)
        #expect(device.attach(1, [(backing, UInt32(pixels.count))]) == Response.noData)
    }

    @Test("What is transferred is seen once it is flushed, where the screen shows it")
    func flush() {
        // Four by three pixels: blue is the column, green the row.
        let pixels: [UInt8] = (0..<12).flatMap { [$0 % 4, $0 / 4, 9, 0xff] as [UInt8] }
        make(4, 3, pixels)
        #expect(device.picture.isEmpty, "nothing is set to be shown")
        #expect(device.setScanout(1, [1, 1, 2, 2]) == Response.noData)
        #expect((device.gpu.screen.width, device.gpu.screen.height) == (2, 2))
        #expect(device.picture == Array(repeating: [0, 0, 0], count: 4), "nothing was transferred")
        #expect(device.gpu.screen.takeDamage() == Rectangle(width: 2, height: 2))
        #expect(device.gpu.screen.takeDamage() == nil)
        #expect(device.transfer(1, [0, 0, 4, 3]) == Response.noData)
        #expect(device.picture == Array(repeating: [0, 0, 0], count: 4), "nothing was flushed")
        #expect(device.flush(1, [0, 0, 2, 2]) == Response.noData)
        #expect(device.picture == [[9, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]], "the corner that both have")
        #expect(device.gpu.screen.takeDamage() == Rectangle(width: 1, height: 1))
        #expect(device.flush(1, [0, 0, 4, 3]) == Response.noData)
        #expect(device.picture == [[9, 1, 1], [9, 1, 2], [9, 2, 1], [9, 2, 2]])
        #expect(device.gpu.screen.pixels(Rectangle(x: 1, y: -1, width: 2, height: 2))[8..<11] == [9, 1, 2])
    }

    @Test(
        "Each format of section 5.7.6.8 is read byte by byte as its name says",
        arguments: [
            (1, [30, 20, 10, 0]), (2, [30, 20, 10, 0]), (3, [0, 10, 20, 30]), (4, [0, 10, 20, 30]),
            (67, [10, 20, 30, 0]), (68, [0, 30, 20, 10]), (121, [0, 30, 20, 10]), (134, [10, 20, 30, 0]),
        ] as [(UInt32, [UInt8])])
    func formats(format: UInt32, bytes: [UInt8]) {
        make(1, 1, format: format, bytes)
        #expect(device.transfer(1, [0, 0, 1, 1]) == Response.noData)
        #expect(device.setScanout(1, [0, 0, 1, 1]) == Response.noData)
        #expect(device.picture == [[10, 20, 30]], "what the resource holds is shown at once")
    }

    @Test("A transfer begins at its offset, has the resource's pitch, and crosses pieces of any size")
    func transfer() {
        // Pixels 0 to 15, in blue, in four pieces that lie backwards in memory; one is empty, and one ends in a pixel.
        let pixels: [UInt8] = (0..<16).flatMap { [$0, 0, 0, 0] as [UInt8] }
        let cuts = [0, 6, 6, 23, 64]
        var pieces: [(UInt64, UInt32)] = []
        for (start, end) in zip(cuts, cuts.dropFirst()) {
            let address = backing + 0x1000 - 0x100 * UInt64(pieces.count)
            driver.put(Array(pixels[start..<end]), at: address)
            pieces.append((address, UInt32(end - start)))
        }
        #expect(device.create(1, 4, 4) == Response.noData)
        #expect(device.attach(1, pieces) == Response.noData)
        #expect(device.setScanout(1, [0, 0, 4, 4]) == Response.noData)
        func blue() -> [UInt8] { device.picture.map { $0[2] } }
        #expect(device.transfer(1, [0, 0, 4, 4]) == Response.noData)
        #expect(device.flush(1, [0, 0, 4, 4]) == Response.noData)
        #expect(blue() == Array(0..<16))
        // From pixel 1 on, to column 2 and row 1: rows are four pixels apart in the backing.
        #expect(device.transfer(1, [2, 1, 2, 2], offset: 4) == Response.noData)
        #expect(device.flush(1, [0, 0, 4, 4]) == Response.noData)
        #expect(blue() == [0, 1, 2, 3, 4, 5, 1, 2, 8, 9, 5, 6, 12, 13, 14, 15])
        // The last pixel of the backing, and one beyond.
        #expect(device.transfer(1, [0, 0, 1, 1], offset: 60) == Response.noData)
        #expect(device.transfer(1, [0, 0, 1, 1], offset: 61) == Response.invalidParameter)
        #expect(device.transfer(1, [0, 0, 4, 4], offset: 4) == Response.invalidParameter)
        #expect(device.transfer(1, [0, 0, 4, 4], offset: ~0 - 3) == Response.invalidParameter)
        #expect(device.transfer(1, [0, 0, 0, 0]) == Response.noData, "nothing is to be moved")
    }

    @Test("A screen that is turned off, or whose resource goes, shows nothing")
    func off() {
        make(2, 2, Array(repeating: 0x40, count: 16))
        #expect(device.setScanout(1, [0, 0, 2, 2]) == Response.noData)
        #expect(device.setScanout(0, [0, 0, 0, 0]) == Response.noData)
        #expect(device.gpu.screen.width == 0)
        #expect(device.gpu.screen.lastPicture?.width == 2, "though it can be asked what it showed")
        #expect(device.flush(1, [0, 0, 2, 2]) == Response.noData)
        #expect(device.picture.isEmpty)
        #expect(device.setScanout(1, [0, 0, 2, 2]) == Response.noData)
        #expect(device.unref(1) == Response.noData)
        #expect(device.gpu.screen.width == 0)
        #expect(device.create(1, 2, 2) == Response.noData)
        #expect(device.setScanout(1, [0, 0, 2, 2]) == Response.noData)
        driver.set(.status, 0)
        #expect(device.gpu.screen.width == 0, "the driver's reset turns it off")
        #expect(device.gpu.memoryUsed == 0)
        driver.mmio.reset()
        #expect(device.gpu.screen.lastPicture == nil, "power-on forgets that")
    }

    @Test("What is wrong is answered with the error that says so")
    func errors() {
        #expect(device.create(0, 1, 1) == Response.invalidResource)
        #expect(device.create(1, format: 5, 1, 1) == Response.invalidParameter)
        #expect(device.create(1, 0, 1) == Response.invalidParameter)
        #expect(device.create(1, 2, 2) == Response.noData)
        #expect(device.create(1, 2, 2) == Response.invalidResource, "it is there")
        #expect(device.unref(2) == Response.invalidResource)
        #expect(device.attach(2, [(backing, 16)]) == Response.invalidResource)
        #expect(device.detach(2) == Response.invalidResource)
        #expect(device.detach(1) == Response.unspecified, "it has no backing")
        #expect(device.transfer(1, [0, 0, 1, 1]) == Response.unspecified)
        #expect(device.transfer(2, [0, 0, 1, 1]) == Response.invalidResource)
        #expect(device.flush(2, [0, 0, 1, 1]) == Response.invalidResource)
        #expect(device.setScanout(1, [0, 0, 2, 2], on: 1) == Response.invalidScanout)
        #expect(device.setScanout(2, [0, 0, 2, 2]) == Response.invalidResource)
        #expect(device.updateCursor(x: 0, y: 0, 2) == Response.invalidResource)
        #expect(device.updateCursor(x: 0, y: 0, 1) == Response.invalidParameter, "it is not 64 by 64")
        #expect(device.updateCursor(scanout: 1, x: 0, y: 0, 0) == Response.invalidScanout)
        #expect(device.moveCursor(scanout: 16, x: 0, y: 0) == Response.invalidScanout)
        #expect(device.command(0x10a, [0, 0]) == Response.unspecified, "GET_EDID was not offered")
        #expect(device.command(0x300, [0, 0, 0, 0, 0, 0, 0, 0]) == Response.unspecified, "not on this queue")
        #expect(device.command(0x101, [9, 2, 1, 1], queue: 1) == Response.unspecified)
        #expect(device.command(0x101, [9, 2, 1]) == Response.invalidParameter, "a field is missing")
    }

    @Test(
        "A rectangle that is not inside its resource is refused, however large its numbers are",
        arguments: [
            [0, 0, 3, 2], [1, 0, 2, 1], [0, 1, 1, 2], [2, 0, 1, 1], [3, 3, 0, 0], [0, 0, 1, ~0], [~0, ~0, ~0, ~0],
            [1, 1, ~0, ~0], [~0, 0, 1, 1], [0, 0, 0, ~0],
        ] as [[UInt32]])
    func outside(rectangle: [UInt32]) {
        make(2, 2, Array(repeating: 0, count: 16))
        #expect(device.transfer(1, rectangle) == Response.invalidParameter)
        #expect(device.flush(1, rectangle) == Response.invalidParameter)
        #expect(device.setScanout(1, rectangle) == Response.invalidParameter)
    }

    @Test("Resources take no more of the host than 256 MiB, however many or large a driver asks for")
    func memory() {
        for size: (UInt32, UInt32) in [(~0, ~0), (1 << 31, 1 << 31), (8192, 8192), (1 << 30, 1), (65536, 65536)] {
            #expect(device.create(1, size.0, size.1) == Response.outOfMemory)
        }
        #expect(device.create(1, 8192, 8191) == Response.noData)
        #expect(device.create(2, 8192, 1) == Response.outOfMemory, "with what it costs beside its pixels")
        #expect(device.unref(1) == Response.noData)
        #expect(device.create(2, 8192, 1) == Response.noData)
        #expect(device.setScanout(2, [0, 0, 1, 1]) == Response.noData)
        // Smallest ones: each is counted with a page of the host's.
        var count: UInt32 = 0
        while device.create(count + 10, 1, 1) == Response.noData { count += 1 }
        #expect(count == (256 << 20 - 8192 * 4 - 4096) / (4096 + 4))
    }

    @Test("A screen wider than pictures can be is refused")
    func wide() {
        #expect(device.create(1, 16385, 1) == Response.noData)
        #expect(device.setScanout(1, [0, 0, 16385, 1]) == Response.invalidParameter)
        #expect(device.setScanout(1, [0, 0, 16384, 1]) == Response.noData)
    }

    @Test("Backing that is not memory is refused, and leaves the resource without")
    func badBacking() {
        #expect(device.create(1, 2, 2) == Response.noData)
        let end = DriverTwin.ram + DriverTwin.ramSize
        for piece: (UInt64, UInt32) in [(end, 1), (end - 4, 5), (0, 16), (~0, 2), (~0 - 3, ~0), (backing, ~0)] {
            #expect(device.attach(1, [(backing, 8), piece]) == Response.invalidParameter)
            #expect(device.transfer(1, [0, 0, 1, 1]) == Response.unspecified)
        }
        #expect(device.attach(1, [(backing, 8)], count: 2) == Response.invalidParameter, "an entry is missing")
        #expect(device.attach(1, [], count: ~0) == Response.unspecified)
        #expect(device.attach(1, [], count: 16384) == Response.invalidParameter)
        #expect(device.attach(1, [], count: 16385) == Response.unspecified)
        #expect(device.attach(1, [(backing, 8), (end - 8, 8)]) == Response.noData)
        #expect(device.attach(1, [(backing, 8)]) == Response.unspecified, "it has one")
        #expect(device.transfer(1, [0, 0, 2, 2]) == Response.noData)
        #expect(device.detach(1) == Response.noData)
        #expect(device.attach(1, [(backing, 15)]) == Response.noData)
        #expect(device.transfer(1, [0, 0, 2, 2]) == Response.invalidParameter, "a byte is missing")
    }

    @Test("A request shorter than its header stops the device, and one whose response has no room is carried out")
    func short() {
        #expect(device.exchange(GPUDriver.words([0x101, 0, 0, 0, 0, 0, 1, 2, 4, 4]), room: 0) == [])
        #expect(!driver.needsReset)
        #expect(device.setScanout(1, [0, 0, 4, 4]) == Response.noData)
        #expect(device.exchange(GPUDriver.words([0x100, 0, 0, 0, 0, 0]), room: 4) == GPUDriver.words([0x1101]))
        #expect(device.exchange(GPUDriver.words([0x100, 0, 0, 0, 0])) == [])
        #expect(driver.needsReset)
        #expect(driver.messages.first?.contains("24-byte header") ?? false)
    }

    @Test("The cursor is drawn over the picture by its alpha, moves, and is cut at the edges")
    func cursor() {
        make(2, 2, [100, 100, 100, 0] + [UInt8](repeating: 0, count: 12))
        #expect(device.transfer(1, [0, 0, 2, 2]) == Response.noData)
        #expect(device.setScanout(1, [0, 0, 2, 2]) == Response.noData)
        // B8G8R8A8, times alpha: half red at (63, 63), opaque green at (62, 63), and nothing elsewhere.
        var pixels = [UInt8](repeating: 0, count: 64 * 64 * 4)
        pixels.replaceSubrange(pixels.count - 8..<pixels.count, with: [0, 200, 0, 255, 0, 0, 51, 102])
        driver.put(pixels, at: backing + 0x100)
        #expect(device.create(2, format: 1, 64, 64) == Response.noData)
        #expect(device.attach(2, [(backing + 0x100, UInt32(pixels.count))]) == Response.noData)
        #expect(device.transfer(2, [0, 0, 64, 64]) == Response.noData)
        let plain: [[UInt8]] = [[100, 100, 100], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
        #expect(device.picture == plain)
        _ = device.gpu.screen.takeDamage()
        #expect(device.updateCursor(x: -63, y: -63, 2) == Response.noData)
        #expect(device.gpu.screen.takeDamage() == Rectangle(width: 1, height: 1))
        // 51 + 100 * (255 - 102) / 255 = 111, and 100 * 153 / 255 = 60.
        #expect(device.picture == [[111, 60, 60], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
        #expect(device.moveCursor(x: -62, y: -62) == Response.noData)
        #expect(device.gpu.screen.takeDamage() == Rectangle(width: 2, height: 2))
        #expect(device.picture == [[100, 100, 100], [0, 0, 0], [0, 200, 0], [51, 0, 0]])
        #expect(device.moveCursor(x: Int32.min, y: Int32.max) == Response.noData)
        #expect(device.picture == plain)
        #expect(device.moveCursor(x: -62, y: -62) == Response.noData)
        #expect(device.updateCursor(x: 0, y: 0, 0) == Response.noData)
        #expect(device.picture == plain, "resource 0 hides it")
    }

    @Test("Work that a few requests make large is cut, and the rest follows")
    func work() {
        // Each transfer moves 8 MiB out of the same 8 KiB, listed 1024 times.
        #expect(device.create(1, 2048, 1024) == Response.noData)
        #expect(device.setScanout(1, [0, 0, 2048, 1024]) == Response.noData)
        let flush = GPUDriver.words([0x104, 0, 0, 0, 0, 0, 0, 0, 2048, 1024, 1, 0])
        driver.put(flush, at: device.request)
        for head: UInt64 in 0..<4 {
            driver.setDescriptor(
                2 * head, in: driver.descriptorTable(0), device.request, UInt32(flush.count), 1,
                next: UInt16(2 * head + 1))
            driver.setDescriptor(2 * head + 1, in: driver.descriptorTable(0), device.response, 24, 2)
            driver.offer(2 * head)
        }
        let before = driver.usedIndex()
        driver.notify()
        #expect(driver.usedIndex() == before + 2, "16 MiB at once")
        driver.clock.skip(1000)
        #expect(driver.usedIndex() == before + 4)
    }

    @Test("Random registers, rings and requests do no harm, and the described state is all of it")
    func fuzz() {
        driver.fuzz(seed: 7, count: 20_000)
        driver.start(queues: 2)
        make(2, 2, (0..<16).map { $0 })
        #expect(device.transfer(1, [0, 0, 2, 2]) == Response.noData)
        #expect(device.setScanout(1, [0, 0, 2, 2]) == Response.noData)
        #expect(device.moveCursor(x: -3, y: 4) == Response.noData)
        let copy = GPUDriver()
        expectRestores(driver.mmio, into: copy.driver.mmio) { mmio in
            [0x44, 0x60, 0x70, 0x108].map { mmio.get($0) }
        }
        #expect(copy.picture == device.picture)
        #expect(copy.gpu.memoryUsed == device.gpu.memoryUsed)
    }

    @Test("Requests of random numbers, many of them nearly right, do no harm; nor does a scrambled snapshot")
    func hostileRequests() {
        var random = SplitMix64(seed: 3)
        func number() -> UInt32 {
            let value = UInt32(truncatingIfNeeded: random.next())
            return switch random.next() % 8 {
            case 0: value
            case 1: ~(value % 4)
            case 2: 64
            default: value % 4
            }
        }
        for _ in 0..<5_000 {
            if driver.needsReset || random.next() % 512 == 0 { driver.start(queues: 2) }
            var words: [UInt32] = [random.next() % 4 == 0 ? 0x300 &+ number() : 0x100 + UInt32(random.next() % 9)]
            words += [number(), number(), number(), number(), number()]
            for _ in 0..<random.next() % 16 { words.append(number()) }
            // Half of the backings are memory.
            if words[0] == 0x106, words.count >= 12, random.next() % 2 == 0 {
                words.replaceSubrange(7..<11, with: [1, UInt32(backing & 0xffff_ffff), 0, 0x4000])
            }
            _ = device.exchange(GPUDriver.words(words), queue: words[0] < 0x200 ? 0 : 1, room: Int(random.next() % 64))
            if random.next() % 256 == 0 {
                var scrambler = StateScrambler(random: SplitMix64(seed: random.next()))
                device.gpu.describeState(&scrambler)
            }
            let screen = device.gpu.screen
            _ = screen.pixels(Rectangle(x: 0, y: 0, width: min(screen.width, 8), height: min(screen.height, 8)))
            _ = screen.takeDamage()
        }
        #expect(device.gpu.memoryUsed <= VirtIOGPU.memoryLimit)
    }
}
