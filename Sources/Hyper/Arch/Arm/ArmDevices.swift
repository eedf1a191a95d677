/// What the boards of both of Arm's architectures have, and no others: built with their ports, and with the unit tests.
enum ArmDevices {
    static var drivers: [Driver] {
        var drivers: [Driver] = []
        if Configuration.DRIVER_GICV2 { drivers.append(GICDriver.version2) }
        if Configuration.DRIVER_GICV3 { drivers.append(GICDriver.version3) }
        if Configuration.DRIVER_GICV2M { drivers.append(GICv2mDriver.driver) }
        if Configuration.DRIVER_GICV3_ITS { drivers.append(ITSDriver.driver) }
        if Configuration.DRIVER_PL011 { drivers.append(PL011Driver.driver) }
        if Configuration.DRIVER_PL031 { drivers.append(PL031Driver.driver) }
        return drivers
    }

    static var emulators: [Emulator] {
        var emulators: [Emulator] = []
        if Configuration.EMULATOR_GICV2 { emulators.append(GICv2Distributor.emulator) }
        if Configuration.EMULATOR_GICV3 { emulators.append(GICv3Distributor.emulator) }
        if Configuration.EMULATOR_PL011 { emulators.append(PL011Emulator.emulator) }
        if Configuration.EMULATOR_PL031 { emulators.append(PL031Emulator.emulator) }
        return emulators
    }
}
