import { html } from 'hono/html'
import type { AuditVerdict } from '../../../../service/audit/verify.ts'
import type { Log } from '../../../../service/ports/runtime.ts'
import { REQUEST_ID_HEADER } from '../../../reply.ts'
import { actionButton, buttonLink } from '../../components/form.ts'
import { formatCount, type Html, nothing, notice, toSentence } from '../../components/html.ts'
import { formatDay, formatInstant } from '../../components/time.ts'
import type { PageContext } from '../../context.ts'
import { AUDIT_CRUMBS, AUDIT_PATH } from '../../navigation.ts'
import { PAGE_SECURITY_HEADERS, renderPage, streamPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'

export const AUDIT_VERIFY_PATH = `${AUDIT_PATH}/verify`
/** Sends a line of progress about ten times a second. */
const PROGRESS_STEP_EVENTS = 10_000
const MAX_DISPLAYED_BREAKS = 20

export function mountVerifyPages(router: ConsoleRouter, deps: AuditPageDeps): void {
  router.page(AUDIT_VERIFY_PATH, 'audit.verify', showVerifyPage)
  router.form(AUDIT_VERIFY_PATH, 'audit.verify', (context) => streamVerification(context, deps))
}

/** Answers a reload or a bookmark of the page that has the result. */
const showVerifyPage = (context: PageContext): Promise<Response> =>
  renderPage(
    context,
    VERIFY_HEADING,
    html`<section class="card prose"><p>Every event is read, from the first to the last, and compared with its seal. Nothing is changed. Leaving the page stops the reading.</p>${actionButton(context.formToken, AUDIT_VERIFY_PATH, 'Verify the chain', { variant: 'primary' })}</section>`,
  )

/** Verifies the whole chain while the page is being sent. The signal aborts when the browser leaves. */
const streamVerification = (context: PageContext, { log }: AuditPageDeps): Promise<Response> =>
  streamPage(context, VERIFY_HEADING, async (send, signal) => {
    const { caller, formToken, services } = context
    const reportProgress = (done: number, all: number) => {
      if (done % PROGRESS_STEP_EVENTS === 0) void send(html`<li>${formatProgress(done, all)}</li>`)
    }
    await send(
      html`<div role="status"><ol class="latest" aria-label="How far it is"><li>The reading begins.</li>`,
    )
    try {
      const verdict = await services.audit.verify(reportProgress, signal)
      await send(
        verdict.ok
          ? html`<li>Read to the end.</li></ol></div>${verdictReport(verdict.value)}`
          : html`</ol></div>${notice('warn', 'Not now', toSentence(verdict.failure.message))}`,
      )
    } catch (error) {
      if (signal.aborted) return
      log.error({ ...caller, error }, 'the audit was not verified')
      await send(
        html`</ol></div>${notice('bad', 'The reading broke off', `Nothing is said about the chain. The log has the details under request ${caller.requestId}. Try again.`)}`,
      )
    }
    await send(
      html`<div class="row">${buttonLink(AUDIT_PATH, 'To the audit')}${actionButton(formToken, AUDIT_VERIFY_PATH, 'Verify again')}</div>`,
    )
  })

const VERIFY_HEADING = {
  heading: 'Verify the chain',
  about:
    'Every event is sealed together with the one before it: whatever was changed, taken out or put in since is found.',
  crumbs: AUDIT_CRUMBS,
}

const formatProgress = (done: number, all: number): string =>
  `${done.toLocaleString('en')} of ${all.toLocaleString('en')} events read.`

function verdictReport({
  whole,
  events,
  first,
  last,
  signedAt,
  breaks,
  breaksFound,
}: AuditVerdict): Html {
  const checkpointText =
    signedAt === null
      ? 'No checkpoint is signed yet: that takes a few seconds after the first event.'
      : html`The last checkpoint was signed at <span class="nowrap">${formatInstant(signedAt)}.</span> What happened in the last seconds has no seal yet, and is not part of this.`
  if (events === 0 && whole) return notice('plain', 'There is no sealed event yet', checkpointText)
  if (whole) {
    const range = `${formatCount(events, 'event')}, number ${first.toLocaleString('en')} to ${last.toLocaleString('en')}`
    return notice(
      'good',
      'The audit is whole',
      html`<p>${range}: none was changed, taken out, put in or moved.</p><p>${checkpointText}</p>`,
    )
  }
  return html`${notice('bad', `The audit is broken in ${formatCount(breaksFound, 'place')}`, 'Somebody has written to the database past this server, or it was not restored whole. Keep a copy of the database as it is now before anything else is done.')}
    <section class="card"><h2>Where</h2><ul>${breaks.slice(0, MAX_DISPLAYED_BREAKS).map(({ message }) => html`<li>${toSentence(message)}</li>`)}</ul>
    ${breaksFound > MAX_DISPLAYED_BREAKS ? html`<p>And ${formatCount(breaksFound - MAX_DISPLAYED_BREAKS, 'more', 'more')}: <code>latchkey audit verify</code> lists them.</p>` : nothing}</section>`
}

const EXPORT_CHUNK_CHARACTERS = 1 << 16

export function mountAuditExport(router: ConsoleRouter, deps: AuditPageDeps): void {
  router.form(`${AUDIT_PATH}/export`, 'audit.export', (context) => streamAuditExport(context, deps))
}

/** Streams the whole audit as `latchkey audit export` writes it, without holding it in memory. */
function streamAuditExport(
  { c, caller, services, now }: PageContext,
  { log }: AuditPageDeps,
): Response {
  const lines = services.audit.exportLines(() => undefined)
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      let chunk = ''
      try {
        while (chunk.length < EXPORT_CHUNK_CHARACTERS) {
          const { done, value } = await lines.next()
          if (done === true) {
            controller.enqueue(encoder.encode(chunk))
            controller.close()
            return
          }
          chunk += value
        }
        controller.enqueue(encoder.encode(chunk))
      } catch (error) {
        // An incomplete download fails, so that nobody takes it for the whole.
        log.error({ ...caller, error }, 'the audit was not exported')
        controller.error(error)
      }
    },
    async cancel() {
      await lines.return(undefined)
    },
  })
  return c.body(body, 200, {
    ...PAGE_SECURITY_HEADERS,
    'Content-Type': 'application/jsonl; charset=utf-8',
    'Content-Disposition': `attachment; filename="latchkey-audit-${formatDay(now)}.jsonl"`,
    [REQUEST_ID_HEADER]: caller.requestId,
  })
}

export interface AuditPageDeps {
  readonly log: Log
}
