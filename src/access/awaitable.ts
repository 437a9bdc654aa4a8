/** Values that may be promises. Most decisions need no I/O; a promise would cost each of them a turn of the event loop. */

export type Awaitable<T> = T | Promise<T>

/**
 * Runs `next` with the value: synchronously, or after the promise resolves. `onError` gets a rejection of
 * `value` and an exception or rejection of `next`; without it they reach the caller.
 */
export function andThen<T, R>(
  value: Awaitable<T>,
  next: (value: T) => Awaitable<R>,
  onError?: (error: unknown) => R,
): Awaitable<R> {
  if (value instanceof Promise) {
    const chained = value.then(next)
    return onError === undefined ? chained : chained.catch(onError)
  }
  if (onError === undefined) return next(value)
  try {
    const result = next(value)
    return result instanceof Promise ? result.catch(onError) : result
  } catch (error) {
    return onError(error)
  }
}
