import { html } from 'hono/html'
import { ok } from '../../../../domain/failure.ts'
import { getOperation } from '../../../../operations/registry.ts'
import type { AuditVerdict } from '../../../../service/audit/verify.ts'
import type { Log } from '../../../../service/ports/runtime.ts'
import { REQUEST_ID_HEADER } from '../../../reply.ts'
import { actionButton, buttonLink } from '../../components/form.ts'
import { formatCount, type Html, nothing, notice, toSentence } from '../../components/html.ts'
import { formatDay, formatInstant } from '../../components/time.ts'
import { mountConfirmedAction } from '../../confirmation.ts'
import type { PageContext } from '../../context.ts'
import { getFlash } from '../../flash.ts'
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

const ACCEPT_RESTORE_PATH = `${AUDIT_PATH}/accept-restore`

export function mountAcceptRestorePages(router: ConsoleRouter): void {
  const operation = getOperation('audit.acceptRestore')
  mountConfirmedAction(router, {
    path: ACCEPT_RESTORE_PATH,
    operations: operation.id,
    find: async () => ok(null),
    question: () => ({
      heading: 'Accept the restored database?',
      crumbs: AUDIT_CRUMBS,
      text: 'If the audit ends before the last signed event, as after a restore from a backup, sealing stops. This accepts the database as it is, so that sealing resumes, and records that in the audit.',
      button: 'Accept restored database',
      variant: 'danger primary',
      cancelPath: AUDIT_PATH,
    }),
    run: (context) => context.perform(operation, {}),
    flash: getFlash(operation),
    next: () => AUDIT_PATH,
  })
}

/** Answers a reload or a bookmark of the page that has the result. */
const showVerifyPage = (context: PageContext): Promise<Response> =>
  renderPage(
    context,
    VERIFY_HEADING,
    html`<section class="card prose"><p>Latchkey reads every event and compares it with its seal. Nothing is changed. Leaving the page stops the verification.</p>${actionButton(context.formToken, AUDIT_VERIFY_PATH, 'Verify chain', { variant: 'primary' })}</section>`,
  )

/** Verifies the whole chain while the page is being sent. The signal aborts when the browser leaves. */
const streamVerification = (context: PageContext, { log }: AuditPageDeps): Promise<Response> =>
  streamPage(context, VERIFY_HEADING, async (send, signal) => {
    const { caller, formToken, services } = context
    const reportProgress = (done: number, all: number) => {
      if (done % PROGRESS_STEP_EVENTS === 0) void send(html`<li>${formatProgress(done, all)}</li>`)
    }
    await send(
      html`<div role="status"><ol class="latest" aria-label="Progress"><li>Verification started.</li>`,
    )
    try {
      const verdict = await services.audit.verify(reportProgress, signal)
      await send(
        verdict.ok
          ? html`<li>All events are read.</li></ol></div>${verdictReport(verdict.value)}`
          : html`</ol></div>${notice('warn', 'Verification is not possible now', toSentence(verdict.failure.message))}`,
      )
    } catch (error) {
      if (signal.aborted) return
      log.error({ ...caller, error }, 'the audit could not be verified')
      await send(
        html`</ol></div>${notice('bad', 'Verification failed', `There is no result for the chain. The log has the details under request ${caller.requestId}. Try again.`)}`,
      )
    }
    await send(
      html`<div class="row">${buttonLink(AUDIT_PATH, 'View audit')}${actionButton(formToken, AUDIT_VERIFY_PATH, 'Verify again')}</div>`,
    )
  })

const VERIFY_HEADING = {
  heading: 'Verify chain',
  about:
    'Each event is sealed together with the previous one, so that any change, deletion or insertion is found.',
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
      ? 'No checkpoint is signed yet. The first one follows a few seconds after the first event.'
      : html`The last checkpoint was signed at <span class="nowrap">${formatInstant(signedAt)}.</span> Events of the last seconds have no seal yet and are not included.`
  if (events === 0 && whole)
    return notice('plain', 'There are no sealed events yet', checkpointText)
  if (whole) {
    const range = `${formatCount(events, 'event')}, number ${first.toLocaleString('en')} to ${last.toLocaleString('en')}`
    return notice(
      'good',
      'The audit is intact',
      html`<p>${range}: none was changed, deleted, inserted or reordered.</p><p>${checkpointText}</p>`,
    )
  }
  return html`${notice('bad', `The audit is broken in ${formatCount(breaksFound, 'place')}`, 'Someone changed the database without this server, or a restore was incomplete. Copy the database before you do anything else.')}
    <section class="card"><h2>Where</h2><ul>${breaks.slice(0, MAX_DISPLAYED_BREAKS).map(({ message }) => html`<li>${toSentence(message)}</li>`)}</ul>
    ${breaksFound > MAX_DISPLAYED_BREAKS ? html`<p>And ${formatCount(breaksFound - MAX_DISPLAYED_BREAKS, 'more', 'more')}: <code>latchkey audit verify</code> lists them.</p>` : nothing}
    <p>If you restored this database from a backup, <a href="${ACCEPT_RESTORE_PATH}">accept the restored database</a>.</p></section>`
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
        log.error({ ...caller, error }, 'the audit could not be exported')
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
