// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors where changes are checked, never where the package is used.
let isChecked = Context.environment["CI"] != nil
let plainSettings: [SwiftSetting] =
    [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]
    + (isChecked ? [.treatAllWarnings(as: .error)] : [])
// A debug build of the engine is usable, and its tests end within minutes, only when it is optimised all the same.
let swiftSettings = plainSettings + [.unsafeFlags(["-O"], .when(configuration: .debug))]
let cSettings: [CSetting] =
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
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.26.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.10.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.30.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
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
            name: "SpeculateDrafter", dependencies: ["SpeculateShared", "CKernels"],
            path: "Sources/Drafter", swiftSettings: swiftSettings),
        .target(
            name: "Speculate",
            dependencies: [
                "SpeculateShared", "SpeculateVerifier", "SpeculateDrafter",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "SpeculateServer",
            dependencies: [
                "Speculate", "SpeculateShared",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Sources/Server",
            resources: [.embedInCode("Resources/page"), .embedInCode("Resources/openapi.json")],
            swiftSettings: swiftSettings),
        .target(
            name: "SpeculateHub",
            dependencies: [
                "SpeculateShared",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources/Hub", swiftSettings: swiftSettings),
        .target(
            name: "SpeculateImport", dependencies: ["SpeculateShared", "SpeculateVerifier"], path: "Sources/Import",
            swiftSettings: swiftSettings),
        .target(
            name: "SpeculateAdaptation",
            dependencies: [
                "CKernels", "COpenBLAS", "Speculate", "SpeculateDrafter", "SpeculateImport", "SpeculateShared",
                "SpeculateVerifier",
            ],
            path: "Sources/Adaptation", swiftSettings: swiftSettings),
        .executableTarget(
            name: "CLI",
            dependencies: [
                "Speculate", "SpeculateAdaptation", "SpeculateHub", "SpeculateImport", "SpeculateServer",
                "SpeculateShared",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "TestSupport",
            dependencies: ["Speculate", "SpeculateImport", "SpeculateShared", "SpeculateVerifier"],
            path: "Tests/TestSupport", swiftSettings: swiftSettings),
        // Built by 'make fuzz' with libFuzzer; built without, it runs the recipes that it is given.
        .executableTarget(
            name: "Fuzz", dependencies: ["TestSupport"], path: "Tests/Fuzz",
            exclude: ["Corpus", "leaks.txt", "run.sh"],
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
            name: "SpeculateTests",
            dependencies: [
                "Speculate", "TestSupport",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            // Swift 6.3.1's optimizer crashes on calls of functions with typed errors in these.
            swiftSettings: plainSettings),
        .testTarget(
            name: "AdaptationTests",
            dependencies: [
                "SpeculateAdaptation", "Speculate", "SpeculateDrafter", "SpeculateImport", "SpeculateShared",
                "SpeculateVerifier", "TestSupport",
            ],
            swiftSettings: plainSettings),
        .testTarget(name: "HubTests", dependencies: ["SpeculateHub"], swiftSettings: plainSettings),
        .testTarget(
            name: "CLITests",
            dependencies: ["CLI", "Speculate", "SpeculateAdaptation", "SpeculateShared", "TestSupport"],
            swiftSettings: swiftSettings),
    ]
)
