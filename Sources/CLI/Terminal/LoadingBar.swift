import SpeculateShared

/// A progress bar for loading a model: appears after a second and disappears when done.
final class LoadingBar: Sendable {
    private static let patience = Duration.seconds(1)

    private let start = ContinuousClock.now
    private let shown = Locked<Int?>(nil)

    func show(_ share: Double) {
        shown.withLock { shown in
            let percent = Int(share * 100)
            guard percent != shown, ContinuousClock.now - start > Self.patience else { return }
            Terminal.log("\r\u{1b}[Kloading the model: \(percent) %", terminator: "")
            shown = percent
        }
    }

    func clear() {
        shown.withLock { shown in
            if shown != nil { Terminal.log("\r\u{1b}[K", terminator: "") }
            shown = nil
        }
    }
}
