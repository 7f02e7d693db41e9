/** Tables that become cards on a phone, the pages of a list, and what happened when. */
export const lists = `
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: start; padding: 0.75rem 1.25rem; color: var(--soft); font-size: 0.875rem; }
th, td { text-align: start; vertical-align: top; padding: 0.625rem 1.25rem; border-top: 1px solid var(--line); }
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
  table.fold, table.fold tbody, table.fold tr, table.fold th, table.fold td, table.fold caption { display: block; }
  table.fold tr { padding: 0.75rem 1rem; border-top: 1px solid var(--line); }
  table.fold th, table.fold td { border: 0; padding: 0.125rem 0; text-align: start; }
  table.fold td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); font-size: 0.875rem; }
  table.fold td > .row { display: inline-flex; vertical-align: middle; }
  table.fold td:empty { display: none; }
}
.latest { list-style: none; font-variant-numeric: tabular-nums; }
.latest li:not(:last-child) { display: none; }
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
