/// How a report looks, in light and in dark.
enum ReportStyle {
    static let text = #"""
        :root { color-scheme: light dark; --ground: #f6f7f9; --card: #ffffff; --ink: #1a1d23; --soft: #5b6370; --line: #dfe3e9;
          --accent: #1a56c4; --mark: #d33f49; --wait: #e9ecf1; --hatch: #d5dae2; --lane: #f0f2f6; --warn: #fff4d6; --warnink: #6b4e00;
          --g0: #3b7dd8; --g1: #e8912d; --g2: #2f9e78; --g3: #b05cc6; --g4: #cf5252; --g5: #7c9a21; --g6: #1f9fb8; --g7: #c25a8f;
          --l0: #566074; --l1: #8e4f6d; --l2: #8a94a6; --l3: #b39a6b; --frame: 70%; --frameink: #16181d; }
        @media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { --ground: #12151a; --card: #1a1e25; --ink: #e7eaf0;
          --soft: #9aa4b4; --line: #2c323c; --accent: #7fb0ff; --mark: #ff7b84; --wait: #20252d; --hatch: #2d343f; --lane: #20242c;
          --warn: #3a3015; --warnink: #f3d98b; --l0: #8c98ad; --l1: #c57f9f; --l2: #6a7486; --l3: #a58d60; --frame: 58%; } }
        :root[data-theme=dark] { color-scheme: dark; --ground: #12151a; --card: #1a1e25; --ink: #e7eaf0; --soft: #9aa4b4;
          --line: #2c323c; --accent: #7fb0ff; --mark: #ff7b84; --wait: #20252d; --hatch: #2d343f; --lane: #20242c; --warn: #3a3015;
          --warnink: #f3d98b; --l0: #8c98ad; --l1: #c57f9f; --l2: #6a7486; --l3: #a58d60; --frame: 58%; }
        :root[data-theme=light] { color-scheme: light; }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink); font: 14px/1.45 system-ui, "Segoe UI", "Noto Sans",
          "DejaVu Sans", sans-serif; }
        main, header, footer { max-width: 1480px; margin: 0 auto; padding: 0 20px; }
        header { padding-top: 20px; display: flex; gap: 16px; align-items: baseline; flex-wrap: wrap; }
        h1 { font-size: 21px; margin: 0; font-weight: 650; letter-spacing: -.01em; overflow-wrap: anywhere; }
        header .about { color: var(--soft); flex: 1 1 20em; }
        h2 { font-size: 15px; margin: 0 0 10px; font-weight: 650; }
        button, select { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 7px;
          padding: 3px 10px; cursor: pointer; }
        button:hover { border-color: var(--soft); }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; margin: 16px 0; }
        .figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 10px 14px; }
        .figure b { display: block; font-size: 17.5px; white-space: nowrap; font-weight: 650; font-variant-numeric: tabular-nums; letter-spacing: -.01em; }
        .figure span { color: var(--soft); font-size: 12.5px; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; margin: 0 0 16px;
          min-width: 0; }
        .notice { background: var(--warn); color: var(--warnink); border-radius: 9px; padding: 8px 14px; margin: 0 0 14px; }
        .bar { display: flex; gap: 8px; align-items: center; flex-wrap: wrap; margin-bottom: 8px; }
        .bar h2 { margin: 0 8px 0 0; }
        .grow { flex: 1; }
        .soft { color: var(--soft); }
        .mono, .mono td, pre { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 12.5px; }
        canvas { display: block; width: 100%; border-radius: 6px; touch-action: none; }
        #overview { height: 34px; cursor: crosshair; margin-bottom: 6px; }
        #timeline { cursor: grab; }
        #timeline.drag { cursor: grabbing; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 12.5px; color: var(--soft); margin-top: 8px; }
        .legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 5px; vertical-align: -1px; }
        #details { min-height: 1.5em; margin-top: 8px; overflow-wrap: anywhere; }
        .tip { position: fixed; z-index: 9; pointer-events: none; background: var(--ink); color: var(--ground); border-radius: 7px;
          padding: 6px 10px; font-size: 12.5px; max-width: 460px; white-space: pre-line; overflow-wrap: anywhere; display: none; }
        .columns { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 16px; align-items: start; }
        @media (max-width: 1000px) { .columns { grid-template-columns: minmax(0, 1fr); } }
        .scroll { overflow: auto; max-height: 420px; }
        table { border-collapse: collapse; width: 100%; font-size: 13px; }
        th { text-align: right; font-weight: 600; color: var(--soft); font-size: 12px; padding: 4px 8px; position: sticky; top: 0;
          background: var(--card); white-space: nowrap; }
        td { text-align: right; padding: 4px 8px; border-top: 1px solid var(--line); font-variant-numeric: tabular-nums;
          white-space: nowrap; }
        th.l, td.l { text-align: left; }
        td.w { white-space: normal; overflow-wrap: anywhere; min-width: 12em; }
        td .meter { display: inline-block; height: 8px; border-radius: 4px; background: var(--accent); vertical-align: 1px;
          min-width: 1px; }
        .stack { display: flex; height: 24px; border-radius: 6px; overflow: hidden; background: var(--lane); }
        .stack div { min-width: 0; }
        .share { display: grid; grid-template-columns: 5.5em minmax(0, 1fr); gap: 8px; align-items: center; margin-bottom: 8px; }
        #console { position: relative; height: 420px; overflow: auto; border: 1px solid var(--line); border-radius: 8px;
          background: var(--ground); }
        #console .row { position: absolute; left: 0; height: 20px; line-height: 20px; white-space: pre; padding: 0 10px; min-width: 100%;
          cursor: pointer; }
        #console .row:hover { background: var(--lane); }
        #console .row.on { background: color-mix(in srgb, var(--accent) 22%, transparent); }
        #console .row time { color: var(--soft); display: inline-block; width: 11.5em; }
        #console .row i { display: inline-block; width: 8px; height: 8px; border-radius: 3px; margin-right: 9px; }
        #flame { position: relative; overflow: hidden; border-radius: 6px; }
        #flame div { position: absolute; height: 18px; line-height: 18px; font-size: 11.5px; padding: 0 4px; overflow: hidden;
          white-space: nowrap; text-overflow: ellipsis; border-radius: 3px; border: 1px solid var(--card); color: var(--frameink);
          cursor: pointer; }
        #flame div.above { opacity: .5; }
        #flame div:hover { filter: brightness(1.08); }
        kbd { border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 4px; padding: 0 5px; font-size: 11.5px; }
        footer { color: var(--soft); padding-bottom: 24px; font-size: 12.5px; }
        @media print { #timeline, #overview { break-inside: avoid; } .scroll, #console { max-height: none; } }
        """#
}
