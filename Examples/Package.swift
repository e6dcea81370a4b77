// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "Examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Elsewhere: .package(url: "https://…/speculate", from: "0.1.0")
        .package(name: "speculate", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
    ],
    targets: [
        .executableTarget(name: "Minimal", dependencies: [.product(name: "Speculate", package: "speculate")]),
        .executableTarget(name: "OwnDrafter", dependencies: [.product(name: "Speculate", package: "speculate")]),
        .executableTarget(
            name: "AnswerLines",
            dependencies: [
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Speculate", package: "speculate"),
            ]),
    ]
)
