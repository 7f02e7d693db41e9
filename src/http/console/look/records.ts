/** What stands in lists of its own kind. */
export const records = `
/* The audit: on a phone three lines for each event, without the names of the columns. */
.log td { min-width: 8.5rem; }
.log td:nth-child(2) { min-width: 11.5rem; }
.log td:last-child { min-width: 0; }
.log th .sub { max-width: 32rem; }
@media (max-width: 46rem) {
  .log table.fold tr { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.125rem 0.5rem; }
  .log table.fold th { display: contents; }
  .log table.fold th > .sub { order: 2; flex-basis: 100%; }
  .log table.fold td { order: 3; min-width: 0; font-size: 0.9375rem; }
  .log table.fold td:nth-child(4) { order: 1; margin-inline-start: auto; font-size: 0.8125rem; color: var(--soft); }
  .log table.fold td:last-child { order: 4; margin-inline-start: auto; }
  .log table.fold td[data-label]::before { content: none; }
  .log table.fold td:nth-child(3)::before { content: "→ "; }
  .log td .sub { display: inline; }
  .log td:nth-child(4) .sub { display: none; }
}
`
