import type { Command } from 'commander'
import { checkDatabase } from './doctor/database.ts'
import type { Finding } from './doctor/finding.ts'
import {
  checkConfiguration,
  checkDisk,
  checkFiles,
  checkHashing,
  checkNode,
} from './doctor/installation.ts'
import { alignRows, formatExamples, printOutput } from './print.ts'

export function defineDoctorCommand(group: Command): void {
  group
    .description(
      'Check this installation: machine, configuration, files, database and clock. Each finding ' +
        'that is not ok suggests a fix. Creates nothing. Exits with 1 if a check fails.',
    )
    .addHelpText(
      'after',
      formatExamples('doctor', 'doctor --json | jq \'.items[] | select(.status != "ok")\''),
    )
    .action(async (_: object, command: Command) => {
      const findings = await runChecks()
      printOutput(command, { items: findings, next: null }, () =>
        alignRows(findings.map(formatFinding)),
      )
      if (findings.some(({ status }) => status === 'fail')) process.exitCode = 1
    })
}

async function runChecks(): Promise<Finding[]> {
  const machine = [checkNode(), await checkHashing()]
  const { config, findings } = checkConfiguration(process.env)
  // The files' locations are settings: without a configuration nothing more can be checked.
  if (config === null) return [...machine, ...findings]
  return [
    ...machine,
    ...findings,
    ...checkDisk(config),
    ...(await checkFiles(config)),
    ...(await checkDatabase(config)),
  ]
}

function formatFinding({ status, check, message, advice }: Finding): string[] {
  const mark = status === 'fail' ? 'FAIL' : status
  return [mark, check, advice === null ? message : `${message}. To fix it: ${advice}`]
}
