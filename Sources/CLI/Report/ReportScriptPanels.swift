extension ReportScript {
    /// The console, tables and the flame graph; it goes on where the timeline ends.
    static let panels = #"""
        // The console.
        var box = $("console"), rows = $("rows"), chosenLine = -1, lineHeight = 20;
        function drawLines() {
          var first = Math.max(Math.floor(box.scrollTop / lineHeight) - 10, 0), last = Math.min(first + Math.ceil(box.clientHeight / lineHeight) + 20, lines.length);
          var pieces = document.createDocumentFragment();
          for (var i = first; i < last; i++) {
            var line = lines[i], row = make("div", "row" + (i === chosenLine ? " on" : "")), dot = make("i"), when = make("time", "", at(line.start));
            row.style.top = i * lineHeight + "px"; row.dataset.i = i; row.id = "line" + i; row.setAttribute("role", "option");
            row.setAttribute("aria-selected", i === chosenLine); row.title = D.owners[line.owner].name + " on " + D.cpus[line.cpu];
            dot.style.background = palette.owners[line.owner];
            row.append(when, dot, line.text + (line.cut ? "…" : "")); pieces.append(row);
          }
          rows.textContent = ""; rows.append(pieces);
        }
        rows.style.height = lines.length * lineHeight + "px";
        box.addEventListener("scroll", drawLines);
        function selectLine(i, scroll) {
          chosenLine = i;
          if (scroll && i >= 0) {
            var top = i * lineHeight;
            if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 2 * lineHeight) box.scrollTop = top - box.clientHeight / 2;
          }
          drawLines(); box.setAttribute("aria-activedescendant", i >= 0 ? "line" + i : "");
        }
        function showLine(t) { if (lines.length) selectLine(Math.max(lowest(lines.length, function (m) { return lines[m].start > t; }) - 1, 0), true); }
        function rowOf(ev) { var row = ev.target.closest(".row"); return row ? Number(row.dataset.i) : -1; }
        box.addEventListener("click", function (ev) { var i = rowOf(ev); if (i >= 0) { selectLine(i); show(lines[i].start); } });
        box.addEventListener("mouseover", function (ev) { var i = rowOf(ev); if (i >= 0) { cursor = lines[i].start; draw(); } });
        box.addEventListener("keydown", function (ev) {
          var by = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9 }[ev.key];
          if (!by || !lines.length) return;
          ev.preventDefault();
          var i = Math.min(Math.max(chosenLine + by, 0), lines.length - 1); selectLine(i, true); show(lines[i].start);
        });
        if (!lines.length) rows.append(make("p", "soft", "  Nothing was printed."));

        // Tables.
        function cell(row, text, cls) { var c = make("td", cls, text); row.append(c); return c; }
        function fill(id, list, build, none) {
          var body = $(id); body.textContent = "";
          if (!list.length) { var row = make("tr"); cell(row, none, "l").colSpan = 9; body.append(row); return; }
          list.forEach(function (item) { var row = make("tr"); build(row, item); body.append(row); });
        }
        function exits() {
          var which = $("guest").value, list = D.exits.filter(function (e) { return which === "all" || String(e.guest) === which; });
          var total = D.exits.reduce(function (a, e) { return a + e.instructions; }, 0), most = list.reduce(function (a, e) { return Math.max(a, e.instructions); }, 1);
          fill("exits", list, function (row, e) {
            cell(row, e.reason, "l w"); cell(row, e.guest); cell(row, group(e.count)); cell(row, group(e.median)); cell(row, group(e.most));
            cell(row, span(e.time)); cell(row, percent(e.instructions, total));
            var bar = make("span", "meter"); bar.style.width = Math.max(44 * e.instructions / most, 1) + "px"; cell(row, "", "l").append(bar);
          }, "No guest has left for its hypervisor.");
        }
        var guests = Array.from(new Set(D.exits.map(function (e) { return e.guest; }))).sort(function (a, b) { return a - b; });
        ["all"].concat(guests).forEach(function (g) { var o = make("option", "", g === "all" ? "all guests" : "guest " + g); o.value = g; $("guest").append(o); });
        $("guest").onchange = exits; exits();
        function shares() {
          var part = $("shares"); part.textContent = "";
          D.shares.forEach(function (list, c) {
            var row = make("div", "share"), stack = make("div", "stack"), all = list.reduce(function (a, s) { return a + s[0]; }, 0), said = [];
            D.owners.map(function (o, i) { return i; }).sort(function (a, b) { return (a === 0) - (b === 0); }).forEach(function (o) {
              var s = list[o]; if (!s || !s[0]) return;
              var piece = make("div"); piece.style.width = 100 * s[0] / Math.max(all, 1) + "%"; piece.style.background = palette.owners[o];
              piece.title = D.owners[o].name + ": " + percent(s[0], all); stack.append(piece); said.push(piece.title);
            });
            stack.setAttribute("role", "img"); stack.setAttribute("aria-label", said.join(", "));
            row.append(make("span", "", D.cpus[c]), stack); part.append(row);
          });
          var totals = D.owners.map(function (o, i) {
            return { name: o.name, place: i, time: D.shares.reduce(function (a, l) { return a + (l[i] ? l[i][0] : 0); }, 0),
              instructions: D.shares.reduce(function (a, l) { return a + (l[i] ? l[i][1] : 0); }, 0) };
          }).filter(function (o) { return o.time || o.instructions; });
          var time = totals.reduce(function (a, o) { return a + o.time; }, 0), all = totals.reduce(function (a, o) { return a + o.instructions; }, 0);
          fill("owners", totals.sort(function (a, b) { return b.time - a.time; }), function (row, o) {
            var dot = make("i"); dot.style.cssText = "display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:7px;vertical-align:-1px";
            dot.style.background = palette.owners[o.place]; if (o.place === 0) dot.style.border = "1px solid " + palette.soft;
            cell(row, "", "l").append(dot, o.name); cell(row, span(o.time)); cell(row, percent(o.time, time));
            cell(row, group(o.instructions)); cell(row, percent(o.instructions, all));
          }, "Nothing was executed.");
        }
        shares();
        fill("waits", D.waits, function (row, v) {
          cell(row, D.cpus[v.cpu], "l"); cell(row, v.name + " in " + v.owner + " at " + v.place, "l w"); cell(row, group(v.count)); cell(row, span(v.total));
          cell(row, percent(v.total, end)); cell(row, span(v.median)); cell(row, span(v.most));
        }, "No CPU has waited.");
        fill("latencies", D.latencies, function (row, v) {
          cell(row, v.name, "l w"); cell(row, v.by, "l"); cell(row, group(v.count));
          v.pending.concat(v.handling).forEach(function (n) { cell(row, n < 0 ? "–" : span(n)); });
        }, "No interrupt was taken.");

        // The flame graph: frames are elements, so that they can be read and reached without a mouse.
        var flame = $("flame"), frames = [], total = D.flame ? D.flame[1] : 0;
        function hash(s) { var h = 2166136261; for (var i = 0; i < s.length; i++) h = Math.imul(h ^ s.charCodeAt(i), 16777619); return h >>> 0; }
        function frameColour(name, depth) {
          var h = hash(name), light = css("--frame");
          if (depth === 0) return "var(--l2)";
          if (depth === 1) return name.indexOf("guest") === 0 ? "hsl(" + (195 + h % 40) + " 55% " + light + ")" : "hsl(" + (255 + h % 40) + " 38% " + light + ")";
          if (name[0] === "[") return "hsl(40 14% " + light + ")";
          return "hsl(" + (18 + h % 38) + " " + (74 + (h >>> 8) % 14) + "% " + light + ")";
        }
        function collect(node, start, depth) {
          frames.push({ name: node[0], value: node[1], start: start, depth: depth });
          var place = start;
          node[2].forEach(function (child) { collect(child, place, depth + 1); place += child[1]; });
        }
        if (D.flame && total) collect(D.flame, 0, 0);
        var deepest = frames.reduce(function (a, f) { return Math.max(a, f.depth); }, 0), zoomed = frames[0];
        function flames() {
          flame.textContent = "";
          if (!frames.length) { flame.append(make("p", "soft", "No samples were taken.")); return; }
          flame.style.height = (deepest + 1) * 19 + "px";
          var pieces = document.createDocumentFragment();
          frames.forEach(function (f) {
            var above = f.depth < zoomed.depth && f.start <= zoomed.start && f.start + f.value >= zoomed.start + zoomed.value;
            var inside = f.depth >= zoomed.depth && f.start >= zoomed.start && f.start + f.value <= zoomed.start + zoomed.value;
            if (!above && !inside) return;
            var width = above ? 100 : 100 * f.value / zoomed.value;
            if (width < 0.06) return;
            var e = make("div", above ? "above" : "", width > 1.2 ? f.name : "");
            e.style.left = above ? "0" : 100 * (f.start - zoomed.start) / zoomed.value + "%";
            e.style.width = width + "%"; e.style.bottom = f.depth * 19 + "px"; e.style.background = frameColour(f.name, f.depth);
            e.title = f.name + ": " + group(f.value) + " samples, " + percent(f.value, total);
            e.tabIndex = width > 0.4 ? 0 : -1; e.setAttribute("role", "button"); e.setAttribute("aria-label", e.title); e.frame = f;
            pieces.append(e);
          });
          flame.append(pieces);
          $("unzoom").hidden = zoomed === frames[0];
        }
        function zoomFlame(f) { if (f) { zoomed = f; flames(); } }
        flame.addEventListener("click", function (ev) { zoomFlame(ev.target.frame); });
        flame.addEventListener("mouseover", function (ev) { if (ev.target.frame) $("framename").textContent = ev.target.title; });
        flame.addEventListener("focusin", function (ev) { if (ev.target.frame) $("framename").textContent = ev.target.title; });
        flame.addEventListener("keydown", function (ev) {
          if (ev.key === "Enter" || ev.key === " ") { ev.preventDefault(); zoomFlame(ev.target.frame); }
          if (ev.key === "Escape") zoomFlame(frames[0]);
        });
        $("unzoom").onclick = function () { zoomFlame(frames[0]); };
        flames();

        function all() { readColours(); legend(); shares(); drawLines(); draw(); }
        $("theme").onclick = function () {
          var dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
          document.documentElement.dataset.theme = dark ? "light" : "dark"; all(); flames();
        };
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () { all(); flames(); });
        addEventListener("resize", function () { draw(); drawLines(); });
        // #t=0.001-0.002 shows that part of the run, in seconds; #dark and #light choose the colours.
        var asked = /t=([0-9.]+)-([0-9.]+)/.exec(location.hash), theme = /dark|light/.exec(location.hash);
        if (theme) document.documentElement.dataset.theme = theme[0];
        if (asked && Number(asked[2]) > Number(asked[1])) look(Number(asked[1]) * 1e9, Number(asked[2]) * 1e9);
        all(); flames();
        document.documentElement.dataset.ready = "yes";
        })();
        """#
}
