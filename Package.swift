// swift-tools-version: 6.2
import PackageDescription

/// Hot modules: their release builds drop what costs an instruction in every guest instruction (bounds, overflow and
/// exclusivity checks); debug builds keep them all. The semantics are generic and specialised within one module,
/// for which whole-module optimisation is enough. Merging of similar functions is off: it turns handlers' tail calls into
/// calls.
let hot: [SwiftSetting] = [
    .unsafeFlags(
        [
            "-Ounchecked", "-enforce-exclusivity=unchecked", "-wmo", "-Xcc", "-momit-leaf-frame-pointer", "-Xllvm",
            "-swiftmergefunc-threshold=0",
        ],
        .when(configuration: .release))
]
/// Hot modules in the debug build of `./orrery test`, which is made once and then runs for minutes: fast, and all is checked
/// (preconditions, assertions, bounds, overflow, exclusive access). Who changes a file wants a quick build instead.
let checked: [SwiftSetting] =
    Context.environment["ORRERY_FOR_ALL_TESTS"] == nil
    ? []
    : [.unsafeFlags(["-O", "-assert-config", "Debug", "-wmo", "-num-threads", "2"], .when(configuration: .debug))]
/// Devices: an access to one is many to its own state, each of which would be checked at run time for whether another is
/// under way. Debug builds check it; all other checks stay in release builds, too.
let devices: [SwiftSetting] = [
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let hyperOnTheMachine = ["Arch/RISCV", "Arch/AArch64"]

let package = Package(
    name: "Orrery",
    products: [.executable(name: "orrery", targets: ["CLI"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "ISA", exclude: ["AArch64"], swiftSettings: hot + checked + strict),
        // A module of its own: files of one name cannot be in one, and all architectures have the same names.
        .target(
            name: "AArch64ISA", dependencies: ["ISA"], path: "Sources/ISA/AArch64",
            swiftSettings: hot + checked + strict),
        .target(name: "JIT", dependencies: ["ISA"], swiftSettings: hot + checked + strict),
        .target(
            name: "Machine",
            dependencies: [
                "ISA", "AArch64ISA", "JIT", "CFDT", "CCapstone", "CDW", "CNettle", "CSlirp", "CZlib", "CZstd",
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: devices + strict),
        .executableTarget(
            name: "CLI",
            dependencies: [
                "Machine", "CVNC", "Yams", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // The hypervisor's own build is firmware/build; here it is a library for its unit tests, without what only the
        // machine can execute.
        .target(name: "Hyper", dependencies: ["HyperModule"], exclude: hyperOnTheMachine, swiftSettings: strict),
        .systemLibrary(name: "HyperModule", path: "firmware/Modules/Include"),
        .systemLibrary(
            name: "CCapstone", pkgConfig: "capstone", providers: [.apt(["libcapstone-dev"])]),
        .systemLibrary(name: "CDW", pkgConfig: "libdw", providers: [.apt(["libdw-dev"])]),
        .systemLibrary(name: "CFDT", providers: [.apt(["libfdt-dev"])]),
        .systemLibrary(name: "CNettle", pkgConfig: "nettle", providers: [.apt(["nettle-dev"])]),
        // Its pkg-config file asks for glib's, which no header here needs.
        .systemLibrary(name: "CSlirp", providers: [.apt(["libslirp-dev"])]),
        .systemLibrary(name: "CVNC", pkgConfig: "libvncserver", providers: [.apt(["libvncserver-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .testTarget(
            name: "ISATests", dependencies: ["ISA", "AArch64ISA", "Machine", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "JITTests", dependencies: ["AArch64ISA", "JIT", "Machine"], exclude: ["Quality"],
            swiftSettings: strict),
        .testTarget(
            name: "MachineTests", dependencies: ["AArch64ISA", "Machine", "TestSupport"], exclude: ["Replay/Data"],
            swiftSettings: strict),
        .testTarget(name: "CLITests", dependencies: ["CLI", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "HyperTests", dependencies: ["Hyper", "HyperModule", "Machine", "TestSupport"],
            swiftSettings: strict),
        .target(name: "TestSupport", dependencies: ["Machine"], path: "Tests/TestSupport", swiftSettings: strict),
    ]
)
