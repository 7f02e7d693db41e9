import { readFileSync, writeFileSync } from 'node:fs'
import { isPostgresUrl } from '../src/settings.ts'
import type { BenchSettings } from './options.ts'
import { resolveBenchPath } from './process.ts'

const DOCUMENT_PATH = resolveBenchPath('../docs/benchmarks.md')
const CHART_PATH = resolveBenchPath('../docs/benchmarks.svg')

/** Replaces the tables of the section that these settings belong to. */
export function writeSection(settings: BenchSettings, machine: string, tables: string): void {
  // A distant PostgreSQL has a table of its own.
  const name = settings.roundTripMs > 0 ? 'distant' : settings.subject
  const date = new Date().toLocaleDateString('en', { dateStyle: 'long' })
  const measured = `Measured with: \`${formatCommand()}\`, ${date}, ${machine}.`
  const document = readFileSync(DOCUMENT_PATH, 'utf8')
  writeFileSync(DOCUMENT_PATH, replaceSection(document, name, `${measured}\n\n${tables}`))
}

export const writeChart = (chart: string) => writeFileSync(CHART_PATH, chart)

/** Replaces what is between `<!-- bench: NAME -->` and the next `<!-- end -->`. */
export function replaceSection(document: string, name: string, text: string): string {
  const start = `<!-- bench: ${name} -->\n`
  const from = document.indexOf(start)
  const to = document.indexOf('<!-- end -->', from)
  if (from === -1 || to === -1) throw new Error(`the document has no section ${name}`)
  return `${document.slice(0, from + start.length)}${text}\n${document.slice(to)}`
}

/** Formats the command that runs now, as its user can repeat it. */
function formatCommand(): string {
  const script = process.env.npm_lifecycle_event ?? 'bench'
  const own = ['--write', script.replace(/^bench:/, '--')]
  const given = process.argv
    .slice(2)
    .filter((word) => !own.includes(word))
    // It may hold a password.
    .map((word) => (isPostgresUrl(word) ? 'URL' : word))
  return `npm run ${script}${given.length === 0 ? '' : ` -- ${given.join(' ')}`}`
}
