/** What stands on a page: cards, tiles, notices, badges, dialogs. */
export const SURFACE_STYLES = `
.card { background: var(--sheet); border: 1px solid var(--line); border-radius: calc(var(--round) * 1.5); padding: 1.25rem; display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; align-content: start; }
.card > header { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: baseline; justify-content: space-between; }
.card.flush { padding: 0; gap: 0; overflow: hidden; }
/* A form alone is as wide as what is typed into it. */
main > .card:has(> form, > .steps form):not(:has(textarea.code, table)) { max-width: 38.75rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.25rem; align-items: start; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1rem; list-style: none; }
/* Two beside each other; one that is left over has the whole row. */
.tiles.filling { display: flex; flex-wrap: wrap; }
.filling > li { flex: 1 1 min(100%, 24rem); }
.told li { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 1rem; }
.stack { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; align-content: start; }
.columns > .stack { gap: 1.25rem; }
.tight { gap: 0.375rem; }
.row { display: flex; flex-wrap: wrap; gap: 0.625rem; align-items: center; }
.row.spread { justify-content: space-between; }
.prose { max-width: 66ch; display: grid; gap: 0.625rem; }
.card.prose > .tight { gap: 0.625rem; }
.card.prose { max-width: 38.75rem; gap: 1rem; }

.notice { border: 1px solid var(--line); border-inline-start: 0.25rem solid var(--edge); border-radius: var(--round); background: var(--sheet); padding: 0.75rem 1rem; display: grid; gap: 0.25rem; overflow-wrap: anywhere; }
.notice.good { border-inline-start-color: var(--green); background: var(--green-wash); }
.notice.warn { border-inline-start-color: var(--brass); background: var(--brass-wash); }
.notice.bad { border-inline-start-color: var(--red); background: var(--red-wash); }

.badge { justify-self: start; display: inline-flex; align-items: center; gap: 0.35em; font-size: 0.8125rem; line-height: 1.4; padding: 0.05rem 0.5rem; border-radius: 1rem; border: 1px solid var(--line); white-space: nowrap; background: var(--sunken); color: var(--ink); }
.badge.good { background: var(--green-wash); border-color: var(--green); color: var(--green); }
.badge.warn { background: var(--brass-wash); border-color: var(--brass); color: var(--brass); }
.badge.bad { background: var(--red-wash); border-color: var(--red); color: var(--red); }

.facts { display: grid; grid-template-columns: fit-content(9rem) minmax(0, 1fr); gap: 0.5rem 1.25rem; align-items: baseline; }
.facts dt { color: var(--soft); }
.facts dd { overflow-wrap: anywhere; }
@media (max-width: 34rem) { .facts { grid-template-columns: minmax(0, 1fr); gap: 0; } .facts dt { font-size: 0.875rem; } .facts dd:not(:last-child) { margin-bottom: 0.5rem; } }

.empty { text-align: center; padding: 2.5rem 1.25rem; display: grid; gap: 0.625rem; justify-items: center; color: var(--soft); }
.empty h2 { color: var(--ink); }
.empty p { max-width: 52ch; }

.copy { display: inline-flex; align-items: center; gap: 0.5rem; min-width: 0; max-width: 100%; }
.copy code { word-break: break-all; min-width: 0; }
.copy button { flex: none; white-space: nowrap; }
.secret .copy { display: flex; justify-content: space-between; }
.secret button { font-family: var(--sans); }
[data-secret] > span::first-letter { text-transform: uppercase; }
.secret { font-family: var(--mono); font-size: 1.0625rem; background: var(--sunken); border: 1px dashed var(--edge); border-radius: var(--round); padding: 0.75rem 1rem; overflow-wrap: anywhere; user-select: all; }
pre { background: var(--sunken); border: 1px solid var(--line); border-radius: var(--round); padding: 0.875rem 1rem; overflow-x: auto; line-height: 1.5; tab-size: 2; }
.sample { margin-top: 0.5rem; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }

.decisions { list-style: none; }
.steps { display: grid; gap: 1.5rem; list-style: none; counter-reset: step; padding: 0; }
.steps > li { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.75rem; counter-increment: step; position: relative; padding-inline-start: 2.75rem; }
.steps > li::before { content: counter(step); position: absolute; inset: -0.1875rem auto auto 0; width: 1.75rem; height: 1.75rem; border: 1px solid var(--edge); border-radius: 50%; display: grid; place-items: center; font-size: 0.875rem; font-weight: 600; }

html:has(dialog.over[open]) { scrollbar-gutter: auto; }
.veil { position: fixed; inset: 0; z-index: 1; }
.veil, dialog.over::backdrop { background: light-dark(#1a212b80, #000000a8); }
dialog.over { position: fixed; inset: 0; margin: auto; z-index: 2; width: min(36rem, calc(100vw - 2rem)); max-height: calc(100dvh - 2rem); overflow: auto; background: var(--sheet); color: var(--ink); border: 1px solid var(--line); border-radius: calc(var(--round) * 2); padding: 1.5rem; box-shadow: 0 1.25rem 3rem light-dark(#1a212b40, #000000a0); }
dialog.over[open] { display: grid; gap: 1rem; }
details > summary { cursor: pointer; }
details.more { border-top: 1px solid var(--line); padding-top: 0.75rem; }
details.more[open] > :nth-child(2) { margin-top: 0.75rem; }
`

/** What people press and fill in. Every target is 2.5 rem high: a thumb's width. */
export const CONTROL_STYLES = `
button, .button { font: inherit; font-weight: 550; line-height: 1.25; min-height: 2.5rem; padding: 0.5rem 1rem; border-radius: var(--round); border: 1px solid var(--edge); background: var(--sheet); color: var(--ink); cursor: pointer; display: inline-flex; align-items: center; justify-content: center; gap: 0.5rem; text-decoration: none; text-align: center; }
button:hover, .button:hover { background: var(--sunken); }
.button[aria-current], [aria-pressed="true"] { background: var(--teal-wash); border-color: var(--teal); color: var(--teal); }
.primary { background: var(--teal); border-color: var(--teal); color: var(--on-teal); }
.primary:hover { background: color-mix(in oklab, var(--teal), var(--ink) 15%); }
.danger { border-color: var(--red); color: var(--red); }
.danger:hover { background: var(--red-wash); }
.danger.primary { background: var(--red); color: var(--on-red); }
.danger.primary:hover { background: color-mix(in oklab, var(--red), var(--ink) 15%); }
.quiet { border-color: transparent; background: transparent; color: var(--teal); }
.compact { min-height: 2rem; padding: 0.25rem 0.625rem; font-size: 0.875rem; }
[hidden] { display: none !important; }
/* What only a script does is there from the start, or not at all: nothing moves when the script comes. */
@media (scripting: none) { [data-copy] { display: none; } }

form { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.125rem; }
form > button, form > .button { justify-self: start; }
.alone form > button { justify-self: stretch; }
form.inline { display: inline-flex; gap: 0.5rem; align-items: center; }
.field { display: grid; gap: 0.3rem; min-width: 0; max-width: 36rem; }
.field > label, .field > legend, legend { font-weight: 600; padding: 0; }
legend { margin-bottom: 0.5rem; }
.hint { color: var(--soft); font-size: 0.875rem; }
.error { color: var(--red); font-size: 0.875rem; font-weight: 550; }
input:not([type="checkbox"], [type="radio"]), select, textarea { font: inherit; color: inherit; line-height: 1.5; width: 100%; min-height: 2.5rem; padding: 0.4375rem 0.75rem; border: 1px solid var(--edge); border-radius: var(--round); background: var(--sheet); }
input[type="search"] { appearance: none; }
input[type="date"] { height: 2.5rem; }
textarea { min-height: 6rem; resize: vertical; }
.field:has(textarea.code) { max-width: none; }
textarea.code { min-height: 20rem; }
textarea.code, input.code { font-family: var(--mono); font-size: 0.9375rem; }
input:user-invalid, input[aria-invalid="true"] { border-color: var(--red); border-width: 2px; }
input[type="checkbox"], input[type="radio"] { width: 1.125rem; height: 1.125rem; accent-color: var(--teal); flex: none; margin: 0.1875rem 0 0; }
.check .hint { display: block; }
.check { display: flex; gap: 0.625rem; align-items: start; max-width: 36rem; }
.choices { display: grid; gap: 0.625rem; }
.choice { display: flex; gap: 0.75rem; align-items: start; border: 1px solid var(--line); border-radius: var(--round); padding: 0.875rem; background: var(--sheet); cursor: pointer; }
.choice:hover { border-color: var(--edge); }
.choice:has(:checked) { border-color: var(--teal); background: var(--teal-wash); }
.choice strong, .choice strong + span { display: block; }
.filters { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: end; }
.filters .field { flex: 1 1 11rem; max-width: 18rem; }
.filters .field.wide { flex: 1 1 13rem; max-width: 28rem; }
@media (max-width: 46rem) {
  .filters .field { flex-basis: 8.5rem; }
  .filters .field:has([type="date"]) { flex-basis: 10.5rem; }
  .filters .field.wide { flex-basis: 16rem; }
}
`

/** Tables that become cards on a phone, the pages of a list, and what happened when. */
export const LIST_STYLES = `
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: start; padding: 0.75rem 1.25rem; color: var(--soft); font-size: 0.875rem; }
th, td { text-align: start; vertical-align: top; padding: 0.625rem 0.75rem; border-top: 1px solid var(--line); }
:is(th, td):first-child { padding-inline-start: 1.25rem; }
:is(th, td):last-child { padding-inline-end: 1.25rem; }
/* A button is higher than a line: what is beside it stands at its middle. */
tr:has(td :is(button, .button)) > * { vertical-align: middle; }
td { overflow-wrap: break-word; }
td .button, td button { white-space: nowrap; }
thead th { font-size: 0.8125rem; color: var(--soft); font-weight: 600; border-top: 0; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: bottom; }
thead th a { color: inherit; text-decoration: none; }
thead th a:hover { text-decoration: underline; }
thead th[aria-sort] { color: var(--ink); }
tbody tr:first-child > * { border-top: 0; }
tbody tr:hover { background: color-mix(in oklab, var(--sheet), var(--sunken) 55%); }
tbody th { font-weight: 600; overflow-wrap: anywhere; }
td.end, th.end { text-align: end; }
td .sub, th .sub { display: block; color: var(--soft); font-size: 0.875rem; font-weight: 400; }
@media (min-width: 46.01rem) { table.fold tbody th { min-width: 13rem; } }
@media (max-width: 46rem) {
  table.fold thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.fold, table.fold tbody, table.fold th, table.fold td, table.fold caption { display: block; }
  /* What is short stands side by side: a row is two or three lines, not one for each column. */
  table.fold tr { display: flex; flex-wrap: wrap; align-items: baseline; column-gap: 1.25rem; padding: 0.75rem 1.25rem; border-top: 1px solid var(--line); }
  table.fold tr > * { border: 0; padding: 0.125rem 0; text-align: start; min-width: 0; }
  table.fold th { flex: 0 0 100%; }
  table.fold td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); font-size: 0.875rem; }
  table.fold td > .row { display: inline-flex; vertical-align: middle; }
  /* What a button does, and how something stands, says itself. */
  table.fold td:is([data-label="Status"], [data-label="State"], :has(> :is(form, .button), > .row > :is(form, .button)))::before { content: none; }
  table.fold td .sub { display: inline; }
  table.fold td .sub::before { content: " · "; }
  table.fold td:has(> :is(form, .button), > .row > :is(form, .button)) { margin-inline-start: auto; }
  table.fold td:empty { display: none; }
}
.latest { list-style: none; font-variant-numeric: tabular-nums; }
.latest li:not(:last-child) { display: none; }
.rung { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.75rem 2rem; padding: 1.25rem; }
.rung + .rung { border-top: 1px solid var(--line); }
.rung ul { padding-inline-start: 1.125rem; columns: 20rem; column-gap: 2.5rem; }
.rung li { break-inside: avoid; padding-block: 0.125rem; }
@media (min-width: 46.01rem) { .rung { grid-template-columns: 15rem minmax(0, 1fr); } }
.bare { list-style: none; display: grid; gap: 0.375rem; }
.inset { padding: 1.25rem 1.25rem 0; }
.pager { display: flex; flex-wrap: wrap; gap: 0.75rem; justify-content: space-between; align-items: center; padding: 0.75rem 1.25rem; border-top: 1px solid var(--line); }
.timeline { list-style: none; display: grid; grid-template-columns: minmax(0, 1fr); border-inline-start: 2px solid var(--line); margin-inline-start: 0.375rem; }
.timeline li { position: relative; padding: 0 0 1rem 1.25rem; overflow-wrap: anywhere; }
.timeline li:last-child { padding-bottom: 0; }
.timeline li::before { content: ""; position: absolute; inset-inline-start: calc(-0.375rem - 1px); top: 0.45rem; width: 0.625rem; height: 0.625rem; border-radius: 50%; background: var(--sheet); border: 2px solid var(--edge); }
.timeline li.good::before { border-color: var(--green); background: var(--green); }
.timeline li.warn::before { border-color: var(--brass); background: var(--brass); }
.timeline li.bad::before { border-color: var(--red); background: var(--red); }
.timeline time { white-space: normal; color: var(--soft); font-size: 0.875rem; }
`

/** Drawings: readable without colour, for each series has a shape or a pattern of its own too. */
export const DRAWING_STYLES = `
svg { display: block; max-width: 100%; }
svg text { font: 0.75rem var(--sans); fill: var(--soft); }
.spark { display: inline-block; vertical-align: middle; color: var(--teal); width: 6rem; height: 1.5rem; }
.plot { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.375rem 0.5rem; }
.plot > :is(.legend, details) { grid-column: 1 / -1; }
.plot > .marks { grid-column: 2; }
.scale { list-style: none; display: flex; flex-direction: column; justify-content: space-between; text-align: end; font-size: 0.75rem; line-height: 1; color: var(--soft); font-variant-numeric: tabular-nums; margin-block: 0 -0.375rem; }
.chart { width: 100%; height: auto; overflow: visible; }
.plot .chart { height: 11rem; margin-top: 0.375rem; overflow: hidden; }
.chart .axis { stroke: var(--line); vector-effect: non-scaling-stroke; }
svg .bar:not(.bad) { fill: var(--teal); }
svg .bar.bad { stroke: var(--red); vector-effect: non-scaling-stroke; }
svg .ground { fill: var(--red-wash); }
svg .stripe { fill: var(--red); }
.numbers :is(th, td) { padding: 0.25rem 0.5rem; font-variant-numeric: tabular-nums; }
.numbers caption { padding-inline: 0.5rem; }
.marks { list-style: none; display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); white-space: nowrap; font-size: 0.75rem; color: var(--soft); }
.overlap { width: 100%; max-width: 30rem; }
.overlap .works { fill: var(--teal-wash); stroke: var(--teal); stroke-width: 1.5; }
.overlap .moment { stroke: var(--edge); stroke-dasharray: 3 3; fill: none; }
.overlap .hatch { stroke: var(--teal); stroke-width: 1.5; }
.overlap text { fill: var(--ink); }
.meter { display: grid; grid-template-columns: minmax(8rem, 14rem) minmax(0, 1fr) max-content; gap: 0.375rem 0.875rem; align-items: center; list-style: none; }
.meter li { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; align-items: center; }
@media (max-width: 34rem) {
  .meter { grid-template-columns: minmax(0, 1fr) max-content; }
  .meter svg { grid-row: 2; grid-column: 1 / -1; }
}
.meter svg { width: 100%; height: 0.875rem; }
.meter rect { fill: var(--sunken); }
.meter rect + rect { fill: var(--teal); }
.legend { display: flex; flex-wrap: wrap; gap: 0.375rem 1.25rem; font-size: 0.875rem; list-style: none; }
.legend svg { width: 0.875rem; height: 0.875rem; display: inline-block; vertical-align: -0.1rem; margin-inline-end: 0.375rem; }
.figures { display: flex; flex-wrap: wrap; gap: 0.5rem 3rem; }
.figure { display: grid; gap: 0.125rem; }
.figure strong { font-size: 1.75rem; line-height: 1.15; font-weight: 650; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.route { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; list-style: none; }
.route li { display: flex; align-items: center; gap: 0.5rem; }
.route .stop { border: 1px solid var(--line); border-radius: var(--round); padding: 0.5rem 0.75rem; background: var(--sheet); }
`

/** What is written down or drawn of its own: the log of what happened, what people carry elsewhere, routes. */
export const RECORD_STYLES = `
/* The audit: on a phone three lines for each event, without the names of the columns. */
.log td { min-width: 8.5rem; }
.log td:nth-child(2) { min-width: 11.5rem; }
.log td:last-child { min-width: 0; }
.log th .sub { max-width: 32rem; }
@media (max-width: 46rem) {
  .log table.fold tr { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.125rem 0.5rem; padding-block: 0.625rem; }
  .log table.fold th { display: contents; }
  .log table.fold th > .sub { order: 2; flex-basis: 100%; }
  .log table.fold td { order: 3; min-width: 0; font-size: 0.9375rem; }
  .log table.fold td:nth-child(4) { order: 1; margin-inline-start: auto; font-size: 0.8125rem; color: var(--soft); }
  .log table.fold td:last-child { order: 4; margin-inline-start: auto; }
  .log table.fold td[data-label]::before { content: none; }
  .log table.fold td:nth-child(3)::before { content: "→ "; }
  .log table.fold td .sub { display: inline; }
  .log table.fold td .sub::before { content: none; }
  .log table.fold td:nth-child(4) .sub { display: none; }
}

/* A tile is narrow: an id has its whole width, and its name and button the line above. */
.carried { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.25rem 0.5rem; align-items: center; }
.carried span::first-letter { text-transform: uppercase; }
.carried code { grid-column: 1 / -1; overflow-wrap: anywhere; }

/* A route goes down where there is no room for it to go across. */
@media (max-width: 34rem) {
  .route, .route li { flex-direction: column; align-items: stretch; gap: 0.25rem; }
  .route .then { align-self: center; rotate: 90deg; }
}

.notice > div > * + * { margin-top: 0.5rem; }
/* A page with chapters. */
.chapter { margin-top: 1.5rem; }
.chapter h2 { font-size: 1.375rem; }

ul.plain { padding-inline-start: 1.25rem; display: grid; gap: 0.375rem; }
`

/*
 * One sheet for every page. Colours come in pairs by light-dark(); sizes in rem, so that whoever enlarges
 * the text enlarges the page. Nothing here is needed to use a page, only to like it.
 */
const BASE_STYLES = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#f6f5f1, #11151b);
  --sheet: light-dark(#ffffff, #181d25);
  --sunken: light-dark(#eeece5, #0d1116);
  --line: light-dark(#d9d5ca, #2c3440);
  --edge: light-dark(#8b8778, #6f7b8c);
  --ink: light-dark(#1a212b, #e8e6e0);
  --soft: light-dark(#565c66, #a6adb8);
  --teal: light-dark(#0b5a68, #74c9d8);
  --teal-wash: light-dark(#e2eff1, #14303a);
  --on-teal: light-dark(#ffffff, #06222a);
  --brass: light-dark(#8a5a00, #e0b25a);
  --brass-wash: light-dark(#faf0da, #33280f);
  --green: light-dark(#1d6b3a, #7fd19b);
  --green-wash: light-dark(#e3f2e7, #14301f);
  --red: light-dark(#a32218, #f3998f);
  --red-wash: light-dark(#fbe7e4, #3a1a17);
  --on-red: light-dark(#ffffff, #2b0906);
  --round: 0.5rem;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "Roboto Mono", "DejaVu Sans Mono", monospace;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }

*, *::before, *::after { box-sizing: border-box; }
html { font: 100%/1.55 var(--sans); background: var(--paper); color: var(--ink); scrollbar-gutter: stable; -webkit-text-size-adjust: 100%; }
body { margin: 0; min-height: 100dvh; }
h1, h2, h3, h4, p, ul, ol, dl, dd, figure, fieldset, pre { margin: 0; padding: 0; }
fieldset { border: 0; min-width: 0; }
h1 { font-size: 1.625rem; line-height: 1.2; letter-spacing: -0.015em; font-weight: 650; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.0625rem; line-height: 1.35; font-weight: 650; }
h3, h4 { font-size: 0.9375rem; font-weight: 650; }
a { color: var(--teal); text-underline-offset: 0.15em; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
p, .hint { text-wrap: pretty; }
code, pre, kbd { font-family: var(--mono); font-size: 0.875em; }
pre code { font-size: inherit; }
:focus-visible { outline: 3px solid var(--teal); outline-offset: 2px; border-radius: 0.2rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.soft { color: var(--soft); }
.small { font-size: 0.875rem; }
.number { font-variant-numeric: tabular-nums; }
.nowrap { white-space: nowrap; }
/* Out of sight at the top: at the end of a page it would be a pixel to scroll to. */
[data-announce] { inset: 0 auto auto 0; }
@media (prefers-reduced-motion: no-preference) {
  a, button, .button, input, select, textarea { transition: background-color 0.12s, border-color 0.12s; }
}

/* The frame: a rail beside the page where there is room, a menu above it where there is not. */
.skip { position: absolute; left: 1rem; top: -5rem; padding: 0.5rem 1rem; background: var(--teal); color: var(--on-teal); border-radius: var(--round); z-index: 3; }
.skip:focus { top: 0.5rem; }
.frame { display: grid; grid-template-columns: 15rem minmax(0, 1fr); min-height: 100dvh; }
.frame::before { content: ""; grid-area: 1 / 1; background: var(--sheet); border-inline-end: 1px solid var(--line); }
.frame > main { grid-area: 1 / 2; }
.rail { grid-area: 1 / 1; padding: 1.25rem 0.875rem; display: flex; flex-direction: column; gap: 1.25rem; position: sticky; top: 0; height: 100dvh; overflow-y: auto; }
.brand { display: flex; align-items: center; gap: 0.625rem; font-weight: 700; font-size: 1.0625rem; color: var(--ink); text-decoration: none; padding: 0 0.5rem; letter-spacing: -0.01em; }
.brand svg { color: var(--brass); flex: none; }
.rail nav { display: grid; gap: 0.75rem; }
.rail nav ul { list-style: none; display: grid; gap: 0.125rem; }
.rail nav h2 { font-size: 0.75rem; color: var(--soft); font-weight: 600; padding: 0 0.625rem 0.25rem; }
.rail nav a { display: block; padding: 0.25rem 0.625rem; border-radius: var(--round); color: var(--ink); text-decoration: none; }
.rail nav a:hover { background: var(--sunken); }
.rail nav a[aria-current] { background: var(--teal-wash); color: var(--teal); font-weight: 600; }
.rail .narrowed { display: grid; gap: 0.375rem; justify-items: start; padding: 0.625rem; border: 1px solid var(--brass); border-radius: var(--round); background: var(--brass-wash); font-size: 0.875rem; overflow-wrap: anywhere; }
.rail .me { margin-top: auto; display: grid; gap: 0.5rem; padding: 0.75rem 0.625rem 0; border-top: 1px solid var(--line); font-size: 0.875rem; }
.rail .me p { overflow-wrap: anywhere; }
.rail .row { gap: 0.375rem; }
.rail .colours { display: flex; }
.rail .colours button { flex: 1; padding-inline: 0.25rem; border-radius: 0; margin-inline-start: -1px; font-weight: 400; }
.rail .colours button:first-of-type { border-start-start-radius: var(--round); border-end-start-radius: var(--round); margin: 0; }
.rail .colours button:last-of-type { border-start-end-radius: var(--round); border-end-end-radius: var(--round); }
.menu > summary { display: none; }
main { padding: 2rem clamp(1rem, 3vw, 2.75rem) 4rem; max-width: 84rem; width: 100%; display: grid; gap: 1.25rem; align-content: start; }
main > * { min-width: 0; }
.head { display: flex; flex-wrap: wrap; gap: 0.75rem 1.5rem; align-items: end; justify-content: space-between; }
/* As high as a button: a title stands where it does beside one. */
.head > div:first-child { display: grid; gap: 0.25rem; align-content: center; min-width: 0; min-height: 2.5rem; max-width: 62ch; }
.crumbs { font-size: 0.875rem; display: flex; flex-wrap: wrap; gap: 0.375rem; color: var(--soft); }
.alone { min-height: 100dvh; display: grid; place-items: center; padding: 1.5rem 1rem; }
.alone main { max-width: 27rem; padding: 0; }
.alone .brand { padding: 0; }
@media (max-width: 56rem) {
  .frame { grid-template-columns: minmax(0, 1fr); grid-template-rows: auto 1fr; }
  .frame::before { display: none; }
  .frame > main { grid-area: 2 / 1; }
  .rail { position: relative; height: auto; background: var(--sheet); border-bottom: 1px solid var(--line); padding: 0.625rem 1rem; gap: 0.5rem; }
  .menu > summary { display: block; position: absolute; inset: 0.375rem 1rem auto auto; padding: 0.25rem 0.75rem; border: 1px solid var(--edge); border-radius: var(--round); font-size: 0.875rem; list-style: none; }
  .menu > summary::-webkit-details-marker { display: none; }
  .menu[open] > summary { background: var(--sunken); }
  .menu[open] nav { margin-top: 0.75rem; }
  .rail nav a { padding-block: 0.5rem; }
  .rail .me { margin-top: 0.75rem; }
  main { padding-top: 1.25rem; }
}
@media (min-width: 56.01rem) {
  .menu { display: contents; }
  .menu::details-content { display: contents; content-visibility: visible; }
  @supports not selector(::details-content) { .menu > summary { display: block; } }
}
@media print { .rail, .skip { display: none; } .frame { display: block; } }
`

export const CONSOLE_STYLESHEET = [
  BASE_STYLES,
  SURFACE_STYLES,
  CONTROL_STYLES,
  LIST_STYLES,
  DRAWING_STYLES,
  RECORD_STYLES,
].join('\n')
