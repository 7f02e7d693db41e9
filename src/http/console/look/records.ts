/** What is written down or drawn of its own: the log of what happened, what people carry elsewhere, routes. */
export const records = `
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
