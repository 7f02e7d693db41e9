import type { ColumnType } from '../../storage/tables.ts'

/** The size that a buffer starts with, and up to which it is kept: a group of usual size fits. */
const BUFFER_BYTES = 64 * 1024

/** A character of a string takes at most three bytes of UTF-8. */
const MAX_CHAR_BYTES = 3
/** A longer text is measured, because room for three times its length would be garbage. */
const MAX_ESTIMATED_CHARS = 16 * 1024

const estimateBytes = (text: string): number =>
  text.length > MAX_ESTIMATED_CHARS ? Buffer.byteLength(text) : text.length * MAX_CHAR_BYTES

/** The fixed parts of a message. */
const MESSAGE_OVERHEAD_BYTES = 32
/** The length of a value, before it. */
const LENGTH_BYTES = 4

const BIGINT_BYTES = 8
/** The length, dimensions, flags, type, number and first index of an array. */
const ARRAY_HEAD_BYTES = 24
const DIMENSIONS = 1
const MAY_HAVE_NULLS = 1
const FIRST_INDEX = 1
const TYPE_OIDS: Readonly<Record<ColumnType, number>> = { text: 25, bigint: 20 }

const MESSAGE_TYPES = {
  parse: 0x50,
  describe: 0x44,
  close: 0x43,
  bind: 0x42,
  execute: 0x45,
  sync: 0x53,
}
const STATEMENT = 'S'
const NULL_LENGTH = -1
/** The number of formats that follow: without any, all values are text. */
const ALL_TEXT = 0
/** One format, which is that of all values. */
const ALL_BINARY = [1, 1] as const
const INFERRED_TYPES = 0
const ALL_ROWS = 0

const toText = (value: unknown): string | null =>
  value === null || value === undefined ? null : String(value)

/**
 * Writes the messages of a group into one buffer, which is sent by one call
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html). The driver would make a buffer
 * for each. A connection has one writer: when PostgreSQL has answered a group, it has read all of its
 * bytes, and the buffer is free for the next one.
 */
export class MessageWriter {
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #end = 0
  #start = 0

  /** Replaces a prepared statement. Closing one that does not exist is no error. */
  prepare(name: string, sql: string): void {
    this.#begin(MESSAGE_TYPES.close, estimateBytes(name))
    this.#writeText(STATEMENT)
    this.#writeCString(name)
    this.#finish()
    this.#begin(MESSAGE_TYPES.parse, estimateBytes(name) + estimateBytes(sql))
    this.#writeCString(name)
    this.#writeCString(sql)
    this.#writeInt16(INFERRED_TYPES)
    this.#finish()
    this.#begin(MESSAGE_TYPES.describe, estimateBytes(name))
    this.#writeText(STATEMENT)
    this.#writeCString(name)
    this.#finish()
  }

  /** Runs a prepared statement. All values are sent and returned as text. */
  execute(name: string, values: readonly unknown[]): void {
    const texts = values.map(toText)
    let bytes = estimateBytes(name)
    for (const text of texts) bytes += estimateBytes(text ?? '') + LENGTH_BYTES
    this.#beginBind(name, bytes)
    this.#writeInt16(ALL_TEXT)
    this.#writeInt16(texts.length)
    for (const text of texts) {
      if (text === null) this.#writeInt32(NULL_LENGTH)
      else this.#writeSizedText(text)
    }
    this.#finishBind()
  }

  /** Runs a prepared statement that takes an array of each value, with the values of some rows. */
  executeRows(
    name: string,
    types: readonly ColumnType[],
    rows: readonly (readonly unknown[])[],
  ): void {
    let bytes = estimateBytes(name) + types.length * ARRAY_HEAD_BYTES
    for (const values of rows) {
      for (const value of values) {
        bytes += (typeof value === 'string' ? estimateBytes(value) : BIGINT_BYTES) + LENGTH_BYTES
      }
    }
    this.#beginBind(name, bytes)
    for (const part of ALL_BINARY) this.#writeInt16(part)
    this.#writeInt16(types.length)
    for (const [column, type] of types.entries()) this.#writeArray(type, rows, column)
    this.#finishBind()
  }

  #beginBind(name: string, bytes: number): void {
    this.#begin(MESSAGE_TYPES.bind, bytes)
    this.#writeCString('')
    this.#writeCString(name)
  }

  #finishBind(): void {
    this.#writeInt16(ALL_TEXT)
    this.#finish()
    this.#begin(MESSAGE_TYPES.execute, 0)
    this.#writeCString('')
    this.#writeInt32(ALL_ROWS)
    this.#finish()
  }

  /** Ends the group, and returns its bytes. They are valid until the next message is written. */
  sync(): Buffer {
    this.#begin(MESSAGE_TYPES.sync, 0)
    this.#finish()
    const bytes = this.#buffer.subarray(0, this.#end)
    if (this.#buffer.length > BUFFER_BYTES) this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
    this.#end = 0
    return bytes
  }

  #begin(type: number, bytes: number): void {
    const needed = this.#end + bytes + MESSAGE_OVERHEAD_BYTES
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, this.#end)
      this.#buffer = larger
    }
    this.#buffer[this.#end++] = type
    this.#start = this.#end
    this.#end += 4
  }

  /** The length of a message includes itself, but not the type before it. */
  #finish(): void {
    this.#buffer.writeInt32BE(this.#end - this.#start, this.#start)
  }

  #writeInt16(value: number): void {
    this.#end = this.#buffer.writeInt16BE(value, this.#end)
  }

  #writeInt32(value: number): void {
    this.#end = this.#buffer.writeInt32BE(value, this.#end)
  }

  #writeText(text: string): void {
    this.#end += this.#buffer.write(text, this.#end)
  }

  #writeCString(text: string): void {
    this.#writeText(text)
    this.#buffer[this.#end++] = 0
  }

  /** The binary form of an array of one dimension, as `array_recv` of PostgreSQL reads it. */
  #writeArray(type: ColumnType, rows: readonly (readonly unknown[])[], column: number): void {
    const start = this.#end
    this.#writeInt32(0)
    this.#writeInt32(DIMENSIONS)
    this.#writeInt32(MAY_HAVE_NULLS)
    this.#writeInt32(TYPE_OIDS[type])
    this.#writeInt32(rows.length)
    this.#writeInt32(FIRST_INDEX)
    for (const values of rows) {
      const value = values[column] ?? null
      if (value === null) this.#writeInt32(NULL_LENGTH)
      else if (type === 'bigint') this.#writeBigint(Number(value))
      else this.#writeSizedText(String(value))
    }
    this.#buffer.writeInt32BE(this.#end - start - LENGTH_BYTES, start)
  }

  #writeBigint(value: number): void {
    this.#writeInt32(BIGINT_BYTES)
    const high = Math.floor(value / 2 ** 32)
    this.#writeInt32(high)
    this.#end = this.#buffer.writeUInt32BE(value - high * 2 ** 32, this.#end)
  }

  #writeSizedText(text: string): void {
    const length = this.#buffer.write(text, this.#end + 4)
    this.#writeInt32(length)
    this.#end += length
  }
}
