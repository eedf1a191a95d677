import Testing

@testable import Machine

/// Expected values: QEMU's `virt` device tree (syscon-poweroff 0x5555, syscon-reboot 0x7777) and OpenSBI's driver of
/// `sifive,test1` (failure 0x3333 with the code in the upper half).
@Suite("SiFive test finisher")
struct SiFiveTestTests {
    final class Requests {
        var all: [MachineRequest] = []
    }
    let requests = Requests()
    let device: SiFiveTest

    init() {
        device = SiFiveTest(name: "test@100000") { [requests] in requests.all.append($0) }
    }

    @Test("Its three commands end or restart the machine, with the status in the upper half")
    func commands() {
        device.set(0, 0x5555)
        device.set(0, 0x7777)
        device.set(0, 0x002a_3333)
        device.set(0, 0x3333, 2)
        #expect(requests.all == [.powerOff(status: 0), .reset, .fail(code: 42), .fail(code: 0)])
    }

    @Test("Other values and other offsets do nothing, and all reads are zero")
    func others() {
        device.set(0, 0x1234)
        device.set(4, 0x5555)
        #expect(device.get(0) == 0)
        #expect(device.get(0xffc) == 0)
        #expect(requests.all.isEmpty)
        #expect(throws: AccessFault.self) { try device.read(0, size: 8) }
        #expect(throws: AccessFault.self) { try device.write(0, size: 1, value: 0x55) }
    }

    @Test("Random accesses at every offset and size do no harm")
    func fuzz() {
        device.fuzz(region: 0x1000, hot: [0, 4])
        #expect(device.snapshot().isEmpty)
    }
}
