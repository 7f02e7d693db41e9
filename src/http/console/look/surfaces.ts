/** What stands on a page: cards, tiles, notices, badges, dialogs. */
export const surfaces = `
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
