// swift-tools-version: 6.2
import PackageDescription

/// EMBEDDED=1 builds the shipped binary; without it the same sources build as plain Swift, which is what the tests use.
let embedded = Context.environment["EMBEDDED"] == "1"

/// A retain inlined is 35 bytes, called 5; what the compiler calls small is still inlined too often. Deploy/device/build.sh
/// has the same. Swift's own LLVM passes are wrong for Embedded Swift: docs/decisions/0003.
let small = [
  "-wmo", "-Osize", "-Xfrontend", "-mergeable-traps", "-Xfrontend", "-disable-swift-specific-llvm-optzns",
  "-Xfrontend", "-sil-inline-caller-benefit-reduction-factor", "-Xfrontend", "20",
  "-Xllvm", "-sil-disable-pass=closure-specialize", "-Xllvm", "-sil-disable-pass=capture-prop",
  "-Xllvm", "-inline-threshold=0", "-Xllvm", "-enable-machine-outliner=always",
]
let swift: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
    .treatWarning("EmbeddedRestrictions", as: .error),
  ] + (embedded ? [.enableExperimentalFeature("Embedded"), .unsafeFlags(small)] : [])
let c: [CSetting] =
  [
    // 64-bit file sizes, inode numbers and times on 32-bit boards.
    .define("_FILE_OFFSET_BITS", to: "64"), .define("_TIME_BITS", to: "64"),
    .unsafeFlags(["-Wall", "-Wextra", "-Werror", "-Os", "-ffunction-sections", "-fdata-sections"]),
  ] + (embedded ? [.define("CL_EMBEDDED")] : [])

let package = Package(
  name: "memwarden",
  targets: [
    // Floor 0: the C edge
    .target(name: "CLinux", cSettings: c),
    .systemLibrary(name: "CMicrohttpd", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
    .target(name: "CConfuse", cSettings: c, linkerSettings: [.linkedLibrary("confuse")]),
    .target(name: "CZlib", cSettings: c, linkerSettings: [.linkedLibrary("z")]),
    // Floor 1: plain values
    .target(name: "Samples", swiftSettings: swift),
    // Floor 2: read the kernel; judge
    .target(name: "Kernel", dependencies: ["Samples", "CLinux"], swiftSettings: swift),
    .target(name: "Policy", dependencies: ["Samples"], swiftSettings: swift),
    // Floor 3: act; tell
    .target(name: "Actions", dependencies: ["Samples", "Policy", "Kernel", "CLinux", "CZlib"], swiftSettings: swift),
    .target(name: "Report", dependencies: ["Samples", "Policy"], swiftSettings: swift),
    // Floor 4: the agent
    .executableTarget(
      name: "memwarden",
      dependencies: ["Samples", "Kernel", "Policy", "Actions", "Report", "CLinux", "CMicrohttpd", "CConfuse"],
      swiftSettings: swift, linkerSettings: [.linkedLibrary("m")]),
    // Beside the product: a worker that misbehaves on demand, for the demo and the end-to-end tests
    // (pure C: the flag only keeps the linker driver from adding the Swift runtime to it)
    .executableTarget(
      name: "leaky", cSettings: c,
      linkerSettings: [.unsafeFlags(["-enable-experimental-feature", "Embedded", "-wmo"])]),
  ]
    + (embedded
      ? []
      : [
        .testTarget(name: "SamplesTests", dependencies: ["Samples"]),
        .testTarget(
          name: "KernelTests", dependencies: ["Kernel", "Samples", "CLinux"], resources: [.copy("Fixtures")]),
        .testTarget(name: "PolicyTests", dependencies: ["Policy", "Samples"]),
        .testTarget(name: "ActionsTests", dependencies: ["Actions", "Kernel", "Policy", "Samples", "CLinux"]),
        .testTarget(name: "ReportTests", dependencies: ["Report", "Policy", "Samples"]),
        .testTarget(
          name: "AgentTests", dependencies: ["memwarden", "Report", "Actions", "Kernel", "Policy", "Samples"]),
        .testTarget(name: "EndToEndTests"),
      ])
)
