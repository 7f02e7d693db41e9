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
const INFERRED_TYPES = 0
const ALL_ROWS = 0

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
  execute(name: string, values: readonly (string | null)[]): void {
    let bytes = estimateBytes(name)
    for (const value of values) bytes += estimateBytes(value ?? '') + LENGTH_BYTES
    this.#begin(MESSAGE_TYPES.bind, bytes)
    this.#writeCString('')
    this.#writeCString(name)
    this.#writeInt16(ALL_TEXT)
    this.#writeInt16(values.length)
    for (const value of values) {
      if (value === null) this.#writeInt32(NULL_LENGTH)
      else this.#writeSizedText(value)
    }
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

  #writeSizedText(text: string): void {
    const length = this.#buffer.write(text, this.#end + 4)
    this.#writeInt32(length)
    this.#end += length
  }
}
