/** Tables that become cards on a phone, the pages of a list, and what happened when. */
export const lists = `
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
