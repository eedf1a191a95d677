/// The time of day: nanoseconds since the beginning of 1970 in UTC, leap seconds left out, as the host's clock had them
/// when its driver found it. From there they go on as the counter does.
public enum WallClock {
    // SAFETY: set at boot, or by whoever holds the mutex of the management.
    nonisolated(unsafe) private static var offset: UInt64?

    /// Nil where the machine has no clock and nobody has set the time.
    public static var now: UInt64? { offset.map { Timers.now &+ $0 } }

    public static func set(_ nanoseconds: UInt64) { offset = nanoseconds &- Timers.now }

    #if !hasFeature(Embedded)
    /// Forgets the time, between tests.
    static func forget() { offset = nil }
    #endif
}

/// A date of the Gregorian calendar and a time of day, in UTC.
public struct CivilTime: Equatable, Sendable {
    public var year: UInt64, month: UInt64, day: UInt64
    public var hour: UInt64, minute: UInt64, second: UInt64

    private static let day: UInt64 = 86400
    /// Of 400 years, after which the calendar repeats itself.
    private static let daysOfCycle: UInt64 = 146_097
    private static let firstYear: UInt64 = 1970

    /// - Parameter seconds: since the beginning of 1970.
    public init(seconds: UInt64) {
        let time = seconds % Self.day
        (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60)
        var days = seconds / Self.day
        year = Self.firstYear + days / Self.daysOfCycle * 400
        days %= Self.daysOfCycle
        while days >= Self.length(ofYear: year) {
            days -= Self.length(ofYear: year)
            year += 1
        }
        month = 1
        while days >= Self.length(ofMonth: month, year) {
            days -= Self.length(ofMonth: month, year)
            month += 1
        }
        day = days + 1
    }

    /// `2026-11-28` and `05:09:27`, in the order of ISO 8601.
    public init(date: Text, time: Text) throws(HyperError) {
        let dates = date.split(UInt8(ascii: "-")).map { $0.digits }
        let times = time.split(UInt8(ascii: ":")).map { $0.digits }
        guard dates.count == 3, times.count == 3, let year = dates[0], let month = dates[1], let day = dates[2],
            let hour = times[0], let minute = times[1], let second = times[2],
            // The last year whose nanoseconds fit into 64 bits.
            (Self.firstYear...2553).contains(year), (1...12).contains(month), day >= 1,
            day <= Self.length(ofMonth: month, year), hour < 24, minute < 60, second < 60
        else { throw HyperError("\(date) \(time) is no date and time: write 2026-11-28 05:09:27") }
        (self.year, self.month, self.day) = (year, month, day)
        (self.hour, self.minute, self.second) = (hour, minute, second)
    }

    /// Since the beginning of 1970.
    public var seconds: UInt64 {
        var days: UInt64 = day - 1
        for year in Self.firstYear..<year { days += Self.length(ofYear: year) }
        for month in 1..<month { days += Self.length(ofMonth: month, year) }
        return days * Self.day + hour * 3600 + minute * 60 + second
    }

    public var text: Text {
        var text = Text()
        for (number, digits, end) in [
            (year, 4, "-"), (month, 2, "-"), (day, 2, " "), (hour, 2, ":"), (minute, 2, ":"), (second, 2, ""),
        ] as [(UInt64, Int, StaticString)] {
            text.append(number, digits: digits)
            text.append(end)
        }
        return text
    }

    private static func isLeap(_ year: UInt64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
    private static func length(ofYear year: UInt64) -> UInt64 { isLeap(year) ? 366 : 365 }

    private static func length(ofMonth month: UInt64, _ year: UInt64) -> UInt64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Text {
    /// The number of decimal digits and nothing else.
    fileprivate var digits: UInt64? { bytes.allSatisfy { 0x30...0x39 ~= $0 } ? number : nil }
}
