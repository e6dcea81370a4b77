// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors where changes are checked, never where the package is used.
let isChecked = Context.environment["CI"] != nil
let swiftSettings: [SwiftSetting] =
    [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]
    + (isChecked ? [.treatAllWarnings(as: .error)] : [])
let cSettings: [CSetting] =
    // A debug build of the engine is usable only when its kernels are optimised all the same.
    [.unsafeFlags(["-O3"], .when(configuration: .debug))]
    + (isChecked ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
    name: "speculate",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Speculate", targets: ["Speculate"]),
        .executable(name: "speculate", targets: ["CLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    ],
    targets: [
        .target(name: "CKernels", cSettings: cSettings),
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
        .target(
            name: "SpeculateShared", dependencies: ["CKernels"], path: "Sources/Shared", swiftSettings: swiftSettings),
        .target(
            name: "SpeculateVerifier", dependencies: ["SpeculateShared", "CKernels"], path: "Sources/Verifier",
            swiftSettings: swiftSettings),
        .target(
            name: "SpeculateDrafter", dependencies: ["SpeculateShared", "SpeculateVerifier", "CKernels"],
            path: "Sources/Drafter", swiftSettings: swiftSettings),
        .target(
            name: "Speculate",
            dependencies: [
                "SpeculateShared", "SpeculateVerifier", "SpeculateDrafter",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "CLI",
            dependencies: [
                "Speculate", "SpeculateDrafter", "SpeculateShared",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "TestSupport", dependencies: ["SpeculateShared", "SpeculateVerifier"], path: "Tests/TestSupport",
            swiftSettings: swiftSettings),
        .testTarget(
            name: "KernelTests", dependencies: ["CKernels", "COpenBLAS", "SpeculateShared", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SharedTests", dependencies: ["SpeculateShared", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "VerifierTests", dependencies: ["SpeculateVerifier", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "DrafterTests", dependencies: ["SpeculateDrafter", "SpeculateVerifier", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SpeculateTests", dependencies: ["Speculate", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(name: "CLITests", dependencies: ["CLI", "TestSupport"], swiftSettings: swiftSettings),
    ]
)
