import type { Command } from 'commander'
import { CommandFailure } from './command-failure.ts'
import { formatExamples, printMany } from './print.ts'

export function defineOpenApiCommand(group: Command): void {
  group
    .argument('[name]', 'document to print; all are listed without a name')
    .description(
      'Print an OpenAPI 3.1 document of what vendors can request from this server, as the server ' +
        'publishes it at /openapi/NAME.json, to generate a client from. It has the URL of ' +
        'LATCHKEY_URL, and the surfaces that have an upstream.',
    )
    .addHelpText('after', formatExamples('openapi', 'openapi redox > redox.json'))
    .action(async (name: string | undefined, _: object, command: Command) => {
      const documents = await listDocuments()
      if (name === undefined) {
        printMany(
          command,
          documents.map(({ name, title, url }) => ({ name, title, url })),
          [
            ['name', (each) => each.name],
            ['url', (each) => each.url],
            ['title', (each) => each.title],
          ],
        )
        return
      }
      const found = documents.find((each) => each.name === name)
      if (found === undefined) {
        const known = documents.map((each) => each.name).join(', ')
        throw new CommandFailure(
          'not_found',
          `there is no document ${name}: choose one of ${known}`,
        )
      }
      process.stdout.write(`${JSON.stringify(found.document, null, 2)}\n`)
    })
}

async function listDocuments() {
  const { readConfig } = await import('../../config.ts')
  const { listVendorDocuments } = await import('../../compose-apps.ts')
  const { formatListenerUrl } = await import('../open-latchkey.ts')
  const { publicUrl, host, port, upstreams } = readConfig(process.env)
  return listVendorDocuments({ publicUrl: publicUrl ?? formatListenerUrl(host, port), upstreams })
}
