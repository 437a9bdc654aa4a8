/** A connection of the load generator, whatever its protocol. */
export interface Connection {
  /** Sends one request. `done` is called once with whether the response contained `expected`. */
  send(request: Buffer, expected: Buffer, done: (correct: boolean) => void): void
  close(): void
}

/** Called when the connection ends before it is closed. */
export type OnBroken = (error: Error) => void
