import Foundation
import Machine

/// The figures of `orrery bench` as a picture, in SVG.
struct BenchChart {
    let report: BenchReport

    init(_ report: BenchReport) { self.report = report }

    /// What was compared.
    private var subtitle: String {
        let engine = report.engine.map { ", engine \($0)" } ?? ""
        let versions = [(report.versions["orrery"] ?? "") + engine, report.versions["qemu"] ?? ""]
        return markup(versions.filter { !$0.isEmpty }.joined(separator: "; "))
    }

    /// Bars on a logarithmic scale: times QEMU's speed from a line at 1, or seconds where QEMU was not measured.
    var svg: String {
        let (figures, groups) = (report.figures, report.groups)
        let compares = figures.allSatisfy { $0.speedup() != nil } && !figures.isEmpty
        func value(_ figure: BenchFigure) -> Double {
            (compares ? figure.speedup() : figure.seconds[.orrery]) ?? 1
        }
        let values = figures.map(value)
        let ends = Self.scaleEnds(values, around: compares ? 1 : nil)
        let (left, right, rowHeight, groupHeight) = (160.0, 70.0, 22.0, 34.0)
        let width = 820.0
        let plot = width - left - right
        func x(_ value: Double) -> Double {
            left + plot * (log(value) - log(ends.low)) / (log(ends.high) - log(ends.low))
        }
        let top = 104.0
        let height = top + Double(groups.count) * groupHeight + Double(figures.count) * rowHeight + 34
        func number(_ value: Double) -> String { decimal(value, places: 1) }
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(height))" role="img"
              font-family="system-ui, sans-serif" font-size="13">
            <title>\(compares ? "Speed of Orrery relative to QEMU" : "Processor time of benchmark programs")</title>
            <style>
            .back { fill: #ffffff } .text { fill: #1f2328 } .soft { fill: #59636e } .grid { stroke: #d1d9e0 }
            .one { stroke: #59636e } .fast { fill: #1a7f5a } .slow { fill: #b35900 } .time { fill: #3266ad }
            @media (prefers-color-scheme: dark) {
            .back { fill: #0d1117 } .text { fill: #e6edf3 } .soft { fill: #9198a1 } .grid { stroke: #2f353d }
            .one { stroke: #9198a1 } .fast { fill: #3fb68b } .slow { fill: #e08e45 } .time { fill: #6ca4ec }
            }
            </style>
            <rect class="back" width="100%" height="100%"/>
            <text class="text" x="20" y="30" font-size="17" font-weight="600">\
            \(compares ? "Orrery beside QEMU" : "Orrery")</text>
            <text class="soft" x="20" y="50">\
            \(compares
                ? "How many times QEMU's speed, by processor time (boot: by the wall's clock). Right of the line Orrery is faster."
                : "Seconds of processor time; logarithmic.")</text>
            <text class="soft" x="20" y="68" font-size="11">\(subtitle)</text>

            """
        for tick in Self.ticks(ends.low, ends.high) {
            let isOne = compares && tick == 1
            text += "<line class=\"\(isOne ? "one" : "grid")\" x1=\"\(number(x(tick)))\" x2=\"\(number(x(tick)))\""
            text += " y1=\"\(number(top - 8))\" y2=\"\(number(height - 28))\"/>\n"
            for y in [top - 12, height - 10] {
                text += "<text class=\"soft\" x=\"\(number(x(tick)))\" y=\"\(number(y))\" text-anchor=\"middle\">"
                text += "\(Self.label(tick))\(compares ? "×" : " s")</text>\n"
            }
        }
        var y = top
        for group in groups {
            let speedup = compares && group != BenchReport.apart ? report.speedup(group) : nil
            let mean = speedup.map { ", mean \(Self.label($0.geomean))×" } ?? ""
            text += "<text class=\"text\" x=\"20\" y=\"\(number(y + 20))\" font-weight=\"600\">\(group)"
            text += "<tspan class=\"soft\" font-weight=\"400\">\(mean)</tspan></text>\n"
            y += groupHeight
            for figure in figures where figure.group == group {
                let value = value(figure)
                let origin = compares ? x(1) : left
                let end = x(value)
                let kind = compares ? (value >= 1 ? "fast" : "slow") : "time"
                let times = BenchRunner.allCases.compactMap { runner in
                    figure.seconds[runner].map { "\(runner) \(decimal($0, places: 4)) s" }
                }
                text += "<g><title>\(markup(figure.description)): \(times.joined(separator: ", "))</title>\n"
                text += "<text class=\"text\" x=\"\(number(left - 10))\" y=\"\(number(y + 13))\" text-anchor=\"end\">"
                text += "\(figure.name)</text>\n"
                text += "<rect class=\"\(kind)\" x=\"\(number(min(origin, end)))\" y=\"\(number(y + 1))\" rx=\"2\""
                text += " width=\"\(number(max(abs(end - origin), 1.5)))\" height=\"16\"/>\n"
                let isRight = end >= origin
                text += "<text class=\"text\" x=\"\(number(isRight ? end + 5 : origin + 5))\" y=\"\(number(y + 13))\">"
                text += "\(Self.label(value))\(compares ? "×" : " s")</text></g>\n"
                y += rowHeight
            }
        }
        return text + "</svg>\n"
    }

    /// A scale that all values fit, and `around` too.
    private static func scaleEnds(_ values: [Double], around: Double?) -> (low: Double, high: Double) {
        let all = (values + (around.map { [$0] } ?? [])).filter { $0 > 0 && $0.isFinite }
        let low = (all.min() ?? 0.5) / 1.25
        let high = (all.max() ?? 2) * 1.25
        return (low, high)
    }

    /// 1, 2 and 5 of each power of ten between the ends, or 1 alone where they would stand too close.
    private static func ticks(_ low: Double, _ high: Double) -> [Double] {
        let digits = high / low < 2e4 ? [1.0, 2, 5] : [1.0]
        return (-6...6).flatMap { power in digits.map { $0 * pow(10, Double(power)) } }
            .filter { $0 >= low && $0 <= high }
    }

    private static func label(_ value: Double) -> String {
        let places = value >= 10 ? 0 : value >= 1 ? 1 : 2
        let text = decimal(value, places: places)
        return text.contains(".") ? text.replacing(/\.?0+$/, with: "") : text
    }
}
