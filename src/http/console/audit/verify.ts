import { html } from 'hono/html'
import type { Verdict } from '../../../service/verify-chain.ts'
import { pageInParts } from '../answer.ts'
import type { Area } from '../area.ts'
import { link, press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { exact } from '../parts/time.ts'
import { notice, plural, sentence } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import type { AuditScreenDeps } from './deps.ts'
import { AUDIT } from './paths.ts'

export const VERIFY = `${AUDIT}/verify`
/** How far it is, is said after so many events: some ten times a second. */
const STEP = 10_000
/** So many breaks are shown; the command line shows more. */
const BREAKS = 20

/**
 * Reads the whole chain while the page is being sent: it grows by a line for each step, and ends with the
 * verdict. Who leaves the page stops the reading.
 */
export function mountVerify(area: Area, { log }: AuditScreenDeps): void {
  area.show(VERIFY, 'audit.verify', (visit) =>
    // Who reloads the page with the verdict, or has kept its address.
    pageInParts(visit, TITLE, async (send) => {
      await send(
        html`<section class="card prose"><p>Every event is read, from the first to the last, and compared with its seal. Nothing is changed. Leaving the page stops the reading.</p>${press(visit.formToken, VERIFY, 'Verify the chain', { look: 'primary' })}</section>`,
      )
    }),
  )

  area.act(VERIFY, 'audit.verify', (visit) =>
    pageInParts(visit, TITLE, async (send, signal) => {
      await send(
        html`<div role="status"><ol class="latest" aria-label="How far it is"><li>The reading begins.</li>`,
      )
      try {
        const watch = (done: number, all: number) => {
          if (done % STEP === 0) void send(html`<li>${progress(done, all)}</li>`)
        }
        const verdict = await visit.desk.audit.verify(watch, signal)
        await send(
          verdict.ok
            ? html`<li>Read to the end.</li></ol></div>${told(verdict.value)}`
            : html`</ol></div>${notice('warn', 'Not now', sentence(verdict.failure.message))}`,
        )
      } catch (error) {
        if (signal.aborted) return
        log.error({ ...visit.caller, error }, 'the audit was not verified')
        await send(
          html`</ol></div>${notice('bad', 'The reading broke off', `Nothing is said about the chain. The log has the details under request ${visit.caller.requestId}. Try again.`)}`,
        )
      }
      await send(html`<div class="row">${link(AUDIT, 'To the audit')}${again(visit)}</div>`)
    }),
  )
}

const again = ({ formToken }: Visit): Html => press(formToken, VERIFY, 'Verify again')

const TITLE = {
  title: 'Verify the chain',
  about:
    'Every event is sealed together with the one before it: whatever was changed, taken out or put in since is found.',
  crumbs: [{ href: AUDIT, text: 'Audit' }],
}

const progress = (done: number, all: number): string =>
  `${done.toLocaleString('en')} of ${all.toLocaleString('en')} events read.`

function told({ whole, events, first, last, signedAt, breaks, breaksFound }: Verdict): Html {
  const signed =
    signedAt === null
      ? 'No checkpoint is signed yet: that takes a few seconds after the first event.'
      : html`The last checkpoint was signed at <span class="nowrap">${exact(signedAt)}.</span> What happened in the last seconds has no seal yet, and is not part of this.`
  if (events === 0 && whole) return notice('plain', 'There is no sealed event yet', signed)
  if (whole) {
    const range = `${plural(events, 'event')}, number ${first.toLocaleString('en')} to ${last.toLocaleString('en')}`
    return notice(
      'good',
      'The audit is whole',
      html`<p>${range}: none was changed, taken out, put in or moved.</p><p>${signed}</p>`,
    )
  }
  return html`${notice('bad', `The audit is broken in ${plural(breaksFound, 'place')}`, 'Somebody has written to the database past this server, or it was not restored whole. Keep a copy of the database as it is now before anything else is done.')}
    <section class="card"><h2>Where</h2><ul>${breaks.slice(0, BREAKS).map(({ message }) => html`<li>${sentence(message)}</li>`)}</ul>
    ${breaksFound > BREAKS ? html`<p>And ${plural(breaksFound - BREAKS, 'more', 'more')}: <code>latchkey audit verify</code> lists them.</p>` : nothing}</section>`
}
