import { fail, ok, type Result } from '../domain/failure.ts'

/** A refused request. The message says what is wrong and, if possible, what to do. */
export type ServiceError =
  | {
      readonly problem: 'invalid'
      readonly message: string
      /** The member of the input that must change. The API, the command line and the console name it. */
      readonly field?: string | undefined
    }
  | {
      readonly problem: 'not_found' | 'conflict' | 'forbidden'
      readonly message: string
    }
  | BusyError

/** The server is busy. The same request can succeed a little later. */
export interface BusyError {
  readonly problem: 'busy'
  readonly message: string
  readonly retryAfterSeconds: number
}

export type ServiceResult<T> = Result<T, ServiceError>

export const failInvalid = (message: string, field?: string) =>
  fail<ServiceError>({ problem: 'invalid', message, field })
export const failNotFound = (message: string) =>
  fail<ServiceError>({ problem: 'not_found', message })
export const failConflict = (message: string) =>
  fail<ServiceError>({ problem: 'conflict', message })
export const failForbidden = (message: string) =>
  fail<ServiceError>({ problem: 'forbidden', message })

export const failBusy = (message: string, retryAfterSeconds: number) =>
  fail<ServiceError>({ problem: 'busy', message, retryAfterSeconds })

/** Returns the row, or a not-found error if it is null. */
export const requireFound = <Row>(
  row: Row | null,
  label: string,
  id: string,
): ServiceResult<Row> => (row === null ? failNotFound(`there is no ${label} ${id}`) : ok(row))
