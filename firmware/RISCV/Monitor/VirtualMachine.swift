import RISCV

/// The guest: its registers, its memory, its serial port, and what to do when it stops.
struct VirtualMachine {
    static let memory: UInt64 = 0x8000_0000
    static let port: UInt64 = 0x1000_0000, portSize: UInt64 = 0x1000
    /// Memory below this is there from the start; the rest is mapped page by page as it is touched.
    static let present: UInt64 = 0x20_0000
    static let identifier: UInt64 = 1
    static let timerInterrupt: UInt64 = 1 << 5, guestTimerInterrupt: UInt64 = 1 << 6
    /// VSSI, VSTI and VSEI: delegated to the guest.
    static let guestInterrupts: UInt64 = 1 << 2 | 1 << 6 | 1 << 10

    /// x0 to x31, the program counter, and the monitor's stack while the guest runs.
    private var frame = InlineArray<34, UInt64>(repeating: 0)
    private var stage = SecondStage()
    private var table = ExitTable()
    private var hasComparator = false
    private var line = InlineArray<64, UInt8>(repeating: 0)
    private var lineLength = 0
    private var incremented: UInt64 = 0
    private var checks: UInt64 = 0
    private var failures: UInt64 = 0

    private var pc: UInt64 {
        get { frame[Int(GUEST_PC) / 8] }
        set { frame[Int(GUEST_PC) / 8] = newValue }
    }
    private var time: UInt64 { csr_read_time() &+ csr_read_htimedelta() }

    /// Loads the guest and sets what the H extension needs (Privileged ISA, 21.2).
    mutating func prepare() {
        UnsafeMutableRawPointer(bitPattern: UInt(address_of_guest_memory()))?.copyMemory(
            // SAFETY: the linker script gives the guest more memory than its image has.
            from: UnsafeRawPointer(bitPattern: UInt(address_of_guest_image()))!, byteCount: Int(size_of_guest_image()))
        fence_instruction()
        guard stage.map(Self.memory, to: address_of_guest_memory(), level: 1) else { return }

        // The guest takes its own misaligned, illegal and breakpoint exceptions, ecalls from its user mode, page faults.
        csr_write_hedeleg(1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 12 | 1 << 13 | 1 << 15)
        csr_write_hideleg(Self.guestInterrupts)
        csr_write_hvip(0)
        csr_write_hcounteren(7)
        let stce: UInt64 = 1 << 63
        csr_write_henvcfg(stce)
        // Some machines let STCE be set without Sstc, so the register itself is asked for.
        hasComparator = csr_read_henvcfg() & stce != 0 && csr_present_vstimecmp()
        if hasComparator { csr_write_vstimecmp(~0) } else { csr_clear_henvcfg(stce) }
        // Time starts at zero for the guest.
        csr_write_htimedelta(0 &- csr_read_time())
        let waitsTrap: UInt64 = 1 << 21, xlen64: UInt64 = 2 << 32
        csr_write_hstatus(xlen64 | waitsTrap)
        csr_write_vsstatus(0)
        csr_write_vsatp(0)
        csr_write_hgatp(SecondStage.register(identifier: Self.identifier))
        hfence_gvma_all()
        pc = Self.memory
    }

    /// Runs the guest to its end.
    mutating func run() -> Never {
        ExitTable.printHeader()
        while true {
            withUnsafeMutablePointer(to: &frame) {
                // SAFETY: an InlineArray is its elements, in order.
                $0.withMemoryRebound(to: UInt64.self, capacity: 34) { run_guest($0) }
            }
            handleExit(csr_read_scause())
        }
    }

    private mutating func handleExit(_ cause: UInt64) {
        let hypercall: UInt64 = 10, fetch: UInt64 = 20, load: UInt64 = 21, virtualInstruction: UInt64 = 22
        let store: UInt64 = 23, hostTimer: UInt64 = 1 << 63 | 5
        switch cause {
        case hypercall:
            handleHypercall()
        case fetch, load, store:
            let address = csr_read_htval() << 2 | csr_read_stval() & 3
            if address &- Self.memory < size_of_guest_memory() {
                mapMemory(address)
            } else if address &- Self.port < Self.portSize,
                let access = GuestAccess(transformed: csr_read_htinst(), pc: pc)
            {
                handleDevice(address, access)
            } else {
                stop(cause, address)
            }
        case virtualInstruction where csr_read_stval() == 0x1050_0073 || csr_read_stval() == 0:
            begin(.wait)
            pc += 4
            waitForGuestInterrupt()
        case hostTimer:
            begin(.timer)
            injectTimer()
            Console.write("injected as the guest's\n")
        default:
            stop(cause, nil)
        }
    }

    private mutating func begin(_ cause: ExitCause, address: UInt64? = nil) {
        table.begin(cause, pc: pc, address: address, time: time)
    }

    /// Something the monitor has no answer to.
    private mutating func stop(_ cause: UInt64, _ address: UInt64?) -> Never {
        begin(.unexpected, address: address)
        Console.write("scause ")
        Console.hexadecimal(cause)
        Console.write(" stval ")
        Console.hexadecimal(csr_read_stval())
        Console.write(" htinst ")
        Console.hexadecimal(csr_read_htinst())
        Console.write("\n")
        table.printSummary()
        Firmware.powerOff(failed: true)
    }
}

// MARK: Memory and devices

extension VirtualMachine {
    private mutating func mapMemory(_ address: UInt64) {
        let page = address & ~4095
        let host = address_of_guest_memory() + (page - Self.memory)
        begin(.memoryFault, address: address)
        for offset in 0..<UInt64(512) { device_write64(host + 8 * offset, 0) }
        guard stage.map(page, to: host, level: 0) else { stop(csr_read_scause(), address) }
        hfence_gvma_address(page >> 2)
        Console.write("page mapped\n")
    }

    /// A 16550 as far as the guest uses one, and a register at 0x100 that returns what was stored plus one.
    private mutating func handleDevice(_ address: UInt64, _ access: GuestAccess) {
        let lineStatus: UInt64 = 5, empty: UInt64 = 0x60, increment: UInt64 = 0x100
        let offset = address - Self.port
        begin(access.isStore ? .deviceStore : .deviceLoad, address: address)
        Console.decimal(1 << access.width)
        Console.write(access.width == 0 ? " byte " : " bytes ")
        if access.isStore {
            let value = frame[access.register]
            Console.write("= ")
            Console.hexadecimal(value & ~0 >> (64 - (8 << access.width)))
            if offset == increment { incremented = value &+ 1 }
            if offset == 0 { receive(UInt8(truncatingIfNeeded: value)) } else { Console.write("\n") }
        } else {
            let value = access.extended(offset == lineStatus ? empty : offset == increment ? incremented : 0)
            if access.register != 0 { frame[access.register] = value }
            Console.write("-> ")
            Console.hexadecimal(value)
            Console.write("\n")
        }
        pc += access.length
    }

    /// A byte of the guest's output; a line is shown when it is whole.
    private mutating func receive(_ byte: UInt8) {
        let newline: UInt8 = 10
        if byte != newline {
            if byte >= 0x20, byte < 0x7f {
                Console.write(" '")
                Console.put(byte)
                Console.write("'")
            }
            if lineLength < line.count {
                line[lineLength] = byte
                lineLength += 1
            }
            Console.write("\n")
            return
        }
        Console.write(": the guest says \"")
        for index in 0..<lineLength { Console.put(line[index]) }
        Console.write("\"\n")
        lineLength = 0
    }
}

// MARK: Time

extension VirtualMachine {
    /// The host's timer has reached what the guest asked for.
    private mutating func injectTimer() {
        csr_clear_sie(Self.timerInterrupt)
        csr_set_hvip(Self.guestTimerInterrupt)
    }

    /// Waits as the guest would: until an interrupt that it has enabled is pending.
    private mutating func waitForGuestInterrupt() {
        var injected = false
        while csr_read_hip() & csr_read_hie() & Self.guestInterrupts == 0 {
            if csr_read_sip() & csr_read_sie() & Self.timerInterrupt != 0 {
                injectTimer()
                injected = true
                continue
            }
            wait_for_interrupt()
        }
        Console.write("woken at ")
        Console.decimal(time)
        Console.write(injected ? " by the host's timer\n" : " by its own timer\n")
    }

    private mutating func setGuestTimer(_ deadline: UInt64) {
        csr_clear_hvip(Self.guestTimerInterrupt)
        if deadline == ~0 {
            csr_clear_sie(Self.timerInterrupt)
            Firmware.setTimer(~0)
            Console.write("timer off\n")
        } else {
            Firmware.setTimer(deadline &- csr_read_htimedelta())
            csr_set_sie(Self.timerInterrupt)
            Console.write("timer at ")
            Console.decimal(deadline)
            Console.write("\n")
        }
    }
}

// MARK: Hypercalls

extension VirtualMachine {
    /// The SBI's convention: extension in a7, function in a6; error in a0, value in a1.
    private mutating func handleHypercall() {
        let checksExtension: UInt64 = 0x0800_0000, describe: UInt64 = 0, report: UInt64 = 1, finish: UInt64 = 2
        let notSupported: UInt64 = ~1
        begin(.hypercall)
        pc += 4
        var result: (error: UInt64, value: UInt64) = (0, 0)
        switch (frame[17], frame[16]) {
        case (Firmware.timerExtension, 0):
            setGuestTimer(frame[10])
        case (checksExtension, describe):
            result.value = hasComparator ? 1 : 0
            Console.write(hasComparator ? "describe: stimecmp is there\n" : "describe: no stimecmp\n")
        case (checksExtension, report):
            checks += 1
            if frame[12] == 0 { failures += 1 }
            printGuestText(frame[10], frame[11])
            Console.write(frame[12] == 0 ? ": FAILED\n" : ": ok\n")
        case (checksExtension, finish):
            Console.write("finish\n")
            finishRun()
        default:
            result.error = notSupported
            Console.write("no such call: ")
            Console.hexadecimal(frame[17])
            Console.write("\n")
        }
        frame[10] = result.error
        frame[11] = result.value
    }

    /// Prints text from the part of guest memory that is always there.
    private func printGuestText(_ address: UInt64, _ length: UInt64) {
        let limit: UInt64 = 80
        let offset = address &- Self.memory
        guard length <= limit, offset < Self.present - limit else { return }
        for index in 0..<length { Console.put(device_read8(address_of_guest_memory() + offset + index)) }
    }

    private func finishRun() -> Never {
        table.printSummary()
        Console.write("\nmonitor: ")
        Console.decimal(checks - failures)
        Console.write(" of ")
        Console.decimal(checks)
        Console.write(failures == 0 && checks > 0 ? " checks passed\n" : " checks passed: FAILED\n")
        Firmware.powerOff(failed: failures != 0 || checks == 0)
    }
}
