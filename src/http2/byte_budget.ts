/** Bounds the bytes that all connections of a server hold together for one purpose. */
export class ByteBudget {
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Counts bytes, or releases them where the number is negative. False while the budget is exceeded. */
  add(bytes: number): boolean {
    this.#bytes += bytes
    return this.#bytes <= this.#maxBytes
  }
}
