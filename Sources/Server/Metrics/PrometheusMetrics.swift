import Metrics
import SpeculateShared

/// A backend of swift-metrics that keeps everything in memory and prints it in Prometheus' text format (version 0.0.4).
public final class PrometheusMetrics: MetricsFactory {
    struct Key: Hashable {
        let label: String
        let dimensions: [String]  // Names and values, alternating.
    }

    private let series = Locked([Key: PrometheusSeries]())

    public init() {}

    private func series(
        _ kind: PrometheusSeries.Kind, _ label: String, _ dimensions: [(String, String)]
    ) -> PrometheusSeries {
        let key = Key(label: label, dimensions: dimensions.flatMap { [$0.0, $0.1] })
        return series.withLock { all in
            if let known = all[key] { return known }
            let new = PrometheusSeries(kind, label, dimensions)
            all[key] = new
            return new
        }
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(.counter, label, dimensions)
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler { series(.counter, label, dimensions) }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(.gauge, label, dimensions)
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(aggregate ? .histogram : .gauge, label, dimensions)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(.seconds, label, dimensions)
    }

    // Counts remain readable.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    /// All series, grouped by name.
    public func text() -> String {
        let all = series.withLock { Array($0.values) }
        var text = ""
        for (name, group) in Dictionary(grouping: all, by: \.name).sorted(by: { $0.key < $1.key }) {
            text += "# TYPE \(name) \(group[0].kind.type)\n"
            for one in group.sorted(by: { $0.labels < $1.labels }) { text += one.lines }
        }
        return text
    }
}
