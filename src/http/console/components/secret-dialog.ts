import { html } from 'hono/html'
import { checkbox, submitButton } from './form.ts'
import { copyableText, type Html, nothing } from './html.ts'

export interface SecretDialog {
  readonly title: string
  readonly text: Html | string
  /** Each is shown, and has a line of its own in the file. */
  readonly secrets: readonly { readonly name: string; readonly value: string }[]
  readonly fileName: string
  /** The path that the Close button leads to. */
  readonly next: string
  /** The label of a checkbox that closing requires; not set if the secret can be shown again. */
  readonly acknowledge?: string | undefined
}

/**
 * A dialog that shows secrets once. The script removes them from the page when the user leaves it.
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
      ${props.acknowledge === undefined ? nothing : checkbox({ name: 'acknowledged', label: props.acknowledge, required: true })}
      ${submitButton('Close')}
    </form>
  </dialog>`

/** Recovery codes come in lists, so they need no names. */
const isRecoveryCode = ({ secrets }: Pick<SecretDialog, 'secrets'>, name: string): boolean =>
  secrets.length > 1 && name === 'code'

const toDownloadUrl = ({ secrets }: SecretDialog): string => {
  const lines = secrets.map(({ name, value }) =>
    isRecoveryCode({ secrets }, name) ? value : `${name}=${value}`,
  )
  return `data:text/plain;charset=utf-8,${encodeURIComponent(`${lines.join('\n')}\n`)}`
}
