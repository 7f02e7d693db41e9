/** System colours follow the reader's light or dark; only the two verdicts have colours of their own. */
export const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; background: Canvas; color: CanvasText; }
main { max-width: 48rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin: 0.5rem 0 0; }
h2 { font-size: 1.125rem; margin: 1.5rem 0 0; }
p { margin: 0.25rem 0; }
a { color: LinkText; }
.switch { margin-top: 1rem; padding: 0.75rem 1rem; border: 1px solid; border-left-width: 0.5rem;
  border-radius: 0.375rem; border-color: light-dark(#1a7f37, #3fb950); }
.switch.failing { border-color: light-dark(#b3261e, #ff8a80); }
button { font: inherit; padding: 0.5rem 1rem; margin-top: 0.25rem; }
ol { list-style: none; margin: 0.5rem 0; padding: 0; }
li { padding: 0.5rem 0; border-top: 1px solid GrayText; overflow-wrap: anywhere; }
li p { display: flex; flex-wrap: wrap; gap: 0 0.75rem; }
time { font-variant-numeric: tabular-nums; }
.taken { color: light-dark(#1a7f37, #3fb950); }
.refused { color: light-dark(#b3261e, #ff8a80); }
summary { cursor: pointer; padding: 0.25rem 0; }
pre { margin: 0; padding: 0.75rem; border: 1px solid GrayText; border-radius: 0.375rem;
  white-space: pre-wrap; font-size: 0.875rem; }
`
