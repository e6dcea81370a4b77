import Foundation

extension Int {
    /// As a size for people: 93.2 MB.
    package var bytesForPeople: String {
        let units = ["kB", "MB", "GB", "TB", "PB"]
        guard self >= 1000 else { return "\(self) bytes" }
        var value = Double(self) / 1000
        var unit = 0
        while value >= 999.95, unit + 1 < units.count {
            value /= 1000
            unit += 1
        }
        return String(format: "%.1f ", value) + units[unit]
    }
}
