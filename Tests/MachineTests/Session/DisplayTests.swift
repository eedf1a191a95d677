import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Display of a session")
struct DisplayTests {
    /// Device IDs of the VirtIO slots.
    private func slots(_ session: Session) -> [UInt64] {
        (0..<8).map { session.board.space.read(0x1000_1008 + 0x1000 * $0, size: 4) ?? 99 }
    }

    @Test("A machine has a display only when it is asked for, in the slots after its disks")
    func slots() throws {
        try TinyGuest.load(TinyGuest.powerOff) {
            #expect(slots($0) == [0, 0, 0, 0, 0, 0, 3, 4])
            #expect($0.board.display == nil)
        }
        try TinyGuest.load(TinyGuest.powerOff, { $0.display = DisplayOption.none }) {
            #expect(slots($0) == [0, 0, 0, 0, 0, 0, 3, 4])
        }
        for option: DisplayOption in [.headless, .vnc(address: DisplayOption.loopback, port: 5900)] {
            try TinyGuest.load(TinyGuest.powerOff, { $0.display = option }) {
                #expect(slots($0) == [16, 18, 18, 0, 0, 0, 3, 4])
                #expect($0.board.display != nil)
            }
        }
        try TinyGuest.load(TinyGuest.powerOff, { $0.screenshot = "/nowhere.png" }) {
            #expect(slots($0) == [16, 18, 18, 0, 0, 0, 3, 4])
        }
        try ExternalTool.withTemporaryDirectory { directory in
            try Data(count: 512).write(to: URL(fileURLWithPath: directory + "/disk"))
            let drive = MachineDescription.Drive(path: directory + "/disk", isReadOnly: true)
            func add(_ count: Int) -> (inout MachineDescription) -> Void {
                {
                    $0.display = .headless
                    $0.drives = Array(repeating: drive, count: count)
                }
            }
            try TinyGuest.load(TinyGuest.powerOff, add(3)) { #expect(slots($0) == [2, 2, 2, 16, 18, 18, 3, 4]) }
            let error = #expect(throws: InputError.self) {
                try TinyGuest.load(TinyGuest.powerOff, add(4)) { _ in }
            }
            #expect(error?.problem == "4 drives, and the machine has slots for 3 besides its other devices")
        }
    }

    @Test("A display changes nothing of the device tree")
    func deviceTree() throws {
        let without = try TinyGuest.load(TinyGuest.powerOff) { try $0.deviceTreeSource() }
        let with = try TinyGuest.load(TinyGuest.powerOff, { $0.display = .headless }) { try $0.deviceTreeSource() }
        #expect(with == without)
    }

    @Test("A screenshot of no display is refused")
    func screenshotWithout() throws {
        let error = #expect(throws: InputError.self) {
            try TinyGuest.load(
                TinyGuest.powerOff,
                {
                    $0.display = DisplayOption.none
                    $0.screenshot = "a.png"
                }
            ) { _ in }
        }
        #expect(error?.problem == "a machine with --display none has no screen")
        try TinyGuest.load(TinyGuest.powerOff) {
            #expect(Monitor($0).execute("screenshot a.png").text.contains("a.png: the machine has no screen"))
            #expect(Monitor($0).execute("screenshot").text.contains("screenshot where?"))
        }
    }

    @Test(
        "The monitor's screenshot is a PNG file of what the guest shows; power-on turns the screen off",
        .enabled(if: ExternalTool.path("python3") != nil, "needs python3"))
    func screenshot() throws {
        try TinyGuest.load(TinyGuest.powerOff, { $0.display = .headless }) { session in
            try ExternalTool.withTemporaryDirectory { directory in
                let path = directory + "/screen.png"
                let monitor = Monitor(session)
                #expect(monitor.execute("screenshot \(path)").text.contains("the guest has shown nothing"))
                let gpu = try #require(session.riscvBoard.virtio[0].transport?.device as? VirtIOGPU)
                let resource = VirtIOGPUResource(format: .b8g8r8x8, width: 2, height: 1)
                let backing = try #require(
                    VirtIOGPUBacking(GPUDriver.words([0x8000_0100, 0, 8, 0]), session.board.memory))
                #expect(session.board.memory.write(0x8000_0100, from: [3, 2, 1, 0, 6, 5, 4, 0] as [UInt8], count: 8))
                #expect(resource.fill(resource.bounds, from: backing, at: 0))
                gpu.scanout.set(resource.bounds, of: resource, 1)
                #expect(monitor.execute("screenshot \(path)").text == "")
                let lines = try PNGTests.read([UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
                #expect(lines?.last == "1 2 3 4 5 6")
                gpu.scanout.disable()
                #expect(monitor.execute("screenshot \(path)").text == "")
                let last = try PNGTests.read([UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
                #expect(last?.last == "1 2 3 4 5 6", "what it showed before it turned the screen off")
                #expect(monitor.execute("screenshot \(directory)/no/a.png").text.contains("cannot be written"))
                try session.board.powerOn(session.plan)
                #expect(monitor.execute("screenshot \(path)").text.contains("the guest has shown nothing"))
            }
        }
    }

    @Test("The words of --display, and what others are answered")
    func words() throws {
        for text in ["none", "headless", "vnc:5900", "vnc:1", "vnc:0.0.0.0:65535", "vnc:192.168.1.7:5901"] {
            #expect(try DisplayOption(text).description == text)
        }
        #expect(try DisplayOption("vnc:5901") == .vnc(address: IPv4Address(127, 0, 0, 1), port: 5901))
        #expect(try DisplayOption("vnc:127.0.0.1:5901") == DisplayOption("vnc:5901"))
        for text in ["", "vnc", "VNC:5900", "none:1", "headless:", "vnc:1:2:3", "sdl"] {
            #expect(throws: ValueError.self) { try DisplayOption(text) }
        }
        for text in ["vnc:", "vnc:0", "vnc:65536", "vnc:-1", "vnc:a", "vnc:localhost:5900", "vnc:1.2.3:5900"] {
            #expect(throws: ValueError.self) { try DisplayOption(text) }
        }
    }
}
