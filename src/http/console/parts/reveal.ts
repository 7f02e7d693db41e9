import { html } from 'hono/html'
import { check, submit } from './form.ts'
import { type Html, nothing } from './html.ts'
import { copyable } from './words.ts'

export interface Revealing {
  readonly title: string
  readonly text: Html | string
  /** Each is shown; the file has one a line. */
  readonly secrets: readonly { readonly name: string; readonly value: string }[]
  readonly file: string
  /** Where one goes from here. */
  readonly next: string
  /** What must be said before; nothing where it can be shown again. */
  readonly acknowledge?: string | undefined
}

/**
 * What is shown once, in front of everything else. Closing it takes a word that it is kept; a script
 * takes it off the page when the page is left.
 */
export const reveal = (of: Revealing): Html => html`
  <div class="veil"></div>
  <dialog class="over" open aria-labelledby="reveal-title">
    <h2 id="reveal-title">${of.title}</h2>
    <p>${of.text}</p>
    <div class="stack tight" data-secret>
      ${of.secrets.map(
        ({ name, value }, n) => html`
        ${isCode(of, name) ? nothing : html`<span class="small soft">${name}</span>`}
        <div class="secret">${copyable(value, isCode(of, name) ? `code ${n + 1}` : name)}</div>`,
      )}
    </div>
    <p class="row" data-secret><a class="button" download="${of.file}" href="${fileOf(of)}">Download as a file</a></p>
    <form method="get" action="${of.next}">
      ${of.acknowledge === undefined ? nothing : check({ name: 'kept', label: of.acknowledge, required: true })}
      ${submit('Close')}
    </form>
  </dialog>`

/** One of several that are alike: none needs a name. */
const isCode = ({ secrets }: Pick<Revealing, 'secrets'>, name: string): boolean =>
  secrets.length > 1 && name === 'code'

const fileOf = ({ secrets }: Revealing): string => {
  const lines = secrets.map(({ name, value }) =>
    isCode({ secrets }, name) ? value : `${name}=${value}`,
  )
  return `data:text/plain;charset=utf-8,${encodeURIComponent(`${lines.join('\n')}\n`)}`
}
