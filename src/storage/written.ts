import type { RawBuilder } from 'kysely'
import type { Compiler, Statement } from './engine.ts'

/** The hole for one of the statement's arguments. */
export type Arg<Args> = (name: keyof Args & string) => unknown

/** For statements that are clearer as SQL: `written<Args, Row>(arg => sql`…`)`. */
export function writer(compiler: Compiler) {
  return <Args extends object, Row = unknown>(
    write: (arg: Arg<Args>) => RawBuilder<unknown>,
  ): Statement<Args, Row> =>
    compiler.taking<Args>()((db, arg) => {
      const statement = write(arg as Arg<Args>) as RawBuilder<Row>
      return { compile: () => statement.compile(db) }
    })
}
