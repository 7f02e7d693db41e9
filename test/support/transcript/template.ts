/** What a transcript calls by name: seeded before it, or taken from an answer. */
export type Variables = Map<string, string>

const WILDCARDS: Readonly<Record<string, string>> = {
  uuid: '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}',
  number: '[0-9]+',
  instant: '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z',
  date: '[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT',
  day: '[0-9]{4}-[0-9]{2}-[0-9]{2}',
  time: '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}',
  code: '[A-Z0-9]{16}',
  jwt: '[\\w-]+\\.[\\w-]+\\.[\\w-]+',
  refreshToken: 'rt_[\\w-]{84}',
  address: '[0-9a-f.:]+',
  // Of the upstreams that stand behind the surfaces.
  patientId: '[0-9a-f]{8}-[0-9]',
  stamp: '[0-9]{14}\\+0000',
  controlId: '[0-9a-f]{20}',
}

/** `{{name}}`, `{{*wildcard}}`, `{{name=*wildcard}}`: a value, any value of a kind, one to keep. */
const PLACEHOLDER = /\{\{(?:(\w+)|(?:(\w+)=)?\*(\w+))\}\}/g

/** The template with its values in place. */
export function fill(template: string, variables: Variables): string {
  return template.replace(PLACEHOLDER, (placeholder, name: string | undefined) => {
    const value = name === undefined ? undefined : variables.get(name)
    if (value === undefined) throw new Error(`nothing is known of ${placeholder}`)
    return value
  })
}

/** Whether all of the text is what the template says. What it keeps is added to the variables. */
export function matches(template: string, text: string, variables: Variables): boolean {
  const kept: (string | undefined)[] = []
  let pattern = ''
  let at = 0
  for (const found of template.matchAll(PLACEHOLDER)) {
    const [placeholder, name, keep, wildcard = ''] = found
    pattern += literally(template.slice(at, found.index))
    at = found.index + placeholder.length
    if (name === undefined) {
      const wild = WILDCARDS[wildcard]
      if (wild === undefined) throw new Error(`there is no wildcard ${placeholder}`)
      pattern += `(${wild})`
      kept.push(keep)
    } else pattern += literally(fill(placeholder, variables))
  }
  const match = new RegExp(`^${pattern}${literally(template.slice(at))}$`).exec(text)
  if (match === null) return false
  for (const [n, name] of kept.entries()) {
    if (name !== undefined) variables.set(name, match[n + 1] ?? '')
  }
  return true
}

const literally = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
