/** Drawings: readable without colour, for each series has a shape or a pattern of its own too. */
export const pictures = `
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
