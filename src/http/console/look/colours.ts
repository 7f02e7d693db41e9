import { html } from 'hono/html'
import { form, hidden } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import type { Visit } from '../visit.ts'
import { THEMES, type Theme } from './theme.ts'

const NAMES = { system: 'System', light: 'Light', dark: 'Dark' } as const satisfies Record<
  Theme,
  string
>

/** All three at once: a server does not see what the system has. */
export const colours = ({ formToken, path, theme }: Visit): Html =>
  form(
    formToken,
    '/console/theme',
    html`${hidden('next', path)}<div class="colours" role="group" aria-label="Colours">${THEMES.map(
      (each) =>
        html`<button class="compact" name="theme" value="${each}" aria-pressed="${each === theme ? 'true' : 'false'}">${NAMES[each]}</button>`,
    )}</div>`,
  )
