import Metrics
import SpeculateShared

/// One counter, gauge or histogram.
final class PrometheusSeries: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    enum Kind {
        case counter, gauge, histogram
        /// A histogram of times.
        case seconds

        /// The type's name in the text format.
        var type: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram, .seconds: "histogram"
            }
        }
    }

    /// Upper bounds, in seconds for times.
    private static let bounds: [Double] = [
        0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100,
    ]

    private struct State {
        var value = 0.0
        var count = 0
        var buckets = [Int](repeating: 0, count: bounds.count)
    }

    let kind: Kind
    let name: String
    /// `a="b",c="d"`
    let labels: String
    private let state = Locked(State())

    init(_ kind: Kind, _ label: String, _ dimensions: [(String, String)]) {
        self.kind = kind
        var name = String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ":") ? $0 : "_" })
        if kind == .seconds { name += "_seconds" }
        if kind == .counter, !name.hasSuffix("_total") { name += "_total" }
        self.name = name
        labels = dimensions.map { name, value in
            let name = name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
            return "\(String(name))=\"\(Self.escape(value))\""
        }.joined(separator: ",")
    }

    private static func escape(_ value: String) -> String {
        value.map { ["\\": "\\\\", "\"": "\\\"", "\n": "\\n"][$0] ?? String($0) }.joined()
    }

    func increment(by amount: Int64) { add(Double(amount)) }
    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.value = value } }
    func reset() { state.withLock { $0 = State() } }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        if kind == .gauge { set(value) } else { observe(value) }
    }

    func recordNanoseconds(_ duration: Int64) { observe(Double(duration) / 1e9) }

    private func add(_ amount: Double) { state.withLock { $0.value += amount } }

    private func observe(_ value: Double) {
        state.withLock { state in
            state.value += value
            state.count += 1
            if let bucket = Self.bounds.firstIndex(where: { value <= $0 }) { state.buckets[bucket] += 1 }
        }
    }

    /// In the text format.
    var lines: String {
        let state = state.withLock { $0 }
        func line(_ suffix: String, _ more: String, _ value: String) -> String {
            let labels = [labels, more].filter { !$0.isEmpty }.joined(separator: ",")
            return "\(name)\(suffix)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n"
        }
        guard kind.type == "histogram" else { return line("", "", "\(state.value)") }
        var text = ""
        var sum = 0
        for (bound, count) in zip(Self.bounds, state.buckets) {
            sum += count
            text += line("_bucket", "le=\"\(bound)\"", "\(sum)")
        }
        text += line("_bucket", "le=\"+Inf\"", "\(state.count)")
        return text + line("_sum", "", "\(state.value)") + line("_count", "", "\(state.count)")
    }
}
