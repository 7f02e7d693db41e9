import { type Config, ConfigError, dangersOf, readConfig } from '../../../config.ts'
import { bad, type Finding, fine, warn } from './finding.ts'

/** The configuration, where it can be read, and what is wrong or dangerous in it. */
export function checkConfiguration(environment: NodeJS.ProcessEnv): {
  config: Config | null
  findings: Finding[]
} {
  const check = 'configuration'
  try {
    const config = readConfig(environment)
    const dangers = dangersOf(config)
    const findings = dangers.map((danger) => warn(check, danger, null))
    if (findings.length === 0) findings.push(fine(check, 'every setting can be read'))
    return { config, findings }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    // A headline, then a line for each problem.
    const [, ...problems] = error.message.split(/\n\s*/)
    const findings = problems.map((problem) => bad(check, problem, 'change or unset it'))
    return { config: null, findings }
  }
}
