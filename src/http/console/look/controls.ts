/** What people press and fill in. Every target is 2.5 rem high: a thumb's width. */
export const controls = `
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
