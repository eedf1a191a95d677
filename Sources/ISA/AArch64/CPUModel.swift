import ISA

extension AArch64 {
    /// A CPU by name: what it implements, and the numbers by which software tells it from others.
    ///
    /// The numbers are those of the CPUs' Technical Reference Manuals. What those CPUs have and we do not (AArch32,
    /// big-endian data, the cache's and the predictor's inner registers) their identification does not claim; EL3 it does
    /// where a board asks for it.
    public struct CPUModel: Sendable {
        public let name: String
        /// What is there; boards leave out EL2, or a GICv3's registers, and add EL3, by ``with(_:)``.
        public private(set) var features: Features
        /// MIDR_EL1, and REVIDR_EL1.
        let main: UInt64
        let revision: UInt64
        public let physicalAddressBits: UInt8
        /// CTR_EL0, CLIDR_EL1, and CCSIDR_EL1 of the first level's data and instruction caches and of the second level.
        let cacheType: UInt64
        let cacheLevels: UInt64
        let cacheSizes: InlineArray<3, UInt64>
        /// ID_AA64DFR0_EL1.DebugVer.
        let debugVersion: UInt8
        public let breakpoints: UInt8
        public let watchpoints: UInt8
        /// The last of the breakpoints, which compare contexts too.
        public let contextBreakpoints: UInt8
        /// PMCR_EL0.N, and IMP and IDCODE.
        public let eventCounters: UInt8
        let monitorsCode: UInt64
        /// ID_AA64PFR0_EL1.CSV2 and CSV3: what one context's branches and loads left behind is no other's.
        let isolatesSpeculation: Bool
        /// Whose registers of its own it has, in the space for those.
        let designer: Designer
        /// The ID registers of op0 3, op1 0 and CRn 0, by CRm and op2.
        private(set) var identification: InlineArray<64, UInt64> = .init(repeating: 0)

        /// Registers that are IMPLEMENTATION DEFINED go by the CPU's family.
        enum Designer: UInt8, Sendable { case cortexA, neoverse, none }

        /// The same CPU with the features that `change` leaves.
        public func with(_ change: (inout Features) -> Void) -> CPUModel {
            var model = self
            change(&model.features)
            model.identification = IdentificationField.registers(of: model)
            return model
        }

        private init(
            _ name: String, _ features: Features, main: UInt64, revision: UInt64 = 0, physicalAddressBits: UInt8,
            cacheType: UInt64, cacheLevels: UInt64, cacheSizes: InlineArray<3, UInt64>, debugVersion: UInt8,
            monitorsCode: UInt64, isolatesSpeculation: Bool, designer: Designer
        ) {
            self.name = name
            self.features = features
            self.main = main
            self.revision = revision
            self.physicalAddressBits = physicalAddressBits
            self.cacheType = cacheType
            self.cacheLevels = cacheLevels
            self.cacheSizes = cacheSizes
            self.debugVersion = debugVersion
            self.monitorsCode = monitorsCode
            self.isolatesSpeculation = isolatesSpeculation
            self.designer = designer
            // All of them have as many.
            breakpoints = 6
            watchpoints = 4
            contextBreakpoints = 2
            eventCounters = 6
            identification = IdentificationField.registers(of: self)
        }

        public static func named(_ name: String) -> CPUModel? { all.first { $0.name == name } }

        /// By age.
        public static let all: [CPUModel] = [
            CPUModel(
                "cortex-a53", armv8, main: 0x410f_d034, physicalAddressBits: 40, cacheType: 0x8444_8004,
                cacheLevels: 0x0a20_0023, cacheSizes: [0x700f_e01a, 0x201f_e00a, 0x707f_e07a], debugVersion: 6,
                monitorsCode: 0x4103_0000, isolatesSpeculation: false, designer: .cortexA),
            CPUModel(
                "cortex-a57", armv8, main: 0x411f_d070, physicalAddressBits: 44, cacheType: 0x8444_c004,
                cacheLevels: 0x0a20_0023, cacheSizes: [0x701f_e00a, 0x201f_e012, 0x70ff_e07a], debugVersion: 6,
                monitorsCode: 0x4101_0000, isolatesSpeculation: false, designer: .cortexA),
            CPUModel(
                "cortex-a72", armv8, main: 0x410f_d083, physicalAddressBits: 44, cacheType: 0x8444_c004,
                cacheLevels: 0x0a20_0023, cacheSizes: [0x701f_e00a, 0x201f_e012, 0x707f_e07a], debugVersion: 6,
                monitorsCode: 0x4102_0000, isolatesSpeculation: false, designer: .cortexA),
            CPUModel(
                "neoverse-n1", neoverseN1, main: 0x414f_d0c1, physicalAddressBits: 48, cacheType: 0x8444_c004,
                cacheLevels: 0x8200_0023, cacheSizes: [0x701f_e01a, 0x201f_e01a, 0x70ff_e03a], debugVersion: 8,
                monitorsCode: 0x410c_0000, isolatesSpeculation: true, designer: .neoverse),
            // The number that QEMU gives its own `max`: the implementer 0 is software.
            CPUModel(
                "max", maximum, main: 0x000f_0510, physicalAddressBits: 52, cacheType: 0x8444_c004,
                cacheLevels: 0x0200_0023, cacheSizes: [0x701f_e00a, 0x201f_e012, 0x70ff_e07a], debugVersion: 9,
                monitorsCode: 0, isolatesSpeculation: true, designer: .none),
        ]

        private static let armv8: Features = [.crc32, .aes, .sha1, .sha256, .el2, .pmuv3, .gicv3]
        private static let neoverseN1: Features = [
            armv8, .lse, .rdm, .lrcpc, .ssbs, .fp16, .dotProd, .dpb, .vhe, .ras, .iesb, .pmuv3p1, .lor, .pan, .pan2,
            .uao,
            .vmid16,
            .hafdbs, .hpds, .hpds2, .xnx, .ttcnp, .tGran16K,
        ]
        private static let maximum = Features.all
    }
}
