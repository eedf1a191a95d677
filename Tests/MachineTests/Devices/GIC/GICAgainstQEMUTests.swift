import Testing

@testable import Machine

/// Random accesses by two CPUs, on qemu-system-aarch64 and on our devices: what they read must be the same.
///
/// They leave out what is UNPREDICTABLE, and where QEMU 7.2 departs from the manuals:
/// - GICv2: GICD_ISPENDRn does nothing to PPIs; what is pending or active of an SPI is kept for each CPU; GICC_HPPIR
///   heeds GICC_PMR; 1022 is answered whatever the priority; a group's binary point is compared as it was when the
///   priority became active; GICC_AIAR and its like are not there.
/// - GICv3: VGrp0D is asserted for Group 1; ends are counted with VEOIM as well; reserved bits of registers are kept.
/// - ITS: INVALL is for all CPUs; what names a collection that is not mapped is passed over even in DISCARD.
@Suite(
    "Interrupt controllers beside QEMU's", .serialized,
    .enabled(if: InterruptAccesses.isInstalled, "needs qemu-system-aarch64, and clang and ld.lld of Swift's toolchain"))
struct GICAgainstQEMUTests {
    private static let distributor: UInt64 = 0x0800_0000
    private static let uart: UInt64 = 0x0900_0000
    private static let cpus = 2

    /// INTID 33 is the UART's: it has sent something, and its mask makes the level.
    private func openUART(_ list: inout InterruptAccessList) {
        list.store(Self.uart, 0x20)
    }

    private func setLevel(_ list: inout InterruptAccessList, cpu: Int) {
        list.store(Self.uart + 0x38, list.pick([0, 0x20]), cpu: cpu)
    }

    // MARK: GICv2

    @Test("A GICv2 answers a thousand random accesses by two CPUs as QEMU's does", arguments: [1, 2] as [UInt64])
    func gicv2(seed: UInt64) throws {
        let gicc: UInt64 = 0x0801_0000, gich: UInt64 = 0x0803_0000, gicv: UInt64 = 0x0804_0000
        var list = InterruptAccessList(seed: seed)
        openUART(&list)
        for cpu in 0..<Self.cpus {
            let point = list.below(7), virtualPoint = 2 + list.below(5)
            for (address, value) in [
                (gicc, 7), (gicc + 4, 0xf0), (gicc + 8, point), (gicc + 0x1c, point + 1), (gicv, 7), (gicv + 4, 0xf0),
                (gicv + 8, virtualPoint), (gicv + 0x1c, virtualPoint + 1), (gich, 1),
            ] { list.store(address, value, cpu: cpu) }
        }
        list.store(Self.distributor, 3)
        for intid: UInt64 in 32..<160 { list.store(Self.distributor + 0x800 + intid, 1 << list.below(2), size: 1) }
        for _ in 0..<1000 {
            let cpu = Int(list.below(2)), bank = list.below(4), shared = max(bank, 1), word = list.word()
            func change(_ list: inout InterruptAccessList, _ kinds: [UInt64], _ bank: UInt64) {
                list.store(Self.distributor + list.pick(kinds) + 4 * bank, word, cpu: cpu)
                list.load(Self.distributor + kinds[0] + 4 * bank, cpu: cpu)
            }
            switch list.below(100) {
            case 0..<2: list.store(Self.distributor, list.pick([3, 3, 3, 0]), cpu: cpu)
            case 2..<5: list.store(gicc, list.pick([7, 7, 0xf, 0x1f, 0x17, 4]), cpu: cpu)
            case 5..<8: list.store(gicc + 4, list.pick([0xff, 0xf0, 0x80, list.below(256)]), cpu: cpu)
            case 8..<12: change(&list, [0x080], bank)
            case 12..<20: change(&list, [0x100, 0x100, 0x180], bank)
            case 20..<28: change(&list, [0x200, 0x200, 0x280], shared)
            case 28..<30: list.store(Self.distributor + 0x380 + 4 * bank, word, cpu: cpu)
            case 30..<36:
                let address = Self.distributor + 0x400 + list.below(128)
                list.store(address, list.below(256), size: 1, cpu: cpu)
                list.load(address & ~3, cpu: cpu)
            case 36..<39: list.store(Self.distributor + 0xc08 + 4 * list.below(6), word & 0xaaaa_aaaa, cpu: cpu)
            case 39..<45:
                let target = list.below(3) << 24 | list.below(4) << 16
                list.store(Self.distributor + 0xf00, target | list.below(16), cpu: cpu)
            case 45..<47:
                let address = Self.distributor + list.pick([0xf10, 0xf20]) + list.below(16)
                list.store(address, 1 + list.below(3), size: 1, cpu: cpu)
            case 47..<51: setLevel(&list, cpu: cpu)
            case 51..<65: list.load(gicc + 0xc, cpu: cpu, stack: 1)
            case 65..<75: list.store(gicc + 0x10, 0, cpu: cpu, stack: 1)
            case 75..<83:
                let number = list.below(4)
                var value = number + 4 * (5 + list.below(10)) | list.below(32) << 23 | list.below(2) << 30
                if list.chance(30) {
                    value |= 1 << 31 | list.pick([0, 1, 1, 2]) << 28 | (16 + list.below(16)) << 10
                } else {
                    value |= list.pick([0, 1, 1, 1, 2, 3]) << 28 | list.below(2) << 19
                }
                list.store(gich + 0x100 + 4 * number, value, cpu: cpu)
            case 83..<85: list.store(gich, 1 | list.below(256) | list.below(32) << 27, cpu: cpu)
            case 85..<92: list.load(gicv + 0xc, cpu: cpu, stack: 2)
            case 92..<97: list.store(gicv + 0x10, 0, cpu: cpu, stack: 2)
            default:
                for offset: UInt64 in [0, 8, 0x20, 0x30, 0xf0, 0x100, 0x104, 0x108, 0x10c] {
                    list.load(gich + offset, cpu: cpu)
                }
                for offset: UInt64 in [0x14, 0xd0, 0xd4, 0xd8, 0xdc, 0xe0] { list.load(gicc + offset, cpu: cpu) }
                for bank: UInt64 in 0..<4 { list.load(Self.distributor + 0x200 + 4 * bank, cpu: cpu) }
                list.load(Self.distributor + 0x300, cpu: cpu)
            }
            for cpu in 0..<Self.cpus { list.signals(cpu: cpu) }
            list.signals(cpu: cpu, isVirtual: true)
            list.load(gich + 0x10, cpu: cpu)
        }
        try InterruptAccesses.compare(list, version: 2)
    }

    // MARK: GICv3

    private func redistributor(_ cpu: Int) -> UInt64 { 0x080a_0000 + 0x2_0000 * UInt64(cpu) }

    @Test("A GICv3 answers a thousand random accesses by two CPUs as QEMU's does", arguments: [1, 2] as [UInt64])
    func gicv3(seed: UInt64) throws {
        var list = InterruptAccessList(seed: seed)
        openUART(&list)
        list.store(Self.distributor, 3)
        for cpu in 0..<Self.cpus {
            let point = 2 + list.below(5), virtualPoint = 2 + list.below(5)
            list.store(redistributor(cpu) + 0x14, 0)
            list.write(.pmr, 0xf0, cpu: cpu)
            list.write(.igrpen0, 1, cpu: cpu)
            list.write(.igrpen1, 1, cpu: cpu)
            list.write(.bpr0, point, cpu: cpu)
            list.write(.bpr1, point + 1, cpu: cpu)
            list.write(.hcr, 1, cpu: cpu)
            list.write(.vmcr, 0xf0 << 24 | virtualPoint << 21 | (virtualPoint + 1) << 18 | 3, cpu: cpu)
        }
        for intid: UInt64 in 32..<160 { list.store(Self.distributor + 0x6000 + 8 * intid, list.below(2), size: 8) }
        for _ in 0..<1000 {
            let cpu = Int(list.below(2)), bank = list.below(4), word = list.word(), group = list.below(2) == 0
            let frame = bank == 0 ? redistributor(cpu) + 0x1_0000 : Self.distributor
            func change(_ list: inout InterruptAccessList, _ kinds: [UInt64]) {
                list.store(frame + list.pick(kinds) + 4 * bank, word, cpu: cpu)
                list.load(frame + kinds[0] + 4 * bank, cpu: cpu)
            }
            switch list.below(100) {
            case 0..<2: list.store(Self.distributor, list.pick([3, 3, 3, 0, 1, 2]), cpu: cpu)
            case 2..<4: list.write(.ctlr, list.pick([0, 0, 2, 1]), cpu: cpu)
            case 4..<5: list.write(group ? .igrpen0 : .igrpen1, list.pick([1, 1, 0]), cpu: cpu)
            case 5..<8: list.write(.pmr, list.pick([0xf8, 0xf0, 0x80, list.below(256)]) & 0xf8, cpu: cpu)
            case 8..<14: change(&list, [0x080])
            case 14..<21: change(&list, [0x100, 0x100, 0x180])
            case 21..<28: change(&list, [0x200, 0x200, 0x280])
            case 28..<30: change(&list, [0x300, 0x380, 0x380])
            case 30..<36:
                let address = frame + 0x400 + bank * 32 + list.below(32)
                list.store(address, list.below(32) << 3, size: 1, cpu: cpu)
                list.load(address & ~3, cpu: cpu)
            case 36..<38: list.store(Self.distributor + 0x6000 + 8 * (32 + list.below(128)), list.below(2), size: 8)
            case 38..<41: list.store(Self.distributor + 0xc08 + 4 * list.below(6), word & 0xaaaa_aaaa, cpu: cpu)
            case 41..<47:
                let value = list.below(4) | list.below(16) << 24 | (list.chance(30) ? 1 << 40 : 0)
                list.write(list.pick([.sgi1r, .sgi1r, .sgi0r, .asgi1r]), value, cpu: cpu)
            case 47..<50: setLevel(&list, cpu: cpu)
            case 50..<65: list.read(group ? .iar0 : .iar1, cpu: cpu, stack: group ? 1 : 2)
            case 65..<73: list.write(group ? .eoir0 : .eoir1, 0, cpu: cpu, stack: group ? 1 : 2)
            case 73..<74: list.write(.dir, 16 + list.below(144), cpu: cpu)
            case 74..<77: list.read(list.pick([.rpr, .hppir0, .hppir1, .ap0r0, .ap1r0, .ctlr]), cpu: cpu)
            case 77..<84:
                let number = list.below(4)
                var value = number + 4 * (2 + list.below(12)) | list.below(32) << 51 | list.below(2) << 60
                if list.chance(30) {
                    value |= 1 << 61 | list.pick([0, 1, 1, 2]) << 62 | (16 + list.below(144)) << 32
                } else {
                    value |= list.pick([0, 1, 1, 1, 2, 3]) << 62 | list.below(2) << 41
                }
                list.write([.lr0, .lr1, .lr2, .lr3][Int(number)], value, cpu: cpu)
            case 84..<86: list.write(.hcr, 1 | list.below(256) & ~0x20 | list.below(32) << 27, cpu: cpu)
            case 86..<88:
                list.write(group ? .igrpen0 : .igrpen1, list.pick([1, 1, 0]), cpu: cpu, isVirtual: true)
                list.write(.pmr, list.pick([0xf0, 0x80, 0xf8]), cpu: cpu, isVirtual: true)
            case 88..<93: list.read(group ? .iar0 : .iar1, cpu: cpu, stack: group ? 3 : 4, isVirtual: true)
            case 93..<97: list.write(group ? .eoir0 : .eoir1, 0, cpu: cpu, stack: group ? 3 : 4, isVirtual: true)
            default:
                for register in AArch64Registers.hypervisor { list.read(register, cpu: cpu) }
                for register: GICv3Driver.Register in [.rpr, .hppir0, .hppir1, .bpr0, .bpr1, .ctlr] {
                    list.read(register, cpu: cpu, isVirtual: true)
                }
            }
            for cpu in 0..<Self.cpus { list.signals(cpu: cpu) }
            list.signals(cpu: cpu, isVirtual: true)
            list.read(.misr, cpu: cpu)
        }
        try InterruptAccesses.compare(list, version: 3)
    }

    // MARK: ITS

    @Test("An ITS carries out 600 random commands as QEMU's does", arguments: [1, 2] as [UInt64])
    func translationService(seed: UInt64) throws {
        let its: UInt64 = 0x0808_0000
        let configuration: UInt64 = 0x4600_0000, pending: UInt64 = 0x4610_0000, devices: UInt64 = 0x4620_0000
        let collections: UInt64 = 0x4630_0000, queue: UInt64 = 0x4640_0000, events: UInt64 = 0x4650_0000
        var list = InterruptAccessList(seed: seed)
        var offset: UInt64 = 0
        func command(_ list: inout InterruptAccessList, _ words: UInt64...) {
            for index in 0..<4 {
                list.store(queue + offset + 8 * UInt64(index), index < words.count ? words[index] : 0, size: 8)
            }
            offset = (offset + 32) % 0x1_0000
        }
        func kick(_ list: inout InterruptAccessList) {
            list.store(its + 0x88, offset, size: 8)
            list.load(its + 0x90, size: 8)
        }
        list.store(Self.distributor, 3)
        for cpu in 0..<Self.cpus {
            list.store(redistributor(cpu) + 0x70, configuration | 15, size: 8)
            list.store(redistributor(cpu) + 0x78, pending + 0x1_0000 * UInt64(cpu), size: 8)
            list.store(redistributor(cpu), 1)
            list.write(.pmr, 0xf0, cpu: cpu)
            list.write(.igrpen1, 1, cpu: cpu)
        }
        let pageSize = list.below(3), isIndirect = list.chance(50)
        if isIndirect {
            for page: UInt64 in 0..<4 {
                list.store(devices + 8 * page, 1 << 63 | devices + 0x2_0000 + page << 16, size: 8)
            }
        }
        list.store(its + 0x100, 1 << 63 | (isIndirect ? 1 << 62 : 0) | devices | pageSize << 8, size: 8)
        list.store(its + 0x108, 1 << 63 | collections | pageSize << 8, size: 8)
        list.store(its + 0x80, 1 << 63 | queue | 15, size: 8)
        list.store(its, 1)
        for collection: UInt64 in 0..<3 { command(&list, 0x09, 0, 1 << 63 | (collection % 2) << 16 | collection) }
        for _ in 0..<600 {
            let cpu = Int(list.below(2)), device = list.pick([0, 1, 5, 300, 0xffff] as [UInt64]) << 32
            let event = list.below(20), collection = list.below(3), table = events + (device >> 32 & 15) << 12
            switch list.below(100) {
            case 0..<14: command(&list, 0x0a | device, event | (8192 + list.below(96)) << 32, collection)
            case 14..<16: command(&list, 0x0b | device, list.pick([8192, 8200, 5]), collection)
            case 16..<20: command(&list, 0x08 | device, 2 + list.below(4), table | (list.chance(80) ? 1 << 63 : 0))
            // The collection stays on one CPU, for INVALL.
            case 20..<22: command(&list, 0x09, 0, 1 << 63 | (collection % 2) << 16 | collection)
            case 22..<45: command(&list, 0x03 | device, event)
            case 45..<50: command(&list, 0x04 | device, event)
            case 50..<54: command(&list, 0x01 | device, event, collection)
            case 54..<57: command(&list, 0x0f | device, event)
            case 57..<61: command(&list, 0x0c | device, event)
            case 61..<64: command(&list, 0x0e, 0, list.below(2) << 16, list.below(2) << 16)
            case 64..<66: command(&list, 0x05, 0, list.below(2) << 16)
            case 66..<78:
                list.store(configuration + list.below(96), list.below(32) << 3 | list.pick([0, 1, 1]), size: 1)
                command(&list, 0x0d, 0, 0)
                command(&list, 0x0d, 0, 1)
                kick(&list)
            case 78..<90: list.read(.iar1, cpu: cpu, stack: 1)
            case 90..<98: list.write(.eoir1, 0, cpu: cpu, stack: 1)
            default:
                for cpu in 0..<Self.cpus {
                    for word: UInt64 in 0..<2 {
                        list.load(pending + 0x1_0000 * UInt64(cpu) + 1024 + 8 * word, size: 8)
                    }
                }
            }
            if list.chance(80) { kick(&list) }
            for cpu in 0..<Self.cpus {
                list.signals(cpu: cpu)
                list.read(.hppir1, cpu: cpu)
            }
        }
        try InterruptAccesses.compare(list, version: 3)
    }
}
