// swift-tools-version: 6.1
import PackageDescription

// Measures parts that the engine keeps to itself, through `@testable import`: build it with `-Xswiftc -enable-testing`,
// as `make bench` does.
let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "speculate", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    ],
    targets: [
        .target(name: "CPeak"),
        .executableTarget(
            name: "Measure",
            dependencies: [
                "CPeak",
                .product(name: "Speculate", package: "speculate"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
