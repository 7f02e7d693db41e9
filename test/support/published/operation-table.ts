import { type ConsoleDeps, mountConsolePages } from '../../../src/http/console/console.ts'
import { listRouteOperations, type RouteOperations } from '../../../src/http/console/router.ts'
import { findOperationPermission, type Operation } from '../../../src/operations/define.ts'
import { OPERATIONS } from '../../../src/operations/registry.ts'

/** Lists the pages and forms of the console, each with the operations that it names. */
function listConsoleRoutes(): { readonly path: string; readonly operations: string[] }[] {
  const routes: ReturnType<typeof listConsoleRoutes> = []
  const record = (path: string, operations: RouteOperations) => {
    routes.push({ path, operations: listRouteOperations(operations).map(({ id }) => id) })
  }
  // The handlers, which need the dependencies, never run.
  mountConsolePages({ page: record, form: record }, {} as ConsoleDeps)
  // The suggestions of a field are no page.
  return routes.filter(({ path }) => !path.endsWith('/owners'))
}

/** The commands of operations, as the help lists them. */
const listCommands = (help: string): Set<string> =>
  new Set([...help.matchAll(/^\$ latchkey (\S+ \S+) --help$/gm)].map(([, name = '']) => name))

const formatCommand = ({ id }: Operation): string =>
  id.replace('.', ' ').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/**
 * Makes a row for each operation: its request, permission, command, and page of the console. Throws if
 * an operation has no page or no command, and no reason for that.
 */
export function formatOperationTable(help: string): string {
  const commands = listCommands(help)
  const routes = listConsoleRoutes()
  const rows = OPERATIONS.map((operation) => {
    const { id, method, path, noCommand, noPage } = operation
    const command = formatCommand(operation)
    const commandText = commands.has(command) ? `\`latchkey ${command}\`` : noCommand
    if (commandText === undefined) throw new Error(`${id} has no command, and no reason for that`)
    const page =
      routes.find(({ operations }) => operations[0] === id) ??
      routes.find(({ operations }) => operations.includes(id))
    const pageText = page ? `\`${page.path.replaceAll(/:(\w+)/g, '{$1}')}\`` : noPage
    if (pageText === undefined) throw new Error(`no page of the console performs ${id}`)
    const permission = findOperationPermission(operation)
    const permissionText = permission === null ? 'none' : `\`${permission}\``
    const request = `\`${method.toUpperCase()} ${path}\``
    return [`\`${id}\``, request, permissionText, commandText, pageText]
  })
  return [
    ['operation', 'request below `/admin/v1`', 'permission', 'command', 'page of the console'],
    ['---', '---', '---', '---', '---'],
    ...rows,
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
