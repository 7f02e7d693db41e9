import { controls } from './controls.ts'
import { lists } from './lists.ts'
import { pictures } from './pictures.ts'
import { records } from './records.ts'
import { surfaces } from './surfaces.ts'

/*
 * One sheet for every page. Colours come in pairs by light-dark(); sizes in rem, so that whoever enlarges
 * the text enlarges the page. Nothing here is needed to use a page, only to like it.
 */
const foundation = `
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

export const STYLE = [foundation, surfaces, controls, lists, pictures, records].join('\n')
