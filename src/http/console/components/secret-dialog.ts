import { html } from 'hono/html'
import { checkbox, submitButton } from './form.ts'
import { copyableText, type Html, nothing } from './html.ts'

export interface SecretDialog {
  readonly title: string
  readonly text: Html | string
  /** Each is shown; the file has one a line. */
  readonly secrets: readonly { readonly name: string; readonly value: string }[]
  readonly fileName: string
  /** Where one goes from here. */
  readonly next: string
  /** What must be said before; nothing where it can be shown again. */
  readonly acknowledge?: string | undefined
}

/**
 * What is shown once, in front of everything else. Closing it takes a word that it is kept; a script
 * takes it off the page when the page is left.
 */
export const secretDialog = (props: SecretDialog): Html => html`
  <div class="veil"></div>
  <dialog class="over" open aria-labelledby="reveal-title">
    <h2 id="reveal-title">${props.title}</h2>
    <p>${props.text}</p>
    <div class="stack tight" data-secret>
      ${props.secrets.map(
        ({ name, value }, n) => html`
        ${isRecoveryCode(props, name) ? nothing : html`<span class="small soft">${name}</span>`}
        <div class="secret">${copyableText(value, isRecoveryCode(props, name) ? `code ${n + 1}` : name)}</div>`,
      )}
    </div>
    <p class="row" data-secret><a class="button" download="${props.fileName}" href="${toDownloadUrl(props)}">Download as a file</a></p>
    <form method="get" action="${props.next}">
      ${props.acknowledge === undefined ? nothing : checkbox({ name: 'kept', label: props.acknowledge, required: true })}
      ${submitButton('Close')}
    </form>
  </dialog>`

/** One of several that are alike: none needs a name. */
const isRecoveryCode = ({ secrets }: Pick<SecretDialog, 'secrets'>, name: string): boolean =>
  secrets.length > 1 && name === 'code'

const toDownloadUrl = ({ secrets }: SecretDialog): string => {
  const lines = secrets.map(({ name, value }) =>
    isRecoveryCode({ secrets }, name) ? value : `${name}=${value}`,
  )
  return `data:text/plain;charset=utf-8,${encodeURIComponent(`${lines.join('\n')}\n`)}`
}
