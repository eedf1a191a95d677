/// What a report does in a browser. Everything that came from guests is set as text, never as markup.
enum ReportScript {
    static var text: String { timeline + panels }

    /// The data, colours and the timeline.
    private static let timeline = #"""
        (function () {
        "use strict";
        var D = JSON.parse(document.getElementById("data").textContent);
        var $ = function (id) { return document.getElementById(id); };
        var end = Math.max(D.end, 1), cpus = D.cpus.length;
        function make(tag, cls, text) {
          var e = document.createElement(tag);
          if (cls) e.className = cls;
          if (text !== undefined) e.textContent = text;
          return e;
        }
        function css(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
        function group(n) { return Math.round(n).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ","); }
        function span(ns) {
          if (ns < 1e3) return Math.round(ns) + " ns";
          if (ns < 1e6) return +(ns / 1e3).toFixed(ns < 1e4 ? 2 : 1) + " µs";
          if (ns < 1e9) return +(ns / 1e6).toFixed(ns < 1e7 ? 2 : 1) + " ms";
          return +(ns / 1e9).toFixed(ns < 1e10 ? 3 : 2) + " s";
        }
        function at(ns) { return (ns / 1e9).toFixed(9) + " s"; }
        function percent(part, all) { return (100 * part / Math.max(all, 1)).toFixed(1) + " %"; }

        // Colours: guests have bright ones, levels of the machine's own greys, and waiting is next to nothing.
        var palette = {};
        function readColours() {
          palette = { line: css("--line"), soft: css("--soft"), ink: css("--ink"), lane: css("--lane"), wait: css("--wait"),
            hatch: css("--hatch"), mark: css("--mark"), accent: css("--accent"), card: css("--card"), owners: [], names: [] };
          var g = 0, l = 0;
          D.owners.forEach(function (o, i) {
            palette.owners[i] = o.kind === "waiting" ? palette.wait : o.kind === "guest" ? css("--g" + g++ % 8) : css("--l" + l++ % 4);
          });
          for (var i = 0; i < 8; i++) palette.names.push(css("--g" + (i + 4) % 8));
        }
        readColours();

        // Spans of each CPU, and events of each kind by CPU: what is drawn is looked for by its time.
        var spans = D.segments.map(function (flat) {
          var n = flat.length / 3, s = { start: new Float64Array(n), end: new Float64Array(n), owner: new Uint16Array(n), n: n }, t = 0;
          for (var i = 0; i < n; i++) {
            t += flat[3 * i]; s.start[i] = t; t += flat[3 * i + 1]; s.end[i] = t; s.owner[i] = flat[3 * i + 2];
          }
          return s;
        });
        var events = D.events.map(function (row, i) {
          return { kind: row[0], cpu: row[1], start: row[2], end: row[2] + row[3], name: row[4], owner: row[5], place: row[6],
            instructions: row[7], latency: row[8], level: row[9], number: i };
        });
        var lanes = [];
        for (var c = 0; c < cpus; c++) lanes.push({ exits: [], traps: [] });
        events.forEach(function (e) {
          if (e.kind === 0) lanes[e.cpu].exits.push(e); else if (e.kind < 3) lanes[e.cpu].traps.push(e);
        });
        // An event may last longer than those after it: how far back one has to look.
        lanes.forEach(function (lane) {
          ["exits", "traps"].forEach(function (k) {
            var most = 0; lane[k].reach = lane[k].map(function (e) { return most = Math.max(most, e.end); });
          });
        });
        var lines = D.lines.map(function (row, i) {
          return { start: row[0], end: row[1], cpu: row[2], owner: row[3], text: row[4], cut: row[5], number: i };
        });
        function lowest(n, test) { var a = 0, b = n; while (a < b) { var m = a + b >> 1; if (test(m)) b = m; else a = m + 1; } return a; }

        // The timeline.
        var canvas = $("timeline"), context = canvas.getContext("2d"), over = $("overview"), overContext = over.getContext("2d");
        var view = { from: 0, to: end }, left = 84, laneHeight = 26, exitHeight = 13, trapHeight = 13, gap = 12, axis = 22;
        var rowHeight = laneHeight + exitHeight + trapHeight + 6 + gap, consoleHeight = 20;
        var chosen = null, cursor = null;
        function height() { return axis + cpus * rowHeight + consoleHeight + 6; }
        function fit(c, ctx, h) {
          var r = window.devicePixelRatio || 1, w = c.clientWidth;
          c.style.height = h + "px";
          if (c.width !== Math.round(w * r) || c.height !== Math.round(h * r)) { c.width = Math.round(w * r); c.height = Math.round(h * r); }
          ctx.setTransform(r, 0, 0, r, 0, 0);
          return w;
        }
        function x(t, w) { return left + (t - view.from) / (view.to - view.from) * (w - left); }
        function time(px, w) { return view.from + (px - left) / (w - left) * (view.to - view.from); }
        var scheduled = false;
        function draw() { if (!scheduled) { scheduled = true; requestAnimationFrame(paint); } }

        // Columns that hold more than one span show how it was shared out.
        function drawShares(ctx, cpu, x0, w, from, to, y, h) {
          var columns = Math.max(Math.floor(w), 1), per = (to - from) / columns, s = spans[cpu], n = D.owners.length;
          var sums = new Map(), i, k;
          function add(t0, t1, owner) {
            t0 = Math.max(t0, from); t1 = Math.min(t1, to);
            if (t1 <= t0) return;
            if (t1 - t0 >= per) {
              ctx.fillStyle = palette.owners[owner];
              ctx.fillRect(x0 + (t0 - from) / per, y, Math.max((t1 - t0) / per, 0.5), h);
              return;
            }
            var a = Math.floor((t0 - from) / per), b = Math.min(Math.floor((t1 - from) / per), columns - 1);
            for (k = a; k <= b; k++) {
              var part = Math.min(t1, from + (k + 1) * per) - Math.max(t0, from + k * per);
              if (part <= 0) continue;
              var column = sums.get(k);
              if (!column) { column = new Float64Array(n); sums.set(k, column); }
              column[owner] += part;
            }
          }
          var known = s.n ? s.end[s.n - 1] : 0;
          if (s.n) {
            i = lowest(s.n, function (m) { return s.end[m] > from; });
            for (; i < s.n && s.start[i] < to; i++) add(s.start[i], s.end[i], s.owner[i]);
          }
          // Where spans were left out, intervals of the whole run tell.
          if (D.hasLeftOutSegments && known < to) {
            D.overview[cpu].forEach(function (shares, place) {
              var t = place * D.width, next = t + D.width;
              if (next <= Math.max(known, from) || t >= to) return;
              t = Math.max(t, known);
              for (var o = 0; o < shares.length; o++) if (shares[o]) {
                var length = shares[o] / D.width * (next - t); add(t, t + length, o); t += length;
              }
            });
          }
          sums.forEach(function (column, k) {
            var bottom = y + h;
            for (var o = n - 1; o >= 0; o--) if (column[o] > 0) {
              var part = Math.min(column[o] / per, 1) * h;
              ctx.fillStyle = palette.owners[o];
              ctx.fillRect(x0 + k, bottom - part, 1, part + 0.3); bottom -= part;
            }
          });
        }
        function drawMarks(list, w, y, h, colour) {
          var i = lowest(list.length, function (m) { return list.reach[m] >= view.from; }), last = -1, e;
          for (; i < list.length && list[i].start <= view.to; i++) {
            e = list[i];
            if (e.end < view.from) continue;
            var a = Math.max(x(e.start, w), left), b = Math.min(x(e.end, w), w);
            if (b - a < 1.2) {
              // One of those that fall into the same pixel is enough.
              var pixel = Math.floor(a * 2);
              if (pixel === last && e !== chosen) continue;
              last = pixel;
            }
            context.fillStyle = e === chosen ? palette.mark : colour(e);
            context.fillRect(a, y, Math.max(b - a - (b - a > 3 ? 0.6 : 0), 1), h);
          }
        }
        // Where events were left out, columns tell how many there were: the more, the darker.
        function drawCounts(counts, list, w, y, h) {
          var known = list.length ? list[list.length - 1].start : 0, most = 1;
          counts.forEach(function (n) { most = Math.max(most, n); });
          context.fillStyle = palette.soft;
          for (var i = Math.floor(Math.max(known, view.from) / D.width); i < counts.length && i * D.width < view.to; i++) if (counts[i]) {
            var a = Math.max(x(Math.max(i * D.width, known), w), left), b = Math.min(x((i + 1) * D.width, w), w);
            context.globalAlpha = 0.15 + 0.75 * Math.log(1 + counts[i]) / Math.log(1 + most);
            context.fillRect(a, y, Math.max(b - a, 0.7), h);
          }
          context.globalAlpha = 1;
        }
        function nameColour(e) { return palette.names[e.name % palette.names.length]; }
        function step(width) {
          var raw = (view.to - view.from) / Math.max(width / 120, 1), power = Math.pow(10, Math.floor(Math.log10(raw)));
          return [1, 2, 5, 10].map(function (m) { return m * power; }).find(function (s) { return s >= raw; }) || 10 * power;
        }
        function paint() {
          scheduled = false;
          var w = fit(canvas, context, height()), h = height(), c, y;
          context.fillStyle = palette.card; context.fillRect(0, 0, w, h);
          context.font = "11.5px system-ui, sans-serif"; context.textBaseline = "middle";
          var s = Math.max(step(w - left), 1);
          for (var t = Math.ceil(view.from / s) * s; t <= view.to; t += s) {
            var px = Math.round(x(t, w)) + 0.5;
            context.strokeStyle = palette.line; context.beginPath(); context.moveTo(px, axis - 4); context.lineTo(px, h); context.stroke();
            context.fillStyle = palette.soft; context.textAlign = px > w - 40 ? "right" : px < left + 24 ? "left" : "center";
            context.fillText(s < 1e6 && view.to > 1e7 ? (t / 1e6).toFixed(s < 1e3 ? 6 : 3) + " ms" : t === 0 ? "0" : span(t), px, 9);
          }
          for (c = 0; c < cpus; c++) {
            y = axis + c * rowHeight;
            context.fillStyle = palette.lane; context.fillRect(left, y, w - left, laneHeight);
            drawShares(context, c, left, w - left, view.from, view.to, y, laneHeight);
            context.fillStyle = palette.lane;
            context.fillRect(left, y + laneHeight + 3, w - left, exitHeight);
            context.fillRect(left, y + laneHeight + exitHeight + 6, w - left, trapHeight);
            drawMarks(lanes[c].exits, w, y + laneHeight + 3, exitHeight, nameColour);
            drawMarks(lanes[c].traps, w, y + laneHeight + exitHeight + 6, trapHeight,
              function (e) { return e.kind === 2 ? nameColour(e) : palette.soft; });
            if (D.counts) {
              drawCounts(D.counts[c][0], lanes[c].exits, w, y + laneHeight + 3, exitHeight);
              drawCounts(D.counts[c][1], lanes[c].traps, w, y + laneHeight + exitHeight + 6, trapHeight);
            }
            context.fillStyle = palette.card; context.fillRect(0, y - 2, left, rowHeight);
            context.textAlign = "left"; context.fillStyle = palette.ink; context.font = "600 12.5px system-ui, sans-serif";
            context.fillText(D.cpus[c], 0, y + laneHeight / 2);
            context.font = "11px system-ui, sans-serif"; context.fillStyle = palette.soft;
            context.fillText("exits", 0, y + laneHeight + 3 + exitHeight / 2);
            context.fillText("interrupts", 0, y + laneHeight + exitHeight + 6 + trapHeight / 2);
          }
          y = axis + cpus * rowHeight;
          context.fillStyle = palette.lane; context.fillRect(left, y, w - left, consoleHeight);
          var i = lowest(lines.length, function (m) { return lines[m].start >= view.from; }), last = -1;
          for (; i < lines.length && lines[i].start <= view.to; i++) {
            var p = Math.floor(x(lines[i].start, w));
            if (p === last) continue;
            last = p; context.fillStyle = palette.accent; context.fillRect(p, y + 3, 1.5, consoleHeight - 6);
          }
          context.fillStyle = palette.card; context.fillRect(0, y, left, consoleHeight);
          context.fillStyle = palette.soft; context.textAlign = "left"; context.fillText("console", 0, y + consoleHeight / 2);
          if (cursor !== null && cursor >= view.from && cursor <= view.to) {
            context.fillStyle = palette.mark; context.fillRect(Math.round(x(cursor, w)), axis - 6, 1.5, h - axis + 6);
          }
          paintOverview();
          $("range").textContent = at(view.from).slice(0, -2) + " – " + at(view.to) + " (" + span(view.to - view.from) + ")";
        }
        function paintOverview() {
          var w = fit(over, overContext, 34), each = 34 / cpus;
          overContext.fillStyle = palette.lane; overContext.fillRect(0, 0, w, 34);
          for (var c = 0; c < cpus; c++) {
            D.overview[c].forEach(function (shares, place) {
              var a = left + place * D.width / end * (w - left), b = left + Math.min((place + 1) * D.width, end) / end * (w - left);
              var y = c * each;
              for (var o = 0; o < shares.length; o++) if (shares[o]) {
                var part = Math.min(shares[o] / Math.min(D.width, Math.max(end - place * D.width, 1)), 1) * (each - 1);
                overContext.fillStyle = palette.owners[o]; overContext.fillRect(a, y, Math.max(b - a, 0.7), part); y += part;
              }
            });
          }
          overContext.fillStyle = palette.card; overContext.fillRect(0, 0, left, 34);
          overContext.fillStyle = palette.soft; overContext.font = "11px system-ui, sans-serif"; overContext.textBaseline = "middle";
          overContext.fillText("whole run", 0, 17);
          var from = left + view.from / end * (w - left), to = left + view.to / end * (w - left);
          overContext.fillStyle = palette.card; overContext.globalAlpha = 0.62;
          overContext.fillRect(left, 0, from - left, 34); overContext.fillRect(to, 0, w - to, 34);
          overContext.globalAlpha = 1; overContext.strokeStyle = palette.accent; overContext.lineWidth = 1.5;
          overContext.strokeRect(from + 0.75, 0.75, Math.max(to - from - 1.5, 2), 32.5);
        }
        function look(from, to) {
          var length = Math.min(Math.max(to - from, 20), end);
          if (from < 0) { from = 0; } else if (from + length > end) { from = end - length; }
          view.from = from; view.to = from + length; draw();
        }
        function zoom(factor, middle) {
          if (middle === undefined) middle = cursor !== null && cursor >= view.from && cursor <= view.to ? cursor : (view.from + view.to) / 2;
          look(middle - (middle - view.from) * factor, middle + (view.to - middle) * factor);
        }
        function pan(part) { var d = (view.to - view.from) * part; look(view.from + d, view.to + d); }
        function show(t) {
          cursor = t;
          var length = view.to - view.from;
          if (t < view.from || t > view.to) look(t - length / 2, t + length / 2); else draw();
        }

        // What is where on it.
        function find(px, py, w) {
          var t = time(px, w), row = Math.floor((py - axis) / rowHeight), inside = (py - axis) - row * rowHeight, slack = 3 * (view.to - view.from) / (w - left);
          if (px < left || py < axis) return null;
          if (row >= cpus) {
            var best = null;
            for (var i = Math.max(lowest(lines.length, function (m) { return lines[m].start >= t - slack; }), 0); i < lines.length && lines[i].start <= t + slack; i++)
              if (!best || Math.abs(lines[i].start - t) < Math.abs(best.start - t)) best = lines[i];
            return best ? { line: best } : null;
          }
          if (inside < laneHeight) {
            var s = spans[row], k = lowest(s.n, function (m) { return s.end[m] > t; });
            return k < s.n && s.start[k] <= t ? { span: { cpu: row, owner: s.owner[k], start: s.start[k], end: s.end[k] } } : null;
          }
          var list = inside < laneHeight + exitHeight + 4 ? lanes[row].exits : lanes[row].traps, found = null;
          for (var j = lowest(list.length, function (m) { return list.reach[m] >= t - slack; }); j < list.length && list[j].start <= t + slack; j++)
            if (list[j].end >= t - slack && (!found || list[j].end - list[j].start <= found.end - found.start)) found = list[j];
          return found ? { event: found } : null;
        }
        var kinds = ["exit", "exception", "interrupt", "wait"];
        function words(e) {
          var text = kinds[e.kind] + ": " + D.names[e.name] + "\n" + at(e.start) + ", " + D.cpus[e.cpu] + ", " + D.owners[e.owner].name +
            " " + D.names[e.level] + "\nat " + D.places[e.place] + "\ntook " + span(e.end - e.start);
          if (e.instructions) text += ", " + group(e.instructions) + " instructions";
          if (e.latency >= 0) text += "\npending for " + span(e.latency) + " before it was taken";
          return text;
        }
        function describe(found) {
          if (found.event) return words(found.event);
          if (found.line) return at(found.line.start) + "\n" + found.line.text;
          var s = found.span;
          return D.owners[s.owner].name + " on " + D.cpus[s.cpu] + "\n" + at(s.start) + " – " + at(s.end) + "\n" + span(s.end - s.start);
        }
        var tip = $("tip");
        function tell(text, px, py) {
          if (!text) { tip.style.display = "none"; return; }
          tip.textContent = text; tip.style.display = "block";
          var r = tip.getBoundingClientRect();
          tip.style.left = Math.max(Math.min(px + 14, innerWidth - r.width - 8), 4) + "px";
          tip.style.top = (py + 18 + r.height > innerHeight ? py - r.height - 10 : py + 18) + "px";
        }
        function choose(e) {
          chosen = e; $("details").textContent = words(e).replace(/\n/g, " · "); show(e.start); showLine(e.start);
        }

        var drag = null;
        canvas.addEventListener("pointerdown", function (ev) {
          drag = { x: ev.offsetX, from: view.from, to: view.to, moved: false }; canvas.setPointerCapture(ev.pointerId);
        });
        canvas.addEventListener("pointermove", function (ev) {
          var w = canvas.clientWidth;
          if (drag) {
            if (Math.abs(ev.offsetX - drag.x) > 3) { drag.moved = true; canvas.classList.add("drag"); tell(null); }
            if (drag.moved) {
              var d = (drag.x - ev.offsetX) / (w - left) * (drag.to - drag.from);
              look(drag.from + d, drag.to + d);
            }
            return;
          }
          var found = find(ev.offsetX, ev.offsetY, w);
          tell(found && describe(found), ev.clientX, ev.clientY);
        });
        canvas.addEventListener("pointerup", function (ev) {
          var was = drag, w = canvas.clientWidth; drag = null; canvas.classList.remove("drag");
          if (!was || was.moved) return;
          var found = find(ev.offsetX, ev.offsetY, w);
          if (found && found.event) return choose(found.event);
          if (ev.offsetX < left) return;
          var t = found && found.line ? found.line.start : time(ev.offsetX, w);
          if (found) $("details").textContent = describe(found).replace(/\n/g, " · ");
          show(t); showLine(t);
        });
        canvas.addEventListener("pointercancel", function () { drag = null; });
        canvas.addEventListener("pointerleave", function () { tell(null); });
        canvas.addEventListener("wheel", function (ev) {
          if (ev.offsetX < left) return;
          ev.preventDefault();
          if (ev.shiftKey || Math.abs(ev.deltaX) > Math.abs(ev.deltaY)) pan((ev.deltaX || ev.deltaY) / 1000);
          else zoom(Math.pow(1.0016, ev.deltaY), time(ev.offsetX, canvas.clientWidth));
        }, { passive: false });
        canvas.addEventListener("dblclick", function (ev) { zoom(0.25, time(ev.offsetX, canvas.clientWidth)); });
        var brushing = null;
        function overTime(ev) { return Math.min(Math.max((ev.offsetX - left) / (over.clientWidth - left), 0), 1) * end; }
        over.addEventListener("pointerdown", function (ev) { brushing = overTime(ev); over.setPointerCapture(ev.pointerId); });
        over.addEventListener("pointermove", function (ev) {
          if (brushing === null) return;
          var t = overTime(ev);
          if (Math.abs(t - brushing) > end / 400) look(Math.min(t, brushing), Math.max(t, brushing));
        });
        over.addEventListener("pointerup", function (ev) {
          var t = overTime(ev), length = view.to - view.from;
          if (brushing !== null && Math.abs(t - brushing) <= end / 400) look(t - length / 2, t + length / 2);
          brushing = null;
        });
        function neighbour(forward) {
          var list = events.filter(function (e) { return e.kind !== 3; });
          if (!list.length) return;
          var place = chosen ? list.indexOf(chosen) + (forward ? 1 : -1)
            : lowest(list.length, function (m) { return list[m].start >= (cursor === null ? view.from : cursor); });
          choose(list[Math.min(Math.max(place, 0), list.length - 1)]);
        }
        canvas.addEventListener("keydown", function (ev) {
          var keys = {
            ArrowLeft: function () { pan(-0.2); }, ArrowRight: function () { pan(0.2); }, ArrowUp: function () { zoom(0.5); },
            ArrowDown: function () { zoom(2); }, "+": function () { zoom(0.5); }, "=": function () { zoom(0.5); },
            "-": function () { zoom(2); }, "0": function () { look(0, end); }, Home: function () { look(0, view.to - view.from); },
            End: function () { look(end - (view.to - view.from), end); }, n: function () { neighbour(true); }, p: function () { neighbour(false); },
            Enter: function () { if (chosen) look(chosen.start - 2 * (chosen.end - chosen.start) - 50, chosen.end + 2 * (chosen.end - chosen.start) + 50); },
            Escape: function () { chosen = null; cursor = null; $("details").textContent = ""; draw(); }
          };
          if (keys[ev.key] && !ev.ctrlKey && !ev.metaKey && !ev.altKey) { ev.preventDefault(); keys[ev.key](); }
        });
        $("in").onclick = function () { zoom(0.5); };
        $("out").onclick = function () { zoom(2); };
        $("all").onclick = function () { look(0, end); };
        $("next").onclick = function () { neighbour(true); };
        $("previous").onclick = function () { neighbour(false); };

        function legend() {
          var box = $("legend"); box.textContent = "";
          D.owners.forEach(function (o, i) {
            var item = make("span"), dot = make("i"); dot.style.background = palette.owners[i];
            if (o.kind === "waiting") dot.style.border = "1px solid " + palette.soft;
            item.append(dot, o.name); box.append(item);
          });
        }

        """#
}
