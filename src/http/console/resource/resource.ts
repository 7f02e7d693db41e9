import type { Operation } from '../../../operations/define.ts'
import { OPERATION_GROUPS } from '../../../operations/groups.ts'
import { getOperation } from '../../../operations/registry.ts'
import type { ServiceResult } from '../../../service/service-result.ts'
import type { Html } from '../components/html.ts'
import type { Widgets } from '../components/members.ts'
import type { PageContext } from '../context.ts'

export interface ResourceRow {
  readonly id: string
  readonly accountId?: string
}

/** A resource whose pages are made from its operations, with the facts that only the console knows. */
export interface Resource<Row extends ResourceRow> {
  /** The first part of the ids of its operations. */
  readonly group: keyof typeof OPERATION_GROUPS
  /** As in "Delete a site". */
  readonly noun: string
  /** The path of its list. */
  readonly path: string
  readonly find: (context: PageContext, id: string) => Promise<ServiceResult<Row>>
  readonly getName: (row: Row) => string
  /** Cells and details of members that need more than their schema. */
  readonly cells?: Cells<Row>
  readonly widgets?: Widgets
  /** The path of the page of a row, if it is not below the list. */
  readonly formatPath?: (context: PageContext, id: string) => string
}

type Cells<Row> = {
  readonly [Name in keyof Row]?: (row: Row, context: PageContext) => Html | string
}

export const findOperation = (
  { group }: Pick<Resource<ResourceRow>, 'group'>,
  verb: string,
): Operation => getOperation(`${group}.${verb}`)

/** The link to the list, above each page of a resource. */
export const toListCrumbs = ({ group, path }: Pick<Resource<ResourceRow>, 'group' | 'path'>) => [
  { href: path, text: OPERATION_GROUPS[group].title },
]

export const formatResourcePath = <Row extends ResourceRow>(
  { path, formatPath }: Resource<Row>,
  context: PageContext,
  id: string,
): string => formatPath?.(context, id) ?? `${path}/${id}`

/** The last part of the path of an operation: `set-role` of `users.setRole`. */
export const toPathSegment = (operation: Operation): string =>
  (operation.id.split('.')[1] ?? '').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** Makes `Delete site` of "Delete a site", and `Change the URL` of "Change the URL of a destination". */
export const formatActionLabel = (
  { summary }: Operation,
  { noun }: Pick<Resource<ResourceRow>, 'noun'>,
): string => {
  const [before = '', after = ''] = summary.split(new RegExp(` an? ${noun}\\b`))
  return before.endsWith(' of') ? before.slice(0, -3) : `${before}${after || ` ${noun}`}`
}

/** Makes `Delete North Clinic?` of "Delete a site". */
export const formatQuestion = (
  { summary }: Operation,
  { noun }: Pick<Resource<ResourceRow>, 'noun'>,
  name: string,
): string => `${summary.replace(new RegExp(`\\ban? ${noun}\\b`), () => name)}?`
