import { type ChartBar, drawChart } from '../chart.ts'
import type { Comparison } from '../compare.ts'
import { formatCpu } from '../report.ts'
import { formatInteger, formatMarkdownTable, formatMicroseconds, formatMs } from '../text.ts'
import { LATCHKEY_FACTS, PEER_WORKS, PEERS, type Peer, readPeerVersion } from './peers.ts'

type WorkName = keyof typeof PEER_WORKS

const groupByWork = (comparisons: readonly Comparison[]) =>
  [...Map.groupBy(comparisons, ({ name }) => name as WorkName)].map(([work, all]) => ({
    work,
    all,
  }))

/** Formats what each server does, what it costs, and why one is cheaper than Latchkey. */
export const formatPeers = (comparisons: readonly Comparison[]): string =>
  [formatFacts(), formatCosts(comparisons), formatReasons(comparisons)].join('\n\n')

function formatFacts(): string {
  const head = [
    'server',
    'secrets and keys at rest',
    'tokens',
    'on disk before its response',
    'can be revoked',
  ]
  const rows = [{ name: 'Latchkey', facts: LATCHKEY_FACTS }, ...PEERS].map(({ name, facts }) => [
    `${name} ${readPeerVersion(name)}`.trim(),
    facts.secrets,
    facts.tokens,
    facts.synced,
    facts.revocable,
  ])
  return formatMarkdownTable(head, rows)
}

function formatCosts(comparisons: readonly Comparison[]): string {
  const head = [
    'work',
    'server',
    'requests/s',
    'p50',
    'CPU of one response',
    'CPU ÷ that of Latchkey',
  ]
  const rows = groupByWork(comparisons).flatMap(({ work, all }) => {
    const title = PEER_WORKS[work]
    const [first] = all
    const bare = first === undefined ? [] : [{ ...first, label: 'bare Hono', figures: first.bare }]
    return [...all, ...bare].map(({ label, figures, timesFirst, share }) => [
      title,
      label,
      formatInteger(figures.perSecond),
      formatMs(figures.p50Ms),
      formatCpu(figures),
      label === 'Latchkey' ? '' : (label === 'bare Hono' ? share : timesFirst).toFixed(2),
    ])
  })
  return formatMarkdownTable(head, rows)
}

/** Lists the servers that are cheaper than Latchkey: by how much, and what they leave out. */
function formatReasons(comparisons: readonly Comparison[]): string {
  const lines = groupByWork(comparisons).flatMap(({ work, all }) => {
    const [first, ...others] = all
    return others
      .filter(({ timesFirst }) => timesFirst < 1)
      .map(({ label, figures }) => {
        const less = formatMicroseconds((first?.figures.cpuUs ?? Number.NaN) - figures.cpuUs)
        return `- ${PEER_WORKS[work]}, ${label}: ${less} less: ${findPeer(label)?.omits[work] ?? ''}`
      })
  })
  return lines.length === 0
    ? 'No peer is cheaper.'
    : ['Cheaper than Latchkey:', '', ...lines].join('\n')
}

const findPeer = (label: string): Peer | undefined => PEERS.find(({ name }) => name === label)

/** How many times Latchkey's the longest bar is: others would make the rest too short to compare. */
const LONGEST_BAR = 4

/** Draws the CPU of one response of each server, by work. */
export function drawPeers(comparisons: readonly Comparison[]): string {
  const panels = groupByWork(comparisons).map(({ work, all }) => {
    const [first] = all
    const own = first?.figures.cpuUs ?? Number.NaN
    const bare = first?.bare.cpuUs ?? Number.NaN
    const bars = all.map(({ label, figures }) => createBar(label, figures.cpuUs))
    return {
      title: `${PEER_WORKS[work]}: CPU of one response, shorter is better`,
      maximum: LONGEST_BAR * own,
      bars: [...bars, createBar('bare Hono', bare)],
    }
  })
  return drawChart('CPU time of one response of Latchkey and of other servers', panels)
}

const TONES: Readonly<Record<string, ChartBar['tone']>> = {
  Latchkey: 'own',
  'bare Hono': 'reference',
}

const createBar = (label: string, cpuUs: number): ChartBar => ({
  label,
  value: cpuUs,
  text: formatMicroseconds(cpuUs),
  tone: TONES[label] ?? 'other',
})
