import {
  createIdleSignal,
  createTestWebhookClient,
  createWebhookEndpoint,
  EMPTY_MESSAGE,
} from './webhook-client.ts'

/*
 * One delivery by a process of its own, whose environment is the test's: to the URL of its argument.
 */

const [url = ''] = process.argv.slice(2)
process.stdout.write(
  JSON.stringify(
    await createTestWebhookClient().deliver(
      createWebhookEndpoint(url),
      EMPTY_MESSAGE,
      createIdleSignal(),
    ),
  ),
)
