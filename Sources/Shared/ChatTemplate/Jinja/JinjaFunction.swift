/// The functions that templates find.
package enum JinjaFunction: String, CaseIterable, Sendable {
    case range, dict, namespace
    case raise = "raise_exception"
    case now = "strftime_now"
}
