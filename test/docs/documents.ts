import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** A block of code in a Markdown file. */
export interface Sample {
  readonly file: string
  readonly language: string
  readonly text: string
  /** True if no text is between the previous block and this one. */
  readonly followsPrevious: boolean
}

export interface Document {
  readonly file: string
  /** Without the blocks of code. */
  readonly prose: string
  readonly samples: readonly Sample[]
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm

export const DOCUMENTS: readonly Document[] = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...globSync('docs/**/*.md', { cwd: ROOT }).sort(),
].map((file) => {
  const whole = readFileSync(join(ROOT, file), 'utf8')
  let end = 0
  const samples = [...whole.matchAll(FENCE)].map((match) => {
    const [block, language = '', text = ''] = match
    const followsPrevious = end > 0 && match.index === end + 1
    end = match.index + block.length
    return { file, language, text, followsPrevious }
  })
  return { file, prose: whole.replaceAll(FENCE, ''), samples }
})

export function findDocument(file: string): Document {
  const document = DOCUMENTS.find((one) => one.file === file)
  if (document === undefined) throw new Error(`there is no ${file}`)
  return document
}

/** The page whose commands run as one script: test/docs/getting-started.test.ts. */
export const SCRIPT_PAGE = 'docs/getting-started.md'

/** Languages of proxies, whose samples run where the proxy is installed: tls-proxies.test.ts, test/http/proxy. */
export const PROXY_LANGUAGES = ['nginx', 'caddyfile', 'haproxy', 'apache']

export const isRequest = ({ language, text }: Sample) =>
  language === 'sh' && text.startsWith('curl ')

/** Lists the command lines of a block, without comments. */
export const listShellLines = ({ text }: Sample): string[] =>
  text
    .replaceAll('\\\n', '')
    .split('\n')
    .map((line) => line.replace(/(^|\s+)#\s.*$/, '').trim())
    .filter((line) => line !== '')

/** Returns the arguments of `latchkey` if the line is such a command. */
export const findLatchkeyArguments = (line: string): string | undefined =>
  /^(?:npm run -s latchkey -- |(?:npx )?latchkey )(.*)$/.exec(line)?.[1]
