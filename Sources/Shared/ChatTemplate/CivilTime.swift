/// A date and time of day, as calendars and clocks show it.
package struct CivilTime: Equatable, Sendable {
    package var year: Int
    package var month: Int
    package var day: Int
    package var hour: Int
    package var minute: Int
    package var second: Int

    package init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        (self.year, self.month, self.day) = (year, month, day)
        (self.hour, self.minute, self.second) = (hour, minute, second)
    }

    /// The time here and now.
    package static func now() -> CivilTime {
        var seconds = time(nil)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return CivilTime(
            year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
            hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec))
    }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

    package static let knownFormats = "%Y, %y, %m, %d, %e, %H, %I, %M, %S, %p, %B, %b, %A, %a, %j, %F, %T or %%"

    /// Days since the first of March of the year 0.
    private var dayNumber: Int {
        let year = month > 2 ? year : year - 1
        let monthFromMarch = (month + 9) % 12
        return 365 * year + year / 4 - year / 100 + year / 400 + (153 * monthFromMarch + 2) / 5 + day - 1
    }

    private var weekday: String { Self.days[(dayNumber + 2) % 7] }

    private var dayOfYear: Int { dayNumber - CivilTime(year: year, month: 1, day: 1).dayNumber + 1 }

    /// The time as C's `strftime` writes it in English; nil if the format asks for what is not known here.
    package func formatted(_ format: String) -> String? {
        var text = ""
        var isCode = false
        for character in format {
            guard isCode else {
                if character == "%" { isCode = true } else { text.append(character) }
                continue
            }
            isCode = false
            guard let part = part(character) else { return nil }
            text += part
        }
        return isCode ? text + "%" : text
    }

    private func part(_ code: Character) -> String? {
        switch code {
        case "Y": String(year)
        case "y": padded(year % 100)
        case "m": padded(month)
        case "d": padded(day)
        case "e": padded(day, by: " ")
        case "H": padded(hour)
        case "I": padded((hour + 11) % 12 + 1)
        case "M": padded(minute)
        case "S": padded(second)
        case "p": hour < 12 ? "AM" : "PM"
        case "B": Self.months[month - 1]
        case "b": String(Self.months[month - 1].prefix(3))
        case "A": weekday
        case "a": String(weekday.prefix(3))
        case "j": padded(dayOfYear, to: 3)
        case "F": "\(year)-\(padded(month))-\(padded(day))"
        case "T": "\(padded(hour)):\(padded(minute)):\(padded(second))"
        case "%": "%"
        default: nil
        }
    }

    private func padded(_ number: Int, to width: Int = 2, by filler: String = "0") -> String {
        let text = String(number)
        return String(repeating: filler, count: max(0, width - text.count)) + text
    }
}
