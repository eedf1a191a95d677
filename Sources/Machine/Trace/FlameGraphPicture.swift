/// A flame graph as a picture that a browser shows: SVG, with nothing from elsewhere.
///
/// Frames have titles, and a click makes one as wide as the picture. Where no scripts run, the picture is there all the same.
public struct FlameGraphPicture {
    private let graph: FlameGraph
    private let title: String
    private let unit: String
    private static let width = 1200.0
    private static let margin = 10.0
    private static let rowHeight = 18.0
    private static let top = 58.0

    /// - Parameter unit: what a sample counts: `samples of 10,007 instructions`.
    public init(_ graph: FlameGraph, title: String, unit: String) {
        self.graph = graph
        self.title = title
        self.unit = unit
    }

    public var text: String {
        let height = Self.top + Double(graph.depth + 1) * Self.rowHeight + 34
        var text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(height))" \
            width="\(Int(Self.width))" height="\(Int(height))" role="img" aria-label="\(markup(title))">
            <style>
            \(Self.style)
            </style>
            <rect class="ground" width="100%" height="100%"/>
            <text class="title" x="\(Int(Self.margin))" y="26">\(markup(title))</text>
            <text class="note" x="\(Int(Self.margin))" y="45">\(grouped(graph.root.value)) \(markup(unit))\
            \(graph.leftOut > 0 ? "; \(grouped(graph.leftOut)) in frames too narrow to be seen are left out" : "")</text>
            <text class="note" id="reset" x="\(Int(Self.width - Self.margin))" y="26" text-anchor="end" tabindex="0" \
            role="button">show all</text>
            <g id="frames">

            """
        append(graph.root, start: 0, depth: 0, to: &text)
        text += """
            </g>
            <text class="note" id="details" x="\(Int(Self.margin))" y="\(Int(height) - 12)"></text>
            <script><![CDATA[
            \(Self.script)
            ]]></script>
            </svg>

            """
        return text
    }

    private func append(_ frame: FlameGraph.Frame, start: UInt64, depth: Int, to text: inout String) {
        let scale = (Self.width - 2 * Self.margin) / Double(max(graph.root.value, 1))
        let x = Self.margin + Double(start) * scale
        let width = Double(frame.value) * scale
        let y = Self.top + Double(graph.depth - depth) * Self.rowHeight
        let share = decimal(100 * Double(frame.value) / Double(max(graph.root.value, 1)), places: 2)
        let label = Self.shortened(frame.name, width)
        text += """
            <g class="frame" tabindex="-1" data-s="\(start)" data-v="\(frame.value)" data-d="\(depth)">\
            <title>\(markup(frame.name)): \(grouped(frame.value)), \(share) %</title>\
            <rect x="\(decimal(x, places: 2))" y="\(decimal(y, places: 0))" width="\(decimal(max(width - 0.5, 0.3), places: 2))" \
            height="\(Int(Self.rowHeight) - 1)" rx="2" fill="\(Self.colour(frame.name, depth))"/>\
            <text x="\(decimal(x + 4, places: 2))" y="\(decimal(y + 12.5, places: 1))">\(markup(label))</text></g>

            """
        var place = start
        for child in frame.children {
            append(child, start: place, depth: depth + 1, to: &text)
            place += child.value
        }
    }

    /// As much of a name as fits.
    private static func shortened(_ name: String, _ width: Double) -> String {
        let fits = Int((width - 8) / 6.6)
        if fits < 3 { return "" }
        return name.count <= fits ? name : name.prefix(fits - 1) + "…"
    }

    /// Of one function always the same; roots, which say whose it is, in greys and blues.
    static func colour(_ name: String, _ depth: Int) -> String {
        var hash: UInt32 = 2_166_136_261
        for byte in name.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        if depth == 0 { return "#d9dce3" }
        if depth == 1 {
            return name.hasPrefix("guest") ? "hsl(\(195 + hash % 40) 58% 74%)" : "hsl(\(255 + hash % 40) 38% 80%)"
        }
        if name.hasPrefix("[") { return "hsl(40 14% \(78 + hash % 8)%)" }
        return "hsl(\(18 + hash % 38) \(78 + hash >> 8 % 14)% \(66 + hash >> 16 % 10)%)"
    }

    private static let style = """
        text { font: 11px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #16181d; pointer-events: none }
        .title { font: 600 17px system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
        .note { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #555c68 }
        .ground { fill: #ffffff }
        .frame { cursor: pointer; outline: none }
        .frame:hover rect, .frame:focus rect { stroke: #16181d; stroke-width: 1 }
        #reset { cursor: pointer; pointer-events: auto; fill: #1a56c4; visibility: hidden }
        .hidden { display: none }
        .above { opacity: .45 }
        """

    /// A click, or Enter, makes a frame as wide as the picture; Escape shows all again.
    private static let script = """
        (function () {
        "use strict";
        var width = 1200, margin = 10, frames = Array.prototype.slice.call(document.querySelectorAll(".frame"));
        var total = Number(frames[0].dataset.v) || 1, details = document.getElementById("details");
        var reset = document.getElementById("reset");
        frames.forEach(function (g) {
            g.s = Number(g.dataset.s); g.v = Number(g.dataset.v); g.d = Number(g.dataset.d);
            g.name = g.querySelector("title").textContent;
            g.label = g.name.replace(/: [0-9,]+, [0-9.]+ %$/, "");
            g.setAttribute("tabindex", "0");
        });
        function zoom(to) {
            var scale = (width - 2 * margin) / to.v;
            frames.forEach(function (g) {
                var inside = g.s >= to.s && g.s + g.v <= to.s + to.v && g.d >= to.d;
                var above = g.s <= to.s && g.s + g.v >= to.s + to.v && g.d < to.d;
                g.classList.toggle("hidden", !inside && !above);
                g.classList.toggle("above", above);
                if (!inside && !above) return;
                var x = above ? margin : margin + (g.s - to.s) * scale, w = above ? width - 2 * margin : g.v * scale;
                var rect = g.querySelector("rect"), text = g.querySelector("text"), fits = Math.floor((w - 8) / 6.6);
                rect.setAttribute("x", x); rect.setAttribute("width", Math.max(w - 0.5, 0.3));
                text.setAttribute("x", x + 4);
                text.textContent = fits < 3 ? "" : g.label.length <= fits ? g.label : g.label.slice(0, fits - 1) + "\\u2026";
            });
            reset.style.visibility = to === frames[0] ? "hidden" : "visible";
        }
        function of(event) { return event.target.closest ? event.target.closest(".frame") : null; }
        document.addEventListener("click", function (event) {
            if (event.target === reset) return zoom(frames[0]);
            var g = of(event); if (g) zoom(g);
        });
        document.addEventListener("keydown", function (event) {
            if (event.key === "Escape") return zoom(frames[0]);
            if (event.key !== "Enter" && event.key !== " ") return;
            if (event.target === reset) return zoom(frames[0]);
            var g = of(event); if (g) { event.preventDefault(); zoom(g); }
        });
        function tell(event) { var g = of(event); details.textContent = g ? g.name : ""; }
        document.addEventListener("mouseover", tell);
        document.addEventListener("focusin", tell);
        })();
        """
}
