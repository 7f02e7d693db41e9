import { expect, test } from 'vitest'
import { runJsonError, runJsonList } from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { createTempFolder } from '../../support/server.ts'

test('openapi lists the documents that the server publishes, and creates no database', async () => {
  const dir = createTempFolder()
  const documents = await runJsonList<{ name: string; url: string }>(dir, ['openapi'])
  expect(documents).toContainEqual(
    expect.objectContaining({
      name: 'redox',
      url: expect.stringMatching(/^http:.*\/openapi\/redox\.json$/),
    }),
  )
})

test('openapi prints one document, with or without --json', async () => {
  const dir = createTempFolder()
  for (const args of [
    ['openapi', 'oauth'],
    ['openapi', 'oauth', '--json'],
  ]) {
    const { code, stdout } = await runWarmCli(args, { dir })
    expect(code).toBe(0)
    const { paths } = JSON.parse(stdout) as { paths: object }
    expect(Object.keys(paths)).toContain('/oauth2/token')
  }
})

test('openapi names the known documents if there is no such document', async () => {
  const { code, problem, message } = await runJsonError(createTempFolder(), ['openapi', 'fhir'])
  expect([code, problem]).toEqual([1, 'not_found'])
  expect(message).toContain('redox, oauth')
})
