import { html } from 'hono/html'
import type { FailureReason } from '../../../domain/failure.ts'
import { HOUR_MS } from '../../../domain/instant.ts'
import type { TrafficSum } from '../../../service/ports/dashboard.ts'
import { barList, type ChartColumn, columnChart } from '../components/chart.ts'
import { formatCount, formatDay, type Html, nothing } from '../components/html.ts'
import { getField, type PageContext } from '../context.ts'
import { AUDIT_PATH, CONSOLE_PATH } from '../navigation.ts'

/** The other reasons share one row. */
const MAX_LISTED_REASONS = 8

interface TrafficRange {
  readonly name: string
  readonly unit: 'Hour' | 'Day'
  readonly hoursPerSpan: number
  readonly spanCount: number
  /** Every n-th column has a label. */
  readonly labelEvery: number
}

const TRAFFIC_RANGES: Readonly<Record<string, TrafficRange>> = {
  day: { name: '24 hours', unit: 'Hour', hoursPerSpan: 1, spanCount: 24, labelEvery: 6 },
  month: { name: '30 days', unit: 'Day', hoursPerSpan: 24, spanCount: 30, labelEvery: 7 },
}

/** Admitted and refused requests over a day or a month. */
export async function trafficSection(context: PageContext): Promise<Html> {
  const requested = getField(context, 'range')
  const rangeName = Object.hasOwn(TRAFFIC_RANGES, requested) ? requested : 'day'
  const range = TRAFFIC_RANGES[rangeName] as TrafficRange
  const fromHour = computeFirstHour(range, context.now)
  const allSums = await context.services.dashboard.sumTraffic({
    fromHour,
    hours: range.hoursPerSpan,
  })
  // Leaves out requests that were counted in future hours, while the clock was fast.
  const sums = allSums.filter(({ span }) => span < range.spanCount)
  const columns = toChartColumns(range, fromHour, sums)
  const [good, bad] = [sumRequests(sums, true), sumRequests(sums, false)]
  return html`
  <section class="card" id="traffic">
    <header><h2>Requests in the last ${range.name}</h2>
      <nav class="row" aria-label="Time range">${Object.entries(TRAFFIC_RANGES).map(
        ([name, { name: label }]) =>
          html`<a class="button compact" href="${CONSOLE_PATH}?range=${name}#traffic"${name === rangeName ? html` aria-current="true"` : nothing}>${label}</a>`,
      )}</nav></header>
    ${
      good + bad === 0
        ? html`<p class="soft">No requests in the last ${range.name}. Counts are written once a minute.</p>`
        : html`
    <div class="figures">
      <p class="figure"><strong>${good.toLocaleString('en')}</strong> admitted</p>
      <p class="figure"><strong>${bad.toLocaleString('en')}</strong> refused, ${formatPercent(bad, good + bad)}</p>
    </div>
    ${columnChart({
      label: `${formatCount(good, 'request')} admitted and ${bad.toLocaleString('en')} refused in the last ${range.name}, by ${range.unit.toLowerCase()}, in UTC`,
      goodName: 'Admitted',
      badName: 'Refused',
      unit: range.unit,
      columns,
    })}`
    }
  </section>
  ${bad === 0 ? nothing : refusalsCard(context, range, fromHour, sums)}`
}

function refusalsCard(
  context: PageContext,
  range: TrafficRange,
  fromHour: number,
  sums: readonly TrafficSum[],
): Html {
  const counts = new Map<string, number>()
  for (const { outcome, requests } of sums) {
    if (outcome !== 'admitted') counts.set(outcome, (counts.get(outcome) ?? 0) + requests)
  }
  const ranked = [...counts].sort(([, a], [, b]) => b - a)
  const listed = ranked
    .slice(0, MAX_LISTED_REASONS)
    .map(([reason, count]) => ({ text: formatRefusalReason(reason), count }))
  const rest = ranked.slice(MAX_LISTED_REASONS).reduce((sum, [, count]) => sum + count, 0)
  const since = formatDay(fromHour * HOUR_MS)
  return html`
  <section class="card"><header><h2>Refused requests by reason in the last ${range.name}</h2>
    ${context.can('audit.read') ? html`<a href="${AUDIT_PATH}?what=key.refused&since=${since}">View in audit</a>` : nothing}</header>
    ${barList(rest === 0 ? listed : [...listed, { text: 'Other reasons', count: rest }])}
  </section>`
}

/** Finds the first hour of the chart. Spans begin on the hour or at midnight UTC; the last one is not over. */
function computeFirstHour({ hoursPerSpan, spanCount }: TrafficRange, now: number): number {
  const span = Math.floor(now / HOUR_MS / hoursPerSpan)
  return (span - spanCount + 1) * hoursPerSpan
}

function toChartColumns(
  range: TrafficRange,
  fromHour: number,
  sums: readonly TrafficSum[],
): ChartColumn[] {
  const columns = Array.from({ length: range.spanCount }, (_, n) => {
    const at = new Date((fromHour + n * range.hoursPerSpan) * HOUR_MS).toISOString()
    const name = range.unit === 'Hour' ? `${at.slice(0, 10)} ${at.slice(11, 16)}` : at.slice(0, 10)
    const axisLabel = range.unit === 'Hour' ? at.slice(11, 16) : at.slice(5, 10)
    // A label at the end would not fit into the chart.
    const hasLabel = n % range.labelEvery === 0 && n < range.spanCount - 2
    return { name, axisLabel: hasLabel ? axisLabel : undefined, good: 0, bad: 0 }
  })
  for (const { span, outcome, requests } of sums) {
    const column = columns[span]
    if (column !== undefined) column[outcome === 'admitted' ? 'good' : 'bad'] += requests
  }
  return columns
}

const sumRequests = (sums: readonly TrafficSum[], isAdmitted: boolean): number =>
  sums
    .filter(({ outcome }) => (outcome === 'admitted') === isAdmitted)
    .reduce((sum, { requests }) => sum + requests, 0)

function formatPercent(part: number, whole: number): string {
  const share = (part / whole) * 100
  return share > 0 && share < 1 ? 'less than 1%' : `${Math.round(share)}%`
}

/** A label for each reason to refuse a request. */
const REFUSAL_REASON_LABELS: Readonly<Record<FailureReason, string>> = {
  body_too_large: 'The body is too large',
  body_unreadable: 'The body is unreadable',
  member_repeated: 'A JSON member is repeated',
  field_missing: 'A field is missing',
  field_invalid: 'A field is invalid',
  credential_missing: 'No credential',
  credential_malformed: 'The credential is malformed',
  key_unknown: 'No such key',
  secret_missing: 'The secret is missing',
  secret_wrong: 'The secret is wrong',
  secret_unverifiable: 'The secret cannot be checked',
  token_forged: 'Not a token of this server',
  token_expired: 'The token has expired',
  token_from_future: 'The token was issued in the future',
  token_superseded: 'The token ended when the secret was rotated',
  token_revoked: 'The token was revoked',
  scope_insufficient: 'The token lacks the scope',
  grant_revoked: 'The grant was revoked',
  refresh_outdated: 'A refresh token is outdated',
  refresh_reused: 'A refresh token was reused',
  region_other: 'The account is in another region',
  account_closed: 'The account is closed',
  key_revoked: 'The key is revoked',
  key_disabled: 'The key is disabled',
  key_expired: 'The key has expired',
  key_retired: 'The key is retired',
  brownout: 'A planned brownout',
  key_unassigned: 'The key is not assigned yet',
  address_refused: 'The address is not on the IP allowlist',
  permission_missing: 'The key lacks the permission',
  event_unknown: 'No such data model or event',
  source_required: 'The message names no source',
  source_other: 'The source belongs to another key',
  destination_not_subscribed: 'No subscription to the destination',
  destination_unverified: 'The destination is not verified',
  synchronous_to_many: 'A query to several destinations',
  form_required: 'The request is no form',
  parameter_repeated: 'A parameter is repeated',
  grant_type_missing: 'No grant type',
  grant_type_unsupported: 'Another grant type',
  assertion_type_missing: 'No assertion type',
  assertion_type_unsupported: 'Another assertion type',
  assertion_missing: 'No client assertion',
  client_authentication_repeated: 'Two client authentications',
  client_id_other: 'The client id is another one',
  client_method_other: 'Another authentication method',
  assertion_kid_missing: 'The assertion names no key',
  assertion_key_unknown: 'The key of the assertion is unknown',
  assertion_invalid: 'The assertion is invalid',
  scope_refused: 'None of the scopes is granted',
  destination_failed: 'The destination failed',
  destination_timed_out: 'The destination timed out',
  upstream_missing: 'No upstream is configured',
  upstream_unreachable: 'The upstream is unreachable',
  upstream_timed_out: 'The upstream timed out',
  failures_exceeded: 'Too many failed attempts',
  quota_exceeded: 'Too many requests',
  type_unsupported: 'Unsupported Content-Type',
  customer_key_refused: 'A customer key could not be changed',
  busy: 'The server was busy',
}

/** The reason may come from another version of this program. */
const formatRefusalReason = (reason: string): string =>
  Object.hasOwn(REFUSAL_REASON_LABELS, reason)
    ? REFUSAL_REASON_LABELS[reason as FailureReason]
    : reason
