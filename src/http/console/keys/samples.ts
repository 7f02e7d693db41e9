import { html } from 'hono/html'
import type { KeySummary } from '../../../service/ports.ts'
import type { Html } from '../parts/html.ts'
import { copyButton } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import type { KeyScreenDeps } from './deps.ts'
import { curl } from './samples/curl.ts'
import { sampleOf } from './samples/dialects.ts'
import { python } from './samples/python.ts'
import { typescript } from './samples/typescript.ts'

const LANGUAGES = [
  { name: 'curl', write: curl },
  { name: 'TypeScript', write: typescript },
  { name: 'Python', write: python },
] as const

/** Requests to paste. The secret is never in them: each reads it from its environment. */
export async function samples(
  { publicUrl }: KeyScreenDeps,
  { desk }: Visit,
  key: KeySummary,
): Promise<Html> {
  const { developerId, ownerId, dialect, publicId } = key
  const developer = developerId === null ? null : await desk.places.findDeveloper(developerId)
  const owner = dialect === 'practice' ? await desk.accounts.findUser(ownerId) : null
  const sample = sampleOf(dialect, {
    url: publicUrl,
    publicId,
    developerKey: developer?.ok ? developer.value.developerKey : '',
    username: owner?.ok ? (owner.value.username ?? '') : '',
  })
  return html`<section class="card" id="samples"><h2>Use it</h2>
    <p>${sample.does} Put the secret into the environment as <code>LATCHKEY_SECRET</code>; these read it from there.</p>
    ${LANGUAGES.map(({ name, write }, n) => {
      const code = write(sample)
      return html`<details name="sample"${n === 0 ? html` open` : ''}><summary>${name}</summary>
        <div class="stack tight sample"><pre tabindex="0" role="region" aria-label="The request in ${name}"><code>${code}</code></pre>
        <p>${copyButton(code, `the request in ${name}`)}</p></div></details>`
    })}
  </section>`
}
