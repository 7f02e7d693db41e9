import { at, EMPTY_MESSAGE, patiently, testCourier } from './courier.ts'

/*
 * One delivery by a process of its own, whose environment is the test's: to the URL of its argument.
 */

const [url = ''] = process.argv.slice(2)
process.stdout.write(
  JSON.stringify(await testCourier().deliver(at(url), EMPTY_MESSAGE, patiently())),
)
